//! This rank's inputs: what an event gives, what the rank remembers, what follows from reports.

use crate::event::Event;
use crate::facts::{Origin, nearest};
use crate::message::Remembered;
use crate::reduction::canonical;

use super::{Host, Saved};

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
        self.local.logged.clear();
        if self.lacks_required() {
            let names = event.metrics.iter().map(|(name, _)| name);
            let metrics = names.filter(|name| !name.starts_with("host."));
            self.local.logged.extend(metrics.map(str::to_owned));
        }
    }

    /// Whether this rank has nothing for an input that some policy requires.
    fn lacks_required(&self) -> bool {
        let known = |channel: usize| {
            let (name, origin) = (&self.layout.inputs[channel], &self.layout.origins[channel]);
            self.local.given[channel].is_some() || self.derive(name, origin).is_some()
        };
        let plans = self.seats.iter().map(|seat| &seat.info.plan);
        plans.zip(&self.layout.policies).any(|(plan, places)| {
            let mut inputs = plan.inputs.iter().zip(&places.inputs);
            inputs.any(|(input, channel)| input.required && !known(*channel))
        })
    }

    /// Returns what this rank remembers, with the flags that outlive a stop.
    pub(super) fn memory(&self) -> Vec<Remembered> {
        let mut memory = self.local.memory.clone();
        for (name, flag) in [
            ("host.interrupted", self.local.interrupted),
            ("host.save-requested", self.local.save_requested),
        ] {
            if let Some(slot) = self.slot(name) {
                memory[slot] = Remembered {
                    value: Some(f64::from(flag)),
                    step: 0,
                };
            }
        }
        memory
    }

    /// Takes back the flags of [`Host::memory`].
    pub(super) fn recall_flags(&mut self) {
        let flag = |name| {
            let remembered = self.remembered(name);
            remembered.is_some_and(|it| it.value == Some(1.0))
        };
        (self.local.interrupted, self.local.save_requested) =
            (flag("host.interrupted"), flag("host.save-requested"));
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
                    value: value.map(canonical),
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

    /// Says that nobody has a required input, and what this event has instead.
    ///
    /// Only of the event at hand: a resumed run says the same as the uninterrupted one.
    pub(super) fn missing_text(&self, name: &str) -> String {
        let metric = name
            .strip_prefix("last:")
            .or_else(|| name.strip_prefix("age:"));
        let metric = metric.unwrap_or(name);
        let logged = || self.local.logged.iter().map(String::as_str);
        let hint = match (nearest(metric, logged()), logged().next()) {
            (Some(near), _) => format!("the nearest logged name is `{near}`"),
            (None, Some(first)) => {
                format!("no name logged at this moment is near it; logged is, for one, `{first}`")
            }
            (None, None) => "nothing was logged at this moment".to_owned(),
        };
        format!("no rank supplies `{name}`, which it requires; {hint}")
    }
}
