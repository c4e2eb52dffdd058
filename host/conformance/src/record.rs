//! What a policy was asked and what it answered, call by call.
//!
//! A policy cannot print, so the runner writes down what passed between it and its hosts. All ranks
//! hand in the same in `prepare` and `decide`, so those are written down on rank 0 alone; `observe`
//! is each rank's own. Judges nothing, and changes no call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use serde_json::{Value, json};

use crate::conform::notation;
use crate::conform::{Measured, Usage};

/// One call of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What was asked and answered.
    pub exchange: Exchange,
    /// What the call took; zero where it is not known.
    pub usage: Usage,
}

/// The arguments of a call, and what came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Exchange {
    /// What the policy is.
    Describe {
        /// What it said.
        answer: Result<Description, Fault>,
    },
    /// What the policy needs under a configuration.
    Prepare {
        /// The configuration, JSON.
        config: String,
        /// The state that it goes on from.
        previous: Option<Vec<u8>>,
        /// What it said.
        answer: Result<Prepared, Fault>,
    },
    /// One rank's features.
    Observe {
        /// The state that was handed in.
        state: Vec<u8>,
        /// What the rank saw.
        observation: Observation,
        /// What it said.
        answer: Result<Vec<Option<f64>>, Fault>,
    },
    /// A decision.
    Decide {
        /// The state that was handed in.
        state: Vec<u8>,
        /// What all ranks share.
        round: Round,
        /// What it said.
        answer: Result<Verdict, Fault>,
    },
}

impl Call {
    /// Returns the name of the contract's function.
    #[must_use]
    pub fn function(&self) -> &'static str {
        match self.exchange {
            Exchange::Describe { .. } => "describe",
            Exchange::Prepare { .. } => "prepare",
            Exchange::Observe { .. } => "observe",
            Exchange::Decide { .. } => "decide",
        }
    }

    /// Returns the call as JSON, in the contract's own names.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (arguments, answer) = match &self.exchange {
            Exchange::Describe { answer } => (json!({}), answered(answer, notation::description)),
            Exchange::Prepare {
                config,
                previous,
                answer,
            } => {
                let previous = previous.as_deref().map(notation::bytes);
                let config: Value = serde_json::from_str(config).unwrap_or_else(|_| json!(config));
                let arguments = json!({ "config": config, "previous": previous });
                (arguments, answered(answer, notation::prepared))
            }
            Exchange::Observe {
                state,
                observation,
                answer,
            } => (
                json!({ "state": notation::bytes(state), "observation": notation::observation(observation) }),
                answered(answer, |features| notation::options(features)),
            ),
            Exchange::Decide {
                state,
                round,
                answer,
            } => (
                json!({ "state": notation::bytes(state), "round": notation::round(round) }),
                answered(answer, notation::verdict),
            ),
        };
        json!({
            "function": self.function(),
            "arguments": arguments,
            "answer": answer,
            "fuel": self.usage.fuel,
            "start-fuel": self.usage.start_fuel,
            "memory": self.usage.memory,
        })
    }
}

fn answered<T>(answer: &Result<T, Fault>, show: impl FnOnce(&T) -> Value) -> Value {
    match answer {
        Ok(answer) => json!({ "ok": show(answer) }),
        Err(fault) => json!({ "error": fault.to_string() }),
    }
}

/// The calls of all ranks since they were last taken, in their order.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<Call>>>);

impl Record {
    /// Returns a policy whose calls are written down.
    pub(crate) fn policy(&self, rank: u32, policy: Box<dyn Measured>) -> Box<dyn Policy> {
        let record = self.clone();
        Box::new(Recorded {
            rank,
            policy,
            record,
        })
    }

    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls())
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        // A poisoned list still holds whole calls.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Recorded {
    rank: u32,
    policy: Box<dyn Measured>,
    record: Record,
}

impl Recorded {
    /// Writes down a call that all ranks make alike.
    fn shared(&self, exchange: impl FnOnce() -> Exchange) {
        if self.rank == 0 {
            self.own(exchange());
        }
    }

    fn own(&self, exchange: Exchange) {
        let usage = self.policy.usage();
        self.record.calls().push(Call { exchange, usage });
    }
}

impl Policy for Recorded {
    fn describe(&mut self) -> Result<Description, Fault> {
        let answer = self.policy.describe();
        self.shared(|| Exchange::Describe {
            answer: answer.clone(),
        });
        answer
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        let answer = self.policy.prepare(config, previous);
        self.shared(|| Exchange::Prepare {
            config: config.to_owned(),
            previous: previous.map(<[u8]>::to_vec),
            answer: answer.clone(),
        });
        answer
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        let answer = self.policy.observe(settings, state, observation);
        self.own(Exchange::Observe {
            state: state.to_vec(),
            observation: observation.clone(),
            answer: answer.clone(),
        });
        answer
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        let answer = self.policy.decide(settings, state, round);
        self.shared(|| Exchange::Decide {
            state: state.to_vec(),
            round: round.clone(),
            answer: answer.clone(),
        });
        answer
    }
}
