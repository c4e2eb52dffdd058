//! Softmax regression: a linear model whose outputs are read as log-odds of the classes.

use crate::data::{CLASSES, FEATURES, Row};

/// How many parameters there are.
pub(crate) const PARAMETERS: usize = FEATURES * CLASSES;

/// The parameters, class by class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model(pub(crate) [f64; PARAMETERS]);

impl Model {
    /// Returns the gradient of the mean cross-entropy over a batch.
    pub(crate) fn gradient(&self, batch: &[Row]) -> [f64; PARAMETERS] {
        let mut gradient = [0.0; PARAMETERS];
        for row in batch {
            for (class, probability) in self.probabilities(row).into_iter().enumerate() {
                let error = probability - f64::from(u8::from(class == row.class));
                let slope = &mut gradient[class * FEATURES..][..FEATURES];
                for (slope, feature) in slope.iter_mut().zip(row.features) {
                    *slope += error * feature / batch.len() as f64;
                }
            }
        }
        gradient
    }

    /// Moves against a gradient.
    pub(crate) fn descend(&mut self, gradient: &[f64; PARAMETERS], rate: f64) {
        for (parameter, slope) in self.0.iter_mut().zip(gradient) {
            *parameter -= rate * slope;
        }
    }

    /// Returns the mean cross-entropy over some rows, in nats.
    pub(crate) fn loss(&self, rows: &[Row]) -> f64 {
        let losses = rows
            .iter()
            .map(|row| -self.probabilities(row)[row.class].ln());
        losses.sum::<f64>() / rows.len() as f64
    }

    fn probabilities(&self, row: &Row) -> [f64; CLASSES] {
        let mut outputs = [0.0; CLASSES];
        for (class, output) in outputs.iter_mut().enumerate() {
            let weights = &self.0[class * FEATURES..][..FEATURES];
            *output = weights
                .iter()
                .zip(row.features)
                .map(|(one, other)| one * other)
                .sum();
        }
        // Without it the largest could overflow.
        let largest = outputs.into_iter().fold(f64::MIN, f64::max);
        let powers = outputs.map(|output| (output - largest).exp());
        let total: f64 = powers.iter().sum();
        powers.map(|power| power / total)
    }
}
