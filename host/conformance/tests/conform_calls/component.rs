//! A built-in component as the subject of a conformance run.

use ckpt_policy_conformance::conform::{Budget, Measured, Subject, Usage, Way};
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};
use ckpt_policy_runtime::{Compiler, Instances, Limits, Loaded, Options, Runtime, WasmPolicy};

pub(crate) struct Component {
    plain: Loaded,
    optimized: Loaded,
    interpreted: Loaded,
}

impl Component {
    pub(crate) fn builtin(name: &str) -> Self {
        let bytes = ckpt_policy_builtins::get(name).expect("it is built in");
        let load = |compiler| {
            let options = Options {
                compiler,
                ..Options::default()
            };
            let runtime = Runtime::with(options).expect("the defaults work");
            runtime.load(bytes).expect("it was tested before")
        };
        Self {
            plain: load(Compiler::Plain),
            optimized: load(Compiler::Optimized),
            interpreted: load(Compiler::Interpreter),
        }
    }
}

impl Subject for Component {
    fn policy(&self, way: Way) -> Result<Box<dyn Measured>, String> {
        let loaded = match way {
            Way::Fresh => self.plain.clone(),
            Way::Reused => self.plain.with_instances(Instances::Reuse),
            Way::Optimized => self.optimized.clone(),
            Way::Interpreted => self.interpreted.clone(),
        };
        Ok(Box::new(Called(loaded.policy())))
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

struct Called(WasmPolicy);

impl Measured for Called {
    fn usage(&self) -> Usage {
        let usage = self.0.usage();
        Usage {
            fuel: usage.fuel,
            start_fuel: usage.start_fuel,
            memory: usage.memory,
        }
    }
}

impl Policy for Called {
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
