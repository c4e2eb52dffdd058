//! Policies that are each wrong in one way, for the tests of the conformance suite.
//!
//! What they have in common is here: a good policy, cut into the pieces in which a policy can go wrong. A file in
//! `policies/` is one [`Fault`], which replaces a piece and leaves the rest as it is. What is not here: a fault.
//!
//! Invariant: [`Good`] without a fault passes every check; the harness proves that too.

pub mod good;

use std::marker::PhantomData;

use ckpt_policy_sdk::bindings::exports::ckpt::policy::policy::Guest;
use ckpt_policy_sdk::call::{self, Answer};
use ckpt_policy_sdk::{Description, Error, Observation, Plan, Policy, Prepared, Round, Verdict};

use crate::good::{Config, Memory};

/// A policy with one piece that is not as it should be; what it leaves out is good.
///
/// The first pieces are over typed data, as the SDK hands them to a policy. The last four are the functions of
/// the contract themselves, for faults that the SDK does not let a policy have.
pub trait Fault: Sized + 'static {
    /// The schema that the policy shows and checks by.
    const SCHEMA: &'static str = good::SCHEMA;

    /// What it needs.
    fn plan(config: &Config) -> Plan {
        good::plan(config)
    }

    /// Its first state.
    fn start(previous: Option<Memory>) -> Result<Memory, Error> {
        Ok(previous.unwrap_or_default())
    }

    /// One rank's features.
    fn vote(config: &Config, observation: &Observation) -> Vec<Option<f64>> {
        good::vote(config, observation)
    }

    /// Its verdict.
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        good::judge(config, memory, round)
    }

    /// The contract's `describe`.
    fn describe() -> Description {
        call::describe::<Good<Self>>()
    }

    /// The contract's `prepare`.
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        call::prepare::<Good<Self>>(config, previous)
    }

    /// The contract's `observe`.
    fn observe(
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        call::observe::<Good<Self>>(settings, state, observation)
    }

    /// The contract's `decide`.
    fn decide(settings: &[u8], state: &[u8], round: &Round) -> Result<Answer, Error> {
        call::decide::<Good<Self>>(settings, state, round)
    }
}

/// The good policy, with a fault in it.
#[derive(Debug)]
pub struct Good<F>(PhantomData<F>);

impl<F: Fault> Policy for Good<F> {
    const NAME: &'static str = "lowest-mean";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Saves when the mean over the ranks is better than that of the one kept.";
    const SCHEMA: &'static str = F::SCHEMA;
    type Config = Config;
    type Settings = Config;
    type State = Memory;

    fn prepare(config: Config) -> Result<(Plan, Config), Error> {
        Ok((F::plan(&config), config))
    }

    fn start(_: &Config, previous: Option<Memory>) -> Result<Memory, Error> {
        F::start(previous)
    }

    fn observe(
        config: &Config,
        _: &Memory,
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        Ok(F::vote(config, observation))
    }

    fn decide(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        F::judge(config, memory, round)
    }
}

/// Stands for a fault where the component model wants a type with the contract's functions.
#[derive(Debug)]
pub struct Exported<F>(PhantomData<F>);

impl<F: Fault> Guest for Exported<F> {
    fn describe() -> Description {
        F::describe()
    }

    fn prepare(config: String, previous: Option<Vec<u8>>) -> Result<Prepared, Error> {
        F::prepare(&config, previous.as_deref())
    }

    fn observe(
        settings: Vec<u8>,
        state: Vec<u8>,
        observation: Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        F::observe(&settings, &state, &observation)
    }

    fn decide(settings: Vec<u8>, state: Vec<u8>, round: Round) -> Result<Answer, Error> {
        F::decide(&settings, &state, &round)
    }
}

/// Makes the exports of a fault; the last line of its file.
#[macro_export]
macro_rules! export {
    ($fault:ty) => {
        #[cfg(target_family = "wasm")]
        type Component = $crate::Exported<$fault>;
        #[cfg(target_family = "wasm")]
        ckpt_policy_sdk::bindings::export!(Component with_types_in ckpt_policy_sdk::bindings);
    };
}
