//! Each rank's own list of kept checkpoints, as PyTorch Lightning's callback keeps it.
//!
//! Only the yes or no is agreed between the ranks. What a rank compares with, and what it drops
//! from its own list, follows from its own numbers alone, so the lists part as soon as two ranks
//! order two checkpoints differently. What leaves the disk is what rank 0's list drops.
//!
//! A checkpoint enters the lists for good only once the ledger shows it complete. Until then it is
//! *open*: decisions are taken as if it had come true, and it is taken back without a trace where
//! the save was vetoed or failed. So the lists never claim what does not exist.
//!
//! Does not know about labels, reasons or the encoding of the state.

use ckpt_policy_sdk::CheckpointId;
use ckpt_policy_sdk::ranking::Direction;
use serde::{Deserialize, Serialize};

/// One checkpoint in one rank's list. The score is never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Which checkpoint.
    pub(crate) checkpoint: CheckpointId,
    /// That rank's own value then, rounded to `f32`.
    pub(crate) score: f32,
}

/// What makes a score the better one, and how many places a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Whether small or large is good.
    pub(crate) direction: Direction,
    /// The number of places, at least 1.
    pub(crate) places: usize,
}

impl Rule {
    /// Whether `value` is strictly better than `other`; NaN is better than nothing.
    fn better(self, value: f32, other: f32) -> bool {
        match self.direction {
            Direction::Max => value > other,
            Direction::Min => value < other,
        }
    }

    /// Rounds a number as logging it does. What is no number is the worst one from here on.
    pub(crate) fn score(self, value: Option<f64>) -> f32 {
        match value {
            Some(value) if !value.is_nan() => value as f32,
            _ => self.worst(),
        }
    }

    /// The score that nothing is worse than.
    fn worst(self) -> f32 {
        match self.direction {
            Direction::Max => f32::NEG_INFINITY,
            Direction::Min => f32::INFINITY,
        }
    }
}

/// One rank's list, in the order of insertion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Book(pub(crate) Vec<Entry>);

impl Book {
    /// Whether this rank, alone, would save a checkpoint with this value.
    pub(crate) fn wants(&self, rule: Rule, value: f64) -> bool {
        // Rounded to nearest even, as logging a metric rounds it.
        let value = value as f32;
        match self.last_place(rule) {
            Some(kth) if self.0.len() >= rule.places => rule.better(value, kth.score),
            _ => true,
        }
    }

    /// The entry that a new value has to beat: the first among equal worst ones.
    pub(crate) fn last_place(&self, rule: Rule) -> Option<Entry> {
        let worse = |kth: Entry, entry: Entry| {
            if rule.better(kth.score, entry.score) {
                entry
            } else {
                kth
            }
        };
        self.0.iter().copied().reduce(worse)
    }

    /// Enters a checkpoint; a full list drops its last place first.
    fn enter(&mut self, rule: Rule, entry: Entry) {
        self.trim(rule, rule.places - 1);
        self.0.push(entry);
    }

    /// Drops the worst until at most `places` are left.
    fn trim(&mut self, rule: Rule, places: usize) {
        while self.0.len() > places {
            let Some(kth) = self.last_place(rule) else {
                return;
            };
            self.remove(kth.checkpoint);
        }
    }

    fn remove(&mut self, checkpoint: CheckpointId) {
        self.0.retain(|entry| entry.checkpoint != checkpoint);
    }

    fn ids(&self) -> Vec<CheckpointId> {
        self.0.iter().map(|entry| entry.checkpoint).collect()
    }

    fn contains(&self, checkpoint: CheckpointId) -> bool {
        self.0.iter().any(|entry| entry.checkpoint == checkpoint)
    }
}

/// A checkpoint that was asked for and is not known to be complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    /// Which checkpoint.
    pub(crate) checkpoint: CheckpointId,
    /// What rank 0's list let go for it, and so what the host deletes once it is complete.
    pub(crate) victim: Option<CheckpointId>,
    /// Each rank's score.
    pub(crate) scores: Vec<f32>,
}

impl Open {
    fn enter(&self, rule: Rule, rank: usize, book: &mut Book) {
        if let (0, Some(victim)) = (rank, self.victim) {
            book.remove(victim);
        }
        let score = self
            .scores
            .get(rank)
            .copied()
            .unwrap_or_else(|| rule.worst());
        book.enter(
            rule,
            Entry {
                checkpoint: self.checkpoint,
                score,
            },
        );
    }
}

/// What the ledger says of one checkpoint that the policy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Which checkpoint.
    pub(crate) checkpoint: CheckpointId,
    /// Durable on all ranks.
    pub(crate) complete: bool,
}

/// The lists of all ranks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Books {
    /// One list a rank, of complete checkpoints only.
    pub(crate) settled: Vec<Book>,
    /// What comes on top, oldest first.
    pub(crate) open: Vec<Open>,
}

