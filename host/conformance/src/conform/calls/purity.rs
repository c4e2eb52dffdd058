//! Purity: a call's answer depends on its arguments alone.
//!
//! What one instance remembers is looked for on a reused one, with a fresh one beside it as the measure.

use std::cell::RefCell;

use ckpt_policy_core::contract::Round;
use proptest::collection::vec;
use proptest::prelude::any;
use serde_json::json;

use super::arguments::{Run, Shape};
use super::caller::{Call, Caller, Outcome, difference};
use crate::conform::property::Broken;
use crate::conform::{Candidate, Check, Finding, Measured, Passed, Trial, Way, notation};

pub(super) const REPEAT: Check = Check {
    id: "purity.repeat",
    meaning: "the same call gives the same bytes on each fresh instance",
    mend: "look for an order that is not fixed, such as that of a hash map, and for numbers that are never set",
    run: repeat,
};

pub(super) const REUSED: Check = Check {
    id: "purity.reused",
    meaning: "a reused instance answers as a fresh one, whatever it was asked before",
    mend: "keep nothing in globals: what must be remembered belongs into the state",
    run: reused,
};

pub(super) const AFTER_TRAP: Check = Check {
    id: "purity.after-trap",
    meaning: "after a call that failed, it answers as a fresh one",
    mend: "a call that returns early must leave no global half changed; best keep nothing in globals",
    run: after_trap,
};

pub(super) const INTERLEAVED: Check = Check {
    id: "purity.interleaved",
    meaning: "runs with other configurations and states do not see each other",
    mend: "read settings and state from the arguments of each call, never from a global that an earlier call has set",
    run: interleaved,
};

/// Compares each call with the same call elsewhere, and remembers it for the finding.
pub(super) struct Comparison<'a> {
    candidate: &'a Candidate,
    reference: &'static str,
    other: &'a Caller,
    /// The calls that the other one was asked, as they are shown.
    before: &'a RefCell<Vec<serde_json::Value>>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        candidate: &'a Candidate,
        reference: &Caller,
        other: &'a Caller,
        before: &'a RefCell<Vec<serde_json::Value>>,
    ) -> Self {
        Self {
            candidate,
            reference: reference.name,
            other,
            before,
        }
    }

    pub(super) fn of(&self, call: &Call, expected: &Outcome) -> Result<(), Broken> {
        self.before.borrow_mut().push(call.notation());
        let found = self.other.call(self.candidate, call);
        let names = (self.reference, self.other.name);
        match difference(call.function(), names, (expected, &found)) {
            None => Ok(()),
            Some(what) => Err(Broken {
                what,
                input: notation::text(&json!({ "calls": *self.before.borrow() })),
            }),
        }
    }

    /// Compares a call where the host of rank 0 would make it. That `observe` does not mix up ranks is
    /// for another check.
    fn of_rank_zero(&self, call: &Call, expected: &Outcome) -> Result<(), Broken> {
        match call {
            Call::Observe { observation, .. } if observation.rank != 0 => Ok(()),
            _ => self.of(call, expected),
        }
    }

    /// Compares the calls that have no arguments of their own.
    pub(super) fn of_start(&self, reference: &Caller) -> Result<(), Broken> {
        for call in [Call::Describe, Call::Prepare { previous: None }] {
            self.of(&call, &reference.call(self.candidate, &call))?;
        }
        Ok(())
    }
}

fn repeat(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let (one, other) = (
        Caller::open(trial, Way::Fresh)?,
        Caller::open(trial, Way::Fresh)?,
    );
    let other = other.named("on another fresh instance");
    trial.each(REPEAT.id, |candidate, property| {
        property.holds(&Shape::any(&candidate.prepared.plan).runs(), |run| {
            let before = RefCell::default();
            let comparison = Comparison::new(candidate, &one, &other, &before);
            comparison.of_start(&one)?;
            one.play(candidate, run, &mut |call, outcome| {
                comparison.of(call, outcome)
            })?;
            Ok(())
        })
    })
}

fn reused(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let fresh = Caller::open(trial, Way::Fresh)?;
    trial.each(REUSED.id, |candidate, property| {
        property.holds(&Shape::any(&candidate.prepared.plan).runs(), |run| {
            // A new one for each case, so that the case alone shows the fault.
            let reused = reusable(trial)?;
            let before = RefCell::default();
            let comparison = Comparison::new(candidate, &fresh, &reused, &before);
            comparison.of_start(&fresh)?;
            fresh.play(candidate, run, &mut |call, outcome| {
                comparison.of_rank_zero(call, outcome)
            })?;
            comparison.of_start(&fresh)
        })
    })
}

