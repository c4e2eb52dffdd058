//! Drives a host over a recorded run.
//!
//! Responsible for what a trainer does around the host: it asks at each event, writes (in pretence)
//! what is to be saved, reports how that went, lets the save settle, deletes, and leaves when it is
//! told to. A [`Player`] works on one rank, over any engine; [`play`] puts one on each thread.
//!
//! Two invariants: all ranks make the same calls in the same order, and what is reported comes from
//! the trace alone, so a replay gives the same decisions anywhere.

mod rank;
mod resume;
mod world;

use std::sync::Arc;

use ckpt_policy_core::contract::CheckpointId;
use ckpt_policy_core::{Disabled, Error, Family, Opinion, Outcome, PolicyInfo, Snapshot};
use ckpt_policy_runtime::SessionError;

use crate::exit;
use crate::report::{Failure, Report};
use crate::trace::{Row, TraceError};

pub use self::rank::Player;
pub use self::resume::{Cut, CutError};
pub use self::world::{Feed, World, play, play_rank};

/// One event with what was decided at it.
#[derive(Debug)]
pub struct Step {
    /// The event.
    pub row: Arc<Row>,
    /// The decision.
    pub decision: Decision,
}

/// What the rounds of one event came to: the event's own, the settling of a save, and the moment
/// `interrupted` where the event brought it about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Policies were asked, or at least the ranks met.
    pub met: bool,
    /// A checkpoint was written.
    pub save: bool,
    /// That checkpoint, or one of the same step that was asked for again.
    pub checkpoint: Option<CheckpointId>,
    /// Ranks on which the save failed.
    pub failed: Vec<u32>,
    /// Why a save that was asked for was not made.
    pub refused: Option<String>,
    /// What policies told the trainer.
    pub tags: Vec<String>,
    /// Checkpoints that were deleted.
    pub delete: Vec<CheckpointId>,
    /// The run ends here.
    pub stop: bool,
    /// What each policy said at the event.
    pub opinions: Vec<Opinion>,
    /// What each policy said in the settling rounds.
    pub settled: Vec<Opinion>,
    /// What each policy said at the moment `interrupted` that followed, if it did.
    pub interrupted: Option<Vec<Opinion>>,
    /// Policies that failed once too often, and are not asked any more.
    pub disabled: Vec<Disabled>,
}

impl Decision {
    /// Adds what another round of the same event came to, its opinions apart.
    fn absorb(&mut self, outcome: &Outcome) {
        self.met |= outcome.round.is_some();
        self.save |= outcome.save;
        self.checkpoint = self.checkpoint.or(outcome.checkpoint);
        self.refused = self.refused.take().or_else(|| outcome.refused.clone());
        self.stop |= outcome.stop;
        self.tags.extend(outcome.tags.iter().cloned());
        self.tags.sort();
        self.tags.dedup();
        for id in &outcome.delete {
            if !self.delete.contains(id) {
                self.delete.push(*id);
            }
        }
        for ended in &outcome.ended {
            self.failed.extend(&ended.failed_ranks);
        }
        self.disabled.extend(outcome.disabled.iter().cloned());
    }

    /// Returns all opinions of the event, in the order of its rounds.
    pub fn all_opinions(&self) -> impl Iterator<Item = &Opinion> {
        self.opinions
            .iter()
            .chain(self.interrupted.iter().flatten())
            .chain(&self.settled)
    }
}

/// What a rank says while it plays.
#[derive(Debug)]
pub enum Told {
    /// A policy failed on this rank, in the words that no other rank has. All ranks tell this,
    /// only rank 0 the rest.
    Failed {
        /// Its index.
        policy: usize,
        /// What it did, or what the machine could not do.
        text: String,
    },
    /// The host is open.
    Opened {
        /// Its policies.
        policies: Vec<PolicyInfo>,
        /// Those of them that had failed too often before the run was cut: index, and how often.
        disabled: Vec<(usize, u64)>,
    },
    /// An event was played.
    Played(Box<Step>),
}

/// How a replay ended on one rank.
#[derive(Debug)]
pub struct Ended {
    /// Events that were played or skipped.
    pub events: u64,
    /// The run ended at an agreed stop.
    pub stopped: bool,
    /// The step of the last event that was played or skipped.
    pub step: Option<u64>,
    /// The snapshot, where one was wanted.
    pub snapshot: Option<Snapshot>,
    /// How many exchanges the events took, the opening apart.
    pub exchanges: u64,
    /// Checkpoints that each shadow would have kept; empty for a policy that is enforced.
    pub shadows: Vec<Vec<CheckpointId>>,
}

/// Why a replay could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Whoever listens to rank 0 went away, such as a closed pipe.
    #[error("nobody listens any more")]
    Deaf,
    /// The trace broke off; its reader knows why.
    #[error("the trace broke off")]
    Broken,
    /// A rank's thread panicked.
    #[error("rank {rank} panicked: {text}")]
    Panic {
        /// The rank.
        rank: u32,
        /// What it said.
        text: String,
    },
    /// The host or the engine.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The trace is shorter than what was played of it before the cut.
    #[error("the trace has {events} events, but {played} were played before the snapshot")]
    Short {
        /// Events of the trace.
        events: u64,
        /// Events that were played.
        played: u64,
    },
    /// A thread could not be started.
    #[error("no thread could be started for rank {rank} of {world_size}: {source}")]
    Spawn {
        /// The rank.
        rank: u32,
        /// Number of ranks.
        world_size: u32,
        /// What the system said.
        source: std::io::Error,
    },
    /// The trace is wrong.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// What was decided could not be written.
    #[error("cannot write {to}: {source}")]
    Write {
        /// Where it was to be written.
        to: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ReplayError {
    /// How much the error says about the cause: of those of all ranks the largest is told.
    fn weight(&self) -> u8 {
        match self {
            Self::Write { .. } => 7,
            Self::Trace(_) | Self::Short { .. } => 6,
            Self::Panic { .. } => 5,
            Self::Spawn { .. } => 4,
            Self::Deaf => 3,
            Self::Session(SessionError::Host(_)) => 2,
            Self::Session(_) => 1,
            Self::Broken => 0,
        }
    }
}

impl From<Error> for ReplayError {
    fn from(error: Error) -> Self {
        Self::Session(error.into())
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        let report = Report::new(error.to_string());
        match &error {
            ReplayError::Trace(_) | ReplayError::Write { .. } => Self::new(exit::USER, report),
            ReplayError::Short { .. } => Self::new(
                exit::USER,
                report.hint("resume with the trace that was cut"),
            ),
            ReplayError::Session(SessionError::Host(error)) => {
                Self::new(code_of(error.family()), report)
            }
            ReplayError::Session(_) => Self::new(exit::AGREEMENT, report),
            ReplayError::Spawn { .. } => Self::new(
                exit::AGREEMENT,
                report.hint("drive fewer ranks with `--ranks N`"),
            ),
            ReplayError::Deaf => Self::new(exit::DONE, report),
            ReplayError::Broken | ReplayError::Panic { .. } => Self::new(
                exit::OURS,
                report.hint("this is a defect of ckpt-policy; please report it with the trace"),
            ),
        }
    }
}

/// Returns the exit code of a family of errors.
pub(crate) fn code_of(family: Family) -> u8 {
    match family {
        Family::User => exit::USER,
        Family::Policy => exit::POLICY,
        Family::Agreement => exit::AGREEMENT,
        Family::Usage => exit::OURS,
    }
}

#[cfg(test)]
mod tests;
