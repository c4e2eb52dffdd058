//! What a trainer tells the host: a moment of the run and this rank's own numbers.
//!
//! Does not read a clock or a file: facts such as the time or the free space enter here, under
//! their reserved names, measured by whoever embeds the host.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::reduction::canonical;

/// A moment of a run at which policies may be asked; named in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the first step, or just after a resume.
    TrainStart,
    /// After an optimizer step.
    StepEnd,
    /// After the last step of an epoch.
    EpochEnd,
    /// After a validation pass; metrics measured in it are fresh.
    ValidationEnd,
    /// All ranks have learnt that a save is complete, or that it failed.
    Settled,
    /// After the last step of the run.
    TrainEnd,
    /// All ranks have learnt that the run must leave.
    Interrupted,
}

impl Moment {
    /// All moments, in the order of a run.
    pub const ALL: [Self; 7] = [
        Self::TrainStart,
        Self::StepEnd,
        Self::EpochEnd,
        Self::ValidationEnd,
        Self::Settled,
        Self::TrainEnd,
        Self::Interrupted,
    ];

    /// Returns the name under which plans, traces and journals know the moment.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TrainStart => "train-start",
            Self::StepEnd => "step-end",
            Self::EpochEnd => "epoch-end",
            Self::ValidationEnd => "validation-end",
            Self::Settled => "settled",
            Self::TrainEnd => "train-end",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns the moment of this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|moment| moment.name() == name)
    }

    /// Whether a policy's `not-before` applies at this moment.
    #[must_use]
    pub(crate) fn may_wait(self) -> bool {
        matches!(self, Self::StepEnd | Self::EpochEnd | Self::ValidationEnd)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// One rank's numbers by name; one that is absent is missing, never a guess.
///
/// Every NaN becomes the canonical one and −0.0 becomes +0.0 on the way in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Returns an empty set of metrics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a metric, or a fact whose name begins with `host.`.
    pub fn insert(&mut self, name: impl Into<String>, value: f64) {
        self.0.insert(name.into(), canonical(value));
    }

    /// Returns the number of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Returns names and numbers, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Keeps only the facts, whose names begin with `host.`.
    #[must_use]
    pub fn facts(&self) -> Self {
        self.iter()
            .filter(|(name, _)| name.starts_with("host."))
            .collect()
    }
}

impl<N: Into<String>> FromIterator<(N, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (N, f64)>>(numbers: I) -> Self {
        Self(
            numbers
                .into_iter()
                .map(|(name, value)| (name.into(), canonical(value)))
                .collect(),
        )
    }
}

/// One moment on one rank. All ranks report the same moment, step and epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which moment it is.
    pub moment: Moment,
    /// Optimizer steps done, from 0.
    pub step: u64,
    /// Epoch in progress, from 0; at `train-end` the number of epochs.
    pub epoch: u64,
    /// This rank's numbers, measured since the event before.
    pub metrics: Metrics,
}
