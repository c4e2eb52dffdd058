//! A policy in plain Rust as the subject of a conformance run.
//!
//! Does what the runtime does with instances: a fresh one for each call, or one that is kept until it
//! traps. What all instances share is only there for a flaw that no sandbox would allow.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ckpt_policy_conformance::conform::{Budget, Measured, Subject, Usage, Way};
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};

use super::flawed::{Flaw, Flawed};

pub(crate) struct Native {
    flaw: Flaw,
    shared: Arc<AtomicU64>,
}

impl Native {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            shared: Arc::default(),
        }
    }
}

impl Subject for Native {
    fn policy(&self, way: Way) -> Result<Box<dyn Measured>, String> {
        Ok(Box::new(Instances {
            flaw: self.flaw,
            way,
            shared: Arc::clone(&self.shared),
            kept: None,
        }))
    }

    fn budget(&self) -> Budget {
        Budget {
            fuel: 50_000_000,
            memory: 64 << 20,
            state: 512 << 10,
        }
    }
}

struct Instances {
    flaw: Flaw,
    way: Way,
    shared: Arc<AtomicU64>,
    kept: Option<Flawed>,
}

impl Instances {
    fn call<R>(
        &mut self,
        function: impl FnOnce(&mut Flawed) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let fresh = || Flawed::new(self.flaw, self.way, Arc::clone(&self.shared));
        let mut instance = self.kept.take().unwrap_or_else(fresh);
        let answer = function(&mut instance);
        let lives = !matches!(answer, Err(Fault::Trap(_) | Fault::Fuel { .. }));
        self.kept = (lives && self.way == Way::Reused).then_some(instance);
        answer
    }
}

impl Measured for Instances {
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

impl Policy for Instances {
    fn describe(&mut self) -> Result<Description, Fault> {
        self.call(Flawed::describe)
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        self.call(|policy| policy.prepare(config, previous))
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        self.call(|policy| policy.observe(settings, state, observation))
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        self.call(|policy| policy.decide(settings, state, round))
    }
}
