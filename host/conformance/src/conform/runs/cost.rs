//! What a policy costs: fuel and memory as a share of what a site allows, and time.
//!
//! Fuel and memory are the same at each repetition, so they are judged; times are only shown.

use std::time::{Duration, Instant};

use super::super::{Finding, Passed, Trial, Usage, Way};
use super::play::{Trouble, play};
use super::story::{Shape, Story, one_story};
use super::witness::{Deciding, Log, Watch};

/// Of which call a figure is.
#[derive(Clone, Copy)]
enum Call {
    Prepare,
    Observe,
    Decide,
}

const CALLS: [(Call, &str); 3] = [
    (Call::Prepare, "prepare"),
    (Call::Observe, "observe"),
    (Call::Decide, "decide"),
];

pub(super) fn fuel(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let limit = Limit {
        of: "fuel",
        most: trial.subject.budget().fuel,
        unit: "units of fuel",
    };
    shares(trial, &limit, |usage| usage.fuel)
}

pub(super) fn memory(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let limit = Limit {
        of: "memory",
        most: trial.subject.budget().memory,
        unit: "bytes of memory",
    };
    shares(trial, &limit, |usage| usage.memory)
}

pub(super) fn start(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let logs = run(trial)?;
    if !is_measured(&logs) {
        return Ok(Passed::nothing(NO_METER));
    }
    let usages = CALLS.iter().flat_map(|(call, _)| usages(&logs, *call));
    let most = usages.map(|usage| usage.start_fuel).max().unwrap_or(0);
    let figure = ("fuel of an instance's start".to_owned(), most.to_string());
    Ok(Passed {
        figures: vec![figure],
        ..Passed::tried(calls(&logs))
    })
}

pub(super) fn time(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let logs = run(trial)?;
    let decided: Vec<&Deciding> = logs.iter().flat_map(|log| &log.decided).collect();
    let Some(fresh) = timed(trial, Way::Fresh, &decided) else {
        return Ok(Passed::nothing("the policy was asked nothing"));
    };
    let reused = timed(trial, Way::Reused, &decided);
    let mut figures = vec![("decide, fresh instance".to_owned(), fresh.shown())];
    if let Some(reused) = reused {
        figures.push(("decide, reused instance".to_owned(), reused.shown()));
        let start = fresh.median.saturating_sub(reused.median);
        figures.push((
            "instance (fresh minus reused, median)".to_owned(),
            micros(start),
        ));
    }
    Ok(Passed {
        figures,
        ..Passed::tried(decided.len() as u64)
    })
}

/// What a site allows by default.
struct Limit {
    of: &'static str,
    most: u64,
    unit: &'static str,
}

impl Limit {
    fn share(&self, used: u64) -> f64 {
        100.0 * used as f64 / self.most.max(1) as f64
    }

    fn warning(&self, function: &str, used: u64) -> Finding {
        let (share, Self { of, most, unit }) = (self.share(used), self);
        let what = format!(
            "`{function}` uses {used} {unit}, {share:.0} % of the {most} that a site allows by default"
        );
        Finding {
            mend: format!(
                "do less in a call, or ask sites to raise `{of}` in `[limits]`: ledgers and worlds grow, and a call that reaches the limit is an error"
            ),
            ..Finding::of(what)
        }
    }
}

/// Compares the highest use with the limit.
fn shares(trial: &Trial<'_>, limit: &Limit, amount: fn(Usage) -> u64) -> Result<Passed, Finding> {
    let logs = run(trial)?;
    if !is_measured(&logs) {
        return Ok(Passed::nothing(NO_METER));
    }
    let mut passed = Passed::tried(calls(&logs));
    for (call, name) in CALLS {
        let Some(used) = usages(&logs, call).map(amount).max() else {
            continue;
        };
        let share = format!("{used} ({:.2} %)", limit.share(used));
        passed.figures.push((format!("{name}, highest"), share));
        if limit.share(used) > WARNING {
            passed.warnings.push(limit.warning(name, used));
        }
    }
    Ok(passed)
}

/// Plays one run under each configuration.
fn run(trial: &Trial<'_>) -> Result<Vec<Log>, Finding> {
    let most = (trial.request.depth.cases as usize / 4).max(8);
    let shape = Shape {
        events: (most, most),
        ..SHAPE
    };
    let story = one_story(trial, "cost", shape);
    let mut logs = Vec::new();
    for candidate in 0..trial.candidates.len() {
        let story = Story {
            candidate,
            ..story.clone()
        };
        let played = play(trial, &story.scenario(trial), Watch::Calls);
        logs.extend(played.map_err(Trouble::into_finding)?.logs);
    }
    Ok(logs)
}

fn usages(logs: &[Log], call: Call) -> impl Iterator<Item = Usage> {
    logs.iter().flat_map(move |log| -> Vec<Usage> {
        match call {
            Call::Prepare => log.prepared.clone(),
            Call::Observe => log.observed.iter().map(|one| one.usage).collect(),
            Call::Decide => log.decided.iter().map(|one| one.usage).collect(),
        }
    })
}

fn calls(logs: &[Log]) -> u64 {
    let count = CALLS.map(|(call, _)| usages(logs, call).count());
    count.iter().sum::<usize>() as u64
}

fn is_measured(logs: &[Log]) -> bool {
    let mut all = CALLS.iter().flat_map(|(call, _)| usages(logs, *call));
    all.any(|usage| usage != Usage::default())
}

/// How long calls took.
struct Times {
    median: Duration,
    p95: Duration,
}

impl Times {
    fn shown(&self) -> String {
        format!("median {}, p95 {}", micros(self.median), micros(self.p95))
    }
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

/// Times the calls again, one by one; `None` where there is none, or the way cannot be run.
fn timed(trial: &Trial<'_>, way: Way, calls: &[&Deciding]) -> Option<Times> {
    let mut policy = trial.subject.policy(way).ok()?;
    let took = calls.iter().map(|call| {
        let begun = Instant::now();
        // What it answers is known; only the time is wanted.
        let _ = policy.decide(&call.settings, &call.state, &call.round);
        begun.elapsed()
    });
    let mut took: Vec<Duration> = took.collect();
    took.sort_unstable();
    let at =
        |percent: usize| took.get((took.len() * percent / 100).min(took.len().checked_sub(1)?));
    Some(Times {
        median: *at(50)?,
        p95: *at(95)?,
    })
}

const SHAPE: Shape = Shape {
    ranks: 3,
    events: (1, 1),
    flights: true,
};

const NO_METER: &str = "a policy that runs in no sandbox has no meter";

/// Percent of a limit from which on an author is told.
const WARNING: f64 = 25.0;
