//! This rank's inputs: what an event gives, what the rank remembers, what follows from reports.

use crate::event::Event;
use crate::facts::{Origin, nearest};
use crate::message::Remembered;

use super::{Host, Saved};

/// Names of metrics that are kept for hints; a trainer that logs more has a leak of its own.
const MOST_NAMES: usize = 4096;

impl Host {
    /// Takes in the numbers of an event, for this round and for those that want older ones.
    pub(super) fn remember(&mut self, event: &Event) {
        let given = self
            .layout
            .inputs
            .iter()
            .map(|name| event.metrics.get(name))
            .collect();
        self.local.given = given;
        for (slot, name) in self.layout.memory.iter().enumerate() {
            if let Some(value) = event.metrics.get(name) {
                let step = event.step;
                self.local.memory[slot] = Remembered {
                    value: Some(value),
                    step,
                };
            }
        }
        for (name, _) in event.metrics.iter() {
            if !self.local.logged.contains(name) && self.local.logged.len() < MOST_NAMES {
                self.local.logged.insert(name.to_owned());
            }
        }
    }

    /// Remembers what the newest complete save cost on this rank.
    pub(super) fn remember_save(&mut self, saved: Saved) {
        #[expect(clippy::cast_precision_loss, reason = "sizes beyond 2^53 bytes round")]
        let bytes = Some(saved.bytes as f64);
        for (name, value) in [
            ("host.save-seconds", saved.seconds),
            ("host.stall-seconds", saved.stall_seconds),
            ("host.checkpoint-bytes", bytes),
        ] {
            if let Some(slot) = self.slot(name) {
                self.local.memory[slot] = Remembered {
                    value,
                    step: self.course.step,
                };
            }
        }
    }

    /// Returns this rank's number for each of the layout's inputs.
    pub(super) fn inputs(&self) -> Vec<Option<f64>> {
        let given = self
            .local
            .given
            .iter()
            .copied()
            .chain(std::iter::repeat(None));
        let origins = self.layout.inputs.iter().zip(&self.layout.origins);
        origins
            .zip(given)
            .map(|((name, origin), given)| given.or_else(|| self.derive(name, origin)))
            .collect()
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts and steps beyond 2^53 round"
    )]
    fn derive(&self, name: &str, origin: &Origin) -> Option<f64> {
        match origin {
            Origin::Metric => None,
            Origin::Last(metric) => self.remembered(metric)?.value,
            Origin::Age(metric) => {
                let remembered = self.remembered(metric)?;
                remembered.value?;
                Some(self.course.step.saturating_sub(remembered.step) as f64)
            }
            Origin::SaveSeconds | Origin::StallSeconds | Origin::CheckpointBytes => {
                self.remembered(name)?.value
            }
            Origin::SavesInFlight => Some(self.ledger.in_flight_count() as f64),
            Origin::FailedSaves => Some(self.course.failed_saves as f64),
            Origin::Interrupted => Some(f64::from(self.local.interrupted)),
            Origin::SaveRequested => Some(f64::from(self.local.save_requested)),
            Origin::Restarts => Some(self.course.restarts as f64),
        }
    }

    fn remembered(&self, name: &str) -> Option<Remembered> {
        self.slot(name).map(|slot| self.local.memory[slot])
    }

    fn slot(&self, name: &str) -> Option<usize> {
        self.layout.memory.iter().position(|known| known == name)
    }

    /// Says that nobody has a required input, with what this rank knows of the reason.
    pub(super) fn missing_text(&self, name: &str) -> String {
        let logged = self.local.logged.iter().map(String::as_str);
        let metrics = logged.filter(|known| !known.starts_with("host."));
        let hint = match nearest(name, metrics) {
            // The name is right: it is this moment that does not have it.
            Some(near) if near == name => "it was logged before, but not at this moment".to_owned(),
            Some(near) => format!("the nearest logged name is `{near}`"),
            None => match self
                .local
                .logged
                .iter()
                .find(|known| !known.starts_with("host."))
            {
                Some(first) => format!("no logged name is near it; logged is, for one, `{first}`"),
                None => "nothing has been logged yet".to_owned(),
            },
        };
        format!("no rank supplies `{name}`, which it requires; {hint}")
    }
}
