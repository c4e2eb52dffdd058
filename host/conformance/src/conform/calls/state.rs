//! Totality of states: damaged bytes, and those of another version, are an error at worst.
//!
//! Where a call breaks off with its own undamaged state already, that is for another check to say.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::{Index, select};
use proptest::strategy::{BoxedStrategy, Union};

use super::arguments::{Run, Shape};
use super::caller::{Call, Caller, breaks_off};
use super::totality::answered;
use crate::conform::property::Broken;
use crate::conform::{Candidate, Check, Finding, Passed, Trial, Way};

pub(super) const STATE: Check = Check {
    id: "totality.state",
    meaning: "a state that is cut, changed, empty, random or of another version is an error at worst",
    mend: "put a version and a checksum before the state, as the SDK does, and return `error.state` where they do not fit",
    run: state,
};

/// What becomes of a state.
#[derive(Clone, Debug)]
enum Damage {
    Cut(Index),
    Flipped(Index),
    /// The first byte is so much more.
    OtherVersion(u8),
    Longer(Vec<u8>),
    Instead(Vec<u8>),
}

fn state(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let caller = Caller::open(trial, Way::Fresh)?;
    trial.each(STATE.id, |candidate, property| {
        let parts = KINDS.len();
        let tried = KINDS.iter().enumerate().map(|(part, damages)| {
            let runs = Shape::calm().runs();
            let inputs = (runs, damages(trial));
            let property = property.part(part, parts);
            property.holds(&inputs, |(run, damage)| {
                survives(&caller, candidate, (run, damage))
            })
        });
        tried.sum()
    })
}

/// Plays a run, and makes each call of it with a damaged state, too; at last, hands that to `prepare`.
fn survives(
    caller: &Caller,
    candidate: &Candidate,
    (run, damage): (&Run, &Damage),
) -> Result<(), Broken> {
    let last = caller.play(candidate, run, &mut |call, outcome| {
        if breaks_off(outcome).is_some() {
            return Ok(());
        }
        let damaged = match call.clone() {
            Call::Observe { state, observation } => Call::Observe {
                state: damage.done_to(state),
                observation,
            },
            Call::Decide { state, round } => Call::Decide {
                state: damage.done_to(state),
                round,
            },
            other => other,
        };
        answered(&damaged, &caller.call(candidate, &damaged))
    })?;
    let whole = Call::Prepare {
        previous: Some(last.clone()),
    };
    if breaks_off(&caller.call(candidate, &whole)).is_some() {
        return Ok(());
    }
    let damaged = Call::Prepare {
        previous: Some(damage.done_to(last)),
    };
    answered(&damaged, &caller.call(candidate, &damaged))
}

impl Damage {
    fn done_to(&self, mut state: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Cut(at) => state.truncate(at.index(state.len() + 1)),
            Self::Flipped(_) if state.is_empty() => {}
            Self::Flipped(at) => {
                let bit = at.index(state.len() * 8);
                state[bit / 8] ^= 1 << (bit % 8);
            }
            Self::OtherVersion(more) => {
                if let Some(first) = state.first_mut() {
                    *first = first.wrapping_add(*more);
                }
            }
            Self::Longer(more) => state.extend(more),
            Self::Instead(other) => state.clone_from(other),
        }
        state
    }
}

type Damages = fn(&Trial<'_>) -> BoxedStrategy<Damage>;

const KINDS: [Damages; 6] = [
    |_| Just(Damage::Instead(Vec::new())).boxed(),
    |_| any::<Index>().prop_map(Damage::Cut).boxed(),
    |_| any::<Index>().prop_map(Damage::Flipped).boxed(),
    |_| {
        Union::new([Just(1).boxed(), any::<u8>().boxed()])
            .prop_map(Damage::OtherVersion)
            .boxed()
    },
    |_| vec(any::<u8>(), 1..64).prop_map(Damage::Longer).boxed(),
    |trial| {
        let states = trial
            .candidates
            .iter()
            .map(|one| one.prepared.state.clone());
        let foreign = select(states.collect::<Vec<_>>());
        Union::new([vec(any::<u8>(), 1..64).boxed(), foreign.boxed()])
            .prop_map(Damage::Instead)
            .boxed()
    },
];
