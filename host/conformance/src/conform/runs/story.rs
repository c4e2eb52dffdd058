//! Generated runs: what the ranks of a world see, event by event.
//!
//! A [`Story`] is abstract, so that it fits the plan of every policy and stays a run when parts of
//! it are taken away: its events say by how much a step moves on, and which of the plan's moments
//! comes. [`Story::scenario`] makes a scenario of it, the same that a person would write. Judges
//! nothing and plays nothing.

use std::path::PathBuf;

use ckpt_policy_core::contract::Plan;
use ckpt_policy_core::{Metrics, Moment, OnError};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree;

use super::super::{Candidate, Property, Trial};
use crate::scenario::{Cut, Expect, Plot, PolicySource, Round, Scenario, Writing};

/// Steps between two plays of one story: a multiple of whatever a policy may count in, so that a
/// rule such as "every 500 steps" meets the same steps again.
pub(super) const LAP: u64 = 5_040_000;

/// How large stories get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// At most so many ranks.
    pub(super) ranks: u32,
    /// At least and at most so many events.
    pub(super) events: (usize, usize),
    /// Whether a save may be in flight while the run goes on.
    pub(super) flights: bool,
}

/// A generated run.
#[derive(Clone, Debug)]
pub(super) struct Story {
    /// Which configuration, as an index into the candidates.
    pub(super) candidate: usize,
    pub(super) ranks: u32,
    /// Whether numbers rise, fall or stay as the run goes on.
    pub(super) slope: i8,
    /// Whether the host has a clock.
    pub(super) clock: bool,
    /// A rank that has nothing but NaN.
    pub(super) diverged: Option<u32>,
    pub(super) events: Vec<Event>,
}

/// One event of a story.
#[derive(Clone, Debug)]
pub(super) struct Event {
    moment: u8,
    steps: u64,
    epochs: u64,
    /// Numbers for two inputs on three ranks; further ones see the same again.
    numbers: Vec<Option<f64>>,
    fails: Fails,
    takes: u64,
    told: Told,
}

/// On which ranks a save fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fails {
    No,
    OnLast,
    OnAll,
}

/// What somebody told rank 0 before an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    ToSave,
    ToLeave,
}

/// Generates stories of policies with so many configurations.
pub(super) fn stories(candidates: usize, shape: Shape) -> impl Strategy<Value = Story> {
    let run = (
        0..candidates,
        1..=shape.ranks,
        -1_i8..=1,
        any::<bool>(),
        weighted(0.15, 0_u32..3),
    );
    let (least, most) = shape.events;
    (run, vec(event(shape.flights), least..=most)).prop_map(
        |((candidate, ranks, slope, clock, diverged), events)| Story {
            candidate,
            ranks,
            slope,
            clock,
            diverged,
            events,
        },
    )
}

/// Generates one story, the same for the same seed and name.
pub(super) fn one_story(trial: &Trial<'_>, name: &str, shape: Shape) -> Story {
    stories(trial.candidates.len(), shape)
        .new_tree(&mut Property::new(name, trial.request).runner())
        .expect("no part of the strategy rejects what it generates")
        .current()
}

fn event(flights: bool) -> impl Strategy<Value = Event> {
    let steps =
        prop_oneof![8 => Just(1), 1 => Just(0), 2 => 2_u64..=10, 1 => Just(100), 1 => Just(1_000)];
    let epochs = prop_oneof![3 => Just(0), 1 => Just(1_u64)];
    let fails =
        prop_oneof![8 => Just(Fails::No), 1 => Just(Fails::OnLast), 1 => Just(Fails::OnAll)];
    let longest = if flights { 12_u64 } else { 0 };
    let takes = prop_oneof![4 => Just(0), 1 => 0..=longest];
    let told =
        prop_oneof![16 => Just(Told::Nothing), 1 => Just(Told::ToSave), 1 => Just(Told::ToLeave)];
    let numbers = vec(number(), INPUTS * RANKS);
    (0_u8..24, steps, epochs, numbers, fails, takes, told).prop_map(
        |(moment, steps, epochs, numbers, fails, takes, told)| Event {
            moment,
            steps,
            epochs,
            numbers,
            fails,
            takes,
            told,
        },
    )
}

