//! The stack on which a thread handles signals, which is its owner's.
//!
//! Wasmtime gives each thread a stack of its own for signals, with the first call on it, also where
//! it has no handler that would need one. The handlers of a trainer, of Python or of an MPI go on
//! to run on theirs: what the caller had is put back.

#![expect(
    unsafe_code,
    reason = "a thread's stack for signals can only be asked for and set through a function of C"
)]

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

thread_local! {
    /// Wasmtime has had its one occasion on this thread.
    static IS_SETTLED: Cell<bool> = const { Cell::new(false) };
}

/// The stack that the caller handles signals on; dropping it puts it back.
pub(super) struct SignalStack(Option<libc::stack_t>);

impl SignalStack {
    /// Remembers the calling thread's, where something may replace it.
    pub(super) fn keep() -> Self {
        Self(if IS_SETTLED.get() { None } else { current() })
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let (Some(before), Some(now)) = (self.0, current()) else {
            return;
        };
        if now.ss_sp == before.ss_sp {
            return;
        }
        // SAFETY: the description is the one that the system gave of this thread's stack, which its
        // owner has had no occasion to take away since.
        unsafe { libc::sigaltstack(&raw const before, ptr::null_mut()) };
        IS_SETTLED.set(true);
    }
}

fn current() -> Option<libc::stack_t> {
    let mut found = MaybeUninit::uninit();
    // SAFETY: with no new stack the function only fills in the old one, and says so by zero.
    unsafe {
        (libc::sigaltstack(ptr::null(), found.as_mut_ptr()) == 0).then(|| found.assume_init())
    }
}
