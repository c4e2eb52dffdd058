//! One engine for a process, and the policies that it has compiled.
//!
//! Everything that bears on whether a policy answers the same on two machines is set here, in one
//! place. The invariant: a [`Loaded`] has the contract's types, imports nothing, and has been
//! started once within its limits.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use ckpt_policy_core::contract::CONTRACT_VERSION;
use ckpt_policy_core::text::excerpt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Config, OperatorCost, OptLevel, WasmBacktraceDetails};

use crate::bindings::INTERFACE;
use crate::brake::Brake;
use crate::cache::{self, Cache, CacheUse};
use crate::component::{Candidate, Kind, other_world};
use crate::environment::{self, GUEST_STACK};
use crate::error::{Error, NAME, told};
use crate::limits::{Compile, CompileLimits, Guard, Limits};
use crate::native::{About, Native};
use crate::policy::{WasmPolicy, prove};
use crate::pool;

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

/// What turns a policy into something that runs. A policy answers the same under each of them, or
/// it is none; the conformance suite proves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compiler {
    /// Cranelift without its optimiser, whose work has no bound that a file could not stretch. The
    /// default, and what a site runs.
    #[default]
    Plain,
    /// Cranelift with its optimiser: slow to compile.
    Optimized,
    /// Code for the Pulley interpreter, which runs the same on every processor.
    Interpreter,
}

/// How a [`Runtime`] is set up; the default is what a site runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Bounds on each call.
    pub limits: Limits,
    /// Whether each call gets an instance of its own.
    pub instances: Instances,
    /// What compiles.
    pub compiler: Compiler,
    /// Whether a trap names files and lines, where the policy carries debug information. For its
    /// author: it is read with each trap, and a file from anywhere can make that slow.
    pub lines: bool,
    /// Where compiled code is kept. By default nowhere.
    pub cache: Option<Cache>,
}

/// Compiles policies under one set of limits; cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    engine: wasmtime::Engine,
    /// Where fresh instances of small policies start.
    pool: Option<wasmtime::Engine>,
    brake: Arc<Brake>,
    limits: Arc<Limits>,
    instances: Instances,
    cache: Option<Cache>,
}

impl Runtime {
    /// Sets up an engine as a site runs it.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] where a limit cannot work, [`Error::Engine`] where this machine cannot
    /// run WebAssembly.
    pub fn new(limits: Limits, instances: Instances) -> Result<Self, Error> {
        Self::with(Options {
            limits,
            instances,
            ..Options::default()
        })
    }

    /// Sets up an engine.
    ///
    /// # Errors
    ///
    /// As [`Runtime::new`].
    pub fn with(options: Options) -> Result<Self, Error> {
        check(&options.limits)?;
        let unusable = |error: wasmtime::Error| Error::Engine(told(format_args!("{error:#}")));
        let config = config(&options).map_err(unusable)?;
        let engine = wasmtime::Engine::new(&config).map_err(unusable)?;
        let pool = match options.instances {
            Instances::Fresh => pool::engine(config, &options.limits),
            Instances::Reuse => None,
        };
        let engines = pool.iter().chain([&engine]).cloned().collect();
        let brake = Brake::new(engines, options.limits.call_seconds);
        Ok(Self {
            engine,
            pool,
            brake: Arc::new(brake),
            limits: Arc::new(options.limits),
            instances: options.instances,
            cache: options.cache,
        })
    }

    /// Checks, compiles and once starts a policy: a component, or a core module that carries its
    /// world as `wit-bindgen` leaves it.
    ///
    /// # Errors
    ///
    /// What was found instead of a policy of this contract, and the remedy.
    pub fn load(&self, bytes: &[u8]) -> Result<Loaded, Error> {
        self.load_as(bytes, Compile::Default)
    }

