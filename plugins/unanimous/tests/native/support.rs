//! Policies as plain Rust on one real host a rank, and the repository's recorded data.
//!
//! Every run here goes through the host's ledger, its settling rounds and the policy's encoded
//! state; only the sandbox is left out.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy_conformance::world::{Played, World, Write};
use ckpt_policy_conformance::{PolicySource, Scenario, run};
use ckpt_policy_core::{
    Event, Metrics, Mode, Moment, OnError, Opening, Place, PolicySetup, Rules, Setup,
};
use ckpt_policy_sdk::Policy;
use ckpt_policy_sdk::native::Native;
use serde_json::Value;

/// The name under which tests give the ranks their numbers.
pub(crate) const METRIC: &str = "metric";

/// A policy at work on all ranks.
pub(crate) struct Run {
    pub(crate) world: World,
    /// Optimizer steps done, one a validation.
    pub(crate) step: u64,
}

impl Run {
    /// Opens a world with one policy under this configuration.
    pub(crate) fn open<P: Policy>(config: &Value, ranks: u32) -> Self {
        let openings = (0..ranks).map(|rank| {
            let policy = PolicySetup {
                name: "policy".to_owned(),
                mode: Mode::Enforce,
                on_error: OnError::Skip,
                disable_after: None,
                config: config.clone(),
                digest: String::new(),
                policy: Box::new(Native::<P>::new()),
            };
            let place = Place {
                rank,
                world_size: ranks,
            };
            Opening::new(Setup {
                place,
                rules: Rules::default(),
                policies: vec![policy],
                facts: vec![],
            })
        });
        let world =
            World::open(openings.collect()).unwrap_or_else(|error| panic!("{config}: {error}"));
        Self { world, step: 0 }
    }

    /// Plays one validation in which each rank has this number, a step after the one before.
    pub(crate) fn play(&mut self, numbers: &[Option<f64>], fails: &[u32]) -> Played {
        self.step += 1;
        let events = self.events(numbers);
        let write = Write {
            fails: fails.to_vec(),
            ..Write::default()
        };
        self.world.play(&events, &write).expect("the ranks agree")
    }

    /// Returns the steps of what the policy holds, oldest first.
    pub(crate) fn held(&self) -> Vec<u64> {
        let checkpoints = self.world.hosts()[0].checkpoints();
        checkpoints
            .filter(|one| !one.holders.is_empty())
            .map(|one| one.step)
            .collect()
    }

    /// Returns the events of the present step.
    pub(crate) fn events(&self, numbers: &[Option<f64>]) -> Vec<Event> {
        let event = |number: &Option<f64>| {
            let metrics: Metrics = number.iter().map(|number| (METRIC, *number)).collect();
            Event {
                moment: Moment::ValidationEnd,
                step: self.step,
                epoch: 0,
                metrics,
            }
        };
        numbers.iter().map(event).collect()
    }
}

/// Returns a number as JSON files here write it: NaN and infinities are strings.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => Some(text.parse().expect("a number")),
        other => other.as_f64(),
    }
}

/// Reads a file of the repository's `tests`.
pub(crate) fn read(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Plays every scenario of this policy, as written and cut before each round; returns how many.
pub(crate) fn play_scenarios<P: Policy>() -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut failures = Vec::new();
    let mut played = 0;
    for file in files {
        let path = file.expect("an entry").path();
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let written = Scenario::parse(&text, &path).unwrap_or_else(|error| panic!("{error}"));
        let cut = written.cut_before_each_round();
        for scenario in std::iter::once(written).chain(cut) {
            let load = |_: &PolicySource| Ok::<_, Infallible>(Box::new(Native::<P>::new()) as _);
            let Ok(report) = run(&scenario, load);
            if !report.passed() {
                failures.push(report.to_string());
            }
        }
        played += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    played
}
