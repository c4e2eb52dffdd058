//! The built-in policies as subjects of the conformance suite.

use ckpt_policy_builtins as builtins;
use ckpt_policy_conformance::conform::{Budget, Measured, Subject, Usage, Way};
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use ckpt_policy_runtime::{Instances, Limits, Loaded, Runtime, WasmPolicy};

/// A policy that comes with the host.
pub(crate) struct Compiled {
    loaded: Loaded,
}

impl Compiled {
    pub(crate) fn new(name: &str) -> Self {
        let runtime = Runtime::new(Limits::default(), Instances::Fresh).expect("an engine");
        let bytes = builtins::get(name).expect("a built-in policy");
        let loaded = runtime.load(bytes).expect("it loads");
        Self { loaded }
    }

    /// Returns the configurations that its schema gives as examples.
    pub(crate) fn examples(&self) -> Vec<String> {
        let description = self
            .loaded
            .policy()
            .describe()
            .expect("it describes itself");
        let schema: serde_json::Value =
            serde_json::from_str(&description.config_schema).expect("a schema");
        let examples = schema["examples"].as_array().expect("a list of examples");
        examples.iter().map(ToString::to_string).collect()
    }
}

impl Subject for Compiled {
    fn policy(&self, way: Way) -> Result<Box<dyn Measured>, String> {
        let instances = match way {
            Way::Reused => Instances::Reuse,
            _ => Instances::Fresh,
        };
        let loaded = self.loaded.with_instances(instances);
        Ok(Box::new(Metered(loaded.policy())))
    }

    fn budget(&self) -> Budget {
        let limits = Limits::default();
        Budget {
            fuel: limits.fuel,
            memory: limits.memory,
            state: limits.state,
        }
    }
}

struct Metered(WasmPolicy);

impl Measured for Metered {
    fn usage(&self) -> Usage {
        let usage = self.0.usage();
        Usage {
            fuel: usage.fuel,
            start_fuel: usage.start_fuel,
            memory: usage.memory,
        }
    }
}

impl Policy for Metered {
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
