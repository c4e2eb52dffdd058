//! Runs policies as sandboxed WebAssembly, and drives a host over a collective engine.
//!
//! The only crate that knows wasmtime. It turns bytes into a checked component ([`Runtime::load`]),
//! a checked component into a [`Policy`](ckpt_policy_core::contract::Policy) ([`Loaded::policy`]),
//! and moves a host's messages between the ranks ([`Session`] over an [`Engine`]).
//!
//! ```text
//!  bytes ──► Runtime::load ──► Loaded ──► WasmPolicy ──► Host (core) ──► Session ──► Engine
//!            kind, scan,       one for     a fresh        decides         carries     Solo, Threads,
//!            imports, types    all threads instance a call                            MPI, …
//! ```
//!
//! What it deliberately does not do: decide anything, read policies' files, or offer a policy a single host
//! function. A policy that imports something is refused.
//!
//! # Invariants
//!
//! - What a policy causes (a trap, too much fuel, too large an answer) is the same
//!   [`Fault`](ckpt_policy_core::contract::Fault) on every rank. What one machine alone causes is
//!   `Fault::Machine`, and a policy never gets to see it and to answer differently.
//! - Fuel, memory and sizes are bounded in each call; no bytes and no guest can end the process.
//! - What it takes to compile a file is bounded before anything that compiles sees it.
//! - No signal handler is installed. One thread, which ticks for the emergency brake, begins with the
//!   first call and is gone with the last holder of the runtime. The caller's floating-point
//!   modes neither reach a policy nor are changed by one.
//!
//! # Examples
//!
//! ```
//! use ckpt_policy_core::contract::{Fault, Policy};
//! use ckpt_policy_runtime::{Error, Instances, Limits, Runtime};
//!
//! fn describe(file: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
//!     let runtime = Runtime::new(Limits::default(), Instances::Fresh)?;
//!     let description = runtime.load(file)?.policy().describe()?;
//!     Ok(description.name)
//! }
//!
//! let refused = describe(b"").unwrap_err();
//! assert!(refused.to_string().contains("the file is empty"));
//! ```

mod bindings;
mod brake;
mod cache;
mod component;
mod engine;
mod environment;
mod error;
mod fault;
mod limits;
mod native;
mod policy;
mod pool;
mod runtime;
mod scan;
mod session;

pub use cache::{Cache, CacheEntry, CacheError, CacheOptions, CacheUse, EntryState, Freed};
pub use component::Kind;
pub use engine::{Collective, Engine, EngineError, Solo, Threads};
pub use error::Error;
pub use limits::{Compile, CompileLimits, Limits};
pub use native::Native;
pub use policy::{Usage, WasmPolicy};
pub use runtime::{Compiler, Instances, Loaded, Options, Runtime};
pub use session::{Session, SessionError, carry};
