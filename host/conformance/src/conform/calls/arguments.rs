//! Draws the arguments of `observe` and `decide` that a plan allows.
//!
//! What is drawn is small, and what is handed over is made of it by rule: a few numbers are dealt out
//! to ranks and inputs in turn, a few kinds of checkpoints make a list of any length. So the input that
//! shows a fault shrinks to something that a person can read.

use ckpt_policy_core::contract::{
    Checkpoint, Observation, Operation, Plan, Reduced, Reduction, Round, Source, View,
};
use ckpt_policy_core::reduction::reduce;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};

/// From what the parts of a run are drawn.
#[derive(Clone, Debug)]
pub(in crate::conform) struct Shape {
    /// Indices of moments, one for each round in turn.
    pub(super) moments: BoxedStrategy<Vec<u32>>,
    /// One for each round.
    pub(super) times: BoxedStrategy<Vec<Time>>,
    pub(super) world: BoxedStrategy<u32>,
    /// Dealt out to ranks and inputs; never empty.
    pub(super) numbers: BoxedStrategy<Vec<Option<f64>>>,
    pub(super) shelf: BoxedStrategy<Shelf>,
}

/// When a round is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Time {
    pub(super) step: u64,
    pub(super) epoch: u64,
    pub(super) elapsed: Option<f64>,
}

/// The checkpoints that there are.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) length: usize,
    /// The oldest one's id, and how far they are apart.
    pub(super) first: u64,
    pub(super) gap: u64,
    /// In turn; never empty.
    pub(super) marks: Vec<Mark>,
    /// Dealt out to checkpoints and inputs; never empty.
    pub(super) numbers: Vec<Option<f64>>,
    /// Whether the step of the first round is saved already.
    pub(super) again: bool,
}

/// A kind of checkpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) complete: bool,
    pub(super) mine: bool,
    pub(super) pinned: bool,
    pub(super) tagged: bool,
    /// Whether the numbers of its time are known.
    pub(super) known: bool,
}

/// A few rounds that follow one another.
#[derive(Clone, Debug)]
pub(in crate::conform) struct Run {
    moments: Vec<u32>,
    times: Vec<Time>,
    world: u32,
    numbers: Vec<Option<f64>>,
    shelf: Shelf,
}

/// One round of a run.
pub(in crate::conform) struct Scene<'a> {
    plan: &'a Plan,
    run: &'a Run,
    index: usize,
}

impl Shape {
    /// Nothing that a policy could take exception to: four ranks with everyday numbers, three
    /// complete checkpoints of its own, the first of its moments.
    pub(in crate::conform) fn calm() -> Self {
        let time = |round: u64| Time {
            step: 1000 + 10 * round,
            epoch: 1,
            elapsed: Some(100.0 + 2.5 * round as f64),
        };
        let times = (1_u64..=3).prop_map(move |rounds| (0..rounds).map(time).collect());
        Self {
            moments: Just(vec![0]).boxed(),
            times: times.boxed(),
            world: Just(4).boxed(),
            numbers: vec(everyday(), 1..=6).boxed(),
            shelf: everyday_shelf(),
        }
    }

    /// All that can happen, mixed.
    pub(in crate::conform) fn any(plan: &Plan) -> Self {
        let moments = u32::try_from(plan.moments.len()).unwrap_or(1).max(1);
        Self {
            moments: vec(0..moments, 1..=3).boxed(),
            times: vec(times(), 1..=3).boxed(),
            world: select(vec![4, 2, 3, 1, 8, 17]).boxed(),
            numbers: vec(Union::new(vec![everyday(), special()]), 1..=6).boxed(),
            shelf: any_shelf(12),
        }
    }

    /// Draws runs.
    pub(in crate::conform) fn runs(&self) -> BoxedStrategy<Run> {
        let parts = (
            self.moments.clone(),
            self.times.clone(),
            self.world.clone(),
            self.numbers.clone(),
            self.shelf.clone(),
        );
        let runs = parts.prop_map(|(moments, times, world, numbers, shelf)| Run {
            moments,
            times,
            world,
            numbers,
            shelf,
        });
        runs.boxed()
    }
}

impl Run {
    pub(super) fn rounds(&self) -> usize {
        self.times.len()
    }

    pub(in crate::conform) fn scene<'a>(&'a self, plan: &'a Plan, index: usize) -> Scene<'a> {
        Scene {
            plan,
            run: self,
            index,
        }
    }

    /// How many of the checkpoints there are: each has a step of its own, up to the first round's.
    fn length(&self, plan: &Plan) -> usize {
        let steps = usize::try_from(self.times[0].step).unwrap_or(usize::MAX);
        match plan.view {
            View::None => 0,
            View::Mine | View::All => self.shelf.length.min(steps.max(1)),
        }
    }
}

