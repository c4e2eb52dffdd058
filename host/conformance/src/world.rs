//! A simulated world: the hosts of all ranks in one process, without threads and without a clock.
//!
//! An exchange is joined from what the hosts hand out, so a world of any size is one loop,
//! and a run is the same at each repetition. After every step the world proves that all ranks came
//! to the same result; what a world returns, each of its ranks said. It writes no checkpoint: the
//! caller says how a save goes. Policies, configurations and files are none of its business.

use std::collections::BTreeSet;
use std::fmt;

use ckpt_policy_core::contract::CheckpointId;
use ckpt_policy_core::{
    Event, Exchange, Host, Opened, Opening, Outcome, Progress, Saved, Snapshot,
};

/// The hosts of all ranks, in their order.
pub struct World {
    hosts: Vec<Host>,
    gone: BTreeSet<CheckpointId>,
    traffic: Traffic,
}

/// What travelled between the ranks so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Exchanges in which all ranks took part.
    pub exchanges: u64,
    /// Bytes that each rank contributed.
    pub bytes: u64,
}

/// How the ranks write a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Write {
    /// Ranks on which it fails.
    pub fails: Vec<u32>,
    /// What the other ranks report.
    pub saved: Saved,
}

/// An event that was played to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// What the event's own round came to.
    pub outcome: Outcome,
    /// What the settling rounds after it came to.
    pub settled: Vec<Outcome>,
    /// What was deleted, each checkpoint once, in the order in which it was ordered.
    pub deleted: Vec<CheckpointId>,
}

/// Why a world could not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Every rank refused, each with its own error, in the order of the ranks.
    Refused(Vec<ckpt_policy_core::Error>),
    /// The ranks came to different results, which the host promises never to happen.
    Parted(String),
    /// Settling rounds ask for one more without end.
    Unsettled,
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errors) => match errors.first() {
                Some(first) => write!(formatter, "{first}"),
                None => formatter.write_str("a world needs at least one rank"),
            },
            Self::Parted(what) => write!(formatter, "the ranks came to different results: {what}"),
            Self::Unsettled => {
                write!(
                    formatter,
                    "{MOST_SETTLING} settling rounds in a row each ask for one more"
                )
            }
        }
    }
}

impl World {
    /// Opens the hosts of all ranks, in the order of the ranks.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where a policy refuses its configuration or the ranks differ.
    pub fn open(openings: Vec<Opening>) -> Result<Self, Error> {
        if openings.is_empty() {
            return Err(Error::Refused(Vec::new()));
        }
        let mut traffic = Traffic::default();
        let messages = openings.iter().map(Opening::begin).collect();
        let mut opened = advance(openings, messages, &mut traffic)?;
        loop {
            let (mut hosts, mut waiting, mut messages) = (Vec::new(), Vec::new(), Vec::new());
            for one in opened {
                match one {
                    Opened::Host(host) => hosts.push(*host),
                    Opened::Exchange(opening, exchange) => {
                        waiting.push(*opening);
                        messages.push(exchange);
                    }
                }
            }
            match (hosts.is_empty(), waiting.is_empty()) {
                (false, true) => {
                    return Ok(Self {
                        hosts,
                        gone: BTreeSet::new(),
                        traffic,
                    });
                }
                (true, false) => opened = advance(waiting, messages, &mut traffic)?,
                _ => return Err(Error::Parted("some opened, some did not".to_owned())),
            }
        }
    }

    /// Plays one event: `events` holds one for each rank. A save is written as `write` says and
    /// settled at once; deletions are done.
    ///
    /// # Errors
    ///
    /// [`Error`] where the ranks refuse, or came to different results.
    pub fn play(&mut self, events: &[Event], write: &Write) -> Result<Played, Error> {
        let outcome = self.round(events)?;
        if let Some(id) = outcome.checkpoint.filter(|_| outcome.save) {
            self.report(id, write)?;
        }
        let settles = outcome.settle || outcome.save;
        self.follow(outcome, settles)
    }

    /// Plays one event of which a save stays in flight; [`World::report`] ends it.
    ///
    /// # Errors
    ///
    /// [`Error`] where the ranks refuse, or came to different results.
    pub fn play_in_flight(&mut self, events: &[Event]) -> Result<Played, Error> {
        let outcome = self.round(events)?;
        let settles = outcome.settle;
        self.follow(outcome, settles)
    }

