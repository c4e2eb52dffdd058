//! Totality: whatever a host may hand over, there is an answer, or an error that says why not.
//!
//! Each check makes one part of the arguments hostile and leaves the rest calm, so that a fault is found
//! by the check that is named for it.

use ckpt_policy_core::contract::Plan;
use proptest::prelude::{Just, Strategy};
use proptest::strategy::{BoxedStrategy, Union};
use proptest::{collection::vec, sample::select};

use super::arguments::{Mark, SPECIAL, Shape, Shelf, Time, any_shelf, everyday, special};
use super::caller::{Call, Caller, Outcome, breaks_off};
use crate::conform::property::{Broken, Property};
use crate::conform::{Candidate, Check, Finding, Passed, Trial, Way};

pub(super) const CALM: Check = Check {
    id: "totality.calm",
    meaning: "an ordinary call never breaks off",
    mend: "play the input as a scenario with `ckpt-policy test --explain`",
    run: calm,
};

pub(super) const MOMENTS: Check = Check {
    id: "totality.moments",
    meaning: "there is an answer at each moment of the plan",
    mend: "answer at each moment that the plan names; `round.moment` is an index into `plan.moments`",
    run: moments,
};

pub(super) const NUMBERS: Check = Check {
    id: "totality.numbers",
    meaning: "NaN, infinities, tiny and huge numbers, and missing ones, are answered",
    mend: "a value may be `none`, and in `observe` any double: compare with care, and never unwrap",
    run: numbers,
};

pub(super) const WORLD: Check = Check {
    id: "totality.world",
    meaning: "worlds of 1, 2, 3, 1024 and 65536 ranks are answered",
    mend: "divide by nothing that a world of one rank makes zero, and loop over ranks at most once or with a sort",
    run: world,
};

pub(super) const LEDGER: Check = Check {
    id: "totality.ledger",
    meaning: "lists of checkpoints that are empty, long, with gaps, in flight, pinned or unknown are answered",
    mend: "expect nothing of `checkpoints`: neither one in it, nor its numbers; and take no time that grows with its square",
    run: ledger,
};

pub(super) const STEPS: Check = Check {
    id: "totality.steps",
    meaning: "step 0, the largest step, steps that go back, and any clock are answered",
    mend: "add and subtract steps with saturation: a resume goes back, and 64 bits have an end",
    run: steps,
};

fn calm(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let caller = Caller::open(trial, Way::Fresh)?;
    trial.each(CALM.id, |candidate, property| {
        answers(&caller, candidate, (&Shape::calm(), property))
    })
}

fn moments(trial: &Trial<'_>) -> Result<Passed, Finding> {
    in_shapes(trial, MOMENTS.id, |plan| {
        let at = |moment| Shape {
            moments: Just(vec![moment]).boxed(),
            ..Shape::calm()
        };
        let count = u32::try_from(plan.moments.len()).unwrap_or(u32::MAX);
        (0..count).map(at).collect()
    })
}

fn numbers(trial: &Trial<'_>) -> Result<Passed, Finding> {
    in_shapes(trial, NUMBERS.id, |_| {
        let of = |numbers: BoxedStrategy<Vec<Option<f64>>>| Shape {
            shelf: shelf_of(numbers.clone()),
            numbers,
            ..Shape::calm()
        };
        let all = |number| of(Just(vec![number]).boxed());
        let some = |number| {
            let mixed = Union::new(vec![Just(number).boxed(), everyday()]);
            of(vec(mixed, 1..=6).boxed())
        };
        let each = [None].into_iter().chain(SPECIAL.map(Some));
        let mut shapes: Vec<_> = each
            .flat_map(|number| [all(number), some(number)])
            .collect();
        shapes.push(of(vec(special(), 1..=8).boxed()));
        shapes
    })
}

fn world(trial: &Trial<'_>) -> Result<Passed, Finding> {
    in_shapes(trial, WORLD.id, |_| {
        let of = |ranks| Shape {
            world: Just(ranks).boxed(),
            ..Shape::calm()
        };
        WORLDS.map(of).into()
    })
}

fn ledger(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let long = match trial.request.depth.cases >= MANY_CASES {
        true => 4096,
        false => 64,
    };
    in_shapes(trial, LEDGER.id, |_| {
        let of = |shelf| Shape {
            shelf,
            times: Just(vec![LATE]).boxed(),
            ..Shape::calm()
        };
        let mut shapes = vec![of(plain_shelf(0, (5, 1))), of(plain_shelf(1, (5, 1)))];
        shapes.push(of(plain_shelf(long, (5, 1))));
        shapes.extend([(5, 1000), (u64::MAX, 1)].map(|ids| of(plain_shelf(3, ids))));
        shapes.extend(MARKS.map(|mark| of(marked_shelf(mark))));
        shapes.push(of(any_shelf(24)));
        shapes
    })
}

