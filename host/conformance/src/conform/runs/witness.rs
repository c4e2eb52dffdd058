//! Stands between a host and a policy, and writes down what each said.
//!
//! Where the whole ledger matters to whoever judges, the host is asked to show all checkpoints, and
//! the policy is shown what its plan asks for: so a verdict lies beside what was really there.
//! Changes no answer.

use std::sync::{Arc, Mutex, PoisonError};

use ckpt_policy_core::contract::{
    Checkpoint, Description, Fault, Observation, Policy, Prepared, Round, Verdict, View,
};

use super::super::{Measured, Usage};

/// What was said to one policy, and what it answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// What each call of `prepare` took.
    pub(super) prepared: Vec<Usage>,
    pub(super) observed: Vec<Observing>,
    pub(super) decided: Vec<Deciding>,
}

/// One call of `observe`.
#[derive(Clone, Debug)]
pub(super) struct Observing {
    pub(super) settings: Vec<u8>,
    pub(super) state: Vec<u8>,
    /// As the policy was shown it.
    pub(super) observation: Observation,
    pub(super) result: Result<Vec<Option<f64>>, Fault>,
    pub(super) usage: Usage,
}

/// One call of `decide`.
#[derive(Clone, Debug)]
pub(super) struct Deciding {
    pub(super) settings: Vec<u8>,
    pub(super) state: Vec<u8>,
    /// As the policy was shown it.
    pub(super) round: Round,
    /// All checkpoints that there were, where the ledger was asked for.
    pub(super) ledger: Vec<Checkpoint>,
    pub(super) result: Result<Verdict, Fault>,
    pub(super) usage: Usage,
}

/// A policy whose calls are written down.
pub(super) struct Witness {
    policy: Box<dyn Measured>,
    view: View,
    watch: Watch,
    log: Arc<Mutex<Log>>,
}

/// What is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// Nothing.
    Nothing,
    /// All calls.
    Calls,
    /// All calls, and with each verdict the whole ledger.
    Ledger,
}

impl Witness {
    pub(super) fn new(policy: Box<dyn Measured>, watch: Watch) -> (Self, Arc<Mutex<Log>>) {
        let log = Arc::new(Mutex::new(Log::default()));
        let witness = Self {
            policy,
            view: View::All,
            watch,
            log: Arc::clone(&log),
        };
        (witness, log)
    }

    fn note(&self, entry: impl FnOnce(&mut Log)) {
        if self.watch != Watch::Nothing {
            // A panic while a line was written leaves the lines before it as they were.
            entry(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Returns what the policy's plan would have shown, of all that there are.
    fn shown(&self, all: &[Checkpoint]) -> Vec<Checkpoint> {
        let is_shown = |one: &&Checkpoint| self.view.shows(one.mine);
        all.iter().filter(is_shown).cloned().collect()
    }
}

impl Policy for Witness {
    fn describe(&mut self) -> Result<Description, Fault> {
        self.policy.describe()
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        let mut result = self.policy.prepare(config, previous);
        let usage = self.policy.usage();
        self.note(|log| log.prepared.push(usage));
        if let Ok(prepared) = &mut result
            && self.watch == Watch::Ledger
        {
            self.view = std::mem::replace(&mut prepared.plan.view, View::All);
        }
        result
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        if self.watch == Watch::Nothing {
            return self.policy.observe(settings, state, observation);
        }
        let observation = Observation {
            checkpoints: self.shown(&observation.checkpoints),
            ..observation.clone()
        };
        let result = self.policy.observe(settings, state, &observation);
        let usage = self.policy.usage();
        self.note(|log| {
            log.observed.push(Observing {
                settings: settings.to_vec(),
                state: state.to_vec(),
                observation,
                result: result.clone(),
                usage,
            });
        });
        result
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        if self.watch == Watch::Nothing {
            return self.policy.decide(settings, state, round);
        }
        let shown = Round {
            checkpoints: self.shown(&round.checkpoints),
            ..round.clone()
        };
        let result = self.policy.decide(settings, state, &shown);
        let usage = self.policy.usage();
        self.note(|log| {
            log.decided.push(Deciding {
                settings: settings.to_vec(),
                state: state.to_vec(),
                round: shown,
                ledger: round.checkpoints.clone(),
                result: result.clone(),
                usage,
            });
        });
        result
    }
}
