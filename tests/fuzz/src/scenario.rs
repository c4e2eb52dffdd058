//! Scenarios: any text is refused with a place in it, or is played.
//!
//! What is played ends in a report that is the same at each repetition, and cutting the run before
//! each of its rounds changes nothing in what the host decided.

use std::convert::Infallible;
use std::path::Path;

use arbitrary::Unstructured;
use ckpt_policy_conformance::{Plot, Round, Scenario, run as play};
use ckpt_policy_core::contract::{Plan, Policy, View};

use crate::scripted::Scripted;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let scenario = match Scenario::parse(text, Path::new("case.toml")) {
        Ok(scenario) => scenario,
        Err(error) => {
            let lines = text.lines().count().max(1) + 1;
            assert!((1..=lines).contains(&error.line()), "{error}");
            assert!(!error.message().is_empty());
            return;
        }
    };
    if is_small(&scenario) {
        let report = found(&scenario);
        assert_eq!(report, found(&scenario));
        if let Some(cut) = scenario
            .cut_before_each_round()
            .filter(|_| !is_told(&scenario))
        {
            assert_eq!(report, found(&cut), "a cut has changed the run");
        }
    }
}

/// Whether ranks are told what only they know, which a cut may lose.
fn is_told(scenario: &Scenario) -> bool {
    let Plot::Rounds(rounds) = &scenario.plot else {
        return false;
    };
    let told = |round: &Round| !round.signal.is_empty() || !round.request_save.is_empty();
    rounds.iter().any(told)
}

/// Thousands of ranks are allowed, and would only make few inputs of many.
fn is_small(scenario: &Scenario) -> bool {
    match &scenario.plot {
        Plot::Refused(_) => scenario.ranks <= MOST,
        Plot::Rounds(rounds) => {
            let resumed = |round: &Round| round.resume.as_ref().map_or(0, |cut| cut.ranks);
            let most = rounds
                .iter()
                .map(resumed)
                .max()
                .unwrap_or(0)
                .max(scenario.ranks);
            most <= MOST && rounds.len() <= 64
        }
    }
}

/// Plays it; what was found in each round, as text: a NaN is not equal to itself.
fn found(scenario: &Scenario) -> Vec<String> {
    let report = play(scenario, |_| Ok::<_, Infallible>(policy(scenario)));
    let report = report.unwrap_or_else(|never| match never {});
    report
        .rounds
        .iter()
        .map(|round| format!("{:?}", round.found))
        .collect()
}

/// A policy that depends on the scenario: what it says of itself is its script.
fn policy(scenario: &Scenario) -> Box<dyn Policy> {
    let about = scenario.about.as_bytes();
    let mut input = Unstructured::new(about);
    let drawn = Scripted::draw(&mut input, scenario.ranks);
    let mut policy = drawn.unwrap_or_else(|_| Scripted::saver());
    let plan = Plan {
        passive: false,
        view: View::All,
        ..policy.plan
    };
    policy.plan = plan;
    Box::new(policy)
}

const MOST: u32 = 8;
