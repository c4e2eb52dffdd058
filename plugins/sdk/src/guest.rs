//! The contract's functions of a component, for any [`Policy`].

use std::marker::PhantomData;

use crate::bindings::exports::ckpt::policy::policy::{
    Description, Error, Guest as Contract, Observation, Prepared, Round, Verdict,
};
use crate::{Policy, call};

/// Stands for a policy where the component model wants a type with its functions.
#[derive(Debug)]
pub struct Guest<P>(PhantomData<P>);

impl<P: Policy> Contract for Guest<P> {
    fn describe() -> Description {
        call::describe::<P>()
    }

    fn prepare(config: String, previous: Option<Vec<u8>>) -> Result<Prepared, Error> {
        call::prepare::<P>(&config, previous.as_deref())
    }

    fn observe(
        settings: Vec<u8>,
        state: Vec<u8>,
        observation: Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        call::observe::<P>(&settings, &state, &observation)
    }

    fn decide(settings: Vec<u8>, state: Vec<u8>, round: Round) -> Result<Verdict, Error> {
        call::decide::<P>(&settings, &state, &round)
    }
}