    /// Reports on each rank how the writing of a checkpoint went; no rank learns of the others.
    ///
    /// # Errors
    ///
    /// [`Error`] where it is not in flight.
    pub fn report(&mut self, id: CheckpointId, write: &Write) -> Result<(), Error> {
        let reports = self.hosts.iter_mut().map(|host| {
            if write.fails.contains(&host.place().rank) {
                host.failed(id)
            } else {
                host.saved(id, write.saved)
            }
        });
        agreed(reports.collect()).map(drop)
    }

    /// Runs one round of an event and nothing after it: no save is reported, nothing is deleted.
    ///
    /// # Errors
    ///
    /// [`Error`] where the ranks refuse, or came to different results.
    pub fn round(&mut self, events: &[Event]) -> Result<Outcome, Error> {
        if events.len() != self.hosts.len() {
            let what = format!("{} events for {} ranks", events.len(), self.hosts.len());
            return Err(Error::Parted(what));
        }
        let begun = self
            .hosts
            .iter_mut()
            .zip(events)
            .map(|(host, event)| host.begin(event));
        let begun = begun.collect();
        self.carry(begun, |host, carried| host.complete(carried))
    }

    /// Runs a settling round and nothing after it.
    ///
    /// # Errors
    ///
    /// [`Error`] where the ranks refuse, or came to different results.
    pub fn settle(&mut self) -> Result<Outcome, Error> {
        let begun = self.hosts.iter_mut().map(Host::settle).collect();
        self.carry(begun, |host, carried| host.complete(carried))
    }

    /// Settles what is left at the end of a run, and does the deletions that come of it.
    ///
    /// # Errors
    ///
    /// [`Error`] where the ranks refuse, or came to different results.
    pub fn finish(&mut self) -> Result<Played, Error> {
        let begun = self.hosts.iter_mut().map(Host::finish).collect();
        let outcome = self.carry(begun, |host, carried| host.complete(carried))?;
        let settles = outcome.settle;
        self.follow(outcome, settles)
    }

    /// Takes a snapshot, the same on all ranks.
    ///
    /// # Errors
    ///
    /// [`Error`] where the ranks refuse, or came to different results.
    pub fn snapshot(&mut self) -> Result<Snapshot, Error> {
        let begun = self.hosts.iter_mut().map(Host::snapshot).collect();
        self.carry(begun, |host, carried| host.complete_snapshot(carried))
    }

    /// Does deletions that were ordered: each rank reports each as done.
    ///
    /// # Errors
    ///
    /// [`Error`] where nobody ordered one of them.
    pub fn delete(
        &mut self,
        ordered: &[CheckpointId],
        deleted: &mut Vec<CheckpointId>,
    ) -> Result<(), Error> {
        for id in ordered {
            agreed(
                self.hosts
                    .iter_mut()
                    .map(|host| host.deleted(*id))
                    .collect(),
            )?;
            // An order is repeated until all ranks have learnt that it was followed.
            if self.gone.insert(*id) {
                deleted.push(*id);
            }
        }
        Ok(())
    }

    /// Goes on from a world that was cut: what was deleted there stays deleted.
    pub fn take_over(&mut self, before: &Self) {
        self.gone.extend(&before.gone);
    }

    /// Returns the hosts, to play on them what no trainer should do.
    pub fn hosts_mut(&mut self) -> &mut [Host] {
        &mut self.hosts
    }

    /// Returns the hosts in the order of the ranks; there is at least one.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Returns what travelled between the ranks so far, the opening included.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Whether all ranks have deleted the checkpoint.
    #[must_use]
    pub fn is_gone(&self, id: CheckpointId) -> bool {
        self.gone.contains(&id)
    }

    /// Does what an outcome orders, and the settling rounds that come of it.
    fn follow(&mut self, outcome: Outcome, mut settles: bool) -> Result<Played, Error> {
        let (mut settled, mut deleted) = (Vec::new(), Vec::new());
        self.delete(&outcome.delete, &mut deleted)?;
        while settles {
            if settled.len() == MOST_SETTLING {
                return Err(Error::Unsettled);
            }
            let next = self.settle()?;
            self.delete(&next.delete, &mut deleted)?;
            settles = next.settle;
            settled.push(next);
        }
        Ok(Played {
            outcome,
            settled,
            deleted,
        })
    }

