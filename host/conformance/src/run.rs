//! Plays a scenario in a simulated world and reports what came of it.
//!
//! Each rank gets a host and a policy of its own, as in production; only the engine is simulated.
//! Where a policy's bytes come from, and what runs them, is the caller's business. The runner
//! writes no file.

mod course;
mod stage;

use ckpt_policy_core::contract::{Fault, Policy};

use self::course::{Run, Stopped};
use self::stage::Stage;
use crate::conform::Measured;
use crate::record::{Call, Record};
use crate::report::{Check, Found, Report, RoundReport, check, check_refusal};
use crate::scenario::{Plot, PolicySource, Round, Scenario};
use crate::world;

/// Plays a scenario. `load` makes one policy and is called once for each rank, and again for each
/// rank after a resume; what is expensive about it, the caller keeps.
///
/// # Errors
///
/// Returns what `load` returned. Everything else is a failed check in the report.
pub fn run<E>(
    scenario: &Scenario,
    mut load: impl FnMut(&PolicySource) -> Result<Box<dyn Policy>, E>,
) -> Result<Report, E> {
    report(scenario, |source, _| load(source), &Vec::new)
}

/// Plays a scenario like [`run`], and writes down each call of the policy in the report.
///
/// # Errors
///
/// As [`run`].
pub fn run_recorded<E>(
    scenario: &Scenario,
    mut load: impl FnMut(&PolicySource) -> Result<Box<dyn Measured>, E>,
) -> Result<Report, E> {
    let record = Record::default();
    let recorded = |source: &PolicySource, rank| Ok(record.policy(rank, load(source)?));
    report(scenario, recorded, &|| record.take())
}

/// Plays a scenario; `calls` hands over what was recorded since it was last asked.
fn report<E>(
    scenario: &Scenario,
    load: impl FnMut(&PolicySource, u32) -> Result<Box<dyn Policy>, E>,
    calls: &dyn Fn() -> Vec<Call>,
) -> Result<Report, E> {
    let mut rounds = match &scenario.plot {
        Plot::Refused(parts) => vec![refusal(scenario, parts, load)?],
        Plot::Rounds(rounds) => play(scenario, rounds, load, calls)?,
    };
    // What no round has taken belongs to an opening that ended the run.
    if let Some(last) = rounds.last_mut() {
        last.calls.extend(calls());
    }
    Ok(Report {
        about: scenario.about.clone(),
        path: scenario.path.clone(),
        rounds,
    })
}

/// Opens a world whose policy should refuse its configuration.
fn refusal<E>(
    scenario: &Scenario,
    parts: &[String],
    load: impl FnMut(&PolicySource, u32) -> Result<Box<dyn Policy>, E>,
) -> Result<RoundReport, E> {
    let mut stage = Stage::new(scenario, load);
    let refused = stage.open(None)?.err();
    let text = refused.as_ref().map(|error| match config_fault(error) {
        Some(text) => text.to_owned(),
        None => error.to_string(),
    });
    let mut checks = check_refusal(parts, text.as_deref());
    if let Some(error) = refused.filter(|error| config_fault(error).is_none()) {
        let (expected, found) = ("a refused configuration".to_owned(), error.to_string());
        checks.push(Check {
            key: "opening",
            expected,
            found,
            passed: false,
        });
    }
    Ok(RoundReport {
        line: 1,
        number: 0,
        at: None,
        note: None,
        found: None,
        checks,
        calls: Vec::new(),
    })
}

fn config_fault(error: &world::Error) -> Option<&str> {
    match error {
        world::Error::Refused(errors) => match errors.first() {
            Some(ckpt_policy_core::Error::Policy {
                fault: Fault::Config(text),
                ..
            }) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn play<E>(
    scenario: &Scenario,
    rounds: &[Round],
    load: impl FnMut(&PolicySource, u32) -> Result<Box<dyn Policy>, E>,
    calls: &dyn Fn() -> Vec<Call>,
) -> Result<Vec<RoundReport>, E> {
    let mut stage = Stage::new(scenario, load);
    let world = match stage.open(None)? {
        Ok(world) => world,
        Err(error) => return Ok(vec![opening_broken(&error)]),
    };
    let mut run = Run::new(world, rounds);
    let mut reports = Vec::with_capacity(rounds.len());
    for (index, round) in rounds.iter().enumerate() {
        let resumed = match &round.resume {
            Some(cut) => run.resume(cut, &mut stage)?,
            None => Ok(()),
        };
        let found = resumed.and_then(|()| run.round(index, round));
        // The rounds after one that broke have no run to be played in.
        let broke = found.is_err();
        let mut report = judged(index, round, found);
        report.calls = calls();
        reports.push(report);
        if broke {
            break;
        }
    }
    Ok(reports)
}

fn judged(index: usize, round: &Round, found: Result<Found, Stopped>) -> RoundReport {
    RoundReport {
        line: round.line,
        number: index + 1,
        at: Some((round.moment, round.step)),
        note: round.note.clone(),
        checks: match &found {
            Ok(found) => check(&round.expect, found),
            Err(stopped) => vec![went_on(stopped)],
        },
        found: found.ok(),
        calls: Vec::new(),
    }
}

fn opening_broken(error: &world::Error) -> RoundReport {
    let checks = vec![went_on(error)];
    RoundReport {
        line: 1,
        number: 0,
        at: None,
        note: None,
        found: None,
        checks,
        calls: Vec::new(),
    }
}

fn went_on(stopped: &impl ToString) -> Check {
    let (expected, found) = ("the run goes on".to_owned(), stopped.to_string());
    Check {
        key: "host",
        expected,
        found,
        passed: false,
    }
}
