//! Carries the exchanges of a host over MPI.
//!
//! [`Mpi`] is an [`Engine`] on a communicator of its own, so what it carries never meets what the
//! trainer sends. Every return code is looked at, and nothing waits for ever: collectives are begun
//! without blocking and waited for up to a deadline.
//!
//! What it knows of hosts and policies is nothing, and of MPI it uses no more than `Allgather`,
//! `Allreduce` with SUM and with MAX, and `Comm_dup`. It works on any MPI 3 library.
//!
//! # Examples
//!
//! ```no_run
//! use ckpt_policy_mpi::Mpi;
//! use ckpt_policy_runtime::Engine as _;
//!
//! // Initialises MPI where nobody has, and finalises it in the end.
//! let mut engine = Mpi::world()?;
//! let messages = engine.all_gather(&[engine.rank() as u8])?;
//! assert_eq!(messages.len(), engine.world_size() as usize);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![expect(unsafe_code, reason = "MPI is a C library")]

mod call;
mod pending;

use std::mem;
use std::time::Duration;

use ckpt_policy_runtime::{Collective, Engine, EngineError};
use mpi::environment::Universe;
use mpi::ffi;
use mpi::topology::{Communicator, SimpleCommunicator};
use mpi::traits::AsRaw as _;
use mpi::{Threading, environment};

use call::checked;
use pending::Pending;

/// How long an engine waits for the other ranks unless it is told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(600);

/// Why an engine could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MPI cannot be used: {0}")]
pub struct SetupError(String);

/// One process of an MPI communicator.
///
/// All calls come from the thread that initialised MPI, or the library was initialised for calls from
/// any one thread at a time.
pub struct Mpi {
    /// There until the engine is dropped.
    communicator: Option<SimpleCommunicator>,
    raw: ffi::MPI_Comm,
    rank: u32,
    world_size: u32,
    deadline: Duration,
    /// Collectives that were begun.
    begun: u64,
    /// Why nothing is carried any more.
    broken: Option<EngineError>,
    /// Finalises MPI when it is dropped, where this engine has initialised it.
    universe: Option<Universe>,
}

impl Mpi {
    /// Returns this process in the world of all processes that were started together; initialises
    /// MPI where nobody has, and then finalises it when the engine is dropped.
    ///
    /// # Errors
    ///
    /// MPI was finalised before, or the library refuses.
    pub fn world() -> Result<Self, SetupError> {
        let universe = match is_initialized()? {
            true => None,
            false => environment::initialize_with_threading(Threading::Funneled)
                .map(|(universe, _)| universe),
        };
        let mut engine = Self::on(&SimpleCommunicator::world())?;
        engine.universe = universe;
        Ok(engine)
    }

    /// Returns this process in a communicator of the embedding program, which is duplicated. All
    /// processes of the communicator call it, in the same order as their other collectives.
    ///
    /// # Errors
    ///
    /// The library refuses.
    pub fn on(communicator: &impl Communicator) -> Result<Self, SetupError> {
        let communicator = communicator.duplicate();
        // Errors come back as codes instead of ending the process.
        let raw = communicator.as_raw();
        call::return_errors(raw).map_err(SetupError)?;
        let number = |number: i32| u32::try_from(number).unwrap_or_default();
        Ok(Self {
            rank: number(communicator.rank()),
            world_size: number(communicator.size()),
            communicator: Some(communicator),
            raw,
            deadline: DEADLINE,
            begun: 0,
            broken: None,
            universe: None,
        })
    }

    /// Sets how long a collective may take; by default [`DEADLINE`].
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Ends all processes that were started together with this exit code, whatever they are waiting for.
    pub fn abort(&self, code: i32) -> ! {
        SimpleCommunicator::world().abort(code)
    }

    /// Begins a collective, and waits until all ranks have come to it or the deadline is over.
    ///
    /// `buffers` are what the library reads and writes in the meantime.
    fn carry<B>(
        &mut self,
        operation: &'static str,
        mut buffers: B,
        begin: impl FnOnce(&mut B, ffi::MPI_Comm, &mut ffi::MPI_Request) -> i32,
    ) -> Result<B, EngineError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        self.begun += 1;
        let collective = Collective {
            operation,
            number: self.begun,
        };
        let failed = |what| EngineError::Transport { collective, what };
        let mut pending = Pending::new();
        let code = begin(&mut buffers, self.raw, pending.request());
        let ended = checked(code)
            .and_then(|()| pending.wait(self.deadline))
            .map_err(failed)
            .and_then(|in_time| match in_time {
                true => Ok(()),
                false => Err(EngineError::Late {
                    collective,
                    deadline: self.deadline,
                }),
            });
        match ended {
            Ok(()) => Ok(buffers),
            Err(error) => {
                // A collective cannot be cancelled: the library may still write, so what it writes
                // into is kept for good.
                mem::forget(buffers);
                self.broken = Some(error.clone());
                Err(error)
            }
        }
    }

    fn reduce(
        &mut self,
        operation: &'static str,
        by: ffi::MPI_Op,
        numbers: &mut [i64],
    ) -> Result<(), EngineError> {
        let count = self.count(operation, numbers.len())?;
        let buffers = (numbers.to_vec(), vec![0_i64; numbers.len()]);
        let (_, reduced) = self.carry(operation, buffers, |(own, all), on, request| {
            // SAFETY: both have that length, and `carry` keeps them until the request is complete.
            unsafe { call::all_reduce(own, all, count, by, on, request) }
        })?;
        numbers.copy_from_slice(&reduced);
        Ok(())
    }

    /// Returns a length as MPI counts.
    fn count(&self, operation: &'static str, length: usize) -> Result<i32, EngineError> {
        i32::try_from(length).map_err(|_| EngineError::Transport {
            collective: Collective {
                operation,
                number: self.begun + 1,
            },
            what: format!("{length} elements are more than MPI can count"),
        })
    }
}

impl Engine for Mpi {
    fn rank(&self) -> u32 {
        self.rank
    }

    fn world_size(&self) -> u32 {
        self.world_size
    }

    fn all_gather(&mut self, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        let count = self.count("all_gather", message.len())?;
        let all = vec![0_u8; message.len() * self.world_size as usize];
        let buffers = (message.to_vec(), all);
        let (_, all) = self.carry("all_gather", buffers, |(own, all), on, request| {
            // SAFETY: they have those lengths, and `carry` keeps them until the request is complete.
            unsafe { call::all_gather(own, all, count, on, request) }
        })?;
        Ok(all)
    }

    fn all_reduce_sum(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        self.reduce("all_reduce_sum", call::sum(), numbers)
    }

    fn all_reduce_max(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        self.reduce("all_reduce_max", call::max(), numbers)
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        if self.broken.is_some() {
            // MPI would wait for what is still under way. The process ends without it, and says so
            // to whoever started it.
            mem::forget((self.communicator.take(), self.universe.take()));
        }
    }
}

fn is_initialized() -> Result<bool, SetupError> {
    match (call::is_initialized(), call::is_finalized()) {
        (_, true) => Err(SetupError("it was finalised before".to_owned())),
        (initialized, false) => Ok(initialized),
    }
}
