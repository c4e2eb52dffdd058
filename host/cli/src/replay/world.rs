//! One thread a rank, and one that reads the trace for all of them.
//!
//! Each line is parsed once a process; the ranks share it. All channels are bounded, so memory
//! stays flat however long the trace is. Whoever ends early drops its channel and its engine, and
//! so ends the others with an error instead of a wait.

use std::any::Any;
use std::iter;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use ckpt_policy_core::{Opening, Place, Resume, Setup};
use ckpt_policy_runtime::{Engine, Session, Threads};

use super::rank::{Part, Player};
use super::{Cut, Ended, ReplayError, Told};
use crate::trace::{Row, Trace, TraceError};

/// What the ranks of a world run, and which part of the trace.
pub struct World<'a> {
    /// Makes the host of one rank.
    pub setup: &'a (dyn Fn(Place) -> Setup + Sync),
    /// From where to go on.
    pub resume: Option<&'a Cut>,
    /// Play no event after this step.
    pub until: Option<u64>,
    /// Take a snapshot at the end.
    pub snapshot: bool,
}

/// What a rank gets of the trace: an event, or that there are no more.
///
/// A channel that closes without the latter belongs to a trace that broke off.
#[derive(Clone, Debug)]
pub enum Feed {
    /// The trace is at its end.
    End,
    /// The next event.
    Row(Arc<Row>),
}

/// Plays a trace on as many threads as it has ranks; `listen` gets what rank 0 tells,
/// and what policies failed with on any rank.
///
/// # Errors
///
/// Of what ended the run on any rank, the error that says most about the cause.
pub fn play(
    world: &World<'_>,
    trace: Trace,
    listen: impl FnMut(Told) -> Result<(), ReplayError>,
) -> Result<Ended, ReplayError> {
    let size = trace.header().world_size;
    thread::scope(|scope| {
        let (tell, told) = sync_channel(DEPTH);
        let mut feeds = Vec::new();
        let mut ranks = Vec::new();
        let mut errors = Vec::new();
        for engine in Threads::world(size) {
            let (feed, rows) = sync_channel(DEPTH);
            feeds.push(feed);
            let rank = ranks.len() as u32;
            let place = Place {
                rank,
                world_size: size,
            };
            let seat = Seat {
                world,
                place,
                engine,
                rows,
                tell: tell.clone(),
            };
            match spawn(scope, seat) {
                Ok(handle) => ranks.push(handle),
                Err(source) => {
                    errors.push(ReplayError::Spawn {
                        rank,
                        world_size: size,
                        source,
                    });
                    break;
                }
            }
        }
        drop(tell);
        let reader = thread::Builder::new().name("reader".to_owned());
        // Where it does not start, what it would have fed ends, and so do the ranks.
        let reader = reader.spawn_scoped(scope, move || feed_all(trace, feeds));
        let heard = told.into_iter().try_for_each(listen);
        errors.extend(heard.err());
        let read = match reader {
            Ok(reader) => joined(reader.join(), 0).and_then(|read| Ok(read?)),
            Err(source) => Err(ReplayError::Spawn {
                rank: 0,
                world_size: size,
                source,
            }),
        };
        errors.extend(read.err());
        let ended = join_all(ranks, &mut errors);
        errors.sort_by_key(|error| std::cmp::Reverse(error.weight()));
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => ended.ok_or(ReplayError::Broken),
        }
    })
}

/// Plays this process's own rank of a trace over an engine; `listen` gets what this rank tells.
///
/// # Errors
///
/// What ended the run on this rank.
pub fn play_rank<E: Engine>(
    world: &World<'_>,
    trace: Trace,
    engine: E,
    listen: impl FnMut(Told) -> Result<(), ReplayError>,
) -> Result<Ended, ReplayError> {
    let place = Place {
        rank: engine.rank(),
        world_size: engine.world_size(),
    };
    let player = Player::new(Session::open(world.opening(place), engine)?);
    let mut wrong = None;
    let rows = trace.map(|row| match row {
        Ok(row) => Some(Arc::new(row)),
        Err(error) => {
            wrong = Some(error);
            None
        }
    });
    let ended = player.play(rows, world.part(), listen);
    match wrong {
        Some(error) => Err(error.into()),
        None => ended,
    }
}

/// Events that may wait between two threads.
const DEPTH: usize = 64;

/// All that one rank's thread needs.
struct Seat<'a> {
    world: &'a World<'a>,
    place: Place,
    engine: Threads,
    rows: Receiver<Feed>,
    tell: SyncSender<Told>,
}

type Handle<'scope> = ScopedJoinHandle<'scope, Result<Ended, ReplayError>>;

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    seat: Seat<'scope>,
) -> std::io::Result<Handle<'scope>> {
    let name = format!("rank {}", seat.place.rank);
    thread::Builder::new()
        .name(name)
        .spawn_scoped(scope, move || sit(seat))
}

fn sit(seat: Seat<'_>) -> Result<Ended, ReplayError> {
    let Seat {
        world,
        place,
        engine,
        rows,
        tell,
    } = seat;
    let player = Player::new(Session::open(world.opening(place), engine)?);
    player.play(rows_of(rows), world.part(), |told| match told {
        Told::Opened { .. } | Told::Played(_) if place.rank != 0 => Ok(()),
        told => tell.send(told).map_err(|_| ReplayError::Deaf),
    })
}

impl World<'_> {
    /// Prepares the host of one rank.
    fn opening(&self, place: Place) -> Opening {
        let setup = (self.setup)(place);
        match self.resume {
            Some(cut) => {
                let snapshot = cut.snapshot.clone();
                // What was to be deleted is gone: the replay deletes at once.
                let disk = Some(snapshot.on_disk());
                Opening::resume(
                    setup,
                    Resume {
                        snapshot,
                        directory: None,
                        from: None,
                        disk,
                    },
                )
            }
            None => Opening::new(setup),
        }
    }

    fn part(&self) -> Part {
        Part {
            skip: self.resume.map_or(0, |cut| cut.events),
            until: self.until,
            snapshot: self.snapshot,
        }
    }
}

/// Returns the events of a feed; `None` stands for a trace that broke off.
fn rows_of(feed: Receiver<Feed>) -> impl Iterator<Item = Option<Arc<Row>>> {
    iter::from_fn(move || match feed.recv() {
        Ok(Feed::Row(row)) => Some(Some(row)),
        Ok(Feed::End) => None,
        Err(_) => Some(None),
    })
}

/// Reads the trace for all ranks, until its end or until a rank has enough.
fn feed_all(trace: Trace, feeds: Vec<SyncSender<Feed>>) -> Result<(), TraceError> {
    for row in trace {
        let row = Feed::Row(Arc::new(row?));
        if feeds.iter().any(|feed| feed.send(row.clone()).is_err()) {
            return Ok(());
        }
    }
    for feed in feeds {
        // A rank that has left needs no end.
        let _ = feed.send(Feed::End);
    }
    Ok(())
}

/// Waits for all ranks; returns rank 0's end.
fn join_all(ranks: Vec<Handle<'_>>, errors: &mut Vec<ReplayError>) -> Option<Ended> {
    let mut ended = None;
    for (rank, handle) in ranks.into_iter().enumerate() {
        match joined(handle.join(), rank as u32).flatten() {
            Ok(end) if rank == 0 => ended = Some(end),
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
    }
    ended
}

fn joined<T>(result: thread::Result<T>, rank: u32) -> Result<T, ReplayError> {
    result.map_err(|panic| ReplayError::Panic {
        rank,
        text: panic_text(&*panic),
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a text".to_owned())
}
