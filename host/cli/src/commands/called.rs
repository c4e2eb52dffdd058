//! A compiled policy of which the conformance crate can ask what a call took.

use ckpt_policy_conformance::conform::{Measured, Usage};
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use ckpt_policy_runtime::{Loaded, WasmPolicy};
