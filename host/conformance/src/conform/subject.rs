//! The policy under test, as its caller lends it.

use ckpt_policy_core::contract::Policy;

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