impl Books {
    /// Brings the lists in line with the ledger and with the number of ranks.
    ///
    /// What was open is settled where it is complete, in order, and taken back where it is gone.
    /// What is gone although it was settled, such as a file that a resume did not find, leaves
    /// every list. What is held and in no list, such as a save that `on-error` asked for, enters
    /// as the worst, before the others.
    pub(crate) fn follow(&mut self, rule: Rule, ranks: usize, held: &[Seen]) {
        self.settled.resize_with(ranks, Book::default);
        self.settle(rule, held);
        self.drop_lost(rule, held);
        self.adopt(rule, held);
        for book in &mut self.settled {
            book.trim(rule, rule.places);
        }
    }

    fn settle(&mut self, rule: Rule, held: &[Seen]) {
        let (ended, open) = split(std::mem::take(&mut self.open), held);
        for open in ended {
            for (rank, book) in self.settled.iter_mut().enumerate() {
                open.enter(rule, rank, book);
            }
        }
        self.open = open;
    }

    /// Another rank's list may name what rank 0 has let go, since that is how lists part. So only
    /// what rank 0 still counts on can be lost.
    fn drop_lost(&mut self, rule: Rule, held: &[Seen]) {
        let mut lost = self.expected_at(rule, 0).ids();
        lost.retain(|id| held.iter().all(|seen| seen.checkpoint != *id));
        for book in &mut self.settled {
            book.0.retain(|entry| !lost.contains(&entry.checkpoint));
        }
    }

    fn adopt(&mut self, rule: Rule, held: &[Seen]) {
        let known = self.kept(rule);
        let unknown = held
            .iter()
            .map(|seen| seen.checkpoint)
            .filter(|id| !known.contains(id));
        let mut unknown: Vec<CheckpointId> = unknown.collect();
        // The oldest of equal ones is the first to be dropped, so no more than this can stay.
        unknown.drain(..unknown.len().saturating_sub(rule.places));
        for book in &mut self.settled {
            let strangers = unknown.iter().filter(|id| !book.contains(**id));
            let worst = strangers.map(|id| Entry {
                checkpoint: *id,
                score: rule.worst(),
            });
            let worst: Vec<Entry> = worst.collect();
            book.0.splice(..0, worst);
        }
    }

    /// The lists as they will be once everything open is complete.
    pub(crate) fn expected(&self, rule: Rule) -> Vec<Book> {
        (0..self.settled.len())
            .map(|rank| self.expected_at(rule, rank))
            .collect()
    }

    fn expected_at(&self, rule: Rule, rank: usize) -> Book {
        let mut book = self.settled.get(rank).cloned().unwrap_or_default();
        for open in &self.open {
            open.enter(rule, rank, &mut book);
        }
        book
    }

    /// What must stay on disk, whether or not the open ones come true.
    fn kept(&self, rule: Rule) -> Vec<CheckpointId> {
        let mut kept = self.expected_at(rule, 0).ids();
        kept.extend(self.settled.first().map(Book::ids).unwrap_or_default());
        kept.extend(self.open.iter().map(|open| open.checkpoint));
        kept
    }

    /// Asks for a checkpoint.
    pub(crate) fn ask(&mut self, rule: Rule, checkpoint: CheckpointId, values: &[Option<f64>]) {
        let expected = self.expected_at(rule, 0);
        let is_full = expected.0.len() >= rule.places;
        let victim = expected
            .last_place(rule)
            .filter(|_| is_full)
            .map(|entry| entry.checkpoint);
        let scores = values.iter().map(|value| rule.score(*value)).collect();
        self.open.push(Open {
            checkpoint,
            victim,
            scores,
        });
    }
}

/// Parts what has come true from what is still open; what came to nothing is in neither.
///
/// What is open and was let go for a younger one is not held while that is being written. Its fate
/// is that of the younger one: where this comes true, the older has done its part; where it fails,
/// the older is held again.
fn split(open: Vec<Open>, held: &[Seen]) -> (Vec<Open>, Vec<Open>) {
    let find = |id: CheckpointId| held.iter().find(|seen| seen.checkpoint == id);
    let is_complete = |id: CheckpointId| find(id).is_some_and(|seen| seen.complete);
    let mut replaced: Vec<CheckpointId> = Vec::new();
    let mut alive: Vec<(Open, bool)> = Vec::new();
    let mut done: Vec<CheckpointId> = Vec::new();
    for open in open.into_iter().rev() {
        let id = open.checkpoint;
        if find(id).is_none() && !replaced.contains(&id) {
            continue;
        }
        let is_done = is_complete(id) || done.contains(&id);
        replaced.extend(open.victim);
        done.extend(open.victim.filter(|_| is_done));
        alive.push((open, is_done));
    }
    alive.reverse();
    // In order, so that a list is what it would have been had all been saved one after another.
    let ended = alive.iter().take_while(|(_, is_done)| *is_done).count();
    let still = alive.split_off(ended);
    let only = |part: Vec<(Open, bool)>| part.into_iter().map(|(open, _)| open).collect();
    (only(alive), only(still))
}

#[cfg(test)]
mod tests;
