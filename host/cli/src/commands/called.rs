//! A compiled policy of which the conformance crate can ask what a call took.

use ckpt_policy_conformance::conform::{Measured, Metered, Usage};
use ckpt_policy_runtime::{Loaded, WasmPolicy};

/// Returns a policy whose calls tell what they took.
pub(super) fn measured(loaded: &Loaded) -> Box<dyn Measured> {
    Box::new(Metered::new(loaded.policy(), usage))
}

fn usage(policy: &WasmPolicy) -> Usage {
    let usage = policy.usage();
    Usage {
        fuel: usage.fuel,
        start_fuel: usage.start_fuel,
        memory: usage.memory,
    }
}