impl Scene<'_> {
    /// Returns the ranks that are looked at: those that differ, and the last.
    pub(in crate::conform) fn ranks(&self) -> Vec<u32> {
        let mut ranks: Vec<u32> = (0..self.rows()).collect();
        if self.run.world > self.rows() {
            ranks.push(self.run.world - 1);
        }
        ranks
    }

    /// What one rank sees.
    pub(in crate::conform) fn observation(&self, rank: u32) -> Observation {
        let values = |number: usize| {
            let inputs = 0..self.plan.inputs.len();
            inputs.map(move |input| self.then((number, rank), input))
        };
        Observation {
            moment: Some(self.moment()),
            step: self.time().step,
            epoch: self.time().epoch,
            rank,
            world_size: self.run.world,
            values: self.row(rank % self.rows()),
            checkpoints: self.checkpoints(&|number| values(number).collect()),
        }
    }

    /// What all ranks share, where `features` has one row for each rank that differs.
    pub(in crate::conform) fn round(&self, features: &[Vec<Option<f64>>]) -> Round {
        let rows: Vec<_> = (0..self.rows()).map(|row| self.row(row)).collect();
        let number = |source, rank: u32| {
            let row = (rank % self.rows()) as usize;
            match source {
                Source::Input(index) => rows[row].get(index as usize).copied().flatten(),
                Source::Feature(index) => {
                    let row = features.get(row)?;
                    row.get(index as usize).copied().flatten()
                }
            }
        };
        let ranks = || 0..self.run.world;
        let values: Vec<Reduced> = self
            .plan
            .reductions
            .iter()
            .map(|wanted| {
                let numbers = ranks().map(|rank| number(wanted.source, rank));
                let weight = weight(wanted.operation);
                let weights = ranks().filter_map(|rank| Some(number(weight?, rank)));
                reduce(wanted.operation, numbers, weights)
            })
            .collect();
        let then = |checkpoint| {
            let known = self.plan.reductions.iter().zip(&values);
            known
                .map(|(wanted, now)| self.reduced_then(checkpoint, wanted, now))
                .collect()
        };
        Round {
            moment: self.moment(),
            step: self.time().step,
            epoch: self.time().epoch,
            world_size: self.run.world,
            elapsed_seconds: self.time().elapsed,
            candidate: self.candidate(),
            checkpoints: self.checkpoints(&then),
            values,
        }
    }

    fn moment(&self) -> u32 {
        self.run.moments[self.index % self.run.moments.len()]
    }

    fn time(&self) -> Time {
        self.run.times[self.index]
    }

    /// How many ranks differ; further ones are like these in turn.
    fn rows(&self) -> u32 {
        self.run.world.clamp(1, MOST_ROWS)
    }

    /// The numbers of one rank. A required input is known on some rank, else nobody is asked.
    fn row(&self, row: u32) -> Vec<Option<f64>> {
        let inputs = self.plan.inputs.len();
        let dealt = |row: u32, input: usize| {
            let place = row as usize * inputs + input + self.index;
            self.run.numbers[place % self.run.numbers.len()]
        };
        let values = self.plan.inputs.iter().enumerate().map(|(index, input)| {
            let unknown = || (0..self.rows()).all(|row| dealt(row, index).is_none());
            match input.required && row == 0 && unknown() {
                true => Some(1.0),
                false => dealt(row, index),
            }
        });
        values.collect()
    }

    fn candidate(&self) -> u64 {
        let Shelf { gap, again, .. } = self.run.shelf;
        let next = self.id(self.run.length(self.plan)) + self.index as u64 * gap;
        match again && self.index == 0 && self.run.length(self.plan) > 0 {
            true => self.id(self.run.length(self.plan) - 1),
            false => next,
        }
    }

    fn id(&self, number: usize) -> u64 {
        let Shelf { first, gap, .. } = self.run.shelf;
        let all = (self.run.length(self.plan) + self.run.rounds()) as u64;
        // Ids only rise, so the last one that is needed must still be one.
        let first = first.min(u64::MAX - all * gap);
        first + number as u64 * gap
    }

    fn checkpoints(&self, values: &dyn Fn(usize) -> Vec<Option<f64>>) -> Vec<Checkpoint> {
        let length = self.run.length(self.plan);
        let listed = (0..length).map(|number| {
            let mark = self.run.shelf.marks[number % self.run.shelf.marks.len()];
            let step = self.step(length - number);
            Checkpoint {
                id: self.id(number),
                step,
                epoch: self.run.times[0].epoch,
                elapsed_seconds: self.run.times[0].elapsed,
                complete: mark.complete,
                mine: mark.mine || self.plan.view == View::Mine,
                pinned: mark.pinned,
                bytes: if mark.complete { 1 << 30 } else { 0 },
                tags: if mark.tagged {
                    vec!["tier:local".to_owned()]
                } else {
                    Vec::new()
                },
                values: match mark.known {
                    true => values(number),
                    false => vec![None; values(number).len()],
                },
            }
        });
        listed.collect()
    }

    /// The step of the checkpoint that has `age` - 1 younger ones.
    fn step(&self, age: usize) -> u64 {
        let now = self.run.times[0].step;
        let length = self.run.length(self.plan) as u64;
        let stride = if now / 10 >= length { 10 } else { 1 };
        let age = age as u64 - u64::from(self.run.shelf.again);
        now.saturating_sub(age * stride)
    }

    /// What a rank had when a checkpoint was saved. Every other rank had an everyday number, so that
    /// what is reduced is known, too.
    fn then(&self, (checkpoint, rank): (usize, u32), input: usize) -> Option<f64> {
        let numbers = &self.run.shelf.numbers;
        match rank % 2 == 0 {
            true => numbers[(checkpoint + input) % numbers.len()],
            false => Some(0.5),
        }
    }

    fn reduced_then(&self, checkpoint: usize, wanted: &Reduction, now: &Reduced) -> Option<f64> {
        let number = |source, rank| match source {
            Source::Input(index) => self.then((checkpoint, rank), index as usize),
            // What `observe` made then is not known here; what it makes now is of the same kind.
            Source::Feature(_) => match now {
                Reduced::Statistic(statistic) => statistic.value,
                Reduced::Tally(_) | Reduced::EveryRank(_) => None,
            },
        };
        let weight = weight(wanted.operation);
        // Further ranks had the same, so a few of them are as good as all.
        let ranks = 0..self.run.world.min(MOST_ROWS);
        let numbers = ranks.clone().map(|rank| number(wanted.source, rank));
        let weights = ranks.filter_map(|rank| Some(number(weight?, rank)));
        match reduce(wanted.operation, numbers, weights) {
            Reduced::Statistic(statistic) => statistic.value,
            Reduced::Tally(_) | Reduced::EveryRank(_) => None,
        }
    }
}

