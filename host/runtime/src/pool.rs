//! Memories that are used again: where instances of small policies start.
//!
//! A fresh instance has a memory of its own, and giving one back to the kernel costs more than most
//! calls: with its pages go page tables, for which the kernel interrupts every processor that has
//! lately run a thread of this process; and a trainer has many. Here a few memories stay mapped, and
//! are emptied after each instance. The kernel does that (`MADV_DONTNEED`): wasmtime could also look
//! up which pages were written (`PAGEMAP_SCAN`) and write them over, but it does not find those that
//! are swapped out or being moved at that moment, and the next instance would.
//!
//! The invariant: a policy answers the same as elsewhere. It is the same code under the same limits,
//! in an engine that differs in where memories come from; and what finds no room here, or does not
//! fit, starts elsewhere.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::environment;
use crate::limits::{Limits, saturate};

/// Instances that there is room for at a time.
pub(crate) const ROOM: u32 = 4;

/// Bytes of native code beyond which a policy is not held in two engines.
pub(crate) const SMALL: usize = 4 << 20;

/// Bytes of address space that are reserved for one memory at most.
const MOST_RESERVED: u64 = 256 << 20;

/// Tables of one instance.
const TABLES: u32 = 4;

/// Sets up an engine whose memories are used again; nothing where this process has no address space
/// to spare.
pub(crate) fn engine(mut config: Config, limits: &Limits) -> Option<Engine> {
    if limits.memory > MOST_RESERVED || environment::is_address_space_limited() {
        return None;
    }
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(ROOM)
        .total_tables(ROOM * TABLES)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_memory_size(saturate(limits.memory))
        .table_elements(saturate(limits.table_elements.into()))
        .linear_memory_keep_resident(0)
        .table_keep_resident(0)
        .pagemap_scan(Enabled::No);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).ok()
}
