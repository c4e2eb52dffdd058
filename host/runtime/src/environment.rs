//! The thread on which a guest runs: its stack, and its floating-point modes; and what the process
//! around it may do.
//!
//! Wasmtime bounds a guest's stack, and does not check that the caller has that much; where it has
//! less, or is on a coroutine's stack, an endless recursion would end the process. And a library may have set flush-to-zero on
//! the calling thread, which threads started from it inherit. The invariant: a guest computes the
//! same, and can recurse as deep, on whatever thread it is called from.

use std::io;
use std::panic;
use std::thread;

use ckpt_policy_core::contract::Fault;

mod float;
mod signals;
mod stack;

use float::FloatModes;
use signals::SignalStack;

/// Stack that a guest may use.
pub(crate) const GUEST_STACK: usize = 1 << 20;

/// What the host needs beneath and beside it: to lower arguments, lift answers, walk a backtrace.
const HOST_STACK: usize = 512 << 10;

/// The stack of a thread that is started where the caller's is too small.
const THREAD_STACK: usize = 3 << 20;

/// Runs a guest with enough stack and with the default floating-point modes: on the caller's thread
/// where that has as much, which costs nothing, else on one of its own.
///
/// # Errors
///
/// The caller's stack is too small, and this machine cannot start a thread with a larger one.
pub(crate) fn enter<R: Send>(guest: impl FnOnce() -> R + Send) -> io::Result<R> {
    let enough = stack::left().is_some_and(|left| left >= GUEST_STACK + HOST_STACK);
    if enough {
        let _put_back_on_drop = SignalStack::keep();
        return Ok(with_default_modes(guest));
    }
    thread::scope(|scope| {
        let started = thread::Builder::new()
            .name("ckpt-policy".to_owned())
            .stack_size(THREAD_STACK)
            .spawn_scoped(scope, || with_default_modes(guest))?;
        match started.join() {
            Ok(answer) => Ok(answer),
            Err(bug) => panic::resume_unwind(bug),
        }
    })
}

/// What [`enter`] failing means for a policy.
pub(crate) fn no_thread(error: &io::Error) -> Fault {
    Fault::Machine(format!(
        "the calling thread's stack is too small, and none with a larger one could be started: {error}"
    ))
}

/// Returns the size beyond which a write to a file does not fail, but ends this process; nothing
/// where there is no such size, as usual.
pub(crate) fn file_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

/// Returns whether somebody has set how much address space this process may have.
pub(crate) fn is_address_space_limited() -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As);
    limit.current.is_some()
}

fn with_default_modes<R>(guest: impl FnOnce() -> R) -> R {
    let _restored_on_drop = FloatModes::set_default();
    guest()
}

#[cfg(test)]
mod tests;