/// Numbers that no policy minds.
pub(super) fn everyday() -> BoxedStrategy<Option<f64>> {
    select(vec![0.5, 0.25, 0.75, 1.0, 2.0, 0.1])
        .prop_map(Some)
        .boxed()
}

/// Numbers that a policy should mind, and none.
pub(super) fn special() -> BoxedStrategy<Option<f64>> {
    let all = [None].into_iter().chain(SPECIAL.map(Some));
    select(all.collect::<Vec<_>>()).boxed()
}

/// Three complete checkpoints of its own.
fn everyday_shelf() -> BoxedStrategy<Shelf> {
    let shelf = |numbers| Shelf {
        length: 3,
        first: 5,
        gap: 1,
        marks: vec![Mark::EVERYDAY],
        numbers,
        again: false,
    };
    vec(everyday(), 1..=3).prop_map(shelf).boxed()
}

/// Up to so many checkpoints of all kinds.
pub(super) fn any_shelf(most: usize) -> BoxedStrategy<Shelf> {
    let marks = any::<[bool; 5]>().prop_map(|[in_flight, foreign, pinned, tagged, unknown]| Mark {
        complete: !in_flight,
        mine: !foreign,
        pinned,
        tagged,
        known: !unknown,
    });
    let ids = select(vec![
        (1, 1),
        (5, 3),
        (7, 1000),
        (u64::MAX, 1),
        (u64::MAX, 1 << 40),
    ]);
    let numbers = vec(Union::new(vec![everyday(), special()]), 1..=4);
    let shelf = (0..=most, ids, vec(marks, 1..=4), numbers, any::<bool>());
    shelf
        .prop_map(|(length, (first, gap), marks, numbers, again)| Shelf {
            length,
            first,
            gap,
            marks,
            numbers,
            again,
        })
        .boxed()
}

/// Everyday times, and others.
fn times() -> BoxedStrategy<Time> {
    let time = (1_u64..5000, 0_u64..5, any::<bool>()).prop_map(|(step, epoch, clock)| Time {
        step,
        epoch,
        elapsed: clock.then_some(step as f64 / 4.0),
    });
    time.boxed()
}

impl Mark {
    pub(super) const EVERYDAY: Self = Self {
        complete: true,
        mine: true,
        pinned: false,
        tagged: false,
        known: true,
    };
}

fn weight(operation: Operation) -> Option<Source> {
    match operation {
        Operation::WeightedMean(weight) => Some(weight),
        _ => None,
    }
}

/// Numbers at the edges of what a double can be.
pub(super) const SPECIAL: [f64; 9] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    -0.0,
    5e-324,
    -2e-308,
    1e308,
    -1e308,
    0.0,
];

/// Ranks that differ from one another.
const MOST_ROWS: u32 = 4;
