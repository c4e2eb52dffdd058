//! Holds the compiled `unanimous`, with `books = "per-rank"`, against what PyTorch Lightning's
//! callback decided: each case of `tests/parity/`, in the groups that concern the decision.
//!
//! The events that Lightning evaluated are the rounds. A checkpoint is named by the event at which
//! it was saved. `train-steps` and `cadence` vary which events are evaluated, which a callback
//! decides and not the policy.

#[path = "simulated/components.rs"]
mod components;
#[path = "simulated/stage.rs"]
mod stage;

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use ckpt_policy_conformance::world::{World, Write};
use ckpt_policy_core::{Event, Metrics, Mode, Moment, Number};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use serde_json::{Value, json};

use components::root;
use stage::{Seat, open};

/// The groups and how many cases each has; fewer would be a file that was cut.
const GROUPS: [(&str, usize); 5] = [
    ("topk", 56),
    ("nonfinite", 40),
    ("ties", 32),
    ("special-k", 24),
    ("float32", 8),
];

fn main() -> ExitCode {
    let trials = GROUPS
        .iter()
        .flat_map(|(group, count)| trials(group, *count))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

#[derive(Deserialize)]
struct Group {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    config: Config,
    ranks: u32,
    events: Vec<Hook>,
    expected: Vec<Expected>,
}

/// What of Lightning's arguments bears on the decision.
#[derive(Deserialize)]
struct Config {
    monitor: Option<String>,
    mode: String,
    save_top_k: i64,
}

#[derive(Deserialize)]
struct Hook {
    epoch: u64,
    step: u64,
    metrics: Option<Vec<Option<Number>>>,
}

#[derive(Deserialize)]
struct Expected {
    evaluated: bool,
    save: bool,
    removed: Vec<usize>,
    disk: BTreeSet<usize>,
}

/// Returns a test for each case, and one that all cases are there.
fn trials(group: &'static str, count: usize) -> Vec<Trial> {
    let read = read(group);
    let found = read
        .as_ref()
        .map(|group| group.cases.len())
        .map_err(String::clone);
    let whole = Trial::test(format!("{group} is whole"), move || match found? {
        found if found == count => Ok(()),
        found => Err(format!("expected {count} cases, found {found}").into()),
    });
    let cases = read.map(|group| group.cases).unwrap_or_default();
    let case = |case: Case| {
        let case = Arc::new(case);
        Trial::test(case.id.clone(), move || play(&case))
    };
    std::iter::once(whole)
        .chain(cases.into_iter().map(case))
        .collect()
}

fn read(group: &str) -> Result<Group, String> {
    let path = root().join(format!("tests/parity/lightning-{group}.json"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns the configuration of the policy that means the same.
fn config(config: &Config) -> Value {
    let mut object = json!({
        "books": "per-rank",
        "mode": config.mode,
        "top-k": config.save_top_k,
    });
    if let Some(monitor) = &config.monitor {
        object["monitor"] = json!(monitor);
    }
    object
}

fn play(case: &Case) -> Result<(), Failed> {
    let seat = Seat {
        builtin: "unanimous",
        mode: Mode::Enforce,
        config: &config(&case.config),
    };
    let mut world = open(case.ranks, &[seat])?;
    let mut names = Vec::new();
    let mut rounds = 0;
    for (index, (hook, expected)) in case.events.iter().zip(&case.expected).enumerate() {
        if !expected.evaluated {
            continue;
        }
        rounds += 1;
        round(&mut world, &mut names, (index, case, hook, expected))?;
    }
    if rounds == 0 {
        return Err("no event of the case is a round".into());
    }
    Ok(())
}

/// Plays one event and compares it; `names` are the checkpoints' ids and events.
fn round(
    world: &mut World,
    names: &mut Vec<(u64, usize)>,
    (index, case, hook, expected): (usize, &Case, &Hook, &Expected),
) -> Result<(), Failed> {
    let events: Vec<Event> = (0..case.ranks)
        .map(|rank| event(case, hook, rank))
        .collect();
    let played = world
        .play(&events, &Write::default())
        .map_err(|error| error.to_string())?;
    let opinion = played
        .outcome
        .opinions
        .first()
        .ok_or("the policy was not asked")?;
    if let Some(error) = &opinion.error {
        return Err(format!("event {index}: {error}").into());
    }
    if let Some(id) = played.outcome.checkpoint.filter(|_| played.outcome.save) {
        names.push((id, index));
    }
    let name = |id: u64| {
        names
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, event)| *event)
    };
    let removed: Vec<usize> = played.deleted.iter().filter_map(|id| name(*id)).collect();
    let there = world.hosts()[0]
        .checkpoints()
        .filter(|held| !world.is_gone(held.id));
    let disk: BTreeSet<usize> = there.filter_map(|held| name(held.id)).collect();
    let found = (played.outcome.save, removed, disk);
    let wanted = (
        expected.save,
        expected.removed.clone(),
        expected.disk.clone(),
    );
    if found == wanted {
        return Ok(());
    }
    let metrics = &hook.metrics;
    let reason = &opinion.reason;
    Err(format!(
        "event {index}, metrics {metrics:?}: expected (save, removed, disk) {wanted:?}, found {found:?}; the policy's reason: {reason}"
    )
    .into())
}

fn event(case: &Case, hook: &Hook, rank: u32) -> Event {
    let value = hook
        .metrics
        .as_ref()
        .and_then(|all| *all.get(rank as usize)?);
    let metrics = case
        .config
        .monitor
        .iter()
        .filter_map(|name| Some((name.as_str(), value?.0)));
    Event {
        moment: Moment::ValidationEnd,
        step: hook.step,
        epoch: hook.epoch,
        metrics: metrics.collect::<Metrics>(),
    }
}
