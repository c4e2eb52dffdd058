//! The emergency brake: ends a call that takes far longer than its fuel can explain.
//!
//! Fuel bounds a guest's work, and is the same everywhere; it does not see a machine that swaps, or
//! a site that allows more fuel than anybody will wait for. The brake does, by the clock, and
//! therefore never decides anything: a call that it ends is the fault of this machine, which the
//! ranks tell each other. It is not a limit to tune policies by, and does not cover compiling.
//!
//! A thread of its own advances the engines' epochs; each call says by how many ticks it has to be
//! done. The invariant: the thread is there from the first call on, and is gone when the last
//! holder of the runtime is. Where it cannot be started, and in a process that was forked from one
//! that has it, guests run with their fuel alone.

use std::mem;
use std::process;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// Ends calls that take too long; shared by all that one runtime has loaded.
pub(crate) struct Brake {
    engines: Vec<Engine>,
    seconds: u32,
    ticker: OnceLock<Option<Ticker>>,
}

impl Brake {
    /// Prepares a brake for calls of some engines; its thread starts with the first of them.
    pub(crate) fn new(engines: Vec<Engine>, seconds: u32) -> Self {
        Self {
            engines,
            seconds,
            ticker: OnceLock::new(),
        }
    }

    /// Returns after how many ticks a call that begins now is to end, and sees to it that they come.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticker.get_or_init(|| Ticker::start(&self.engines));
        // The tick under way is not a whole one.
        u64::from(self.seconds) * TICKS_PER_SECOND + 1
    }
}

/// The thread that advances the engines' epochs.
struct Ticker {
    /// The process that has the thread; a fork of it has not.
    process: u32,
    parts: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Ticker {
    fn start(engines: &[Engine]) -> Option<Self> {
        let (stop, stopped) = mpsc::channel();
        let engines = engines.to_vec();
        let tick = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                engines.iter().for_each(Engine::increment_epoch);
            }
        };
        let thread = thread::Builder::new()
            .name("ckpt-brake".to_owned())
            .stack_size(STACK)
            .spawn(tick)
            .ok()?;
        Some(Self {
            process: process::id(),
            parts: Some((stop, thread)),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let Some((stop, thread)) = self.parts.take() else {
            return;
        };
        if self.process != process::id() {
            // In a fork nobody is there to be waited for, and a lock may be held for ever.
            mem::forget((stop, thread));
            return;
        }
        drop(stop);
        // It cannot panic: it waits and counts.
        let _ = thread.join();
    }
}

const TICKS_PER_SECOND: u64 = 4;
const TICK: Duration = Duration::from_millis(1000 / TICKS_PER_SECOND);

/// Enough for waiting, and for a signal handler of the trainer's that happens to run on it.
const STACK: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use wasmtime::Engine;

    use super::Brake;

    #[test]
    fn its_thread_begins_with_the_first_call_and_ends_with_the_last_holder() {
        let engine = Engine::default();
        let weak = engine.weak();
        let brake = Brake::new(vec![engine], 3);
        assert!(brake.ticker.get().is_none(), "nobody has called");
        assert_eq!(brake.ticks(), 13);
        assert_eq!(brake.ticks(), 13);
        let ticker = brake.ticker.get().expect("it was called");
        let parts = ticker.as_ref().and_then(|ticker| ticker.parts.as_ref());
        assert!(parts.is_some_and(|(_, thread)| !thread.is_finished()));
        drop(brake);
        // The thread held the engine too.
        assert!(weak.upgrade().is_none());
    }
}
