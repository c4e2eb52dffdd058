//! Ranks that are threads of one process.
//!
//! Each collective is a rendezvous: the last rank to arrive computes the result, and all leave with
//! it. Whoever drops its [`Threads`], in a panic or not, wakes the others with an error. A rank
//! that neither comes nor goes keeps the others waiting: there is no clock here.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::engine::{Collective, Engine, EngineError};

/// One rank of a world of threads; hand each to a thread of its own.
///
/// # Examples
///
/// ```
/// use ckpt_policy_runtime::{Engine, Threads};
///
/// let ranks: Vec<_> = Threads::world(3)
///     .into_iter()
///     .map(|mut rank| std::thread::spawn(move || rank.all_gather(&[rank.rank() as u8])))
///     .collect();
/// for rank in ranks {
///     assert_eq!(rank.join().unwrap(), Ok(vec![0, 1, 2]));
/// }
/// ```
#[derive(Debug)]
pub struct Threads {
    rank: u32,
    world: Arc<World>,
    /// Whether it was the others' leaving that ended this rank's part.
    deserted: bool,
}

impl Threads {
    /// Returns the ranks of a world, in their order.
    #[must_use]
    pub fn world(size: u32) -> Vec<Self> {
        let world = Arc::new(World {
            size,
            meeting: Mutex::new(Meeting::new(size)),
            changed: Condvar::new(),
        });
        (0..size)
            .map(|rank| Self {
                rank,
                world: Arc::clone(&world),
                deserted: false,
            })
            .collect()
    }

    fn meet(&mut self, offer: Offer) -> Result<Arc<Met>, EngineError> {
        let met = self.world.meet(self.rank, offer);
        self.deserted = matches!(met, Err(EngineError::Left { .. }));
        met
    }
}

impl Engine for Threads {
    fn rank(&self) -> u32 {
        self.rank
    }

    fn world_size(&self) -> u32 {
        self.world.size
    }

    fn all_gather(&mut self, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        let met = self.meet(Offer::Gather(message.to_vec()))?;
        Ok(met.messages.clone())
    }

    fn all_reduce_sum(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        let met = self.meet(Offer::Sum(numbers.to_vec()))?;
        numbers.copy_from_slice(&met.numbers);
        Ok(())
    }

    fn all_reduce_max(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        let met = self.meet(Offer::Max(numbers.to_vec()))?;
        numbers.copy_from_slice(&met.numbers);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.world.leave(self.rank, self.deserted);
    }
}

/// What the ranks share.
#[derive(Debug)]
struct World {
    size: u32,
    meeting: Mutex<Meeting>,
    changed: Condvar,
}

impl World {
    fn meet(&self, rank: u32, offer: Offer) -> Result<Arc<Met>, EngineError> {
        let mut meeting = self.lock();
        let collective = Collective {
            operation: offer.operation(),
            number: meeting.held + 1,
        };
        if let Some(departure) = meeting.departure {
            return Err(departure.error(collective));
        }
        meeting.offers[rank as usize] = Some(offer);
        if meeting.offers.iter().all(Option::is_some) {
            meeting.hold();
            self.changed.notify_all();
            return meeting.met.clone();
        }
        let waits =
            |meeting: &mut Meeting| meeting.held < collective.number && meeting.departure.is_none();
        let mut meeting = self
            .changed
            .wait_while(meeting, waits)
            .unwrap_or_else(PoisonError::into_inner);
        // Nobody can have begun the next meeting to its end: this rank would have been missing.
        match meeting.departure {
            Some(departure) if meeting.held < collective.number => {
                meeting.offers[rank as usize] = None;
                Err(departure.error(collective))
            }
            _ => meeting.met.clone(),
        }
    }

    /// Notes the first departure; those that follow from it are not worth a name.
    fn leave(&self, rank: u32, deserted: bool) {
        let mut meeting = self.lock();
        if meeting.departure.is_none() && !deserted {
            meeting.departure = Some(Departure {
                rank,
                panicked: thread::panicking(),
            });
            self.changed.notify_all();
        }
    }

    /// No code panics while it holds the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Meeting> {
        self.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The collective under way, and the result of the one before.
#[derive(Debug)]
struct Meeting {
    /// Collectives that came about.
    held: u64,
    /// What each rank has brought to the next.
    offers: Vec<Option<Offer>>,
    /// What the last one came to.
    met: Result<Arc<Met>, EngineError>,
    departure: Option<Departure>,
}

impl Meeting {
    fn new(size: u32) -> Self {
        let offers = (0..size).map(|_| None).collect();
        Self {
            held: 0,
            offers,
            met: Ok(Arc::default()),
            departure: None,
        }
    }

    /// Computes the result of what all ranks have brought.
    fn hold(&mut self) {
        self.held += 1;
        let offers: Vec<_> = self.offers.iter_mut().filter_map(Option::take).collect();
        self.met = combine(&offers, self.held).map(Arc::new);
    }
}

/// The rank that left first.
#[derive(Clone, Copy, Debug)]
struct Departure {
    rank: u32,
    panicked: bool,
}

impl Departure {
    fn error(self, collective: Collective) -> EngineError {
        EngineError::Left {
            rank: self.rank,
            panicked: self.panicked,
            collective,
        }
    }
}

/// What one rank brings.
#[derive(Debug)]
enum Offer {
    Gather(Vec<u8>),
    Max(Vec<i64>),
    Sum(Vec<i64>),
}

impl Offer {
    fn operation(&self) -> &'static str {
        match self {
            Self::Gather(_) => "all_gather",
            Self::Max(_) => "all_reduce_max",
            Self::Sum(_) => "all_reduce_sum",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Gather(message) => message.len(),
            Self::Max(numbers) | Self::Sum(numbers) => numbers.len(),
        }
    }
}

/// What all ranks take away: messages of a gather, or numbers of a reduction.
#[derive(Debug, Default)]
struct Met {
    messages: Vec<u8>,
    numbers: Vec<i64>,
}

fn combine(offers: &[Offer], number: u64) -> Result<Met, EngineError> {
    let operations: Vec<_> = offers.iter().map(Offer::operation).collect();
    if operations
        .iter()
        .any(|operation| *operation != operations[0])
    {
        return Err(EngineError::Mixed { number, operations });
    }
    let lengths: Vec<_> = offers.iter().map(Offer::len).collect();
    if lengths.iter().any(|length| *length != lengths[0]) {
        let collective = Collective {
            operation: operations[0],
            number,
        };
        return Err(EngineError::Lengths {
            collective,
            lengths,
        });
    }
    let mut met = Met::default();
    for offer in offers {
        match offer {
            Offer::Gather(message) => met.messages.extend_from_slice(message),
            Offer::Max(numbers) => met.fold(numbers, Ord::max),
            Offer::Sum(numbers) => met.fold(numbers, i64::wrapping_add),
        }
    }
    Ok(met)
}

impl Met {
    fn fold(&mut self, numbers: &[i64], operation: fn(i64, i64) -> i64) {
        if self.numbers.is_empty() {
            self.numbers.extend_from_slice(numbers);
            return;
        }
        for (folded, number) in self.numbers.iter_mut().zip(numbers) {
            *folded = operation(*folded, *number);
        }
    }
}
