//! What a round learns of saves, deletions and interruptions before anybody is asked.
//!
//! The books move in settling rounds only: another round says that a save has come to its end, and
//! leaves the rest to the settling round that follows.

use crate::contract::CheckpointId;
use crate::event::Moment;
use crate::ledger;
use crate::message::{Message, SaveStatus};
use crate::outcome::{Ended, Outcome};

use super::{Host, Pending};

impl Host {
    /// Takes in what the ranks report: ends of saves, deletions, interruptions.
    pub(super) fn learn(&mut self, pending: &Pending, messages: &[Message], outcome: &mut Outcome) {
        let told = messages.iter().any(|message| message.interrupted);
        outcome.interrupted = told && !self.course.interrupted;
        let done = messages
            .iter()
            .fold(u64::MAX, |done, message| done & message.deleted);
        for (place, id) in self.ledger.deleting().into_iter().enumerate() {
            if done & (1 << place) != 0 {
                self.ledger.deletion_done(id);
            }
        }
        let ended = ended_saves(&self.ledger.in_flight(), messages);
        if pending.at.moment != Moment::Settled {
            // It came to light; the books move in the settling round that follows.
            outcome.settle = !ended.is_empty();
            return;
        }
        for (ended, bytes) in ended {
            self.settle_save(&ended, bytes);
            outcome.ended.push(ended);
        }
    }

    fn settle_save(&mut self, ended: &Ended, bytes: u64) {
        if ended.failed_ranks.is_empty() {
            self.ledger.complete(ended.id, bytes);
            return;
        }
        for policy in ledger::policies(self.ledger.fail(ended.id)) {
            if let Some(seat) = self.seats.get_mut(policy) {
                seat.lapse();
            }
        }
    }

    pub(super) fn forget_reports(&mut self, outcome: &Outcome) {
        for ended in &outcome.ended {
            let report = self.local.reports.remove(&ended.id);
            if !ended.failed_ranks.is_empty() {
                self.course.failed_saves += 1;
            } else if let Some(report) = report {
                self.remember_save(report.saved);
            }
        }
        let ledger = &self.ledger;
        self.local.deleted.retain(|id| ledger.is_deleting(*id));
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
