//! One instance of a policy: a store, the guest's memories, and its four functions.

use ckpt_policy_core::contract::{CONTRACT_VERSION, Fault};
use wasmtime::component::{ComponentNamedList, Func, Lift, Lower};
use wasmtime::{PoolConcurrencyLimitError, Store};

use crate::bindings::{self, Answer, DecideArguments, ObserveArguments, PrepareArguments};
use crate::error::{Error, told};
use crate::fault;
use crate::limits::{Guard, Limits, saturate};
use crate::policy::Usage;
use crate::runtime::{Loaded, Ready};

pub(super) struct Instance {
    store: Store<Guard>,
    start_fuel: u64,
    describe: Func,
    prepare: Func,
    observe: Func,
    decide: Func,
}

impl Instance {
    /// Starts a policy, in the pool where it has a place there. What it does at its start has fuel of
    /// its own, so that a call has the same in a fresh and in a reused instance.
    pub(super) fn new(loaded: &Loaded) -> Result<Self, Fault> {
        for ready in loaded.places() {
            if let Some(instance) = Self::start(loaded, ready)? {
                return Ok(instance);
            }
        }
        Err(Fault::Machine(
            "there is no room for an instance".to_owned(),
        ))
    }

    /// Starts a policy in one place; returns nothing where that has no room at this moment.
    fn start(loaded: &Loaded, ready: &Ready) -> Result<Option<Self>, Fault> {
        let limits = loaded.limits();
        let mut store = Store::new(ready.start.engine(), Guard::new(limits));
        store.limiter(|guard| guard);
        refuel(&mut store, loaded)?;
        let instance = match ready.start.instantiate(&mut store) {
            Err(error) if error.is::<PoolConcurrencyLimitError>() => return Ok(None),
            started => started.map_err(|error| fault::of_start(&error, store.data(), limits))?,
        };
        let start_fuel = used(&store, limits);
        let functions = &ready.functions;
        let mut function = |index| {
            instance
                .get_func(&mut store, index)
                .ok_or_else(|| Fault::Answer("an export that is no function".to_owned()))
        };
        Ok(Some(Self {
            describe: function(&functions.describe)?,
            prepare: function(&functions.prepare)?,
            observe: function(&functions.observe)?,
            decide: function(&functions.decide)?,
            start_fuel,
            store,
        }))
    }

    /// Calls one of the functions, with fuel, time and a budget for the answer that are its own.
    ///
    /// The types are compared once more, which costs about 0.2 µs: arguments that borrow have no
    /// typed function that could be kept, and one without the comparison is unsafe to make.
    pub(super) fn call<P, R>(
        &mut self,
        function: Func,
        arguments: P,
        loaded: &Loaded,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        refuel(&mut self.store, loaded)?;
        let called = function
            .typed::<P, R>(&self.store)
            .and_then(|typed| typed.call(&mut self.store, arguments));
        called.map_err(|error| fault::of_call(&error, self.store.data(), loaded.limits()))
    }

    /// Returns what the last call took.
    pub(super) fn usage(&self, limits: &Limits) -> Usage {
        Usage {
            fuel: used(&self.store, limits),
            start_fuel: self.start_fuel,
            memory: self.store.data().used(),
        }
    }

    /// Compares the types of the functions with the contract's.
    pub(super) fn check_types(&self) -> Result<(), Error> {
        self.check::<(), (bindings::Description,)>("describe", self.describe)?;
        self.check::<PrepareArguments<'_>, (Answer<bindings::Prepared>,)>("prepare", self.prepare)?;
        self.check::<ObserveArguments<'_>, (Answer<Vec<Option<f64>>>,)>("observe", self.observe)?;
        self.check::<DecideArguments<'_>, (Answer<bindings::Verdict>,)>("decide", self.decide)
    }

    pub(super) fn describe(&self) -> Func {
        self.describe
    }

    pub(super) fn prepare(&self) -> Func {
        self.prepare
    }

    pub(super) fn observe(&self) -> Func {
        self.observe
    }

    pub(super) fn decide(&self) -> Func {
        self.decide
    }

    fn check<P, R>(&self, name: &'static str, function: Func) -> Result<(), Error>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let differs = |error| Error::Signature {
            function: name,
            version: CONTRACT_VERSION,
            what: told(format_args!("{error:#}")),
        };
        function
            .typed::<P, R>(&self.store)
            .map(|_| ())
            .map_err(differs)
    }
}

/// Returns the fuel that is gone since it was last filled.
fn used(store: &Store<Guard>, limits: &Limits) -> u64 {
    // Metering is on, so there always is an answer.
    limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0))
}

fn refuel(store: &mut Store<Guard>, loaded: &Loaded) -> Result<(), Fault> {
    let limits = loaded.limits();
    store.data_mut().reset();
    store.set_epoch_deadline(loaded.brake().ticks());
    store.set_hostcall_fuel(saturate(limits.answer));
    store
        .set_fuel(limits.fuel)
        .map_err(|error| Fault::Machine(told(format_args!("{error:#}"))))
}

#[cfg(test)]
mod tests {
    use crate::pool::ROOM;
    use crate::{Instances, Limits, Loaded, Runtime};

    use super::Instance;

    fn loaded(instances: Instances) -> Loaded {
        let probe = include_bytes!("../../../../tests/probe/probe.wasm");
        let runtime = Runtime::new(Limits::default(), instances).expect("the limits work");
        runtime.load(probe).expect("it is a policy")
    }

    fn start(loaded: &Loaded, instances: u32) -> Vec<Instance> {
        let started = (0..instances).map(|_| Instance::new(loaded));
        started.collect::<Result<_, _>>().expect("there is room")
    }

    fn pooled(instances: &[Instance]) -> usize {
        let engines = instances.iter().map(|instance| instance.store.engine());
        let pools = engines.filter_map(wasmtime::Engine::pooling_allocator_metrics);
        pools.count()
    }

    #[test]
    fn fresh_instances_take_the_places_of_the_pool_and_leave_them() {
        let loaded = loaded(Instances::Fresh);
        for _ in 0..3 {
            let started = start(&loaded, ROOM + 3);
            assert_eq!(pooled(&started), ROOM as usize);
        }
    }

    #[test]
    fn a_reused_instance_keeps_no_place() {
        let fresh = loaded(Instances::Fresh);
        let reused = fresh.with_instances(Instances::Reuse);
        assert_eq!(pooled(&start(&reused, 2)), 0);
        assert_eq!(pooled(&start(&loaded(Instances::Reuse), 2)), 0);
    }
}
