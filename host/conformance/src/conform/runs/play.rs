//! Plays scenarios to the policy under test, and makes findings of what they show.
//!
//! Here is the one way from a property of runs to a finding with the smallest run in it. What is
//! wanted of a run is each check's own business.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use ckpt_policy_core::contract::Policy;
use proptest::strategy::Strategy;

use super::super::property::Broken;
use super::super::{Finding, Passed, Property, Trial, Way};
use super::paper;
use super::shorten::shorten;
use super::story::{Shape, Story, stories};
use super::witness::{Log, Watch, Witness};
use crate::report::{Found, Report};
use crate::scenario::{Plot, Scenario};

/// What is wrong with a policy, and the run that shows it.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) what: String,
    /// Empty where the run says all.
    pub(super) config: String,
    /// The run, and the step at which it shows.
    pub(super) run: Option<(Box<Scenario>, Option<u64>)>,
}

impl Trouble {
    /// Returns a trouble that a run shows at a step.
    pub(super) fn at(what: String, scenario: &Scenario, step: u64) -> Self {
        Self {
            what,
            config: String::new(),
            run: Some((Box::new(scenario.clone()), Some(step))),
        }
    }

    /// Returns a trouble that a run shows as a whole.
    pub(super) fn of(what: String, scenario: &Scenario) -> Self {
        Self {
            what,
            config: String::new(),
            run: Some((Box::new(scenario.clone()), None)),
        }
    }

    /// Returns a trouble that needs no run.
    pub(super) fn alone(what: String) -> Self {
        Self {
            what,
            config: String::new(),
            run: None,
        }
    }

    /// Returns it as what a check finds.
    pub(super) fn into_finding(self) -> Finding {
        let input = self.run.as_ref().map(|(scenario, step)| {
            let note = step.map(|step| (step, self.what.as_str()));
            paper::written(scenario, note)
        });
        let config = match &self.run {
            Some((scenario, _)) => scenario.config.to_string(),
            None => self.config,
        };
        Finding {
            what: self.what,
            config,
            input: input.unwrap_or_default(),
            mend: String::new(),
        }
    }
}

/// What came of a scenario.
pub(super) struct Played {
    pub(super) report: Report,
    /// What rank 0's policies were told and said: one from the start, one more after each cut.
    pub(super) logs: Vec<Log>,
}

impl Played {
    /// Returns what was found in each round that was played to its end.
    pub(super) fn found(&self) -> Vec<&Found> {
        let rounds = self.report.rounds.iter();
        rounds.filter_map(|round| round.found.as_ref()).collect()
    }

    /// Why the run could not go on, if it could not.
    pub(super) fn broken(&self) -> Option<&str> {
        let checks = self.report.rounds.iter().flat_map(|round| &round.checks);
        let mut broken = checks.filter(|check| check.key == "host");
        broken.next().map(|check| check.found.as_str())
    }
}

/// Plays a scenario in a world of real hosts.
pub(super) fn play(
    trial: &Trial<'_>,
    scenario: &Scenario,
    watch: Watch,
) -> Result<Played, Trouble> {
    let recorded = zeroth(scenario);
    let (mut loaded, mut logs) = (0_usize, Vec::new());
    let load = |_: &_| -> Result<Box<dyn Policy>, Trouble> {
        let policy = trial.subject.policy(Way::Fresh).map_err(Trouble::alone)?;
        let is_recorded = recorded.contains(&loaded);
        let (witness, log) = Witness::new(policy, watch);
        loaded += 1;
        if is_recorded {
            logs.push(log);
        }
        Ok(Box::new(witness))
    };
    let report = crate::run::run(scenario, load)?;
    let logs = logs.iter().map(taken).collect();
    Ok(Played { report, logs })
}

/// Returns which of the policies that a scenario loads are those of rank 0.
fn zeroth(scenario: &Scenario) -> Vec<usize> {
    let Plot::Rounds(rounds) = &scenario.plot else {
        return vec![0];
    };
    let mut zeroth = vec![0];
    let mut next = scenario.ranks as usize;
    for cut in rounds.iter().filter_map(|round| round.resume.as_ref()) {
        zeroth.push(next);
        next += cut.ranks as usize;
    }
    zeroth
}

fn taken(log: &Arc<Mutex<Log>>) -> Log {
    std::mem::take(&mut log.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Tries a property on generated stories; the finding has the smallest one that breaks it.
pub(super) fn told(
    trial: &Trial<'_>,
    tries: Property<'_>,
    shape: Shape,
    property: impl Fn(&Story) -> Result<(), Trouble>,
) -> Result<Passed, Finding> {
    let strategy = stories(trial.candidates.len(), shape);
    match smallest(tries, &strategy, &property)? {
        Tried::Held(cases) => Ok(Passed::tried(cases)),
        Tried::Broken(story, trouble) => Err(shorten(story, trouble, property).into_finding()),
    }
}

/// Tries a property on generated inputs of any kind.
pub(super) fn tried<S>(
    tries: Property<'_>,
    strategy: &S,
    property: impl Fn(&S::Value) -> Result<(), Trouble>,
) -> Result<Passed, Finding>
where
    S: Strategy<Value: Clone>,
{
    match smallest(tries, strategy, &property)? {
        Tried::Held(cases) => Ok(Passed::tried(cases)),
        Tried::Broken(_, trouble) => Err(trouble.into_finding()),
    }
}

/// What came of a property.
enum Tried<T> {
    /// It held for so many inputs.
    Held(u64),
    /// The smallest input that was found to break it.
    Broken(T, Trouble),
}

fn smallest<S>(
    tries: Property<'_>,
    strategy: &S,
    property: &impl Fn(&S::Value) -> Result<(), Trouble>,
) -> Result<Tried<S::Value>, Finding>
where
    S: Strategy<Value: Clone>,
{
    // What breaks the property last is the smallest. It is written down once, as a scenario, and
    // not at each of the steps that lead to it.
    let last = RefCell::new(None);
    let unwritten = || Broken {
        what: String::new(),
        input: String::new(),
    };
    let held = tries.holds(strategy, |input| {
        property(input).map_err(|trouble| {
            last.replace(Some((input.clone(), trouble)));
            unwritten()
        })
    });
    match (held, last.into_inner()) {
        (Ok(cases), _) => Ok(Tried::Held(cases)),
        (Err(_), Some((input, trouble))) => Ok(Tried::Broken(input, trouble)),
        (Err(finding), None) => Err(finding),
    }
}
