//! Does a policy keep to the contract? The checks, and what runs them.
//!
//! [`conform`] takes a policy through everything that a long run on a thousand ranks could do to it, and says
//! of each check whether it held, with the smallest input that shows where it did not. Inputs are generated
//! from a seed, so a run is the same at each repetition.
//!
//! ```text
//!  Subject ──► contract ──► Candidates: configurations, each with its plan
//!                               │
//!          calls: purity, totality, …  │  runs: agreement, safety, resume, cost
//!          one function, one argument  │  a simulated world of real hosts
//!                               ▼
//!                         Conformance: one CheckReport a check
//! ```
//!
//! What it does not do: load a file, know WebAssembly, or print. The caller says how a policy is called
//! ([`Subject`]), and shows the report.
//!
//! Invariant: a check judges one thing. What another check is there to find must not make it fail: all call
//! fresh instances, unless the instance is the subject.

mod calls;
mod contract;
mod property;
mod report;
mod runs;
mod subject;

use ckpt_policy_core::contract::{Description, Prepared};

pub use self::report::{CheckReport, Conformance, Finding, Status};
pub use self::subject::{Budget, Measured, Subject, Usage, Way};

/// How deep a policy is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// What it is called, such as `full`.
    pub name: &'static str,
    /// Inputs that are generated for each property.
    pub cases: u32,
    /// Rounds of a long run.
    pub rounds: u32,
    /// Configurations that are tried, those that are given or are examples first.
    pub configurations: usize,
}

impl Depth {
    /// For policies that answer in microseconds.
    pub const FULL: Self = Self {
        name: "full",
        cases: 256,
        rounds: 100_000,
        configurations: 16,
    };

    /// For guests that carry an interpreter, whose fresh instance takes a millisecond.
    pub const SMALL: Self = Self {
        name: "small",
        cases: 16,
        rounds: 500,
        configurations: 2,
    };
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where all random numbers come from.
    pub seed: u64,
    /// How deep.
    pub depth: Depth,
    /// Configurations to try, JSON objects; without any, the schema's examples and generated ones.
    pub configurations: Vec<String>,
}

/// A check: one thing that a policy must keep to.
pub(crate) struct Check {
    /// Its family and name, such as `purity.reused`.
    pub(crate) id: &'static str,
    /// What holds of a policy that passes, in one line.
    pub(crate) meaning: &'static str,
    /// What its author should look at where it fails.
    pub(crate) mend: &'static str,
    pub(crate) run: fn(&Trial<'_>) -> Result<Passed, Finding>,
}

/// What a check has to work with.
pub(crate) struct Trial<'a> {
    pub(crate) subject: &'a dyn Subject,
    pub(crate) request: &'a Request,
    pub(crate) description: &'a Description,
    /// At least one.
    pub(crate) candidates: &'a [Candidate],
}

/// A configuration that the policy accepted.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) config: String,
    pub(crate) prepared: Prepared,
}

/// What a check that held has to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    /// Inputs that were tried.
    pub(crate) cases: u64,
    /// Measured figures, for people: name and value.
    pub(crate) figures: Vec<(String, String)>,
    /// What is not wrong and should be looked at.
    pub(crate) warnings: Vec<Finding>,
}

/// Runs all checks on a policy.
#[must_use]
pub fn conform(subject: &dyn Subject, request: &Request) -> Conformance {
    conform_some(subject, request, &mut |_| true)
}

/// Runs some checks on a policy: `wanted` is told the id of each before it runs, and says whether it should.
///
/// What the contract says of a policy is looked at in any case, as the others build on it, and is in the report
/// where it failed.
#[must_use]
pub fn conform_some(
    subject: &dyn Subject,
    request: &Request,
    wanted: &mut dyn FnMut(&str) -> bool,
) -> Conformance {
    let (description, candidates, mut checks) = contract::checked(subject, request);
    checks.retain(|check| wanted(check.id) || check.status == Status::Failed);
    if let Some(description) = &description
        && !candidates.is_empty()
    {
        let trial = Trial {
            subject,
            request,
            description,
            candidates: &candidates,
        };
        let rest = calls::CHECKS.iter().chain(runs::CHECKS);
        let rest = rest.filter(|check| wanted(check.id));
        checks.extend(rest.map(|check| run(check, &trial)));
    }
    Conformance {
        policy: description.map_or_else(String::new, |one| format!("{} {}", one.name, one.version)),
        seed: request.seed,
        depth: request.depth,
        configurations: candidates.into_iter().map(|one| one.config).collect(),
        checks,
    }
}

fn run(check: &Check, trial: &Trial<'_>) -> CheckReport {
    let (status, passed, findings) = match (check.run)(trial) {
        Ok(passed) if passed.warnings.is_empty() => (Status::Passed, passed, Vec::new()),
        Ok(mut passed) => {
            let warnings = std::mem::take(&mut passed.warnings);
            (Status::Warned, passed, warnings)
        }
        Err(mut finding) => {
            if finding.mend.is_empty() {
                check.mend.clone_into(&mut finding.mend);
            }
            (Status::Failed, Passed::default(), vec![finding])
        }
    };
    CheckReport {
        id: check.id,
        meaning: check.meaning,
        status,
        cases: passed.cases,
        figures: passed.figures,
        findings,
    }
}
