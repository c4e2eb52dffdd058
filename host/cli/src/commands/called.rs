//! A compiled policy of which the conformance crate can ask what a call took.

use ckpt_policy_conformance::conform::{Measured, Usage};
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use ckpt_policy_runtime::{Loaded, WasmPolicy};

/// A policy whose calls tell what they took.
pub(super) struct Called(WasmPolicy);

impl Called {
    pub(super) fn new(loaded: &Loaded) -> Self {
        Self(loaded.policy())
    }
}

impl Measured for Called {
    fn usage(&self) -> Usage {
        let usage = self.0.usage();
        Usage {
            fuel: usage.fuel,
            start_fuel: usage.start_fuel,
            memory: usage.memory,
        }
    }
}

impl Policy for Called {
    fn describe(&mut self) -> Result<Description, Fault> {
        self.0.describe()
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        self.0.prepare(config, previous)
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        self.0.observe(settings, state, observation)
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        self.0.decide(settings, state, round)
    }
}