fn after_trap(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let fresh = Caller::open(trial, Way::Fresh)?;
    trial.each(AFTER_TRAP.id, |candidate, property| {
        let runs = Shape::any(&candidate.prepared.plan).runs();
        let inputs = (runs, vec(any::<u8>(), 1..=4));
        property.holds(&inputs, |(run, misuses)| {
            let reused = reusable(trial)?;
            let before = RefCell::default();
            let comparison = Comparison::new(candidate, &fresh, &reused, &before);
            let mut next = 0;
            fresh.play(candidate, run, &mut |call, outcome| {
                let which = MISUSES[usize::from(misuses[next % misuses.len()]) % MISUSES.len()];
                next += 1;
                before
                    .borrow_mut()
                    .push(json!({ "a call that fails": which.0 }));
                reused.misuse(|policy| which.1(policy, candidate, call));
                comparison.of_rank_zero(call, outcome)
            })?;
            Ok(())
        })
    })
}

fn interleaved(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let fresh = Caller::open(trial, Way::Fresh)?;
    let mut next = trial.candidates.iter().cycle().skip(1);
    let seconds: Vec<_> = trial
        .candidates
        .iter()
        .filter_map(|_| next.next())
        .collect();
    let pairs: Vec<_> = trial.candidates.iter().zip(seconds).collect();
    trial.each(INTERLEAVED.id, |candidate, property| {
        let pair = pairs
            .iter()
            .find(|(first, _)| std::ptr::eq(*first, candidate));
        let second = pair.map_or(candidate, |(_, second)| second);
        let runs = |of: &Candidate| Shape::any(&of.prepared.plan).runs();
        property.holds(&(runs(candidate), runs(second)), |(one, other)| {
            let reused = reusable(trial)?;
            in_turn(&fresh, &reused, [(candidate, one), (second, other)])
        })
    })
}

/// Plays two runs, a round of each in turn, on one reused instance.
fn in_turn(fresh: &Caller, reused: &Caller, runs: [(&Candidate, &Run); 2]) -> Result<(), Broken> {
    let before = RefCell::default();
    let compared = |candidate| Comparison::new(candidate, fresh, reused, &before);
    let mut states = runs.map(|(candidate, _)| candidate.prepared.state.clone());
    for (candidate, _) in runs {
        before
            .borrow_mut()
            .push(json!({ "config": candidate.config }));
        compared(candidate).of_start(fresh)?;
    }
    let rounds = runs.map(|(_, run)| run.rounds());
    for index in 0..rounds[0].max(rounds[1]) {
        for (position, (candidate, run)) in runs.into_iter().enumerate() {
            if index >= run.rounds() {
                continue;
            }
            before
                .borrow_mut()
                .push(json!({ "config": candidate.config }));
            let comparison = compared(candidate);
            let scene = run.scene(&candidate.prepared.plan, index);
            let state = std::mem::take(&mut states[position]);
            let mut look = |call: &Call, outcome: &Outcome| comparison.of_rank_zero(call, outcome);
            states[position] = fresh.round(candidate, state, (&scene, &mut look))?;
        }
    }
    Ok(())
}

pub(super) fn reusable(trial: &Trial<'_>) -> Result<Caller, Broken> {
    Caller::open(trial, Way::Reused).map_err(|finding| Broken {
        what: finding.what,
        input: String::new(),
    })
}

type Misuse = fn(&mut dyn Measured, &Candidate, &Call);

/// Calls that no host makes and most policies refuse; what comes of them is not looked at.
const MISUSES: [(&str, Misuse); 5] = [
    (
        "`prepare` with a configuration that is not JSON",
        |policy, _, _| {
            let _ = policy.prepare("{", None);
        },
    ),
    (
        "`prepare` with a damaged previous state",
        |policy, candidate, _| {
            let _ = policy.prepare(&candidate.config, Some(b"damaged"));
        },
    ),
    (
        "the same call with a damaged state",
        |policy, candidate, call| {
            let settings = &candidate.prepared.settings;
            again(policy, settings, b"damaged", call);
        },
    ),
    (
        "the same call with damaged settings",
        |policy, candidate, call| {
            again(policy, b"damaged", &candidate.prepared.state, call);
        },
    ),
    (
        "`decide` without any number, at a moment that there is not",
        |policy, candidate, call| {
            if let Call::Decide { state, round } = call {
                let round = Round {
                    moment: u32::MAX,
                    values: Vec::new(),
                    ..round.clone()
                };
                let _ = policy.decide(&candidate.prepared.settings, state, &round);
            }
        },
    ),
];

fn again(policy: &mut dyn Measured, settings: &[u8], state: &[u8], call: &Call) {
    match call {
        Call::Observe { observation, .. } => {
            let _ = policy.observe(settings, state, observation);
        }
        Call::Decide { round, .. } => {
            let _ = policy.decide(settings, state, round);
        }
        Call::Describe | Call::Prepare { .. } => {}
    }
}
