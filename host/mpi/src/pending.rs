//! A collective under way.

use std::thread;
use std::time::{Duration, Instant};

use mpi::ffi;

use crate::call;

/// A request, and how to wait for it.
pub(crate) struct Pending(ffi::MPI_Request);

/// How long only the processor is given away between two looks: ranks that are about to come, come
/// within microseconds.
const EAGER: Duration = Duration::from_millis(2);
/// The longest sleep between two looks. The library makes no progress meanwhile.
const LONGEST: Duration = Duration::from_millis(1);

impl Pending {
    pub(crate) fn new() -> Self {
        Self(call::no_request())
    }

    pub(crate) fn request(&mut self) -> &mut ffi::MPI_Request {
        &mut self.0
    }

    /// Waits until the request is complete; `false`: it is not, and the deadline is over.
    ///
    /// # Errors
    ///
    /// What MPI says of it.
    pub(crate) fn wait(&mut self, deadline: Duration) -> Result<bool, String> {
        // Most are complete at the first look on the rank that comes last.
        if call::test(&mut self.0)? {
            return Ok(true);
        }
        let start = Instant::now();
        let mut pause = Duration::from_micros(20);
        while !call::test(&mut self.0)? {
            let waited = start.elapsed();
            if waited >= deadline {
                return Ok(false);
            }
            if waited < EAGER {
                thread::yield_now();
                continue;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST);
        }
        Ok(true)
    }
}
