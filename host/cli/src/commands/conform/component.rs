//! A policy's file as the subject of a conformance run.
//!
//! Invariant: all ways are of the same bytes under the limits of a site that sets none, but that it may be large.

use std::cell::OnceCell;

use ckpt_policy_conformance::conform::{Budget, Measured, Subject, Way};
use ckpt_policy_runtime::{Compile, Compiler, Error, Instances, Limits, Loaded, Options, Runtime};

use crate::commands::called::measured;
use crate::config::CacheSettings;

/// A loaded file; for comparison it is compiled in other ways too, each once and only where it is asked for.
pub(super) struct Component<'a> {
    bytes: &'a [u8],
    plain: Loaded,
    optimized: OnceCell<Result<Loaded, String>>,
    interpreted: OnceCell<Result<Loaded, String>>,
}

impl<'a> Component<'a> {
    /// Loads a file as a site would.
    pub(super) fn load(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(Self {
            bytes,
            plain: load(bytes, Compiler::Plain)?,
            optimized: OnceCell::new(),
            interpreted: OnceCell::new(),
        })
    }

    fn compiled(
        &self,
        cell: &OnceCell<Result<Loaded, String>>,
        compiler: Compiler,
    ) -> Result<Loaded, String> {
        let compile = || load(self.bytes, compiler).map_err(|error| error.to_string());
        cell.get_or_init(compile).clone()
    }
}

impl Subject for Component<'_> {
    fn policy(&self, way: Way) -> Result<Box<dyn Measured>, String> {
        let loaded = match way {
            Way::Fresh => self.plain.clone(),
            Way::Reused => self.plain.with_instances(Instances::Reuse),
            Way::Optimized => self.compiled(&self.optimized, Compiler::Optimized)?,
            Way::Interpreted => self.compiled(&self.interpreted, Compiler::Interpreter)?,
        };
        Ok(measured(&loaded))
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

fn load(bytes: &[u8], compiler: Compiler) -> Result<Loaded, Error> {
    // What is wrong with the cache is nothing that the policy is judged by.
    let (cache, _) = CacheSettings::default().open();
    let options = Options {
        compiler,
        lines: true,
        cache,
        ..Options::default()
    };
    Runtime::with(options)?.load_as(bytes, Compile::Large)
}