    /// As [`Runtime::load`], with a say in how much may be compiled.
    ///
    /// # Errors
    ///
    /// As [`Runtime::load`].
    pub fn load_as(&self, bytes: &[u8], compile: Compile) -> Result<Loaded, Error> {
        let size = bytes.len() as u64;
        if size > self.limits.file {
            return Err(Error::TooLarge {
                size,
                limit: self.limits.file,
            });
        }
        // A compiler needs stack too, and the caller may have little.
        environment::enter(|| self.check_and_start(bytes, compile))
            .unwrap_or_else(|error| Err(Error::Start(environment::no_thread(&error))))
    }

    /// Returns what a file amounts to in terms of the bounds on what is compiled; nothing of it is.
    ///
    /// # Errors
    ///
    /// [`Error::Jail`] where it is more than the default bounds allow, and others where it cannot
    /// be taken apart.
    pub fn extent(&self, bytes: &[u8]) -> Result<CompileLimits, Error> {
        // As loading does: the component that is made of a module amounts to a little more.
        Ok(Candidate::read(bytes, &self.limits, Compile::Default)?.extent)
    }

    /// Takes what the compiler left, as a cache hands it over.
    ///
    /// # Errors
    ///
    /// [`Error::Compile`] where it was compiled under other settings.
    pub fn reload(&self, native: &Native) -> Result<Loaded, Error> {
        let (component, about) = self.revive(native)?;
        self.start(&component, about, None)
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
        facts.extend(
            limits
                .into_iter()
                .map(|(name, value)| (format!("limits.{name}"), value.to_string())),
        );
        facts
    }

    /// Returns the limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Digests what code that this runtime compiles hangs on, besides the policy.
    pub(crate) fn settings(&self) -> blake3::Hash {
        cache::settings(&self.engine, &self.limits)
    }

    fn check_and_start(&self, bytes: &[u8], compile: Compile) -> Result<Loaded, Error> {
        if let Some(cache) = &self.cache {
            return self.load_through(cache, bytes, compile);
        }
        let candidate = Candidate::read(bytes, &self.limits, compile)?;
        let (component, about) = self.compile(candidate, bytes)?;
        self.start(&component, about, None)
    }

    fn load_through(&self, cache: &Cache, bytes: &[u8], compile: Compile) -> Result<Loaded, Error> {
        let mut visit = cache.visit(&digest(bytes), &self.settings());
        // What somebody else was allowed to compile is not what this caller is.
        let bounds = self.limits.compile(compile);
        let allowed = |native: &Native| bounds.allow(&native.about().extent);
        let found = visit.look().filter(allowed);
        if let Some((component, about)) = found.and_then(|native| self.revive(&native).ok()) {
            return self.start(&component, about, Some(visit.end(true)));
        }
        // What is no policy is refused before anybody waits for it.
        let candidate = Candidate::read(bytes, &self.limits, compile)?;
        match visit.wait().map(|native| self.revive(&native)) {
            Some(Ok((component, about))) => {
                return self.start(&component, about, Some(visit.end(true)));
            }
            Some(Err(error)) => visit.damaged(error.to_string()),
            None => {}
        }
        let (component, about) = self.compile(candidate, bytes)?;
        // Kept before it is started: where that fails, it fails sooner in the next process.
        if let Ok(native) = Native::of(&component, about.clone()) {
            visit.keep(&native);
        }
        self.start(&component, about, Some(visit.end(false)))
    }

    fn revive(&self, native: &Native) -> Result<(Component, About), Error> {
        Ok((native.component(&self.engine)?, native.about().clone()))
    }

    fn compile(&self, candidate: Candidate<'_>, bytes: &[u8]) -> Result<(Component, About), Error> {
        let exports = Exports::find(&candidate)?;
        let component = self.translate(&candidate.bytes)?;
        let about = About {
            digest: digest(bytes),
            size: bytes.len(),
            kind: candidate.kind,
            extent: candidate.extent,
            exports,
        };
        Ok((component, about))
    }