/// Numbers on a grid, so that ties are common, and what a run that goes wrong has instead.
fn number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        24 => (0_u8..=16).prop_map(|eighths| Some(f64::from(eighths) / 8.0)),
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
        1 => Just(Some(f64::INFINITY)),
        1 => Just(Some(f64::NEG_INFINITY)),
    ]
}

impl Story {
    /// Returns the configuration under which it is played.
    pub(super) fn candidate<'a>(&self, trial: &'a Trial<'_>) -> &'a Candidate {
        &trial.candidates[self.candidate]
    }

    /// Writes the story as a scenario for the policy of a trial.
    pub(super) fn scenario(&self, trial: &Trial<'_>) -> Scenario {
        self.repeated(trial, 1)
    }

    /// Writes the story as a scenario in which it happens several times, one after the other.
    pub(super) fn repeated(&self, trial: &Trial<'_>, laps: u64) -> Scenario {
        let candidate = self.candidate(trial);
        let plan = &candidate.prepared.plan;
        let rounds = (0..laps).flat_map(|lap| self.lap(plan, lap, |_| self.ranks));
        scenario(candidate, self.ranks, rounds.collect())
    }

    /// Returns the story with a number wherever it has NaN or an infinity.
    pub(super) fn finite(&self) -> Self {
        let mut story = self.clone();
        story.diverged = None;
        let numbers = story.events.iter_mut().flat_map(|event| &mut event.numbers);
        for number in numbers.flatten().filter(|number| !number.is_finite()) {
            *number = 1.0;
        }
        story
    }

    /// Writes the story with a cut before one of its events.
    pub(super) fn cut(&self, trial: &Trial<'_>, before: usize, cut: Cut) -> Scenario {
        let candidate = self.candidate(trial);
        let ranks = |index| {
            if index < before {
                self.ranks
            } else {
                cut.ranks
            }
        };
        let mut rounds = self.lap(&candidate.prepared.plan, 0, ranks);
        if let Some(round) = rounds.get_mut(before) {
            round.resume = Some(cut);
        }
        scenario(candidate, self.ranks, rounds)
    }

    /// Returns how many events come before the first one at this step.
    pub(super) fn events_before(&self, step: u64) -> usize {
        let steps = self.events.iter().scan(0, |passed, event| {
            *passed += event.steps;
            Some(*passed)
        });
        steps.take_while(|passed| *passed < step).count()
    }

    fn lap(&self, plan: &Plan, lap: u64, ranks: impl Fn(usize) -> u32) -> Vec<Round> {
        let (mut step, mut epoch) = (0, 0);
        let rounds = self.events.iter().enumerate().map(|(index, event)| {
            step += event.steps;
            epoch += event.epochs;
            let ranks = ranks(index);
            let here = |rank| Here {
                index,
                rank,
                lap,
                step,
            };
            Round {
                moment: event.moment(plan),
                step: lap * LAP + step,
                epoch: lap * LAP + epoch,
                metrics: (0..ranks)
                    .map(|rank| self.metrics(plan, event, here(rank)))
                    .collect(),
                save: event.writing(ranks),
                signal: event.told(Told::ToLeave),
                request_save: event.told(Told::ToSave),
                ..silent(Moment::StepEnd)
            }
        });
        rounds.collect()
    }

    fn metrics(&self, plan: &Plan, event: &Event, here: Here) -> Metrics {
        let mut metrics = Metrics::new();
        if let Some(seconds) = self.fact("host.elapsed-seconds", here) {
            metrics.insert("host.elapsed-seconds", seconds);
        }
        for (position, input) in plan.inputs.iter().enumerate() {
            let name = metric(&input.name);
            let own = self.number(event, position, here);
            let value = match name {
                "host.save-seconds" | "host.stall-seconds" | "host.checkpoint-bytes" => {
                    own.map(|own| 10.0 * own.abs())
                }
                _ if name.starts_with("host.") => self.fact(name, here),
                _ => own,
            };
            if let Some(value) = value {
                metrics.insert(name, value);
            }
        }
        metrics
    }

