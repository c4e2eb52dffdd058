//! Measures a policy in a simulated run: real hosts, a metric that falls under noise, saves that
//! succeed.
//!
//! The calls are those that a host makes, with the ledger and the state that the policy's own
//! verdicts led to; the figures are of rank 0. The run is the same at each repetition, its times
//! are not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ckpt_policy_conformance::world::{World, Write};
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use ckpt_policy_core::{
    Event, Mode, Moment, OnError, Opening, Place, PolicyInfo, PolicySetup, Rules, Setup,
};
use ckpt_policy_runtime::{Instances, Loaded, Runtime, WasmPolicy};
use serde_json::Value;

use super::{Calls, Figures, Load};
use crate::exit;
use crate::report::{Failure, Report};

/// What to measure.
pub(super) struct Plan<'a> {
    /// The policy, as the user named it.
    pub(super) policy: &'a str,
    /// How long its file took to be checked and compiled.
    pub(super) compiled_in: Duration,
    pub(super) config: &'a Value,
    pub(super) info: &'a PolicyInfo,
    pub(super) ranks: u32,
    pub(super) rounds: u32,
}

/// Measures loading, and a run in fresh and in reused instances.
pub(super) fn measure(
    plan: &Plan<'_>,
    runtime: &Runtime,
    loaded: &Loaded,
) -> Result<Figures, Failure> {
    let mut calls = Vec::new();
    for instances in [Instances::Fresh, Instances::Reuse] {
        calls.extend(run(plan, &loaded.with_instances(instances), instances)?);
    }
    let description = &plan.info.description;
    let wasmtime = runtime
        .facts()
        .into_iter()
        .find(|(name, _)| name == "wasmtime");
    Ok(Figures {
        bench: Figures::FORM,
        name: description.name.clone(),
        version: description.version.clone(),
        sha256: loaded.digest().to_owned(),
        size: loaded.size() as u64,
        wasmtime: wasmtime.map(|(_, version)| version).unwrap_or_default(),
        config: plan.config.clone(),
        ranks: plan.ranks,
        rounds: plan.rounds,
        load: load(plan, runtime, loaded)?,
        calls,
    })
}

/// Measures how compiled code is taken from memory, as a cache would hand it over.
fn load(plan: &Plan<'_>, runtime: &Runtime, loaded: &Loaded) -> Result<Load, Failure> {
    let ours = |error: ckpt_policy_runtime::Error| {
        Failure::new(exit::OURS, Report::new(error.to_string()))
    };
    let native = loaded.native().map_err(ours)?;
    let start = Instant::now();
    runtime.reload(&native).map_err(ours)?;
    Ok(Load {
        compile_ms: milliseconds(plan.compiled_in),
        reload_ms: milliseconds(start.elapsed()),
        native_bytes: native.size() as u64,
    })
}

fn run(plan: &Plan<'_>, loaded: &Loaded, instances: Instances) -> Result<Vec<Calls>, Failure> {
    let samples = Arc::new(Mutex::new(Samples::default()));
    let mut world = open(plan, loaded, &samples)?;
    let mut noise = Noise(SEED);
    for round in 1..=u64::from(plan.rounds) {
        let asked_at = plan.info.asked_at();
        let moment = asked_at.clone().nth(round as usize % asked_at.count());
        let events = events(plan, moment, round, &mut noise);
        world
            .play(&events, &Write::default())
            .map_err(|error| broken(plan.policy, &error))?;
    }
    let mut prepared = Timed::new(loaded, Some(Arc::clone(&samples)));
    let config = plan.config.to_string();
    for _ in 0..plan.rounds.min(MOST_PREPARED) {
        prepared
            .prepare(&config, None)
            .map_err(|fault| broken(plan.policy, &fault))?;
    }
    let samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(fault) = &samples.fault {
        return Err(broken(plan.policy, fault));
    }
    Ok(samples.figures(instances))
}

fn open(plan: &Plan<'_>, loaded: &Loaded, samples: &Arc<Mutex<Samples>>) -> Result<World, Failure> {
    let openings = (0..plan.ranks).map(|rank| {
        // Rank 0 stands for all: each of them does the same.
        let watched = (rank == 0).then(|| Arc::clone(samples));
        Opening::new(Setup {
            place: Place {
                rank,
                world_size: plan.ranks,
            },
            rules: Rules::default(),
            policies: vec![PolicySetup {
                name: plan.policy.to_owned(),
                mode: Mode::Enforce,
                on_error: OnError::Skip,
                disable_after: None,
                config: plan.config.clone(),
                digest: loaded.digest().to_owned(),
                policy: Box::new(Timed::new(loaded, watched)),
            }],
            facts: Vec::new(),
        })
    });
    World::open(openings.collect()).map_err(|error| broken(plan.policy, &error))
}

