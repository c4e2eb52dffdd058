//! How much of its own stack the calling thread has left.
//!
//! A caller may run on a stack that is not its thread's: a coroutine's, or one that was grown. Such
//! a stack has an end that nobody can ask for, and a guest would run past it into whatever lies
//! there. So both ends of the thread's stack count, and the caller has to be between them.

#![expect(
    unsafe_code,
    reason = "a thread's stack can only be asked for through functions of C"
)]

use std::cell::Cell;
use std::hint::black_box;

/// Returns how many bytes of the thread's stack are left to the caller; nothing where that cannot
/// be told, or where the caller runs on another stack.
pub(super) fn left() -> Option<usize> {
    let bounds = BOUNDS.get().or_else(find)?;
    BOUNDS.set(Some(bounds));
    let here = black_box(0_u8);
    let here = (&raw const here).addr();
    let is_inside = here >= bounds.lowest && here < bounds.end;
    is_inside.then(|| here - bounds.lowest)
}

/// A stack, which grows towards its lowest address.
#[derive(Clone, Copy)]
struct Bounds {
    lowest: usize,
    end: usize,
}

thread_local! {
    /// Asking takes longer than a call of a policy, and the answer stays the same.
    static BOUNDS: Cell<Option<Bounds>> = const { Cell::new(None) };
}

#[cfg(target_os = "linux")]
fn find() -> Option<Bounds> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut size, mut guard) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: the attributes are read only once the first function has filled them in, which it
    // says by returning zero, and are given back once; all pointers are to variables of this frame.
    let is_known = unsafe {
        libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0 && {
            let attributes = attributes.as_mut_ptr();
            let stack = libc::pthread_attr_getstack(attributes, &raw mut lowest, &raw mut size);
            let fence = libc::pthread_attr_getguardsize(attributes, &raw mut guard);
            libc::pthread_attr_destroy(attributes);
            (stack, fence) == (0, 0)
        }
    };
    is_known.then(|| Bounds {
        lowest: lowest.addr().saturating_add(guard),
        end: lowest.addr().saturating_add(size),
    })
}

#[cfg(target_os = "macos")]
fn find() -> Option<Bounds> {
    // SAFETY: both functions only read what the system keeps of the calling thread.
    let (end, size) = unsafe {
        let thread = libc::pthread_self();
        let end = libc::pthread_get_stackaddr_np(thread);
        (end.addr(), libc::pthread_get_stacksize_np(thread))
    };
    Some(Bounds {
        lowest: end.saturating_sub(size),
        end,
    })
}

/// Elsewhere nothing is known, and a guest gets a thread of its own.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn find() -> Option<Bounds> {
    None
}
