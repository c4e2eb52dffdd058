//! How a host becomes a snapshot: everything by name, nothing by position.
//!
//! The reverse is [`restore`](super::restore); what is written here and read there is the same.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::contract::CONTRACT_VERSION;
use crate::ledger::{Entry, Inputs, PolicySet, policies};
use crate::message::Message;
use crate::number::Number;
use crate::opening::canonical_json;
use crate::seat::Seat;
use crate::snapshot::{Body, EntryPart, LedgerPart, PolicyPart, Snapshot};

use super::Host;

impl Host {
    /// Writes down all that a run needs to go on; `ranks` have told what each of them remembers.
    pub(super) fn to_snapshot(&self, ranks: &[Message]) -> Snapshot {
        let names = self.layout.memory.iter().enumerate();
        let memory = names.map(|(slot, name)| {
            let slots = ranks.iter().map(|rank| rank.memory[slot]);
            let numbers = slots.map(|it| (it.value.map(Number), it.step));
            (name.clone(), numbers.collect())
        });
        let mut ledgers = self.ledger_parts(ranks).into_iter();
        let ledger = ledgers.next().unwrap_or_default();
        let policies = self.seats.iter().map(|seat| {
            let shadow = seat.shadow.as_ref().and_then(|_| ledgers.next());
            self.policy_part(seat, shadow)
        });
        let course = &self.course;
        Snapshot {
            body: Body {
                contract: CONTRACT_VERSION.to_owned(),
                world_size: self.place.world_size,
                round: course.round,
                next_id: course.next_id,
                restarts: course.restarts,
                came_from: course.came_from,
                failed_saves: course.failed_saves,
                step: course.step,
                epoch: course.epoch,
                step_end: course.step_end,
                round_step: course.round_step,
                interrupted: course.interrupted,
                outcome: format!("{:032x}", course.outcome),
                policies: policies.collect(),
                ledger,
                memory: memory.collect(),
            },
        }
    }

    fn policy_part(&self, seat: &Seat, ledger: Option<LedgerPart>) -> PolicyPart {
        let labels = seat.memory.labels.iter();
        PolicyPart {
            name: seat.info.name.clone(),
            mode: seat.info.mode,
            sha256: seat.info.digest.clone(),
            config: canonical_json(&seat.config),
            state: STANDARD.encode(&seat.memory.state),
            not_before: seat.memory.not_before,
            labels: labels
                .map(|label| (label.name.clone(), label.checkpoint))
                .collect(),
            failures: seat.memory.failures,
            ledger,
        }
    }

    /// Writes down all ledgers, in the order of [`Host::ledgers`].
    fn ledger_parts(&self, ranks: &[Message]) -> Vec<LedgerPart> {
        let width = self.layout.inputs.len();
        // Where ranks have told their inputs of each checkpoint, those stand one after the other.
        let mut told = (0..)
            .map(|place| place * width..(place + 1) * width)
            .map(|place| {
                let rank = |rank: &Message| rank.numbers.get(place.clone()).map(<[_]>::to_vec);
                ranks.iter().filter_map(rank).flatten().collect::<Vec<_>>()
            });
        let ledgers = self.ledgers().map(|ledger| LedgerPart {
            checkpoints: ledger
                .entries()
                .map(|entry| match &entry.facts.inputs {
                    Inputs::All(inputs) => self.entry_part(entry, inputs),
                    Inputs::Own(_) => self.entry_part(entry, &told.next().unwrap_or_default()),
                })
                .collect(),
            deleting: ledger.all_deleting().collect(),
        });
        ledgers.collect()
    }

    /// Writes down a checkpoint; `inputs` are those of the ranks then, or none.
    fn entry_part(&self, entry: &Entry, inputs: &[Option<f64>]) -> EntryPart {
        let facts = &entry.facts;
        let name = |policy: usize| self.seats[policy].info.name.clone();
        let names = |set: PolicySet| policies(set).map(name).collect();
        let numbers = |values: &[Option<f64>]| -> Vec<_> {
            values.iter().map(|value| value.map(Number)).collect()
        };
        let mut values: BTreeMap<_, _> = facts
            .other_values
            .iter()
            .map(|(k, value)| (k.clone(), value.map(Number)))
            .collect();
        for (label, value) in self.layout.labels.iter().zip(&facts.values) {
            values.insert(label.clone(), value.map(Number));
        }
        let mut named: BTreeMap<_, _> = facts
            .other_inputs
            .iter()
            .map(|(name, ranks)| (name.clone(), numbers(ranks)))
            .collect();
        let width = self.layout.inputs.len();
        for (column, name) in self.layout.inputs.iter().enumerate() {
            let ranks = inputs.iter().skip(column).step_by(width);
            let numbers: Vec<_> = ranks.map(|value| value.map(Number)).collect();
            if !numbers.is_empty() {
                named.insert(name.clone(), numbers);
            }
        }
        let releases = entry.releases.iter();
        EntryPart {
            id: facts.id,
            step: facts.step,
            epoch: facts.epoch,
            elapsed_seconds: facts.elapsed.map(Number),
            complete: entry.complete,
            bytes: entry.bytes,
            pinned: entry.pinned,
            abandoned: entry.abandoned,
            tags: entry.tags.clone(),
            held_by: names(entry.holders),
            asked_by: names(entry.askers),
            releases: releases
                .map(|(policy, ids)| (name(*policy), ids.clone()))
                .collect(),
            values,
            inputs: named,
        }
    }
}
