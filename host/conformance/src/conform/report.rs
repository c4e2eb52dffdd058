//! What came of a conformance run, as data.

use super::Depth;

/// What came of all checks.
#[derive(Clone, Debug)]
pub struct Conformance {
    /// The policy's own name and version; empty where it could not say.
    pub policy: String,
    /// Where all random numbers came from.
    pub seed: u64,
    /// How deep the policy was tried.
    pub depth: Depth,
    /// The configurations that were tried.
    pub configurations: Vec<String>,
    /// In the order in which they ran.
    pub checks: Vec<CheckReport>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It held.
    Passed,
    /// It held, and there is something to look at.
    Warned,
    /// It did not hold.
    Failed,
    /// What it builds on had failed, or the policy gives it nothing to do.
    NotRun,
}

/// What came of one check.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// Its family and name, such as `purity.reused`.
    pub id: &'static str,
    /// What holds of a policy that passes, in one line.
    pub meaning: &'static str,
    /// How it ended.
    pub status: Status,
    /// Inputs that were tried.
    pub cases: u64,
    /// Measured figures: name and value.
    pub figures: Vec<(String, String)>,
    /// What is wrong, or should be looked at; why it was not run.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong, or should be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was expected and what was found.
    pub what: String,
    /// The configuration under which it shows; empty where that does not matter.
    pub config: String,
    /// The smallest input that shows it; empty where there is none.
    pub input: String,
    /// How to mend it.
    pub mend: String,
}

impl Conformance {
    /// Whether no check failed.
    #[must_use]
    pub fn conforms(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.status != Status::Failed)
    }
}

impl Finding {
    /// Says what is wrong; where and how to mend it is for others to add.
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            config: String::new(),
            input: String::new(),
            mend: String::new(),
        }
    }

    /// Adds the configuration under which it shows.
    pub(crate) fn under(self, config: &str) -> Self {
        Self {
            config: config.to_owned(),
            ..self
        }
    }
}
