//! The policy under test, as its caller lends it.

use std::fmt;

use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};

/// In which way a policy is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// As a site runs it: each call in an instance of its own.
    Fresh,
    /// One instance for all calls.
    Reused,
    /// Compiled with an optimiser, instances fresh.
    Optimized,
    /// By an interpreter, instances fresh.
    Interpreted,
}

/// What one call took; zero where it is not known, as of a policy in plain Rust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Units of the engine's fuel, of the call alone.
    pub fuel: u64,
    /// Units of the engine's fuel, of the start of its instance.
    pub start_fuel: u64,
    /// Bytes of linear memory in the end.
    pub memory: u64,
}

/// A policy whose calls are measured.
pub trait Measured: Policy {
    /// Returns what the last call took.
    fn usage(&self) -> Usage;
}

/// A policy, and how to ask it what its last call took.
pub struct Metered<P> {
    policy: P,
    usage: fn(&P) -> Usage,
}

impl<P: Policy> Metered<P> {
    /// Returns the policy with its meter.
    pub fn new(policy: P, usage: fn(&P) -> Usage) -> Self {
        Self { policy, usage }
    }
}

impl<P> fmt::Debug for Metered<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metered")
    }
}

impl<P: Policy> Measured for Metered<P> {
    fn usage(&self) -> Usage {
        (self.usage)(&self.policy)
    }
}

impl<P: Policy> Policy for Metered<P> {
    fn describe(&mut self) -> Result<Description, Fault> {
        self.policy.describe()
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        self.policy.prepare(config, previous)
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        self.policy.observe(settings, state, observation)
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        self.policy.decide(settings, state, round)
    }
}

/// What a site allows by default, to which the cost of a policy is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Units of the engine's fuel in one call.
    pub fuel: u64,
    /// Bytes of linear memory.
    pub memory: u64,
    /// Bytes of state.
    pub state: u64,
}

/// A policy that is under test.
pub trait Subject {
    /// Makes one policy, with instances of its own.
    ///
    /// # Errors
    ///
    /// Why it cannot be run in this way; a finding against the policy.
    fn policy(&self, way: Way) -> Result<Box<dyn Measured>, String>;

    /// Returns what a site allows by default.
    fn budget(&self) -> Budget;
}