    fn number(&self, event: &Event, position: usize, here: Here) -> Option<f64> {
        if self.diverged == Some(here.rank) {
            return Some(f64::NAN);
        }
        let place = (position % INPUTS) * RANKS + here.rank as usize % RANKS;
        let drift = f64::from(self.slope) * 0.25 * here.index as f64;
        event.numbers[place].map(|number| number + drift)
    }

    /// Returns what a host would measure here; what it derives itself is left to it.
    fn fact(&self, name: &str, here: Here) -> Option<f64> {
        let passed = here.step as f64 * 1.5 + here.index as f64 * 20.0;
        let elapsed = passed + here.lap as f64 * 1e6;
        match name {
            "host.max-steps" => Some(1e6),
            "host.free-bytes" => Some(1e12),
            _ if !self.clock => None,
            "host.elapsed-seconds" => Some(elapsed),
            "host.unix-seconds" => Some(1.7e9 + elapsed),
            "host.remaining-seconds" => Some((40_000.0 - passed).max(0.0)),
            _ => None,
        }
    }
}

/// Where and when a number is seen.
#[derive(Clone, Copy)]
struct Here {
    index: usize,
    rank: u32,
    lap: u64,
    /// Within the lap.
    step: u64,
}

impl Event {
    /// Returns the moment: mostly one that the plan names.
    fn moment(&self, plan: &Plan) -> Moment {
        let named = moments(plan);
        let roll = usize::from(self.moment);
        if roll < FOREIGN && !named.is_empty() {
            return named[roll % named.len()];
        }
        TRAINER_MOMENTS[roll % TRAINER_MOMENTS.len()]
    }

    fn writing(&self, ranks: u32) -> Writing {
        let fails = match self.fails {
            Fails::No => Vec::new(),
            Fails::OnLast => vec![ranks - 1],
            Fails::OnAll => (0..ranks).collect(),
        };
        Writing {
            fails,
            takes: self.takes,
            bytes: 0,
        }
    }

    fn told(&self, told: Told) -> Vec<u32> {
        if self.told == told {
            vec![0]
        } else {
            Vec::new()
        }
    }
}

/// Returns the moments of a plan that a trainer brings about.
pub(super) fn moments(plan: &Plan) -> Vec<Moment> {
    let named = plan.moments.iter();
    named
        .filter_map(|name| Moment::from_name(name))
        .filter(|moment| *moment != Moment::Settled)
        .collect()
}

/// Returns the metric behind an input, which may be its newest value or its age.
pub(super) fn metric(input: &str) -> &str {
    let bare = input.strip_prefix("last:");
    bare.or_else(|| input.strip_prefix("age:")).unwrap_or(input)
}

/// Returns a round in which nobody measured anything.
pub(super) fn silent(moment: Moment) -> Round {
    Round {
        line: 0,
        note: None,
        moment,
        step: 0,
        epoch: 0,
        metrics: Vec::new(),
        save: Writing::default(),
        signal: Vec::new(),
        request_save: Vec::new(),
        resume: None,
        expect: Expect::default(),
    }
}

/// Returns the scenario of these rounds.
pub(super) fn scenario(candidate: &Candidate, ranks: u32, rounds: Vec<Round>) -> Scenario {
    Scenario {
        about: "the smallest run that shows it".to_owned(),
        path: PathBuf::new(),
        policy: PolicySource::File(PathBuf::from("policy.wasm")),
        ranks,
        // A configuration that the policy accepted and that is no JSON is the contract's business.
        config: serde_json::from_str(&candidate.config).unwrap_or_default(),
        on_error: OnError::Skip,
        keep_at_least: 1,
        plot: Plot::Rounds(rounds),
    }
}

const INPUTS: usize = 2;
const RANKS: usize = 3;

/// Rolls from here on are a moment that the plan need not name.
const FOREIGN: usize = 20;

/// All but `settled`, which follows a save by itself.
const TRAINER_MOMENTS: [Moment; 6] = [
    Moment::TrainStart,
    Moment::StepEnd,
    Moment::EpochEnd,
    Moment::ValidationEnd,
    Moment::TrainEnd,
    Moment::Interrupted,
];
