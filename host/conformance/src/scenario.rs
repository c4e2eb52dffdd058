//! What a scenario file says, ready to be played.
//!
//! A [`Scenario`] that exists is whole: every round has its step and one set of metrics for each
//! rank of its world, and what is expected is of the right kind. Opens no file and loads no policy.

mod expect;
mod parse;
mod round;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use ckpt_policy_core::{Metrics, Moment, OnError};

pub use crate::document::Error;
pub use expect::Expect;

/// A short run of one policy, and what must come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// One sentence: what the scenario shows.
    pub about: String,
    /// Where the file lies; `policy` is relative to it.
    pub path: PathBuf,
    /// The policy that is played to.
    pub policy: PolicySource,
    /// Number of ranks.
    pub ranks: u32,
    /// The policy's configuration, a JSON object.
    pub config: serde_json::Value,
    /// What happens where the policy cannot answer.
    pub on_error: OnError,
    /// The newest complete checkpoints that are never deleted.
    pub keep_at_least: u32,
    /// What happens, and what must come of it.
    pub plot: Plot,
}

impl Scenario {
    /// Reads a scenario; `path` is where its text comes from.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line, the key, what was expected and what was found.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        parse::scenario(text, path)
    }

    /// Returns the same scenario with the run cut before each of its rounds, which must change
    /// nothing; `None` where there is no round, or where a save is in flight between two of them
    /// and would be lost.
    #[must_use]
    pub fn cut_before_each_round(&self) -> Option<Self> {
        let Plot::Rounds(rounds) = &self.plot else {
            return None;
        };
        if rounds.iter().any(|round| round.save.takes > 0) {
            return None;
        }
        let mut rounds = rounds.clone();
        let mut ranks = self.ranks;
        for round in &mut rounds {
            let cut = Cut {
                from: None,
                ranks,
                config: None,
            };
            ranks = round.resume.get_or_insert(cut).ranks;
        }
        Some(Self {
            plot: Plot::Rounds(rounds),
            ..self.clone()
        })
    }
}

/// Where the policy of a scenario comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicySource {
    /// One that comes with the host, by its name.
    Builtin(String),
    /// A `.wasm` file; a relative path has become relative to where the scenario's own path is.
    File(PathBuf),
}

/// Shows the source as a scenario writes it.
impl fmt::Display for PolicySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(name) => write!(formatter, "builtin:{name}"),
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// What happens in a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// The policy refuses its configuration, with a text that has all these parts.
    Refused(Vec<String>),
    /// The rounds, at least one.
    Rounds(Vec<Round>),
}

/// One event of the run, on all ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// The line of the file at which it begins, counting from 1.
    pub line: usize,
    /// A remark for whoever reads the report.
    pub note: Option<String>,
    /// Which moment it is; never `settled`, which follows a save by itself.
    pub moment: Moment,
    /// Optimizer steps done.
    pub step: u64,
    /// Epoch in progress, from 0.
    pub epoch: u64,
    /// What each rank has, one set a rank.
    pub metrics: Vec<Metrics>,
    /// How a save of this round goes.
    pub save: Writing,
    /// Ranks that were told to leave before this round.
    pub signal: Vec<u32>,
    /// Ranks on which somebody asked for a save before this round.
    pub request_save: Vec<u32>,
    /// The run was cut before this round.
    pub resume: Option<Cut>,
    /// What must come of the round.
    pub expect: Expect,
}

/// How the writing of a checkpoint goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writing {
    /// Ranks on which it fails.
    pub fails: Vec<u32>,
    /// Rounds that it takes; 0: durable at once.
    pub takes: u64,
    /// Bytes that each rank writes.
    pub bytes: u64,
}

/// A run that was cut and goes on in fresh hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// Step of the checkpoint that it goes back to; `None`: it goes on where it was cut.
    pub from: Option<u64>,
    /// The world size from here on.
    pub ranks: u32,
    /// The policy's configuration from here on, where it changes.
    pub config: Option<serde_json::Value>,
}
