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
mod configs;
mod contract;
pub(crate) mod notation;
mod property;
mod report;
mod runs;
mod subject;

use ckpt_policy_core::contract::{Description, Prepared};

pub use self::contract::LoadError;
use self::contract::Survey;
use self::property::Property;
pub use self::report::{CheckReport, Conformance, Finding, Status};
pub use self::subject::{Budget, Measured, Metered, Subject, Usage, Way};

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
    /// Why there was nothing to try.
    pub(crate) not_run: Option<String>,
}

impl Passed {
    /// So many inputs were tried.
    pub(crate) fn tried(cases: u64) -> Self {
        Self {
            cases,
            ..Self::default()
        }
    }

    /// There was nothing to try.
    pub(crate) fn nothing(why: &str) -> Self {
        Self {
            not_run: Some(why.to_owned()),
            ..Self::default()
        }
    }
}

impl Trial<'_> {
    /// Tries a property under each configuration; all of them share the inputs.
    ///
    /// # Errors
    ///
    /// The first finding, with the configuration under which it shows.
    fn each(
        &self,
        id: &str,
        run: impl Fn(&Candidate, Property<'_>) -> Result<u64, Finding>,
    ) -> Result<Passed, Finding> {
        let mut cases = 0;
        for (part, candidate) in self.candidates.iter().enumerate() {
            let property = Property::new(id, self.request).part(part, self.candidates.len());
            cases += run(candidate, property).map_err(|found| found.under(&candidate.config))?;
        }
        Ok(Passed::tried(cases))
    }
}

/// Runs all checks on a policy.
#[must_use]
pub fn conform(subject: &dyn Subject, request: &Request) -> Conformance {
    conform_some(subject, request, &mut |_| true)
}

/// Runs some checks on a policy: `wanted` is told the id of each before it runs, and says whether it should.
///
/// What the contract asks of a policy is looked at in any case, since the other checks build on it; it is in
/// the report where it is wanted, or has failed.
#[must_use]
pub fn conform_some(
    subject: &dyn Subject,
    request: &Request,
    wanted: &mut dyn FnMut(&str) -> bool,
) -> Conformance {
    let mut survey = contract::survey(subject, request);
    let mut checks = std::mem::take(&mut survey.reports);
    checks.retain(|report| wanted(report.id) || report.status == Status::Failed);
    let trial = Trial {
        subject,
        request,
        candidates: &survey.candidates,
    };
    let trial = (!survey.candidates.is_empty()).then_some(&trial);
    for check in calls::CHECKS.iter().chain(runs::CHECKS) {
        if wanted(check.id) {
            checks.push(run(check, trial, &checks));
        }
    }
    conformance(survey, request, checks)
}

/// Reports on a file that is no policy, as [`conform`] reports on one that is.
#[must_use]
pub fn refused(error: &LoadError, request: &Request) -> Conformance {
    let mut survey = contract::refused(error);
    let mut checks = std::mem::take(&mut survey.reports);
    for check in calls::CHECKS.iter().chain(runs::CHECKS) {
        checks.push(run(check, None, &checks));
    }
    conformance(survey, request, checks)
}

fn conformance(survey: Survey, request: &Request, checks: Vec<CheckReport>) -> Conformance {
    let name = |one: Description| format!("{} {}", one.name, one.version);
    Conformance {
        policy: survey.description.map(name).unwrap_or_default(),
        seed: request.seed,
        depth: request.depth,
        configurations: survey
            .candidates
            .into_iter()
            .map(|one| one.config)
            .collect(),
        checks,
    }
}

/// Runs one check; without a trial, or where what it builds on has failed, it only says why not.
fn run(check: &Check, trial: Option<&Trial<'_>>, before: &[CheckReport]) -> CheckReport {
    let has_failed = |id: &&&str| {
        let failed = |report: &CheckReport| report.id == **id && report.status == Status::Failed;
        before.iter().any(failed)
    };
    let failed = calls::builds_on(check.id).iter().find(has_failed);
    let result = match (trial, failed) {
        (None, _) => Ok(Passed::nothing("there is no configuration to try it under")),
        (_, Some(failed)) => Ok(Passed::nothing(&format!("`{failed}` has failed"))),
        (Some(trial), None) => (check.run)(trial),
    };
    concluded((check.id, check.meaning), check.mend, result)
}

/// Makes the report of a check.
fn concluded(
    (id, meaning): (&'static str, &'static str),
    mend: &str,
    result: Result<Passed, Finding>,
) -> CheckReport {
    let (status, passed, mut findings) = match result {
        Ok(Passed {
            not_run: Some(why), ..
        }) => (Status::NotRun, Passed::default(), vec![Finding::of(why)]),
        Ok(passed) if passed.warnings.is_empty() => (Status::Passed, passed, Vec::new()),
        Ok(mut passed) => {
            let warnings = std::mem::take(&mut passed.warnings);
            (Status::Warned, passed, warnings)
        }
        Err(finding) => (Status::Failed, Passed::default(), vec![finding]),
    };
    let unmended = findings.iter_mut().filter(|found| found.mend.is_empty());
    if status != Status::NotRun {
        unmended.for_each(|found| mend.clone_into(&mut found.mend));
    }
    CheckReport {
        id,
        meaning,
        status,
        cases: passed.cases,
        figures: passed.figures,
        findings,
    }
}
