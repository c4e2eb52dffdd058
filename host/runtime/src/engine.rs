//! What moves bytes between ranks.
//!
//! An [`Engine`] is the few collectives that every communication library has. It knows nothing of
//! policies or rounds. The invariant that its user must keep is the usual one: all ranks call the
//! same collectives in the same order, with equal lengths. The one that an engine keeps: where that
//! does not hold, or a rank is gone, it returns an error and does not wait for ever, as far as its
//! library lets it.

use std::fmt;
use std::time::Duration;

mod solo;
mod threads;

pub use solo::Solo;
pub use threads::Threads;

/// A collective transport between the ranks of one run.
pub trait Engine {
    /// Returns this rank, from 0.
    fn rank(&self) -> u32;

    /// Returns the number of ranks.
    fn world_size(&self) -> u32;

    /// Returns the messages of all ranks, concatenated in their order. All have the same length.
    ///
    /// # Errors
    ///
    /// A rank is gone, the ranks are at different collectives, or the transport failed.
    fn all_gather(&mut self, message: &[u8]) -> Result<Vec<u8>, EngineError>;

    /// Replaces each number by its sum over all ranks; sums wrap around.
    ///
    /// # Errors
    ///
    /// A rank is gone, the ranks are at different collectives, or the transport failed.
    fn all_reduce_sum(&mut self, numbers: &mut [i64]) -> Result<(), EngineError>;

    /// Replaces each number by the largest over all ranks.
    ///
    /// # Errors
    ///
    /// A rank is gone, the ranks are at different collectives, or the transport failed.
    fn all_reduce_max(&mut self, numbers: &mut [i64]) -> Result<(), EngineError>;

    /// Replaces each number of `sum` by its sum and each of `max` by the largest over all ranks; an
    /// empty side does not travel. An engine that can do both at once overrides it.
    ///
    /// # Errors
    ///
    /// A rank is gone, the ranks are at different collectives, or the transport failed.
    fn all_reduce(&mut self, sum: &mut [i64], max: &mut [i64]) -> Result<(), EngineError> {
        if !sum.is_empty() {
            self.all_reduce_sum(sum)?;
        }
        if !max.is_empty() {
            self.all_reduce_max(max)?;
        }
        Ok(())
    }
}

impl<E: Engine + ?Sized> Engine for &mut E {
    fn rank(&self) -> u32 {
        (**self).rank()
    }

    fn world_size(&self) -> u32 {
        (**self).world_size()
    }

    fn all_gather(&mut self, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        (**self).all_gather(message)
    }

    fn all_reduce_sum(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        (**self).all_reduce_sum(numbers)
    }

    fn all_reduce_max(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        (**self).all_reduce_max(numbers)
    }

    fn all_reduce(&mut self, sum: &mut [i64], max: &mut [i64]) -> Result<(), EngineError> {
        (**self).all_reduce(sum, max)
    }
}

/// One collective operation of an engine's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collective {
    /// Which operation, such as `all_gather`.
    pub operation: &'static str,
    /// The how-manyth of this engine, from 1.
    pub number: u64,
}

impl fmt::Display for Collective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "collective {} (`{}`)",
            self.number, self.operation
        )
    }
}

/// Why a collective did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A rank ended before it took part.
    #[error("rank {rank} {} before {collective}; its own error says why", departed(*panicked))]
    Left {
        /// The first rank that left.
        rank: u32,
        /// It did so in a panic.
        panicked: bool,
        /// What the others were waiting for.
        collective: Collective,
    },
    /// The ranks brought messages of unequal lengths.
    #[error(
        "the ranks brought unequal lengths to {collective}: {}",
        groups(lengths)
    )]
    Lengths {
        /// What they took part in.
        collective: Collective,
        /// Each rank's length, in the order of the ranks: bytes, or numbers in a reduction.
        lengths: Vec<usize>,
    },
    /// The ranks called different operations.
    #[error(
        "the ranks called different operations in collective {number}: {}",
        groups(operations)
    )]
    Mixed {
        /// The how-manyth collective of the engine it was, from 1.
        number: u64,
        /// Each rank's operation, in the order of the ranks.
        operations: Vec<&'static str>,
    },
    /// A rank did not come in time. What it was to take part in cannot be taken back, so the engine
    /// refuses whatever follows.
    #[error(
        "{collective} was not complete after {} seconds: a rank is gone, stopped or busy",
        deadline.as_secs_f64()
    )]
    Late {
        /// What the others were waiting for.
        collective: Collective,
        /// How long they waited.
        deadline: Duration,
    },
    /// The communication library failed.
    #[error("{collective} failed: {what}")]
    Transport {
        /// What was under way.
        collective: Collective,
        /// What the library said.
        what: String,
    },
}

fn departed(panicked: bool) -> &'static str {
    match panicked {
        true => "panicked",
        false => "left",
    }
}

/// Names the ranks behind each value: `ranks 0 and 2: 16, rank 1: 24`.
fn groups<T: PartialEq + fmt::Display>(values: &[T]) -> String {
    let mut kinds: Vec<&T> = Vec::new();
    for value in values {
        if !kinds.contains(&value) {
            kinds.push(value);
        }
    }
    let group = |kind: &&T| {
        let ranks = values.iter().enumerate().filter(|(_, value)| value == kind);
        format!(
            "{}: {kind}",
            ranks_named(ranks.map(|(rank, _)| rank).collect())
        )
    };
    kinds.iter().map(group).collect::<Vec<_>>().join(", ")
}

fn ranks_named(ranks: Vec<usize>) -> String {
    let names: Vec<_> = ranks.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [one] => format!("rank {one}"),
        [first @ .., last] if names.len() <= NAMED => {
            format!("ranks {} and {last}", first.join(", "))
        }
        _ => format!(
            "ranks {} and {} more",
            names[..NAMED].join(", "),
            names.len() - NAMED
        ),
    }
}

/// How many ranks an error spells out for each value.
const NAMED: usize = 8;
