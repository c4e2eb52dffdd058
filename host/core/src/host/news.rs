//! What a round has brought, however it travelled: the same from messages and from totals.

use crate::agreement::ranks;
use crate::contract::{CheckpointId, Fault, Reduced};
use crate::layout::ELAPSED_CHANNEL;
use crate::ledger::Inputs;
use crate::message::{Message, SaveStatus};
use crate::outcome::Ended;
use crate::reduction::reduce;
use crate::seat::missing_input;
use crate::totals::Totals;

use super::Host;

/// All that a rank learns in a round.
pub(super) struct News {
    /// Some rank was told to leave.
    pub(super) interrupted: bool,
    /// Deletions done on all ranks, a bit for each of the first ordered ones.
    pub(super) deleted: u64,
    /// Saves that have come to their end, with their size over all ranks.
    pub(super) ended: Vec<(Ended, u64)>,
    pub(super) shared: Shared,
}

/// The numbers of a round that all ranks share.
pub(super) struct Shared {
    /// In the order of the layout's reductions.
    pub(super) values: Vec<Reduced>,
    pub(super) inputs: Inputs,
    pub(super) elapsed: Option<f64>,
    /// For each policy, the ranks on which `observe` failed, with a code.
    failed: Vec<Vec<(usize, u8)>>,
    /// For each policy, the input that it requires and that nobody has.
    pub(super) missing: Vec<Option<String>>,
}

impl Shared {
    /// Says on which ranks `observe` of a policy failed.
    ///
    /// The text is made of what all ranks know: what it said on one of them stays there.
    pub(super) fn observe_failure(&self, policy: usize) -> Option<String> {
        let failed = &self.failed[policy];
        let (_, code) = failed.first()?;
        let names: Vec<_> = failed.iter().map(|(rank, _)| *rank).collect();
        let name = Fault::name(*code);
        Some(format!("`observe` failed on {}: {name}", ranks(&names)))
    }
}

impl Host {
    /// Folds the messages of all ranks.
    pub(super) fn fold(&self, messages: &[Message]) -> News {
        let channel = |channel: usize| messages.iter().map(move |rank| rank.numbers[channel]);
        let values = self.layout.reductions.iter().map(|folding| {
            let weights = folding.weight.map(channel).into_iter().flatten();
            reduce(folding.operation, channel(folding.channel), weights)
        });
        let failed = (0..self.seats.len()).map(|policy| {
            let codes = messages
                .iter()
                .map(|message| message.faults[policy])
                .enumerate();
            codes.filter(|(_, code)| *code != 0).collect()
        });
        let count = self.layout.inputs.len();
        let inputs = |rank: &Message| rank.numbers[..count].to_vec();
        let elapsed = messages
            .first()
            .and_then(|first| first.numbers[ELAPSED_CHANNEL]);
        let shared = Shared {
            values: values.collect(),
            inputs: match self.form {
                // Only to be told of something: what a rank keeps is its own, as in other rounds.
                Some(_) => Inputs::Own(inputs(&messages[self.place.rank as usize])),
                None => Inputs::All(messages.iter().flat_map(inputs).collect()),
            },
            elapsed: elapsed.filter(|seconds| seconds.is_finite()),
            failed: failed.collect(),
            missing: self.missing(|place| channel(place).any(|number| number.is_some())),
        };
        News {
            interrupted: messages.iter().any(|message| message.interrupted),
            deleted: messages
                .iter()
                .fold(u64::MAX, |done, message| done & message.deleted),
            ended: ended_saves(&self.ledger.in_flight(), messages),
            shared,
        }
    }

    /// Takes what was summed on the way; `own` is what this rank has brought.
    pub(super) fn take(&self, totals: Totals, own: &Message) -> News {
        let Totals {
            interrupted,
            deleted,
            saved,
            elapsed,
            missing,
            values,
            ..
        } = totals;
        let in_flight = self.ledger.in_flight();
        let ended = in_flight.iter().zip(saved).filter_map(|(id, bytes)| {
            let ended = Ended {
                id: *id,
                failed_ranks: Vec::new(),
            };
            Some((ended, bytes?))
        });
        let shared = Shared {
            values,
            inputs: Inputs::Own(own.numbers[..self.layout.inputs.len()].to_vec()),
            elapsed: elapsed.filter(|seconds| seconds.is_finite()),
            // A rank on which it failed would have had to be named.
            failed: vec![Vec::new(); self.seats.len()],
            missing: self.missing(|place| !missing.contains(&place)),
        };
        News {
            interrupted,
            deleted,
            ended: ended.collect(),
            shared,
        }
    }

    fn missing(&self, known: impl Fn(usize) -> bool) -> Vec<Option<String>> {
        let policies = self.seats.iter().zip(&self.layout.policies);
        policies
            .map(|(seat, places)| missing_input(&seat.info.plan, places, &known).map(str::to_owned))
            .collect()
    }
}

/// Returns the saves that ended, with their size: failed as soon as one rank failed, complete once
/// all have saved.
fn ended_saves(in_flight: &[CheckpointId], messages: &[Message]) -> Vec<(Ended, u64)> {
    let mut ended = Vec::new();
    // A resumed run may have more in flight than `in-flight` now allows: their turn comes.
    let slots = messages.first().map_or(0, |message| message.saves.len());
    for (slot, id) in in_flight.iter().enumerate().take(slots) {
        let ranks = || {
            messages
                .iter()
                .map(|message| (message.rank, message.saves[slot]))
        };
        let failed = ranks().filter(|(_, (status, _))| *status == SaveStatus::Failed);
        let failed_ranks: Vec<_> = failed.map(|(rank, _)| rank).collect();
        let saved = ranks().all(|(_, (status, _))| status == SaveStatus::Saved);
        if saved || !failed_ranks.is_empty() {
            let bytes = ranks().fold(0, |sum: u64, (_, (_, bytes))| sum.saturating_add(bytes));
            ended.push((
                Ended {
                    id: *id,
                    failed_ranks,
                },
                bytes,
            ));
        }
    }
    ended
}
