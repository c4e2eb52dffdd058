//! Calls a checked policy.
//!
//! A call is: an instance, fresh fuel, a fresh budget for the answer, the arguments lowered, the
//! answer lifted, judged and moved into the contract's types. What goes wrong on the way becomes a
//! [`Fault`] in one place. An instance that has trapped or has answered unreadably is never called
//! again.

use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use wasmtime::component::{ComponentNamedList, Func, Lift, Lower};

use crate::bindings::{self, Answer, DecideArguments, ObserveArguments, PrepareArguments};
use crate::environment;
use crate::error::Error;
use crate::runtime::{Instances, Loaded};

mod answer;
mod instance;

use instance::Instance;

/// What one call of a policy took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Fuel of the call itself.
    pub fuel: u64,
    /// Fuel of the start of the instance that was called; a start has a limit of its own.
    pub start_fuel: u64,
    /// Bytes of linear memory that the instance had in the end.
    pub memory: u64,
}

/// A policy in a sandbox, for one thread at a time.
pub struct WasmPolicy {
    loaded: Loaded,
    kept: Option<Instance>,
    usage: Usage,
}

impl WasmPolicy {
    pub(crate) fn new(loaded: Loaded) -> Self {
        Self {
            loaded,
            kept: None,
            usage: Usage::default(),
        }
    }

    /// Returns what the last call took, also where it failed; all zero before the first, and where
    /// no instance could be started.
    ///
    /// Fuel is the engine's measure and changes with its version: it may bound a decision, and is
    /// shown to people, but is never an input of one.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }

    fn call<P, R>(&mut self, function: fn(&Instance) -> Func, arguments: P) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Send,
        R: Lift + Send + 'static,
        (R,): ComponentNamedList + Lift,
    {
        self.usage = Usage::default();
        let called = environment::enter(|| {
            let mut instance = match self.kept.take() {
                Some(instance) => instance,
                None => Instance::new(&self.loaded)?,
            };
            let called = instance.call::<P, (R,)>(function(&instance), arguments, &self.loaded);
            self.usage = instance.usage(self.loaded.limits());
            let (answer,) = called?;
            if self.loaded.instances() == Instances::Reuse {
                self.kept = Some(instance);
            }
            Ok(answer)
        });
        called.unwrap_or_else(|error| Err(environment::no_thread(&error)))
    }

    fn refuse_large(&self, bytes: usize) -> Result<(), Fault> {
        let limit = self.loaded.limits().input;
        match bytes as u64 > limit {
            true => Err(Fault::Failed(format!(
                "its arguments have {bytes} bytes, more than `input` in `[limits]` allows ({limit}); a plan with another `view` is shown fewer checkpoints"
            ))),
            false => Ok(()),
        }
    }
}

impl Policy for WasmPolicy {
    fn describe(&mut self) -> Result<Description, Fault> {
        let description: bindings::Description = self.call(Instance::describe, ())?;
        answer::description(description.into(), self.loaded.limits())
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        self.refuse_large(config.len() + previous.map_or(0, <[u8]>::len))?;
        let arguments: PrepareArguments<'_> = (config, previous);
        let prepared: Answer<bindings::Prepared> = self.call(Instance::prepare, arguments)?;
        let limits = self.loaded.limits();
        answer::prepared(answer::accepted(prepared, limits)?.into(), limits)
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        let own = observation.values.len() * size_of::<Option<f64>>();
        let listed = checkpoint_bytes(&observation.checkpoints);
        self.refuse_large(settings.len() + state.len() + own + listed)?;
        let checkpoints: Vec<_> = observation.checkpoints.iter().map(Into::into).collect();
        let arguments: ObserveArguments<'_> = (
            settings,
            state,
            bindings::Observation::new(observation, &checkpoints),
        );
        let features: Answer<Vec<Option<f64>>> = self.call(Instance::observe, arguments)?;
        let limits = self.loaded.limits();
        answer::features(answer::accepted(features, limits)?, limits)
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        let listed = checkpoint_bytes(&round.checkpoints);
        self.refuse_large(settings.len() + state.len() + value_bytes(round) + listed)?;
        let values: Vec<_> = round.values.iter().map(Into::into).collect();
        let checkpoints: Vec<_> = round.checkpoints.iter().map(Into::into).collect();
        let arguments: DecideArguments<'_> = (
            settings,
            state,
            bindings::Round::new(round, &values, &checkpoints),
        );
        let verdict: Answer<bindings::Verdict> = self.call(Instance::decide, arguments)?;
        let limits = self.loaded.limits();
        answer::verdict(answer::accepted(verdict, limits)?.into(), limits)
    }
}

/// Starts a policy once, and checks that its functions have the contract's types.
pub(crate) fn prove(loaded: &Loaded) -> Result<(), Error> {
    Instance::new(loaded).map_err(Error::Start)?.check_types()
}

fn value_bytes(round: &Round) -> usize {
    use ckpt_policy_core::contract::Reduced;
    let every_rank = |value: &Reduced| match value {
        Reduced::EveryRank(values) => values.len() * size_of::<Option<f64>>(),
        Reduced::Statistic(_) | Reduced::Tally(_) => 0,
    };
    round
        .values
        .iter()
        .map(|value| size_of::<Reduced>() + every_rank(value))
        .sum()
}

fn checkpoint_bytes(checkpoints: &[ckpt_policy_core::contract::Checkpoint]) -> usize {
    checkpoints
        .iter()
        .map(|checkpoint| {
            let tags: usize = checkpoint
                .tags
                .iter()
                .map(|tag| size_of::<String>() + tag.len())
                .sum();
            size_of_val(checkpoint) + tags + checkpoint.values.len() * size_of::<Option<f64>>()
        })
        .sum()
}
