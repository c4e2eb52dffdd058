//! Calls a policy, and plays a run to it.

use std::cell::RefCell;

use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use serde_json::{Value, json};

use super::arguments::{Run, Scene};
use crate::conform::property::Broken;
use crate::conform::{Candidate, Finding, Measured, Trial, Way, notation};

/// A call of a policy.
#[derive(Clone, Debug)]
pub(in crate::conform) enum Call {
    Describe,
    Prepare {
        previous: Option<Vec<u8>>,
    },
    Observe {
        state: Vec<u8>,
        observation: Observation,
    },
    Decide {
        state: Vec<u8>,
        round: Round,
    },
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(in crate::conform) enum Answer {
    Description(Description),
    Prepared(Prepared),
    Features(Vec<Option<f64>>),
    Verdict(Verdict),
}

pub(super) type Outcome = Result<Answer, Fault>;

/// Looks at a call and what came of it, as it happens.
pub(super) type Look<'a> = dyn FnMut(&Call, &Outcome) -> Result<(), Broken> + 'a;

/// A policy that is called, under one name for people.
pub(super) struct Caller {
    policy: RefCell<Box<dyn Measured>>,
    /// Such as `on a reused instance`.
    pub(super) name: &'static str,
}

impl Call {
    /// Makes the call.
    pub(in crate::conform) fn of<P>(&self, candidate: &Candidate, policy: &mut P) -> Outcome
    where
        P: Policy + ?Sized,
    {
        let settings = &candidate.prepared.settings;
        match self {
            Self::Describe => policy.describe().map(Answer::Description),
            Self::Prepare { previous } => policy
                .prepare(&candidate.config, previous.as_deref())
                .map(Answer::Prepared),
            Self::Observe { state, observation } => policy
                .observe(settings, state, observation)
                .map(Answer::Features),
            Self::Decide { state, round } => {
                policy.decide(settings, state, round).map(Answer::Verdict)
            }
        }
    }

    /// Returns the function's name.
    pub(super) fn function(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Prepare { .. } => "prepare",
            Self::Observe { .. } => "observe",
            Self::Decide { .. } => "decide",
        }
    }

    /// Writes the call for people.
    pub(in crate::conform) fn text(&self) -> String {
        notation::text(&self.notation())
    }

    pub(super) fn notation(&self) -> Value {
        let arguments = match self {
            Self::Describe => json!({}),
            Self::Prepare { previous } => {
                let previous = previous.as_deref().map(notation::bytes);
                json!({ "previous": previous })
            }
            Self::Observe { state, observation } => json!({
                "state": notation::bytes(state),
                "observation": notation::observation(observation),
            }),
            Self::Decide { state, round } => json!({
                "state": notation::bytes(state),
                "round": notation::round(round),
            }),
        };
        json!({ self.function(): arguments })
    }
}

impl Caller {
    /// Makes a policy that is called in one way.
    pub(super) fn open(trial: &Trial<'_>, way: Way) -> Result<Self, Finding> {
        let policy = trial.subject.policy(way).map_err(Finding::of)?;
        let name = match way {
            Way::Fresh => "on a fresh instance",
            Way::Reused => "on a reused instance",
            Way::Optimized => "with the compiler's optimiser",
            Way::Interpreted => "in the interpreter",
        };
        Ok(Self {
            policy: RefCell::new(policy),
            name,
        })
    }

    /// Gives it another name.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Makes one call.
    pub(super) fn call(&self, candidate: &Candidate, call: &Call) -> Outcome {
        call.of(candidate, self.policy.borrow_mut().as_mut())
    }

    /// Makes a call that is meant to fail, under settings that are not the policy's.
    pub(super) fn misuse(&self, call: impl FnOnce(&mut dyn Measured)) {
        call(self.policy.borrow_mut().as_mut());
    }

    /// Plays the rounds of a run, each in the state that the one before it left, and shows each call
    /// to `look`.
    pub(super) fn play(
        &self,
        candidate: &Candidate,
        run: &Run,
        look: &mut Look<'_>,
    ) -> Result<Vec<u8>, Broken> {
        let mut state = candidate.prepared.state.clone();
        for index in 0..run.rounds() {
            let scene = run.scene(&candidate.prepared.plan, index);
            state = self.round(candidate, state, (&scene, look))?;
        }
        Ok(state)
    }

    /// Plays one round: `observe` on each rank that differs, `decide` on what the host makes of it.
    /// Returns the state that it leaves.
    pub(super) fn round(
        &self,
        candidate: &Candidate,
        state: Vec<u8>,
        (scene, look): (&Scene<'_>, &mut Look<'_>),
    ) -> Result<Vec<u8>, Broken> {
        let mut features = Vec::new();
        let observing = candidate.prepared.plan.features > 0;
        for rank in scene.ranks().into_iter().filter(|_| observing) {
            let call = Call::Observe {
                state: state.clone(),
                observation: scene.observation(rank),
            };
            let outcome = self.call(candidate, &call);
            look(&call, &outcome)?;
            match outcome {
                Ok(Answer::Features(row)) => features.push(row),
                // Without this rank's features nobody would be asked to decide.
                _ => return Ok(state),
            }
        }
        let call = Call::Decide {
            state,
            round: scene.round(&features),
        };
        let outcome = self.call(candidate, &call);
        look(&call, &outcome)?;
        Ok(match (outcome, call) {
            (Ok(Answer::Verdict(verdict)), _) => verdict.state,
            (_, Call::Decide { state, .. }) => state,
            _ => Vec::new(),
        })
    }
}

/// Says how two outcomes of one call differ; `None` where they are the same, bit by bit.
///
/// How a policy traps is told in words that depend on how it was compiled, so a trap equals a trap.
pub(super) fn difference(
    function: &str,
    names: (&str, &str),
    outcomes: (&Outcome, &Outcome),
) -> Option<String> {
    let (one, other) = (outcome(outcomes.0), outcome(outcomes.1));
    if one == other {
        return None;
    }
    let where_they_differ = notation::differences(names, (&one, &other));
    Some(format!(
        "`{function}` does not answer the same: {where_they_differ}"
    ))
}

/// Whether the policy broke off, instead of answering or saying that it cannot.
pub(super) fn breaks_off(outcome: &Outcome) -> Option<&Fault> {
    match outcome {
        Ok(_) | Err(Fault::Config(_) | Fault::State(_) | Fault::Failed(_)) => None,
        Err(fault) => Some(fault),
    }
}

fn outcome(from: &Outcome) -> Value {
    match from {
        Ok(Answer::Description(description)) => notation::description(description),
        Ok(Answer::Prepared(prepared)) => notation::prepared(prepared),
        Ok(Answer::Features(features)) => json!({ "features": notation::options(features) }),
        Ok(Answer::Verdict(verdict)) => notation::verdict(verdict),
        Err(fault @ (Fault::Config(_) | Fault::State(_) | Fault::Failed(_))) => {
            json!({ "error": fault.to_string() })
        }
        Err(fault) => json!({ "error": Fault::name(fault.code()) }),
    }
}
