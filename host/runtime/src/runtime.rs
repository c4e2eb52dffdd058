//! One engine for a process, and the policies that it has compiled.
//!
//! Everything that bears on whether a policy answers the same on two machines is set here, in one
//! place. The invariant: a [`Loaded`] has the contract's types, imports nothing, and has been
//! started once within its limits.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use ckpt_policy_core::contract::CONTRACT_VERSION;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Config, OptLevel};

use crate::bindings::INTERFACE;
use crate::component::{Candidate, Kind, other_world};
use crate::environment::{self, GUEST_STACK};
use crate::error::Error;
use crate::limits::{Guard, Limits};
use crate::policy::{WasmPolicy, prove};

/// Whether each call of a policy gets an instance of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instances {
    /// A fresh instance for each call, so that `state` is all that a policy can remember. The
    /// default.
    #[default]
    Fresh,
    /// One instance for many calls, thrown away after a trap or an unreadable answer. Cheaper, and
    /// as good for a policy that keeps to the contract; one that hides a memory in its globals
    /// would decide otherwise after a resume.
    Reuse,
}

impl fmt::Display for Instances {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Fresh => "fresh",
            Self::Reuse => "reuse",
        })
    }
}

/// Compiles policies under one set of limits; cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    engine: wasmtime::Engine,
    limits: Arc<Limits>,
    instances: Instances,
}

impl Runtime {
    /// Sets up an engine.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] where a limit cannot work, [`Error::Engine`] where this machine cannot
    /// run WebAssembly.
    pub fn new(limits: Limits, instances: Instances) -> Result<Self, Error> {
        check(&limits)?;
        let engine = wasmtime::Engine::new(&config(&limits))
            .map_err(|error| Error::Engine(format!("{error:#}")))?;
        Ok(Self {
            engine,
            limits: Arc::new(limits),
            instances,
        })
    }

    /// Checks, compiles and once starts a policy: a component, or a core module that carries its
    /// world as `wit-bindgen` leaves it.
    ///
    /// # Errors
    ///
    /// What was found instead of a policy of this contract, and the remedy.
    pub fn load(&self, bytes: &[u8]) -> Result<Loaded, Error> {
        let size = bytes.len() as u64;
        if size > self.limits.file {
            return Err(Error::TooLarge {
                size,
                limit: self.limits.file,
            });
        }
        // A compiler needs stack too, and the caller may have little.
        environment::enter(|| self.check_and_start(bytes))
            .unwrap_or_else(|error| Err(Error::Start(environment::no_thread(&error))))
    }

    /// Returns what all ranks must agree on for their policies to answer the same: versions, limits
    /// and modes, but nothing of the machine.
    #[must_use]
    pub fn facts(&self) -> Vec<(String, String)> {
        let mut facts = vec![
            ("contract".to_owned(), CONTRACT_VERSION.to_owned()),
            ("runtime".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("wasmtime".to_owned(), wasmtime_environ::VERSION.to_owned()),
            ("instances".to_owned(), self.instances.to_string()),
            ("stack".to_owned(), GUEST_STACK.to_string()),
        ];
        let limits = self.limits.named();
        facts.extend(limits.map(|(name, value)| (format!("limits.{name}"), value.to_string())));
        facts
    }

    /// Returns the limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn check_and_start(&self, bytes: &[u8]) -> Result<Loaded, Error> {
        let candidate = Candidate::read(bytes)?;
        let exports = Exports::find(&candidate)?;
        let component = Component::from_binary(&self.engine, &candidate.bytes)
            .map_err(|error| Error::Compile(format!("{error:#}")))?;
        fits(&component, &self.limits)?;
        let functions = Functions::find(&component, &exports)?;
        let start = Linker::new(&self.engine)
            .instantiate_pre(&component)
            .map_err(|error| Error::Compile(format!("{error:#}")))?;
        let loaded = Loaded(Arc::new(Inner {
            digest: digest(bytes),
            size: bytes.len(),
            kind: candidate.kind,
            contract: exports.version,
            start,
            functions,
            limits: Arc::clone(&self.limits),
            instances: self.instances,
        }));
        prove(&loaded)?;
        Ok(loaded)
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Runtime")
            .field("limits", &self.limits)
            .field("instances", &self.instances)
            .finish_non_exhaustive()
    }
}

/// A policy, compiled and checked; cheap to clone and shared between threads.
#[derive(Clone)]
pub struct Loaded(Arc<Inner>);

struct Inner {
    digest: String,
    size: usize,
    kind: Kind,
    contract: String,
    start: InstancePre<Guard>,
    functions: Functions,
    limits: Arc<Limits>,
    instances: Instances,
}

impl Loaded {
    /// Returns the SHA-256 of the file's bytes as they were read, hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// Returns the bytes of the file.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// Returns what the file is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the version of the contract that the policy was built for.
    #[must_use]
    pub fn contract(&self) -> &str {
        &self.0.contract
    }

