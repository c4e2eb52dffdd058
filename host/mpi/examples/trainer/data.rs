//! The iris data of R. A. Fisher (1936): 150 flowers, four lengths in centimetres, three species.

use ckpt_policy_core::Place;

/// Lengths of a flower, and a one for the bias.
pub(crate) const FEATURES: usize = 5;
/// Species.
pub(crate) const CLASSES: usize = 3;

/// One flower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) features: [f64; FEATURES],
    pub(crate) class: usize,
}

/// Flowers.
pub(crate) struct Rows(Vec<Row>);

impl Rows {
    /// Reads the data, which is part of the program.
    pub(crate) fn iris() -> Self {
        let lines = include_str!("iris.csv").lines().skip(1);
        let row = |line: &str| {
            let mut fields = line.split(',');
            let mut features = [1.0; FEATURES];
            for feature in &mut features[1..] {
                *feature = fields.next()?.parse().ok()?;
            }
            let class = fields.next()?.parse().ok()?;
            Some(Row { features, class })
        };
        Self(lines.filter_map(row).collect())
    }

    /// Returns the rows that a rank trains on, and those that it validates on: every fifth of its own.
    /// All ranks have equally many to train on, so that they make the same number of steps.
    pub(crate) fn of_rank(&self, place: Place) -> (Vec<Row>, Vec<Row>) {
        let (rank, ranks) = (place.rank as usize, place.world_size as usize);
        let each = self.0.len() / ranks;
        let own = self.0.iter().copied().skip(rank).step_by(ranks).take(each);
        let (mut training, mut validation) = (Vec::new(), Vec::new());
        for (index, row) in own.enumerate() {
            match index % 5 {
                4 => validation.push(row),
                _ => training.push(row),
            }
        }
        (training, validation)
    }
}
