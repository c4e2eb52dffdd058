//! How much a policy may use, and how that is enforced while it runs.
//!
//! [`Limits`] is what a site sets; [`Guard`] stands between a running guest and the memory of the
//! machine. The invariant: a guest is refused memory only by a limit, which is the same on all
//! ranks. Where the machine itself refuses, the call ends, so that the guest cannot answer
//! otherwise on one rank than on the others.

use wasmtime::ResourceLimiter;

mod compile;

pub use compile::{Compile, CompileLimits};

/// Bounds on each call of a policy, and on its file.
///
/// All ranks must use the same; [`Runtime::facts`](crate::Runtime::facts) lists them for the
/// opening exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Units of work in one call, about one for each WebAssembly instruction. By default 50
    /// million, which a loop uses up in about 50 ms.
    pub fuel: u64,
    /// Seconds after which a call is broken off, whatever fuel it has left: an emergency brake for a
    /// machine that swaps or hangs, and never a verdict. By default 10, far more than any call takes.
    pub call_seconds: u32,
    /// Bytes of linear memory, all memories of the component together. This much address space is
    /// reserved for each memory, and not touched; up to 256 MiB also for each of the four places in
    /// which fresh instances start. By default 64 MiB.
    pub memory: u64,
    /// Bytes of one answer, as it lies in the host's memory. By default 1 MiB.
    pub answer: u64,
    /// Bytes of the arguments of one call. By default 16 MiB.
    pub input: u64,
    /// Bytes of a policy's file. By default 64 MiB.
    pub file: u64,
    /// What may be compiled, in files that are not allowed to be large.
    pub compile: CompileLimits,
    /// Core instances that one component may consist of. By default 256, as interpreters come in
    /// dozens of parts.
    pub instances: u32,
    /// Linear memories. By default 4.
    pub memories: u32,
    /// Tables. By default 64.
    pub tables: u32,
    /// Entries of one table. By default 100 000.
    pub table_elements: u32,
    /// Inputs, features, reductions, and moments of a plan, of each at most. By default 4096.
    pub plan: u32,
    /// Bytes of the settings that `prepare` returns. By default 512 KiB.
    pub settings: u64,
    /// Bytes of the state. By default 512 KiB.
    pub state: u64,
    /// Bytes of a verdict's reason, a description's summary, and an error's text. By default 4 KiB.
    pub reason: u64,
    /// Bytes of one name: of an input, figure, label or tag. By default 256.
    pub name: u64,
    /// Figures of one verdict. By default 256.
    pub figures: u32,
    /// Tags of one verdict. By default 64.
    pub tags: u32,
    /// Labels of one verdict. By default 64.
    pub labels: u32,
    /// Checkpoints that one verdict may hold, and as many that it may release. By default 65 536.
    pub checkpoints: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 50_000_000,
            call_seconds: 10,
            memory: 64 * MIB,
            answer: MIB,
            input: 16 * MIB,
            file: 64 * MIB,
            compile: CompileLimits::default(),
            instances: 256,
            memories: 4,
            tables: 64,
            table_elements: 100_000,
            plan: 4096,
            settings: 512 * KIB,
            state: 512 * KIB,
            reason: 4 * KIB,
            name: 256,
            figures: 256,
            tags: 64,
            labels: 64,
            checkpoints: 65_536,
        }
    }
}

impl Limits {
    /// Returns each limit by its name in a configuration, in a fixed order.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, u64)> {
        let mut named = vec![
            ("fuel", self.fuel),
            ("call-seconds", self.call_seconds.into()),
            ("memory", self.memory),
            ("answer", self.answer),
            ("input", self.input),
            ("file", self.file),
            ("instances", self.instances.into()),
            ("memories", self.memories.into()),
            ("tables", self.tables.into()),
            ("table-elements", self.table_elements.into()),
            ("plan", self.plan.into()),
            ("settings", self.settings),
            ("state", self.state),
            ("reason", self.reason),
            ("name", self.name),
            ("figures", self.figures.into()),
            ("tags", self.tags.into()),
            ("labels", self.labels.into()),
            ("checkpoints", self.checkpoints.into()),
        ];
        named.extend(self.compile.named());
        named
    }

    /// Returns the bounds on what is compiled of one file.
    pub(crate) fn compile(&self, compile: Compile) -> CompileLimits {
        match compile {
            Compile::Default => self.compile,
            Compile::Large => self.compile.or(&CompileLimits::LARGE),
        }
    }
}

/// What stands between one running guest and the machine's memory.
#[derive(Debug)]
pub(crate) struct Guard {
    memory: usize,
    table_elements: usize,
    instances: usize,
    memories: usize,
    tables: usize,
    used: usize,
    refused: Option<String>,
    machine: Option<String>,
}

impl Guard {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory: saturate(limits.memory),
            table_elements: saturate(limits.table_elements.into()),
            instances: saturate(limits.instances.into()),
            memories: saturate(limits.memories.into()),
            tables: saturate(limits.tables.into()),
            used: 0,
            refused: None,
            machine: None,
        }
    }

    /// Forgets what was refused, before a call.
    pub(crate) fn reset(&mut self) {
        self.refused = None;
        self.machine = None;
    }

    /// Returns the bytes of linear memory that the guest has, all memories together; they never
    /// become fewer.
    pub(crate) fn used(&self) -> u64 {
        self.used as u64
    }

    /// Returns what a limit refused to the guest, if it asked for too much.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Returns what the machine refused although the limits allow it.
    pub(crate) fn machine(&self) -> Option<&str> {
        self.machine.as_deref()
    }
}

impl ResourceLimiter for Guard {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The guest's own maximum is checked here too, so that what fails later on is the machine.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let total = self.used.saturating_add(desired.saturating_sub(current));
        if total > self.memory {
            let limit = self.memory;
            self.refused = Some(format!(
                "{total} bytes of memory, `memory` in `[limits]` is {limit}"
            ));
            return Ok(false);
        }
        self.used = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.machine = Some(format!("no more memory: {error:#}"));
        Err(error)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // In the pool the maximum is at most the limit; what a guest is told is the same everywhere.
        if desired > self.table_elements {
            let limit = self.table_elements;
            self.refused = Some(format!(
                "{desired} entries of a table, `table-elements` in `[limits]` is {limit}"
            ));
            return Ok(false);
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.machine = Some(format!("no larger table: {error:#}"));
        Err(error)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

/// A limit as a size in memory; one that no memory can reach stays out of reach.
pub(crate) fn saturate(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