    /// Carries exchanges between the ranks until all are done.
    fn carry<T: PartialEq + fmt::Debug>(
        &mut self,
        begun: Vec<Result<Progress<T>, ckpt_policy_core::Error>>,
        complete: fn(&mut Host, &Exchange) -> Result<Progress<T>, ckpt_policy_core::Error>,
    ) -> Result<T, Error> {
        let mut kind = agreed_kind(begun)?;
        loop {
            match kind {
                Kind::Done(results) => return one(results),
                Kind::Exchange(exchanges) => {
                    let carried = join(exchanges, &mut self.traffic)?;
                    let went = self.hosts.iter_mut().map(|host| complete(host, &carried));
                    kind = agreed_kind(went.collect())?;
                }
            }
        }
    }
}

/// Settling rounds in a row before a world gives up; a host needs one.
const MOST_SETTLING: usize = 8;

fn advance(
    openings: Vec<Opening>,
    exchanges: Vec<Exchange>,
    traffic: &mut Traffic,
) -> Result<Vec<Opened>, Error> {
    let carried = join(exchanges, traffic)?;
    agreed(
        openings
            .into_iter()
            .map(|opening| opening.complete(&carried))
            .collect(),
    )
}

/// Does what an engine does, which needs the same collective and one length on all ranks.
fn join(exchanges: Vec<Exchange>, traffic: &mut Traffic) -> Result<Exchange, Error> {
    let length = exchanges.first().map_or(0, Exchange::bytes);
    traffic.exchanges += 1;
    traffic.bytes += length as u64;
    crate::exchange::join(exchanges).map_err(Error::Parted)
}

/// Returns what all ranks came to, where all of them, or none, came to an error.
fn agreed<T>(results: Vec<Result<T, ckpt_policy_core::Error>>) -> Result<Vec<T>, Error> {
    let ranks = results.len();
    let (mut values, mut errors) = (Vec::with_capacity(ranks), Vec::new());
    for (rank, result) in results.into_iter().enumerate() {
        match result {
            Ok(value) => values.push(value),
            Err(error) => errors.push((rank, error)),
        }
    }
    match errors.first() {
        None => Ok(values),
        Some(_) if values.is_empty() => Err(Error::Refused(
            errors.into_iter().map(|(_, error)| error).collect(),
        )),
        Some((rank, error)) => Err(Error::Parted(format!(
            "rank {rank} refuses, {} of {ranks} ranks do not: {error}",
            values.len()
        ))),
    }
}

/// What all ranks have to do next.
enum Kind<T> {
    Exchange(Vec<Exchange>),
    Done(Vec<T>),
}

fn agreed_kind<T>(
    results: Vec<Result<Progress<T>, ckpt_policy_core::Error>>,
) -> Result<Kind<T>, Error> {
    let (mut messages, mut done) = (Vec::new(), Vec::new());
    for progress in agreed(results)? {
        match progress {
            Progress::Exchange(message) => messages.push(message),
            Progress::Done(value) => done.push(value),
        }
    }
    match (messages.is_empty(), done.is_empty()) {
        (false, true) => Ok(Kind::Exchange(messages)),
        (true, false) => Ok(Kind::Done(done)),
        _ => Err(Error::Parted(format!(
            "{} ranks want to exchange, {} are done",
            messages.len(),
            done.len()
        ))),
    }
}

/// Returns the one result that all ranks came to.
fn one<T: PartialEq + fmt::Debug>(results: Vec<T>) -> Result<T, Error> {
    let mut results = results.into_iter();
    let Some(first) = results.next() else {
        return Err(Error::Refused(Vec::new()));
    };
    for (rank, other) in results.enumerate() {
        // A NaN is not equal to itself; its text is.
        if first != other && format!("{first:?}") != format!("{other:?}") {
            let rank = rank + 1;
            return Err(Error::Parted(format!(
                "rank 0: {first:?}; rank {rank}: {other:?}"
            )));
        }
    }
    Ok(first)
}
