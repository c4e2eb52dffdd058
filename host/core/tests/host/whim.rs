//! A policy whose wishes follow from a digest of all that it is shown.
//!
//! It remembers that digest, so whatever a host shows differently, once, changes everything after
//! it. Its configuration says what it needs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;

use ckpt_policy_core::contract::{
    Ballot, Checkpoint, CheckpointId, Description, Fault, Figure, Input, Label, Observation,
    Operation, Plan, Policy, Prepared, Reduction, Round, Source, Verdict, View,
};
use ckpt_policy_core::{Mode, Moment, OnError, PolicySetup};
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};

/// What one such policy is like.
#[derive(Clone, Debug)]
pub(crate) struct Whim {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) on_error: OnError,
    pub(crate) disable_after: Option<NonZeroU64>,
    pub(crate) plan: Plan,
    /// Blind to ids and sizes: decides alike in a ledger of its own.
    pub(crate) blind: bool,
}

impl Whim {
    pub(crate) fn setup(&self, name: &str) -> PolicySetup {
        PolicySetup {
            mode: self.mode,
            on_error: self.on_error,
            disable_after: self.disable_after,
            ..crate::support::setup_of(name, Box::new(self.clone()))
        }
    }

    /// Wants no number of every rank, which is not to be had where numbers are summed on the way.
    pub(crate) fn summed(mut self) -> Self {
        for reduction in &mut self.plan.reductions {
            if reduction.operation == Operation::EveryRank {
                reduction.operation = Operation::Variance;
            }
        }
        self
    }

    fn digest(&self, state: &[u8], what: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, state, what).hash(&mut hasher);
        hasher.finish()
    }
}

impl Policy for Whim {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(crate::support::description())
    }

    fn prepare(&mut self, _: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        Ok(Prepared {
            plan: self.plan.clone(),
            settings: Vec::new(),
            state: previous.unwrap_or_default().to_vec(),
        })
    }

    fn observe(
        &mut self,
        _: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        let mut seen = observation.clone();
        if self.blind {
            // Nor does it see whether it is asked: a shadow never settles on its own.
            seen.moment = None;
            seen.checkpoints.iter_mut().for_each(blind);
        }
        let digest = self.digest(state, &format!("{seen:?}"));
        if digest.is_multiple_of(31) {
            return Err(Fault::Trap(format!("whim {digest} of one rank")));
        }
        let numbers = (0..self.plan.features).map(|index| match (digest >> index) % 7 {
            0 => None,
            1 => Some(f64::NAN),
            small => Some(f64::from(u8::try_from(small).unwrap_or(0))),
        });
        Ok(numbers.collect())
    }

    fn decide(&mut self, _: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        let mut seen = round.clone();
        if self.blind {
            seen.candidate = 0;
            seen.checkpoints.iter_mut().for_each(blind);
        }
        let digest = self.digest(state, &format!("{seen:?}"));
        if digest.is_multiple_of(37) {
            return Err(Fault::Failed(format!("whim {digest}")));
        }
        Ok(wishes(digest, round))
    }
}

fn blind(checkpoint: &mut Checkpoint) {
    (checkpoint.id, checkpoint.bytes) = (0, 0);
}

/// What a digest wishes; ids are taken by their place in the list.
fn wishes(digest: u64, round: &Round) -> Verdict {
    // Every use draws bits of its own.
    let draw = |use_: u64, count: u64| {
        let mut hasher = DefaultHasher::new();
        (digest, use_).hash(&mut hasher);
        hasher.finish() % count
    };
    let ids = || round.checkpoints.iter().map(|it| it.id);
    let some = |use_: u64, count: u64| -> Vec<CheckpointId> {
        let chosen = ids()
            .zip(0..)
            .filter(|(_, place)| draw(use_ + place, count) == 0);
        chosen.map(|(id, _)| id).collect()
    };
    let mut release = some(1000, 2);
    if draw(1, 6) == 0 {
        release.push(round.candidate);
    }
    let labelled = ids().chain([round.candidate]).last();
    Verdict {
        ballot: match draw(2, 9) {
            0..=3 => Ballot::Save,
            4 => Ballot::Skip,
            5 => Ballot::Veto,
            _ => Ballot::Abstain,
        },
        reason: format!("{digest:x}"),
        figures: vec![Figure {
            name: "draw".to_owned(),
            value: if draw(3, 9) == 0 { f64::NAN } else { 0.5 },
        }],
        tags: vec![format!("t{}", draw(4, 5))],
        labels: labelled
            .into_iter()
            .map(|checkpoint| Label {
                name: format!("l{}", draw(5, 2)),
                checkpoint,
            })
            .collect(),
        hold: some(2000, 4),
        release,
        stop: draw(6, 50) == 0,
        not_before: (draw(7, 4) == 0).then(|| round.step + draw(8, 20)),
        state: digest.to_le_bytes().to_vec(),
    }
}

/// Inputs that come and go, differ between ranks, and are not always numbers.
const INPUTS: [&str; 9] = [
    "x",
    "y",
    "last:x",
    "age:x",
    "host.interrupted",
    "host.save-requested",
    "host.failed-saves",
    "host.saves-in-flight",
    "host.checkpoint-bytes",
];

/// Any policy of this kind.
pub(crate) fn any_whim() -> impl Strategy<Value = Whim> {
    let mode = prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Shadow)];
    let on_error = prop_oneof![
        Just(OnError::Skip),
        Just(OnError::Save),
        Just(OnError::Stop)
    ];
    let limit = option::weighted(0.5, prop_oneof![3 => Just(1), 1 => Just(2)]);
    let failing = (on_error, limit);
    (any::<u64>(), mode, failing, any_plan()).prop_map(|(seed, mode, failing, plan)| Whim {
        seed,
        mode,
        on_error: failing.0,
        disable_after: failing.1.and_then(NonZeroU64::new),
        plan,
        blind: false,
    })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let inputs = vec((select(&INPUTS[..]), weighted(0.2)), 0..4);
    let view = prop_oneof![Just(View::None), Just(View::Mine), Just(View::All)];
    let moments = subsequence(Moment::ALL.to_vec(), 1..=7);
    let every = prop_oneof![Just(0_u64), Just(3), Just(10)];
    let rest = (view, moments, every, weighted(0.2));
    (inputs, 0..3_u32, any::<u64>(), rest).prop_map(|(inputs, features, draw, rest)| {
        let (view, moments, every_steps, passive) = rest;
        let sources = (0..).map(Source::Input).take(inputs.len());
        let features_read = (0..features).map(Source::Feature);
        let reductions = sources
            .chain(features_read)
            .zip(draw..)
            .map(|(source, draw)| Reduction {
                source,
                operation: operation(source, draw),
            })
            .collect();
        let input = |(name, required): (&str, bool)| Input {
            name: name.to_owned(),
            required,
        };
        Plan {
            inputs: inputs.into_iter().map(input).collect(),
            features,
            reductions,
            view,
            moments: moments.iter().map(|it| it.name().to_owned()).collect(),
            every_steps,
            passive,
        }
    })
}

fn operation(weight: Source, draw: u64) -> Operation {
    match draw % 9 {
        0 => Operation::Sum,
        1 => Operation::Mean,
        2 => Operation::WeightedMean(weight),
        3 => Operation::Variance,
        4 => Operation::Min,
        5 => Operation::Max,
        6 => Operation::Tally,
        7 => Operation::FromRank(1),
        _ => Operation::EveryRank,
    }
}