/// One event for each rank: every input has a number that falls with time, under noise.
fn events(plan: &Plan<'_>, moment: Option<Moment>, round: u64, noise: &mut Noise) -> Vec<Event> {
    let step = round.saturating_mul(plan.info.plan.every_steps.max(1));
    let ranks = (0..plan.ranks).map(|_| {
        let inputs = plan.info.plan.inputs.iter();
        let trend = 1.0 / (1.0 + round as f64 / 64.0);
        let metrics = inputs
            .map(|input| (input.name.clone(), trend + 0.1 * noise.next()))
            .collect();
        Event {
            moment: moment.unwrap_or(Moment::ValidationEnd),
            step,
            epoch: round / 10,
            metrics,
        }
    });
    ranks.collect()
}

/// A policy whose calls are timed.
struct Timed {
    policy: WasmPolicy,
    samples: Option<Arc<Mutex<Samples>>>,
}

impl Timed {
    fn new(loaded: &Loaded, samples: Option<Arc<Mutex<Samples>>>) -> Self {
        Self {
            policy: loaded.policy(),
            samples,
        }
    }

    fn time<T>(
        &mut self,
        function: &'static str,
        call: impl FnOnce(&mut WasmPolicy) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let start = Instant::now();
        let answer = call(&mut self.policy);
        let elapsed = start.elapsed().as_secs_f64() * 1e6;
        if let Some(samples) = &self.samples {
            let usage = self.policy.usage();
            let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
            let of = samples.of(function);
            of.micros.push(elapsed);
            of.fuel = of.fuel.max(usage.fuel);
            of.start_fuel = of.start_fuel.max(usage.start_fuel);
            of.memory = of.memory.max(usage.memory);
            if let Err(fault) = &answer {
                samples.fault.get_or_insert_with(|| fault.clone());
            }
        }
        answer
    }
}

impl Policy for Timed {
    fn describe(&mut self) -> Result<Description, Fault> {
        self.policy.describe()
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        self.time("prepare", |policy| policy.prepare(config, previous))
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        self.time("observe", |policy| {
            policy.observe(settings, state, observation)
        })
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        self.time("decide", |policy| policy.decide(settings, state, round))
    }
}

/// What was measured, by function.
#[derive(Default)]
struct Samples {
    functions: Vec<(&'static str, Sample)>,
    /// The first call that did not answer.
    fault: Option<Fault>,
}

#[derive(Default)]
struct Sample {
    micros: Vec<f64>,
    fuel: u64,
    start_fuel: u64,
    memory: u64,
}

impl Samples {
    fn of(&mut self, function: &'static str) -> &mut Sample {
        let index = match self
            .functions
            .iter()
            .position(|(name, _)| *name == function)
        {
            Some(index) => index,
            None => {
                self.functions.push((function, Sample::default()));
                self.functions.len() - 1
            }
        };
        &mut self.functions[index].1
    }

    fn figures(&self, instances: Instances) -> Vec<Calls> {
        let functions = self.functions.iter().map(|(function, sample)| {
            let mut micros = sample.micros.clone();
            micros.sort_by(f64::total_cmp);
            Calls {
                function: (*function).to_owned(),
                instances: instances.to_string(),
                calls: micros.len() as u64,
                p50_us: percentile(&micros, 50),
                p95_us: percentile(&micros, 95),
                fuel: sample.fuel,
                start_fuel: sample.start_fuel,
                memory: sample.memory,
            }
        });
        functions.collect()
    }
}

/// The smallest sample that so many of a hundred do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// Numbers from 0 to 1 that are the same at each repetition (xorshift, Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn broken(policy: &str, what: &dyn std::fmt::Display) -> Failure {
    let report = Report::new(format!("{policy}: cannot be measured: {what}"));
    Failure::new(
        exit::POLICY,
        report.hint("`ckpt-policy conform` finds the smallest input that shows what is wrong"),
    )
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Calls of `prepare` that are enough to know what it costs: a run makes one.
const MOST_PREPARED: u32 = 200;

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_samples() {
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 50), 10.0);
        assert_eq!(percentile(&sorted, 95), 19.0);
        assert_eq!(percentile(&[7.0], 95), 7.0);
    }
}
