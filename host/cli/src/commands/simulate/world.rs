//! A world of one size: a real host for each rank, without threads, and an exchange that is a loop.

use std::time::{Duration, Instant};

use ckpt_policy_conformance::exchange::join;
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Reduced, Round, Source, Verdict,
};
use ckpt_policy_core::reduction::reduce;
use ckpt_policy_core::{
    Encoding, Event, Exchange, Host, Mode, Moment, OnError, Opened, Opening, Outcome, Place,
    PolicyInfo, PolicySetup, Progress, Rules, Saved, Setup,
};
use ckpt_policy_runtime::{Loaded, WasmPolicy};
use serde_json::Value;

use super::figures::{Basis, Driven, Row};
use super::trees;
use crate::exit;
use crate::report::{Failure, Report};

/// The largest world whose every rank decides on what it has gathered: that costs the square of the
/// ranks.
const MOST_GATHERING: u32 = 1000;
/// Ranks that decide for all others in a larger one.
const SOME: usize = 3;

/// What is driven.
pub(super) struct Course<'a> {
    pub(super) policy: &'a str,
    pub(super) loaded: &'a Loaded,
    pub(super) config: &'a Value,
    pub(super) info: &'a PolicyInfo,
    pub(super) rounds: u32,
    pub(super) seed: u64,
}

/// What the ranks took.
#[derive(Default)]
struct Taken {
    exchanges: u64,
    begun: Duration,
    begins: u64,
    completed: Duration,
    completes: u64,
    compared: u64,
    folded: u64,
}

type Begun<T> = Vec<Result<Progress<T>, ckpt_policy_core::Error>>;

