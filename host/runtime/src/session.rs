//! A host and its engine: drives each exchange to its end.
//!
//! Holds no policy and no rule of its own; it only carries what the host wants carried. All ranks
//! call the same functions in the same order.

use ckpt_policy_core::{
    Error, Event, Exchange, Host, Opened, Opening, Outcome, Progress, Snapshot,
};

use crate::engine::{Engine, EngineError};

/// Why a session could not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The host refused, or the ranks disagree.
    #[error(transparent)]
    Host(#[from] Error),
    /// What was to be exchanged could not be carried.
    #[error("{when}: {source}")]
    Engine {
        /// At which point, such as `in round 12`.
        when: String,
        /// What the engine said.
        source: EngineError,
    },
}

/// One rank's host, with the engine that carries its messages.
pub struct Session<E> {
    host: Host,
    carrier: Carrier<E>,
}

impl<E: Engine> Session<E> {
    /// Opens a host on all ranks. Also a rank whose own setup failed calls it, with
    /// [`Opening::failed`], so that the others learn why.
    ///
    /// # Errors
    ///
    /// The rank's own error or another rank's, a disagreement, or the engine's error.
    pub fn open(opening: Opening, engine: E) -> Result<Self, SessionError> {
        let mut carrier = Carrier {
            engine,
            exchanges: 0,
        };
        let mut carry = |exchange| {
            let carried = carrier.carry(exchange);
            carried.map_err(|source| SessionError::Engine {
                when: "at the opening".to_owned(),
                source,
            })
        };
        let exchange = opening.begin();
        let mut opened = opening.complete(&carry(exchange)?)?;
        loop {
            match opened {
                Opened::Exchange(opening, exchange) => {
                    opened = opening.complete(&carry(exchange)?)?;
                }
                Opened::Host(host) => {
                    return Ok(Self {
                        host: *host,
                        carrier,
                    });
                }
            }
        }
    }

    /// Brings one event to the policies of all ranks.
    ///
    /// # Errors
    ///
    /// A call out of order, a disagreement, or the engine's error.
    pub fn decide(&mut self, event: &Event) -> Result<Outcome, SessionError> {
        let progress = self.host.begin(event)?;
        self.drive(progress)
    }

    /// Lets all ranks learn how a save ended.
    ///
    /// # Errors
    ///
    /// A call out of order, a disagreement, or the engine's error.
    pub fn settle(&mut self) -> Result<Outcome, SessionError> {
        let progress = self.host.settle()?;
        self.drive(progress)
    }

    /// Settles what is left at the end of a run.
    ///
    /// # Errors
    ///
    /// A call out of order, a disagreement, or the engine's error.
    pub fn finish(&mut self) -> Result<Outcome, SessionError> {
        let progress = self.host.finish()?;
        self.drive(progress)
    }

    /// Takes a snapshot, the same on all ranks.
    ///
    /// # Errors
    ///
    /// A call out of order, a disagreement, or the engine's error.
    pub fn snapshot(&mut self) -> Result<Snapshot, SessionError> {
        let mut progress = self.host.snapshot()?;
        loop {
            match progress {
                Progress::Done(snapshot) => return Ok(snapshot),
                Progress::Exchange(exchange) => {
                    let carried = self.carry(exchange)?;
                    progress = self.host.complete_snapshot(&carried)?;
                }
            }
        }
    }

    /// Returns the host, to report to it what became of saves and deletions.
    pub fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns how many exchanges there have been so far.
    #[must_use]
    pub fn exchanges(&self) -> u64 {
        self.carrier.exchanges
    }

    fn drive(&mut self, mut progress: Progress<Outcome>) -> Result<Outcome, SessionError> {
        loop {
            match progress {
                Progress::Done(outcome) => return Ok(outcome),
                Progress::Exchange(exchange) => {
                    let carried = self.carry(exchange)?;
                    progress = self.host.complete(&carried)?;
                }
            }
        }
    }

    fn carry(&mut self, exchange: Exchange) -> Result<Exchange, SessionError> {
        self.carrier.carry(exchange).map_err(|source| {
            self.host.give_up();
            SessionError::Engine {
                when: format!("in round {}", self.host.rounds() + 1),
                source,
            }
        })
    }
}

/// An engine that counts what it carries.
struct Carrier<E> {
    engine: E,
    exchanges: u64,
}

impl<E: Engine> Carrier<E> {
    fn carry(&mut self, exchange: Exchange) -> Result<Exchange, EngineError> {
        let carried = carry(&mut self.engine, exchange)?;
        self.exchanges += 1;
        Ok(carried)
    }
}

/// Carries one exchange over an engine, for whoever drives something else than a host.
///
/// # Errors
///
/// The engine's.
pub fn carry(
    engine: &mut (impl Engine + ?Sized),
    exchange: Exchange,
) -> Result<Exchange, EngineError> {
    Ok(match exchange {
        Exchange::Gather(message) => Exchange::Gather(engine.all_gather(&message)?),
        Exchange::Reduce { mut sum, mut max } => {
            engine.all_reduce(&mut sum, &mut max)?;
            Exchange::Reduce { sum, max }
        }
    })
}
