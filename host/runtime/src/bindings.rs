//! The contract's types as wasmtime lowers and lifts them.
//!
//! Written by hand beside `wit/policy.wit` rather than generated from it: the arguments borrow
//! straight from the host's own data, so that nothing is copied before it is written into the
//! guest. That they are the same types is checked by wasmtime itself for each policy that is
//! loaded, and by a test against a component made of the WIT file.

use ckpt_policy_core::contract;
use wasmtime::component::{ComponentType, Lower};

mod answers;

pub(crate) use answers::{Answer, Description, Error as PolicyError, Prepared, Verdict};

/// The interface that a policy exports.
pub(crate) const INTERFACE: &str = "ckpt:policy/policy";

/// The arguments of `prepare`.
pub(crate) type PrepareArguments<'a> = (&'a str, Option<&'a [u8]>);
/// The arguments of `observe`.
pub(crate) type ObserveArguments<'a> = (&'a [u8], &'a [u8], Observation<'a>);
/// The arguments of `decide`.
pub(crate) type DecideArguments<'a> = (&'a [u8], &'a [u8], Round<'a>);

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Observation<'a> {
    moment: Option<u32>,
    step: u64,
    epoch: u64,
    rank: u32,
    #[component(name = "world-size")]
    world_size: u32,
    values: &'a [Option<f64>],
    checkpoints: &'a [Checkpoint<'a>],
}

impl<'a> Observation<'a> {
    pub(crate) fn new(from: &'a contract::Observation, checkpoints: &'a [Checkpoint<'a>]) -> Self {
        Self {
            moment: from.moment,
            step: from.step,
            epoch: from.epoch,
            rank: from.rank,
            world_size: from.world_size,
            values: &from.values,
            checkpoints,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Round<'a> {
    moment: u32,
    step: u64,
    epoch: u64,
    #[component(name = "world-size")]
    world_size: u32,
    #[component(name = "elapsed-seconds")]
    elapsed_seconds: Option<f64>,
    candidate: u64,
    values: &'a [Reduced<'a>],
    checkpoints: &'a [Checkpoint<'a>],
}

impl<'a> Round<'a> {
    pub(crate) fn new(
        from: &'a contract::Round,
        values: &'a [Reduced<'a>],
        checkpoints: &'a [Checkpoint<'a>],
    ) -> Self {
        Self {
            moment: from.moment,
            step: from.step,
            epoch: from.epoch,
            world_size: from.world_size,
            elapsed_seconds: from.elapsed_seconds,
            candidate: from.candidate,
            values,
            checkpoints,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Checkpoint<'a> {
    id: u64,
    step: u64,
    epoch: u64,
    #[component(name = "elapsed-seconds")]
    elapsed_seconds: Option<f64>,
    complete: bool,
    mine: bool,
    pinned: bool,
    bytes: u64,
    tags: &'a [String],
    values: &'a [Option<f64>],
}

impl<'a> From<&'a contract::Checkpoint> for Checkpoint<'a> {
    fn from(from: &'a contract::Checkpoint) -> Self {
        Self {
            id: from.id,
            step: from.step,
            epoch: from.epoch,
            elapsed_seconds: from.elapsed_seconds,
            complete: from.complete,
            mine: from.mine,
            pinned: from.pinned,
            bytes: from.bytes,
            tags: &from.tags,
            values: &from.values,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Reduced<'a> {
    #[component(name = "statistic")]
    Statistic(Statistic),
    #[component(name = "tally")]
    Tally(Tally),
    #[component(name = "every-rank")]
    EveryRank(&'a [Option<f64>]),
}

impl<'a> From<&'a contract::Reduced> for Reduced<'a> {
    fn from(from: &'a contract::Reduced) -> Self {
        match from {
            contract::Reduced::Statistic(from) => Self::Statistic(Statistic {
                value: from.value,
                finite: from.finite,
                non_finite: from.non_finite,
                missing: from.missing,
            }),
            contract::Reduced::Tally(from) => Self::Tally(Tally {
                yes: from.yes,
                no: from.no,
                abstaining: from.abstaining,
            }),
            contract::Reduced::EveryRank(values) => Self::EveryRank(values),
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Statistic {
    value: Option<f64>,
    finite: u32,
    #[component(name = "non-finite")]
    non_finite: u32,
    missing: u32,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Tally {
    yes: u32,
    no: u32,
    abstaining: u32,
}