fn steps(trial: &Trial<'_>) -> Result<Passed, Finding> {
    in_shapes(trial, STEPS.id, |_| {
        let after = |first: Time| TIMES.map(|second| vec![first, second]);
        let pairs = TIMES.into_iter().flat_map(after);
        let of = |times| Shape {
            times: Just(times).boxed(),
            ..Shape::calm()
        };
        pairs.map(of).collect()
    })
}

/// Tries the shapes that are made for each configuration, which share the inputs.
fn in_shapes(
    trial: &Trial<'_>,
    id: &str,
    shapes: impl Fn(&Plan) -> Vec<Shape>,
) -> Result<Passed, Finding> {
    let caller = Caller::open(trial, Way::Fresh)?;
    trial.each(id, |candidate, property| {
        let shapes = shapes(&candidate.prepared.plan);
        let parts = shapes.len();
        let tried = shapes
            .iter()
            .enumerate()
            .map(|(part, shape)| answers(&caller, candidate, (shape, property.part(part, parts))));
        tried.sum()
    })
}

fn answers(
    caller: &Caller,
    candidate: &Candidate,
    (shape, property): (&Shape, Property<'_>),
) -> Result<u64, Finding> {
    property.holds(&shape.runs(), |run| {
        caller.play(candidate, run, &mut answered)?;
        Ok(())
    })
}

/// Judges one call.
pub(super) fn answered(call: &Call, outcome: &Outcome) -> Result<(), Broken> {
    match breaks_off(outcome) {
        None => Ok(()),
        Some(fault) => Err(Broken {
            what: format!("`{}` has no answer: {fault}", call.function()),
            input: call.text(),
        }),
    }
}

/// Complete checkpoints with numbers of this kind.
fn shelf_of(numbers: BoxedStrategy<Vec<Option<f64>>>) -> BoxedStrategy<Shelf> {
    numbers
        .prop_map(|numbers| shelf(3, (5, 1), (Mark::EVERYDAY, numbers)))
        .boxed()
}

/// So many complete checkpoints; `ids` are the first one and how far they are apart.
fn plain_shelf(length: usize, ids: (u64, u64)) -> BoxedStrategy<Shelf> {
    let numbers = vec(everyday(), 1..=3);
    numbers
        .prop_map(move |numbers| shelf(length, ids, (Mark::EVERYDAY, numbers)))
        .boxed()
}

/// Up to four checkpoints of this kind, also among others.
fn marked_shelf(mark: Mark) -> BoxedStrategy<Shelf> {
    let marks = vec(select(vec![mark, Mark::EVERYDAY]), 0..=2);
    let shelf = (1_usize..=4, marks).prop_map(move |(length, others)| Shelf {
        marks: [mark].into_iter().chain(others).collect(),
        ..shelf(length, (5, 1), (mark, vec![Some(0.5)]))
    });
    shelf.boxed()
}

fn shelf(
    length: usize,
    (first, gap): (u64, u64),
    (mark, numbers): (Mark, Vec<Option<f64>>),
) -> Shelf {
    Shelf {
        length,
        first,
        gap,
        marks: vec![mark],
        numbers,
        again: false,
    }
}

const WORLDS: [u32; 5] = [1, 2, 3, 1024, 65_536];

/// Kinds of checkpoints, each unusual in one way.
const MARKS: [Mark; 5] = [
    Mark {
        complete: false,
        ..Mark::EVERYDAY
    },
    Mark {
        mine: false,
        ..Mark::EVERYDAY
    },
    Mark {
        pinned: true,
        ..Mark::EVERYDAY
    },
    Mark {
        tagged: true,
        ..Mark::EVERYDAY
    },
    Mark {
        known: false,
        ..Mark::EVERYDAY
    },
];

/// Late enough for each of many checkpoints to have a step of its own.
const LATE: Time = Time {
    step: 100_000,
    epoch: 7,
    elapsed: Some(3600.0),
};

/// Times at the edges. Each of them comes after each other one, too.
const TIMES: [Time; 5] = [
    Time {
        step: 1000,
        epoch: 3,
        elapsed: None,
    },
    Time {
        step: 0,
        epoch: 0,
        elapsed: Some(0.0),
    },
    Time {
        step: u64::MAX,
        epoch: u64::MAX,
        elapsed: Some(1e308),
    },
    Time {
        step: 1,
        epoch: u64::MAX,
        elapsed: Some(-1e9),
    },
    Time {
        step: u64::MAX - 1,
        epoch: 0,
        elapsed: Some(5e-324),
    },
];

/// From so many cases on, a guest is quick enough for long lists.
const MANY_CASES: u32 = 64;
