//! What a round learns of saves, deletions and interruptions before anybody is asked.
//!
//! The books move in settling rounds only: another round says that a save has come to its end, and
//! leaves the rest to the settling round that follows.

use crate::event::Moment;
use crate::ledger;
use crate::outcome::{Ended, Outcome};

use super::news::{News, Shared};
use super::{Host, Pending};

impl Host {
    /// Takes in what the ranks report: ends of saves, deletions, interruptions. Returns the rest.
    pub(super) fn learn(&mut self, pending: &Pending, news: News, outcome: &mut Outcome) -> Shared {
        let News {
            interrupted,
            deleted,
            ended,
            shared,
        } = news;
        outcome.interrupted = interrupted && !self.course.interrupted;
        for (place, id) in self.ledger.deleting().into_iter().enumerate() {
            if deleted & (1 << place) != 0 {
                self.ledger.deletion_done(id);
            }
        }
        if pending.at.moment != Moment::Settled {
            // It came to light; the books move in the settling round that follows.
            outcome.settle = !ended.is_empty();
            return shared;
        }
        for (ended, bytes) in ended {
            self.settle_save(&ended, bytes);
            outcome.ended.push(ended);
        }
        shared
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