    /// Makes native code. A bug of the compiler that ends in a panic is an error like others, so
    /// that the training job outlives it; what it was working on is thrown away.
    fn translate(&self, component: &[u8]) -> Result<Component, Error> {
        let compile = AssertUnwindSafe(|| Component::from_binary(&self.engine, component));
        match panic::catch_unwind(compile) {
            Ok(Ok(component)) => Ok(component),
            Ok(Err(error)) => Err(Error::Compile(told(format_args!("{error:#}")))),
            Err(_) => Err(Error::Compile(
                "the compiler panicked, which is a bug in it".to_owned(),
            )),
        }
    }

    /// Links a compiled policy, and starts it once.
    fn start(
        &self,
        component: &Component,
        about: About,
        cache: Option<CacheUse>,
    ) -> Result<Loaded, Error> {
        fits(component, &self.limits)?;
        let loaded = Loaded {
            inner: Arc::new(Inner {
                ready: Ready::new(component, &about.exports)?,
                pooled: self.pooled(component, &about),
                about,
                brake: Arc::clone(&self.brake),
                limits: Arc::clone(&self.limits),
                cache,
            }),
            instances: self.instances,
        };
        prove(&loaded)?;
        Ok(loaded)
    }

    /// Makes a policy ready in the pool, too; where it does not fit there, it starts without.
    fn pooled(&self, component: &Component, about: &About) -> Option<Ready> {
        let pool = self.pool.as_ref()?;
        let code = component.image_range();
        if code.end.addr() - code.start.addr() > pool::SMALL {
            return None;
        }
        let native = Native::of(component, about.clone()).ok()?;
        Ready::new(&native.component(pool).ok()?, &about.exports).ok()
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
pub struct Loaded {
    inner: Arc<Inner>,
    instances: Instances,
}

struct Inner {
    about: About,
    ready: Ready,
    pooled: Option<Ready>,
    brake: Arc<Brake>,
    limits: Arc<Limits>,
    cache: Option<CacheUse>,
}

impl Loaded {
    /// Returns the SHA-256 of the file's bytes as they were read, hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.about.digest
    }

    /// Returns the bytes of the file.
    #[must_use]
    pub fn size(&self) -> usize {
        self.inner.about.size
    }

    /// Returns what the file is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.about.kind
    }

    /// Returns what the file amounts to, in terms of the bounds on what is compiled.
    #[must_use]
    pub fn extent(&self) -> &CompileLimits {
        &self.inner.about.extent
    }

    /// Returns which bounds the file keeps to, whichever it was loaded under.
    #[must_use]
    pub fn needs(&self) -> Compile {
        match self.inner.limits.compile.allow(&self.inner.about.extent) {
            true => Compile::Default,
            false => Compile::Large,
        }
    }

    /// Returns the version of the contract that the policy was built for.
    #[must_use]
    pub fn contract(&self) -> &str {
        &self.inner.about.exports.version
    }

    /// Returns what the policy imports: nothing, or it would not have been loaded.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &[]
    }

    /// Returns the same policy with its instances treated otherwise; nothing is compiled anew.
    #[must_use]
    pub fn with_instances(&self, instances: Instances) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            instances,
        }
    }

    /// Returns the policy as the compiler left it.
    ///
    /// # Errors
    ///
    /// [`Error::Compile`] where the engine cannot write it down.
    pub fn native(&self) -> Result<Native, Error> {
        Native::of(self.inner.ready.start.component(), self.inner.about.clone())
    }

    /// Returns what the cache did for it; nothing where the runtime has none.
    #[must_use]
    pub fn cache_use(&self) -> Option<&CacheUse> {
        self.inner.cache.as_ref()
    }

    /// Returns a policy to call, with an instance of its own.
    #[must_use]
    pub fn policy(&self) -> WasmPolicy {
        WasmPolicy::new(self.clone())
    }

    /// Returns where an instance can start, the best place first; the last one always has room.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Ready> {
        let pooled = match self.instances {
            Instances::Fresh => self.inner.pooled.as_ref(),
            // It would keep others out.
            Instances::Reuse => None,
        };
        pooled.into_iter().chain([&self.inner.ready])
    }

    pub(crate) fn brake(&self) -> &Brake {
        &self.inner.brake
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn instances(&self) -> Instances {
        self.instances
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loaded")
            .field("digest", &self.inner.about.digest)
            .field("kind", &self.inner.about.kind)
            .finish_non_exhaustive()
    }
}

