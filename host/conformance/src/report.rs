//! What a scenario came to: expected beside found, for people and for whoever renders it further.
//!
//! Judges nothing by itself beyond comparing what is written in `expect` with what was found.

mod checks;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use ckpt_policy_core::Moment;
use ckpt_policy_core::contract::Ballot;

use crate::record::Call;
pub(crate) use checks::{check, check_refusal};

/// What one scenario came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The scenario's sentence.
    pub about: String,
    /// The scenario's file.
    pub path: PathBuf,
    /// Each round that was played; where the configuration was to be refused, the opening alone.
    pub rounds: Vec<RoundReport>,
}

impl Report {
    /// Whether everything came as it was expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rounds.iter().all(RoundReport::passed)
    }
}

/// Shows the failed rounds, each as a table; one line where there is none.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.rounds.iter().filter(|round| !round.passed());
        let count = failed.clone().count();
        let (of, path) = (self.rounds.len(), self.path.display());
        if count == 0 {
            let rounds = if of == 1 { "round" } else { "rounds" };
            return write!(
                formatter,
                "{path}: {} ({of} {rounds} as expected)",
                self.about
            );
        }
        writeln!(formatter, "{path}: {}", self.about)?;
        for round in failed {
            write!(formatter, "\n{path}:{}: {round}", round.line)?;
        }
        write!(
            formatter,
            "\n{count} of {of} rounds did not come as expected"
        )
    }
}

/// What one round came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundReport {
    /// The line of the file at which the round begins.
    pub line: usize,
    /// Number of the round, counting from 1; 0 is the opening.
    pub number: usize,
    /// The moment and the step, for the title.
    pub at: Option<(Moment, u64)>,
    /// The remark of the file.
    pub note: Option<String>,
    /// What was found; `None` where the run could not go on.
    pub found: Option<Found>,
    /// What was compared, in the order of the format's description.
    pub checks: Vec<Check>,
    /// The calls of the policy, where they were recorded; those of the opening are the first
    /// round's.
    pub calls: Vec<Call>,
}

impl RoundReport {
    /// Whether everything came as it was expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

/// Shows all that was compared, with a mark at what differs, and the policy's own reason.
impl fmt::Display for RoundReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((moment, step)) => {
                write!(formatter, "round {} ({moment}, step {step})", self.number)?;
            }
            None => formatter.write_str("the opening")?,
        }
        match &self.note {
            Some(note) => writeln!(formatter, ": {note}")?,
            None => writeln!(formatter)?,
        }
        table(formatter, &self.checks)?;
        let reason = self.found.as_ref().and_then(|found| found.reason.as_ref());
        match reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => writeln!(formatter, "    the policy's reason: {reason}"),
            None => Ok(()),
        }
    }
}

/// What was found in a round. Checkpoints are named by the step at which they were saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The policy was asked.
    pub asked: bool,
    /// What it answered; `None` also after an error.
    pub ballot: Option<Ballot>,
    /// A checkpoint was to be written.
    pub save: bool,
    /// All checkpoints that exist after the round.
    pub kept: BTreeSet<u64>,
    /// All that the policy holds after the round.
    pub held: BTreeSet<u64>,
    /// All that were deleted in the round, the settling round included.
    pub deleted: BTreeSet<u64>,
    /// All of the policy's labels after the round.
    pub labels: BTreeMap<String, u64>,
    /// All tags that the trainer is given.
    pub tags: BTreeSet<String>,
    /// The policy's reason.
    pub reason: Option<String>,
    /// The policy's figures.
    pub figures: BTreeMap<String, f64>,
    /// The step before which the policy need not be asked again.
    pub not_before: Option<u64>,
    /// The training ends.
    pub stop: bool,
    /// Why the host did not make a save that was asked for.
    pub refused: Option<String>,
    /// The ranks learnt that some rank was told to leave.
    pub interrupted: bool,
    /// The text of the policy's error, the settling round included.
    pub error: Option<String>,
}

/// One thing that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The key of `expect`.
    pub key: &'static str,
    /// What the file says.
    pub expected: String,
    /// What came of it.
    pub found: String,
    /// Whether the two agree.
    pub passed: bool,
}

fn table(formatter: &mut fmt::Formatter<'_>, checks: &[Check]) -> fmt::Result {
    let width = |column: fn(&Check) -> &str, title: &str| {
        let cells = checks.iter().map(|check| column(check).chars().count());
        cells.max().unwrap_or(0).max(title.len())
    };
    let key = width(|check| check.key, "");
    let expected = width(|check| &check.expected, "expected");
    writeln!(
        formatter,
        "    {:key$} | {:expected$} | found",
        "", "expected"
    )?;
    for check in checks {
        let mark = if check.passed { ' ' } else { '!' };
        writeln!(
            formatter,
            "  {mark} {:key$} | {:expected$} | {}",
            check.key, check.expected, check.found
        )?;
    }
    Ok(())
}
