//! A policy that comes with the host as the subject of a conformance run.

use std::sync::OnceLock;

use ckpt_policy_conformance::conform::{Budget, Measured, Metered, Subject, Usage, Way};
use ckpt_policy_core::contract::Policy as _;
use ckpt_policy_runtime::{Compiler, Instances, Limits, Loaded, Options, Runtime, WasmPolicy};

/// Compiled as a site does; in other ways only where that is asked for.
pub(crate) struct Builtin {
    bytes: &'static [u8],
    plain: Loaded,
    optimized: OnceLock<Loaded>,
    interpreted: OnceLock<Loaded>,
}

impl Builtin {
    pub(crate) fn new(name: &str) -> Self {
        let bytes = ckpt_policy_builtins::get(name).expect("it is built in");
        Self {
            bytes,
            plain: load(bytes, Compiler::Plain),
            optimized: OnceLock::new(),
            interpreted: OnceLock::new(),
        }
    }

    /// Returns the configurations that its schema gives as examples.
    pub(crate) fn examples(&self) -> Vec<String> {
        let description = self.plain.policy().describe();
        let schema = description.expect("it describes itself").config_schema;
        let schema: serde_json::Value = serde_json::from_str(&schema).expect("a schema");
        let examples = schema["examples"].as_array().expect("a list of examples");
        examples.iter().map(ToString::to_string).collect()
    }
}

impl Subject for Builtin {
    fn policy(&self, way: Way) -> Result<Box<dyn Measured>, String> {
        let compiled = |cell: &OnceLock<Loaded>, compiler| {
            cell.get_or_init(|| load(self.bytes, compiler)).clone()
        };
        let loaded = match way {
            Way::Fresh => self.plain.clone(),
            Way::Reused => self.plain.with_instances(Instances::Reuse),
            Way::Optimized => compiled(&self.optimized, Compiler::Optimized),
            Way::Interpreted => compiled(&self.interpreted, Compiler::Interpreter),
        };
        Ok(Box::new(Metered::new(loaded.policy(), usage)))
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

fn load(bytes: &[u8], compiler: Compiler) -> Loaded {
    let options = Options {
        compiler,
        ..Options::default()
    };
    let runtime = Runtime::with(options).expect("the defaults work");
    runtime.load(bytes).expect("it loads")
}

fn usage(policy: &WasmPolicy) -> Usage {
    let usage = policy.usage();
    Usage {
        fuel: usage.fuel,
        start_fuel: usage.start_fuel,
        memory: usage.memory,
    }
}