impl Course<'_> {
    /// Drives a world of so many ranks.
    ///
    /// # Errors
    ///
    /// The policy's fault; or that bits differ which must not.
    pub(super) fn run(&self, ranks: u32, encoding: Encoding) -> Result<Driven, Failure> {
        let mut hosts = self.open(ranks, encoding)?;
        let gathers = hosts[0].encoding() == Encoding::Gather;
        let some = gathers && ranks > MOST_GATHERING;
        let mut taken = Taken::default();
        let rounds = if some { 1 } else { self.rounds };
        let (mut brings, mut gets) = (0, 0);
        for round in 1..=rounds {
            let events: Vec<_> = (0..ranks).map(|rank| self.event(rank, round)).collect();
            let start = Instant::now();
            let begun: Begun<Outcome> = hosts
                .iter_mut()
                .zip(&events)
                .map(|(host, event)| host.begin(event))
                .collect();
            taken.begun += start.elapsed();
            taken.begins += u64::from(ranks);
            let exchanges = self.exchanges(begun)?;
            brings = exchanges[0].bytes() as u64;
            gets = if gathers {
                brings * u64::from(ranks)
            } else {
                brings
            };
            if some {
                let all = self.join(exchanges, &mut taken)?;
                let step = hosts.len().div_ceil(SOME);
                self.complete(hosts.iter_mut().step_by(step), &all, &mut taken)?;
                break;
            }
            let outcome = self.carry(&mut hosts, exchanges, &mut taken)?;
            self.prove(&outcome, &events, &mut taken)?;
            self.follow(&mut hosts, outcome, &mut taken)?;
        }
        let micros = |time: Duration, calls: u64| time.as_secs_f64() * 1e6 / calls.max(1) as f64;
        let row = Row {
            encoding: hosts[0].encoding(),
            ranks,
            basis: if some {
                Basis::SomeRanks
            } else {
                Basis::AllRanks
            },
            exchanges: taken.exchanges,
            brings,
            gets,
            begin_us: micros(taken.begun, taken.begins),
            complete_us: micros(taken.completed, taken.completes),
        };
        Ok(Driven {
            row,
            compared: taken.compared,
            folded: taken.folded,
        })
    }

    fn open(&self, ranks: u32, encoding: Encoding) -> Result<Vec<Host>, Failure> {
        // All ranks prepare the same, so it is done once; each of them still calls for itself later.
        let mut policy = self.loaded.policy();
        let description = policy.describe().map_err(|fault| self.broken(&fault))?;
        let config = self.config.to_string();
        let prepared = policy
            .prepare(&config, None)
            .map_err(|fault| self.broken(&fault))?;
        let openings = (0..ranks).map(|rank| {
            let place = Place {
                rank,
                world_size: ranks,
            };
            let alike = Alike {
                policy: self.loaded.policy(),
                description: description.clone(),
                prepared: prepared.clone(),
            };
            let policy = PolicySetup {
                name: self.info.name.clone(),
                mode: Mode::Enforce,
                on_error: OnError::Skip,
                disable_after: None,
                config: self.config.clone(),
                digest: self.loaded.digest().to_owned(),
                policy: Box::new(alike),
            };
            let rules = Rules {
                encoding,
                ..Rules::default()
            };
            Opening::new(Setup {
                place,
                rules,
                policies: vec![policy],
                facts: Vec::new(),
            })
        });
        let openings: Vec<_> = openings.collect();
        let all = join(openings.iter().map(Opening::begin).collect());
        let all = all.map_err(|what| self.defect(&what))?;
        let opened = openings.into_iter().map(|opening| opening.complete(&all));
        opened
            .map(|opened| match opened {
                Ok(Opened::Host(host)) => Ok(*host),
                Ok(Opened::Exchange(..)) => Err(self.defect("ranks that are alike do not open")),
                Err(error) => Err(self.broken(&error)),
            })
            .collect()
    }

    /// One rank's event: every input has a number that falls with time, under noise of its own.
    fn event(&self, rank: u32, round: u32) -> Event {
        let plan = &self.info.plan;
        let moment = self.info.asked_at().next();
        let trend = 1.0 / (1.0 + f64::from(round) / 8.0);
        let number = |(place, input): (u64, &ckpt_policy_core::contract::Input)| {
            let drawn =
                mixed(self.seed ^ mixed(u64::from(rank) << 32 | u64::from(round)) ^ mixed(!place));
            let unit = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
            (input.name.clone(), trend + 0.1 * (unit - 0.5))
        };
        Event {
            moment: moment.unwrap_or(Moment::ValidationEnd),
            step: u64::from(round) * plan.every_steps.max(1),
            epoch: u64::from(round),
            metrics: (0..).zip(&plan.inputs).map(number).collect(),
        }
    }

    /// Joins what all ranks bring, in all trees where it is summed.
    fn join(&self, exchanges: Vec<Exchange>, taken: &mut Taken) -> Result<Exchange, Failure> {
        taken.exchanges += 1;
        if matches!(exchanges[0], Exchange::Gather(_)) {
            return join(exchanges).map_err(|what| self.defect(&what));
        }
        taken.compared += 1;
        trees::reduce(&exchanges, self.seed)
            .ok_or_else(|| self.defect("two trees have given different bits"))
    }

    fn complete<'h>(
        &self,
        hosts: impl Iterator<Item = &'h mut Host>,
        all: &Exchange,
        taken: &mut Taken,
    ) -> Result<Begun<Outcome>, Failure> {
        let start = Instant::now();
        let went: Begun<Outcome> = hosts.map(|host| host.complete(all)).collect();
        taken.completed += start.elapsed();
        taken.completes += went.len() as u64;
        match went.iter().find_map(|it| it.as_ref().err()) {
            Some(error) => Err(self.broken(error)),
            None => Ok(went),
        }
    }

    /// Carries exchanges until all ranks have the outcome, which is one.
    fn carry(
        &self,
        hosts: &mut [Host],
        mut exchanges: Vec<Exchange>,
        taken: &mut Taken,
    ) -> Result<Outcome, Failure> {
        loop {
            let all = self.join(exchanges, taken)?;
            let mut went = self.complete(hosts.iter_mut(), &all, taken)?;
            if let Some(Ok(Progress::Done(outcome))) = went.first() {
                let text = format!("{outcome:?}");
                let same = |it: &Result<Progress<Outcome>, _>| match it {
                    Ok(Progress::Done(other)) => format!("{other:?}") == text,
                    _ => false,
                };
                if !went.iter().all(same) {
                    return Err(self.defect("the ranks have come to different outcomes"));
                }
                if let Ok(Progress::Done(outcome)) = went.swap_remove(0) {
                    return Ok(outcome);
                }
            }
            exchanges = self.exchanges(went)?;
        }
    }

    fn exchanges(&self, begun: Begun<Outcome>) -> Result<Vec<Exchange>, Failure> {
        begun
            .into_iter()
            .map(|begun| match begun {
                Ok(Progress::Exchange(exchange)) => Ok(exchange),
                Ok(Progress::Done(_)) => Err(Failure::new(
                    exit::USER,
                    Report::new(format!(
                        "{} is asked at no moment that can be simulated",
                        self.policy
                    ))
                    .hint("give a `--config` under which it is asked at events of the trainer"),
                )),
                Err(error) => Err(self.broken(&error)),
            })
            .collect()
    }

    /// Writes (in pretence) what is to be saved, lets it settle, and deletes.
    fn follow(
        &self,
        hosts: &mut [Host],
        mut outcome: Outcome,
        taken: &mut Taken,
    ) -> Result<(), Failure> {
        loop {
            for host in &mut *hosts {
                if let (true, Some(id)) = (outcome.save, outcome.checkpoint) {
                    host.saved(id, Saved::default())
                        .map_err(|error| self.broken(&error))?;
                }
                for id in &outcome.delete {
                    host.deleted(*id).map_err(|error| self.broken(&error))?;
                }
            }
            if !outcome.save && !outcome.settle {
                return Ok(());
            }
            let start = Instant::now();
            let begun: Begun<Outcome> = hosts.iter_mut().map(Host::settle).collect();
            taken.begun += start.elapsed();
            taken.begins += hosts.len() as u64;
            let exchanges = self.exchanges(begun)?;
            outcome = self.carry(hosts, exchanges, taken)?;
        }
    }

    /// Proves that the reduced values are those that a fold over all ranks' numbers gives.
    fn prove(&self, outcome: &Outcome, events: &[Event], taken: &mut Taken) -> Result<(), Failure> {
        let plan = &self.info.plan;
        let Some(opinion) = outcome.opinions.first() else {
            return Ok(());
        };
        if let Some(error) = &opinion.error {
            return Err(self.broken(error));
        }
        let column = |source: Source| match source {
            Source::Input(at) => {
                let name = plan.inputs[at as usize].name.as_str();
                Some(events.iter().map(move |event| event.metrics.get(name)))
            }
            Source::Feature(_) => None,
        };
        for (reduction, found) in plan.reductions.iter().zip(&opinion.values) {
            use ckpt_policy_core::contract::Operation::WeightedMean;
            let weights = match reduction.operation {
                WeightedMean(weight) => column(weight),
                _ => None,
            };
            let Some(numbers) = column(reduction.source) else {
                continue;
            };
            let folded = reduce(reduction.operation, numbers, weights.into_iter().flatten());
            if bits(&folded) != bits(found) {
                return Err(self.defect(&format!("{folded:?} was expected, found {found:?}")));
            }
            taken.folded += 1;
        }
        Ok(())
    }

    fn broken(&self, what: &dyn std::fmt::Display) -> Failure {
        Failure::new(
            exit::POLICY,
            Report::new(format!("{}: {what}", self.policy)),
        )
    }

    fn defect(&self, what: &str) -> Failure {
        let report = Report::new(format!("{}: {what}", self.policy));
        Failure::new(
            exit::OURS,
            report.hint("this is a defect of ckpt-policy; please report it"),
        )
    }
}

/// All that can be told apart of a reduced value.
fn bits(reduced: &Reduced) -> (Vec<Option<u64>>, [u32; 3]) {
    match reduced {
        Reduced::Statistic(it) => (
            vec![it.value.map(f64::to_bits)],
            [it.finite, it.non_finite, it.missing],
        ),
        Reduced::Tally(it) => (Vec::new(), [it.yes, it.no, it.abstaining]),
        Reduced::EveryRank(ranks) => (
            ranks.iter().map(|it| it.map(f64::to_bits)).collect(),
            [0; 3],
        ),
    }
}

/// Mixes the bits of a number: the finalizer of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// A rank's policy: prepared as on every other rank, called by itself.
struct Alike {
    policy: WasmPolicy,
    description: Description,
    prepared: Prepared,
}

impl Policy for Alike {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(self.description.clone())
    }

    fn prepare(&mut self, _: &str, _: Option<&[u8]>) -> Result<Prepared, Fault> {
        Ok(self.prepared.clone())
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        self.policy.observe(settings, state, observation)
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        self.policy.decide(settings, state, round)
    }
}