/// A policy that is linked in one engine.
pub(crate) struct Ready {
    pub(crate) start: InstancePre<Guard>,
    pub(crate) functions: Functions,
}

impl Ready {
    fn new(component: &Component, exports: &Exports) -> Result<Self, Error> {
        let start = Linker::new(component.engine())
            .instantiate_pre(component)
            .map_err(|error| Error::Compile(told(format_args!("{error:#}"))))?;
        Ok(Self {
            start,
            functions: Functions::find(component, exports)?,
        })
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
        let function =
            |function: &'static str| match component.get_export(Some(&interface), function) {
                Some((ComponentItem::ComponentFunc(_), index)) => Ok(index),
                _ => Err(Error::Function {
                    function,
                    interface: excerpt(&exports.interface, NAME),
                }),
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exports {
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
            (interface == INTERFACE && of_series).then(|| (name.clone(), excerpt(version, NAME)))
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
fn config(options: &Options) -> Result<Config, wasmtime::Error> {
    let limits = &options.limits;
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
        .epoch_interruption(true)
        .operator_cost(costs())
        .max_wasm_stack(GUEST_STACK)
        .cranelift_opt_level(match options.compiler {
            Compiler::Optimized => OptLevel::Speed,
            Compiler::Plain | Compiler::Interpreter => OptLevel::None,
        })
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE))
        // A tenth of what a cache has of an interpreter, and nothing looks at it.
        .native_unwind_info(false)
        .generate_address_map(options.lines)
        .wasm_backtrace_details(match options.lines {
            true => WasmBacktraceDetails::Enable,
            false => WasmBacktraceDetails::Disable,
        });
    if options.compiler == Compiler::Interpreter {
        config.target(PULLEY)?;
    }
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
    // What a memory begins with is a file without a name, of which all instances share the pages.
    let fits = environment::file_limit().is_none_or(|most| most >= limits.memory);
    config.memory_init_cow(fits);
    // A file may put one byte at each end of a memory: it is not to become an image of all between.
    config.memory_guaranteed_dense_image_size(SPARSE_IMAGE);
    Ok(config)
}

/// What instructions cost that leave the guest's own code for the host's: a guest could else spend its
/// fuel on these alone, and a second would become a minute.
fn costs() -> OperatorCost {
    OperatorCost {
        MemoryGrow: GROWTH,
        TableGrow: GROWTH,
        MemoryCopy: CALL,
        MemoryFill: CALL,
        MemoryInit: CALL,
        DataDrop: CALL,
        TableCopy: CALL,
        TableFill: CALL,
        TableInit: CALL,
        ElemDrop: CALL,
        RefFunc: CALL,
        ..OperatorCost::default()
    }
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
        Limits {
            call_seconds: 0, ..
        } => wrong("call-seconds", 0, "at least 1"),
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

/// The interpreter's instructions, with the width and the order of bytes of this machine.
const PULLEY: &str = match (
    cfg!(target_pointer_width = "64"),
    cfg!(target_endian = "big"),
) {
    (true, false) => "pulley64",
    (true, true) => "pulley64be",
    (false, false) => "pulley32",
    (false, true) => "pulley32be",
};

/// Fuel for asking the host for memory, granted or not.
const GROWTH: u8 = 255;

/// Fuel for any other call of the host by an instruction, beside what the size of its work costs.
const CALL: u8 = 16;

/// Bytes of a memory that become an image in any case, however few of them are stated.
const SPARSE_IMAGE: u64 = 1 << 20;

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// What a 32-bit memory can address.
const MOST_MEMORY: u64 = 4 << 30;

/// Frames that a trap looks at; a recursion is named once, so some more than are shown.
const BACKTRACE: usize = 32;
