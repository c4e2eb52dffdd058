//! How a host becomes a snapshot: everything by name, nothing by position.
//!
//! The reverse is [`restore`](super::restore); what is written here and read there is the same.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::contract::CONTRACT_VERSION;
use crate::ledger::{Entry, Ledger, PolicySet, policies};
use crate::message::Remembered;
use crate::number::Number;
use crate::opening::canonical_json;
use crate::seat::Seat;
use crate::snapshot::{Body, EntryPart, LedgerPart, PolicyPart, Snapshot};

use super::Host;

impl Host {
    /// Writes down all that a run needs to go on; `memory` is what each rank remembers.
    pub(super) fn to_snapshot(&self, memory: &[Vec<Remembered>]) -> Snapshot {
        let names = self.layout.memory.iter().enumerate();
        let memory = names.map(|(slot, name)| {
            let ranks = memory
                .iter()
                .map(|rank| (rank[slot].value.map(Number), rank[slot].step));
            (name.clone(), ranks.collect())
        });
        let course = &self.course;
        Snapshot {
            body: Body {
                contract: CONTRACT_VERSION.to_owned(),
                world_size: self.place.world_size,
                round: course.round,
                next_id: course.next_id,
                restarts: course.restarts,
                failed_saves: course.failed_saves,
                step: course.step,
                epoch: course.epoch,
                step_end: course.step_end,
                round_step: course.round_step,
                interrupted: course.interrupted,
                outcome: format!("{:032x}", course.outcome),
                policies: self
                    .seats
                    .iter()
                    .map(|seat| self.policy_part(seat))
                    .collect(),
                ledger: self.ledger_part(&self.ledger),
                memory: memory.collect(),
            },
        }
    }

    fn policy_part(&self, seat: &Seat) -> PolicyPart {
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
            ledger: seat.shadow.as_ref().map(|ledger| self.ledger_part(ledger)),
        }
    }

    fn ledger_part(&self, ledger: &Ledger) -> LedgerPart {
        LedgerPart {
            checkpoints: ledger
                .entries()
                .map(|entry| self.entry_part(entry))
                .collect(),
            deleting: ledger.all_deleting().collect(),
        }
    }

    fn entry_part(&self, entry: &Entry) -> EntryPart {
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
        let mut inputs: BTreeMap<_, _> = facts
            .other_inputs
            .iter()
            .map(|(name, ranks)| (name.clone(), numbers(ranks)))
            .collect();
        let width = self.layout.inputs.len();
        for (column, name) in self.layout.inputs.iter().enumerate() {
            let ranks = facts.inputs.iter().skip(column).step_by(width);
            inputs.insert(name.clone(), ranks.map(|value| value.map(Number)).collect());
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
            inputs,
        }
    }
}
