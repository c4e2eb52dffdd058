//! What a round came to, for the trainer and for the journal.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contract::{Ballot, CheckpointId, Figure, Label, Reduced, Verdict};
use crate::event::Moment;

/// Whether a policy acts or only watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Its wishes count.
    #[default]
    Enforce,
    /// Judged in a ledger of its own, in which its wishes alone come true.
    Shadow,
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        })
    }
}

/// What the host tells the trainer to do now.
///
/// The same on every rank. A trainer that was told to save writes, reports
/// [`saved`](crate::Host::saved) or [`failed`](crate::Host::failed) on each rank, and then, if the
/// save was synchronous, drives a settling round with [`settle`](crate::Host::settle).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The moment at which the policies were asked.
    pub moment: Moment,
    /// The round's number from 1; `None` where nobody was due and nothing was exchanged.
    pub round: Option<u64>,
    /// Write a checkpoint now, under the name in `checkpoint`.
    pub save: bool,
    /// The checkpoint to write or, without `save`, the one of this step that is asked for again.
    pub checkpoint: Option<CheckpointId>,
    /// Why a save that was asked for is not made, such as a veto.
    pub refused: Option<String>,
    /// What enforced policies tell the trainer, saved or not; sorted, each once.
    pub tags: Vec<String>,
    /// Checkpoints to delete now, on all ranks; repeated until every rank has reported them.
    pub delete: Vec<CheckpointId>,
    /// End the training after this moment.
    pub stop: bool,
    /// Saves that ended on all ranks, as this round learnt.
    pub ended: Vec<Ended>,
    /// A save came to its end: drive a settling round next.
    pub settle: bool,
    /// Some rank was told to leave, as this round learnt: the moment `interrupted` comes next.
    pub interrupted: bool,
    /// What each policy that was asked said, in the order of the configuration.
    pub opinions: Vec<Opinion>,
    /// Policies that failed once too often in this round: they are not asked any more.
    pub disabled: Vec<Disabled>,
}

/// A policy that is not asked any more from here on.
///
/// It brings about no rounds, its features are missing, and `on-error` has nothing to say; what it
/// holds stays held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Index into [`Host::policies`](crate::Host::policies).
    pub policy: usize,
    /// Rounds in a row in which it failed, as many as its `disable-after`.
    pub failures: u64,
    /// What it failed with last.
    pub error: String,
}

/// How a save ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which checkpoint.
    pub id: CheckpointId,
    /// Ranks on which it failed; none: it is complete.
    pub failed_ranks: Vec<u32>,
}

/// What one policy said in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// Index into [`Host::policies`](crate::Host::policies).
    pub policy: usize,
    /// Its wish; `None` after an error.
    pub ballot: Option<Ballot>,
    /// Why, for people.
    pub reason: String,
    /// Figures behind the decision.
    pub figures: Vec<Figure>,
    /// For the trainer.
    pub tags: Vec<String>,
    /// Where its labels point, as wished.
    pub labels: Vec<Label>,
    /// What it wants kept.
    pub hold: Vec<CheckpointId>,
    /// What it no longer needs.
    pub release: Vec<CheckpointId>,
    /// It asked for the end of the training.
    pub stop: bool,
    /// Ask again from this step on.
    pub not_before: Option<u64>,
    /// The reduced numbers that it was given, in the order of its plan's reductions.
    pub values: Vec<Reduced>,
    /// Why it could not answer. The hint beside a missing input names what this rank logged; what
    /// `observe` said on one rank is in that host's [`faults`](crate::Host::faults).
    pub error: Option<String>,
    /// For a shadow: what came of its wishes in its own ledger.
    pub shadow: Option<Shadow>,
}

/// What a shadow policy alone would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shadow {
    /// It would have saved.
    pub save: bool,
    /// The checkpoint in its own ledger.
    pub checkpoint: Option<CheckpointId>,
    /// What it would have deleted from its own ledger.
    pub delete: Vec<CheckpointId>,
}

impl Outcome {
    /// Returns the outcome of a moment at which nobody was asked.
    pub(crate) fn idle(moment: Moment) -> Self {
        Self {
            moment,
            round: None,
            save: false,
            checkpoint: None,
            refused: None,
            tags: Vec::new(),
            delete: Vec::new(),
            stop: false,
            ended: Vec::new(),
            settle: false,
            interrupted: false,
            opinions: Vec::new(),
            disabled: Vec::new(),
        }
    }
}

impl Opinion {
    /// Returns the opinion of a policy that has not spoken yet.
    pub(crate) fn new(policy: usize, values: Vec<Reduced>) -> Self {
        Self {
            policy,
            ballot: None,
            reason: String::new(),
            figures: Vec::new(),
            tags: Vec::new(),
            labels: Vec::new(),
            hold: Vec::new(),
            release: Vec::new(),
            stop: false,
            not_before: None,
            values,
            error: None,
            shadow: None,
        }
    }

    /// Takes over what the policy said; its state is nobody else's business.
    pub(crate) fn say(&mut self, verdict: Verdict) {
        self.ballot = Some(verdict.ballot);
        self.reason = verdict.reason;
        self.figures = verdict.figures;
        self.tags = verdict.tags;
        self.labels = verdict.labels;
        self.hold = verdict.hold;
        self.release = verdict.release;
        self.stop = verdict.stop;
        self.not_before = verdict.not_before;
    }
}