    /// Returns what the policy imports: nothing, or it would not have been loaded.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &[]
    }

    /// Returns a policy to call, with an instance of its own.
    #[must_use]
    pub fn policy(&self) -> WasmPolicy {
        WasmPolicy::new(self.clone())
    }

    pub(crate) fn start(&self) -> &InstancePre<Guard> {
        &self.0.start
    }

    pub(crate) fn functions(&self) -> &Functions {
        &self.0.functions
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn instances(&self) -> Instances {
        self.0.instances
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loaded")
            .field("digest", &self.0.digest)
            .field("kind", &self.0.kind)
            .finish_non_exhaustive()
    }
}

/// Where the contract's functions lie in one component.
pub(crate) struct Functions {
    pub(crate) describe: ComponentExportIndex,
    pub(crate) prepare: ComponentExportIndex,
    pub(crate) observe: ComponentExportIndex,
    pub(crate) decide: ComponentExportIndex,
}

impl Functions {
    fn find(component: &Component, exports: &Exports) -> Result<Self, Error> {
        let interface = component
            .get_export_index(None, exports.interface.as_str())
            .ok_or_else(|| other_world(Vec::new(), exports.interface.clone()))?;
        let function = |function: &'static str| {
            component
                .get_export_index(Some(&interface), function)
                .ok_or_else(|| Error::Function {
                    function,
                    interface: exports.interface.clone(),
                })
        };
        Ok(Self {
            describe: function("describe")?,
            prepare: function("prepare")?,
            observe: function("observe")?,
            decide: function("decide")?,
        })
    }
}

/// The export by which a component is a policy of this contract.
struct Exports {
    interface: String,
    version: String,
}

impl Exports {
    /// Finds the interface in the version that this host speaks, or in a later one of the same
    /// series, whose types are checked like those of any other.
    fn find(candidate: &Candidate<'_>) -> Result<Self, Error> {
        let series = CONTRACT_VERSION
            .rsplit_once('.')
            .map_or(CONTRACT_VERSION, |(series, _)| series);
        let found = candidate.exports.iter().find_map(|name| {
            let (interface, version) = name.split_once('@')?;
            let of_series = version.rsplit_once('.').is_some_and(|(of, _)| of == series);
            (interface == INTERFACE && of_series).then(|| (name.clone(), version.to_owned()))
        });
        match found {
            Some((interface, version)) => Ok(Self { interface, version }),
            None => Err(other_world(
                candidate.exports.clone(),
                format!("{INTERFACE}@{CONTRACT_VERSION}"),
            )),
        }
    }
}

/// The engine's settings; what is not set here is wasmtime's default.
fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    // The same bits on every machine.
    config
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true);
    // Only what compilers for policies emit.
    config
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .shared_memory(false);
    // Bounded work: in a call, and when compiling, where an optimiser can be made to take minutes.
    config
        .consume_fuel(true)
        .max_wasm_stack(GUEST_STACK)
        .cranelift_opt_level(OptLevel::None)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE));
    // A cheap synchronous call: nothing here ever waits.
    config.concurrency_support(false);
    // Guests in a trainer's process: it, its MPI and its Python own the signal handlers, and the
    // address space may be limited. A memory never moves, so all that it may grow to is reserved.
    config
        .signals_based_traps(false)
        .memory_reservation(limits.memory)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_may_move(false);
    config
}

fn check(limits: &Limits) -> Result<(), Error> {
    let wrong = |limit, value, expected| {
        Err(Error::Limit {
            limit,
            value,
            expected,
        })
    };
    match limits {
        Limits { fuel: 0, .. } => wrong("fuel", 0, "at least 1"),
        Limits { memory, .. } if *memory < PAGE || *memory > MOST_MEMORY => {
            wrong("memory", *memory, "64 KiB to 4 GiB")
        }
        Limits { answer: 0, .. } => wrong("answer", 0, "at least 1"),
        _ => Ok(()),
    }
}

/// Refuses what could never be started, by the numbers that the component states.
fn fits(component: &Component, limits: &Limits) -> Result<(), Error> {
    let Some(needed) = component.resources_required() else {
        return Ok(());
    };
    let too_much = |needed, limit, allowed| {
        Err(Error::Resources {
            needed,
            limit,
            allowed,
        })
    };
    if needed.num_memories > limits.memories {
        let needed = format!("{} memories", needed.num_memories);
        return too_much(needed, "memories", limits.memories.into());
    }
    if needed.num_tables > limits.tables {
        let needed = format!("{} tables", needed.num_tables);
        return too_much(needed, "tables", limits.tables.into());
    }
    let memory = needed
        .max_initial_memory_size
        .unwrap_or_default()
        .saturating_mul(PAGE);
    if memory > limits.memory {
        return too_much(format!("{memory} bytes of memory"), "memory", limits.memory);
    }
    let entries = needed.max_initial_table_size.unwrap_or_default();
    if entries > limits.table_elements.into() {
        let needed = format!("{entries} entries of a table");
        return too_much(needed, "table-elements", limits.table_elements.into());
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// What a 32-bit memory can address.
const MOST_MEMORY: u64 = 4 << 30;

/// Frames that a trap looks at; a recursion is named once, so some more than are shown.
const BACKTRACE: usize = 32;
