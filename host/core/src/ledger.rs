//! The checkpoints of a run and who holds them.
//!
//! Decides what may be deleted and nothing else: who wishes what is the round's business. It moves
//! only inside a transaction, so a round that ends in an error leaves no trace. Every lookup that a
//! round needs is an index, so a decision does not cost more when a policy keeps everything.
//!
//! Invariants: an entry in flight, pinned or held is never handed out for deletion, nor are the
//! newest `keep-at-least` complete ones; ids are never reused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::CheckpointId;
use crate::digest::Digest;

/// Policies as bits, in the order of the configuration.
pub(crate) type PolicySet = u64;

/// Deletions that are ordered at once; the acknowledgement of a rank has a bit for each.
pub(crate) const DELETIONS_AT_ONCE: usize = 64;

/// One checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) facts: Arc<Facts>,
    /// Durable on all ranks; otherwise in flight.
    pub(crate) complete: bool,
    /// Size over all ranks; zero until it is complete.
    pub(crate) bytes: u64,
    /// Protected from outside.
    pub(crate) pinned: bool,
    /// Of a future that the run left by resuming from an older checkpoint.
    pub(crate) abandoned: bool,
    /// Who holds it.
    pub(crate) holders: PolicySet,
    /// Who asked for it.
    pub(crate) askers: PolicySet,
    /// Sorted, each once.
    pub(crate) tags: Vec<String>,
    /// Releases that count once this save is complete, by policy.
    pub(crate) releases: Vec<(usize, Vec<CheckpointId>)>,
}

/// What never changes about a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) id: CheckpointId,
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    pub(crate) elapsed: Option<f64>,
    /// Reduced values then, in the order of the layout's reductions.
    pub(crate) values: Vec<Option<f64>>,
    /// Inputs then, each rank's in the order of the layout's inputs.
    pub(crate) inputs: Inputs,
    /// Values of reductions that the present layout does not know, by label.
    pub(crate) other_values: BTreeMap<String, Option<f64>>,
    /// Inputs that the present layout does not know, by name, rank by rank.
    pub(crate) other_inputs: BTreeMap<String, Vec<Option<f64>>>,
}

/// Numbers of ranks at the time of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inputs {
    /// Every rank's, rank by rank: where all of them were gathered.
    All(Vec<Option<f64>>),
    /// This rank's alone: where they were summed on the way. Other ranks have theirs, so they are
    /// no part of what must be the same on all.
    Own(Vec<Option<f64>>),
}

impl Default for Inputs {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Inputs {
    /// Returns the numbers of this rank, which are so many.
    pub(crate) fn own(&self, rank: u32, count: usize) -> &[Option<f64>] {
        let start = match self {
            Self::All(_) => rank as usize * count,
            Self::Own(_) => 0,
        };
        self.numbers().get(start..start + count).unwrap_or(&[])
    }

    /// Returns what is known of all ranks: rank by rank, or nothing.
    pub(crate) fn all(&self) -> &[Option<f64>] {
        match self {
            Self::All(numbers) => numbers,
            Self::Own(_) => &[],
        }
    }

    fn numbers(&self) -> &[Option<f64>] {
        match self {
            Self::All(numbers) | Self::Own(numbers) => numbers,
        }
    }

    fn numbers_mut(&mut self) -> &mut [Option<f64>] {
        match self {
            Self::All(numbers) | Self::Own(numbers) => numbers,
        }
    }
}

impl Entry {
    /// Returns a checkpoint in flight that nobody holds yet.
    pub(crate) fn new(facts: Facts) -> Self {
        Self {
            facts: Arc::new(facts),
            complete: false,
            bytes: 0,
            pinned: false,
            abandoned: false,
            holders: 0,
            askers: 0,
            tags: Vec::new(),
            releases: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> CheckpointId {
        self.facts.id
    }

    /// Takes over the numbers that were not known yet when it was saved.
    pub(crate) fn learn(&mut self, now: &Facts) {
        fn fill(known: &mut [Option<f64>], now: &[Option<f64>]) {
            for (known, now) in known.iter_mut().zip(now) {
                *known = known.or(*now);
            }
        }
        let facts = Arc::make_mut(&mut self.facts);
        fill(&mut facts.values, &now.values);
        fill(facts.inputs.numbers_mut(), now.inputs.numbers());
    }

    pub(crate) fn add_tags<'a>(&mut self, tags: impl IntoIterator<Item = &'a String>) {
        self.tags.extend(tags.into_iter().cloned());
        self.tags.sort_unstable();
        self.tags.dedup();
    }

    fn digest(&self) -> u128 {
        let mut digest = Digest::new();
        let facts = &self.facts;
        digest
            .number(facts.id)
            .number(facts.step)
            .number(facts.epoch)
            .float(facts.elapsed);
        digest.floats(&facts.values).floats(facts.inputs.all());
        digest
            .flag(self.complete)
            .number(self.bytes)
            .flag(self.pinned)
            .flag(self.abandoned);
        digest
            .number(self.holders)
            .number(self.askers)
            .number(self.tags.len() as u64);
        for tag in &self.tags {
            digest.text(tag);
        }
        for (policy, ids) in &self.releases {
            digest.number(*policy as u64).ids(ids);
        }
        digest.long()
    }
}

/// One set bit for each policy.
pub(crate) fn bit(policy: usize) -> PolicySet {
    1 << policy
}

/// The checkpoints of one run, in one world of wishes: the real one, or a shadow's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<CheckpointId, Entry>,
    index: Index,
    /// Ordered deletions that some rank has not reported yet.
    deleting: BTreeSet<CheckpointId>,
    /// Sum of the entries' digests, so that it moves with an entry at a constant cost.
    digest: u128,
    undo: Vec<Undo>,
}

/// Where to find entries without looking at all of them.
#[derive(Clone, Debug, Default)]
struct Index {
    in_flight: BTreeSet<CheckpointId>,
    complete: BTreeSet<CheckpointId>,
    /// Complete, not pinned, held by nobody.
    loose: BTreeSet<CheckpointId>,
    abandoned: BTreeSet<CheckpointId>,
    /// Two of one step may come from outside: then the younger one counts.
    by_step: BTreeSet<(u64, CheckpointId)>,
    held_by: BTreeMap<usize, BTreeSet<CheckpointId>>,
}

#[derive(Clone, Debug)]
enum Undo {
    Entry(CheckpointId, Box<Option<Entry>>),
    Deleting(CheckpointId, bool),
}

impl Ledger {
    /// Keeps all changes since the last commit.
    pub(crate) fn commit(&mut self) {
        self.undo.clear();
    }

    /// Takes back all changes since the last commit.
    pub(crate) fn rollback(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Entry(id, entry) => {
                    self.replace(id, *entry);
                }
                Undo::Deleting(id, true) => {
                    self.deleting.insert(id);
                }
                Undo::Deleting(id, false) => {
                    self.deleting.remove(&id);
                }
            }
        }
    }

    /// Enters a checkpoint, or puts a changed one in the place of the old.
    pub(crate) fn put(&mut self, entry: Entry) {
        let id = entry.id();
        let old = self.replace(id, Some(entry));
        self.undo.push(Undo::Entry(id, Box::new(old)));
    }

    /// Changes a checkpoint; one that is not there stays away.
    pub(crate) fn change(&mut self, id: CheckpointId, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get(&id) {
            let mut entry = entry.clone();
            change(&mut entry);
            self.put(entry);
        }
    }

    /// Drops a checkpoint from the list without a word about the disk.
    pub(crate) fn forget(&mut self, id: CheckpointId) {
        if let Some(old) = self.replace(id, None) {
            self.undo.push(Undo::Entry(id, Box::new(Some(old))));
        }
    }

    /// Drops a checkpoint from the list and orders that its files go on all ranks.
    pub(crate) fn order_deletion(&mut self, id: CheckpointId) {
        self.forget(id);
        if self.deleting.insert(id) {
            self.undo.push(Undo::Deleting(id, false));
        }
    }

    /// Notes that no rank has the checkpoint's files any more.
    pub(crate) fn deletion_done(&mut self, id: CheckpointId) {
        if self.deleting.remove(&id) {
            self.undo.push(Undo::Deleting(id, true));
        }
    }

    /// Orders the deletion of whatever may go now; returns the new orders.
    pub(crate) fn sweep(&mut self, keep_at_least: u32) -> Vec<CheckpointId> {
        let mut newest = self.index.complete.iter().rev();
        let kept_from = match (keep_at_least as usize).checked_sub(1) {
            None => CheckpointId::MAX,
            Some(others) => newest.nth(others).copied().unwrap_or(CheckpointId::MIN),
        };
        let loose = self.index.loose.range(..kept_from).copied();
        // What replaces an abandoned future must be durable first.
        let replaced = self.index.complete.last().copied().unwrap_or(0);
        let abandoned = self.index.abandoned.range(..replaced).copied();
        let mut ids: Vec<_> = loose.chain(abandoned).collect();
        ids.sort_unstable();
        for id in &ids {
            self.order_deletion(*id);
        }
        ids
    }

    /// Clears a policy's hold; one it does not have stays cleared.
    pub(crate) fn release(&mut self, policy: usize, id: CheckpointId) {
        if self.holds(policy, id) {
            self.change(id, |entry| entry.holders &= !bit(policy));
        }
    }

    /// Sets a policy's hold on a checkpoint that is listed; calls back a release that waits.
    pub(crate) fn hold(&mut self, policy: usize, id: CheckpointId) {
        if self.get(id).is_none_or(|entry| entry.abandoned) {
            return;
        }
        if self.is_releasing(policy, id) {
            self.recall(policy, id);
        }
        if !self.holds(policy, id) {
            self.change(id, |entry| entry.holders |= bit(policy));
        }
    }

    fn recall(&mut self, policy: usize, id: CheckpointId) {
        for save in self.in_flight() {
            self.change(save, |entry| {
                for (_, ids) in entry.releases.iter_mut().filter(|(who, _)| *who == policy) {
                    ids.retain(|released| *released != id);
                }
            });
        }
    }

    /// Ends a save on all ranks: complete with this size, and the releases that waited for it
    /// count.
    pub(crate) fn complete(&mut self, id: CheckpointId, bytes: u64) {
        let Some(entry) = self.get(id) else { return };
        let releases = entry.releases.clone();
        self.change(id, |entry| {
            entry.complete = true;
            entry.bytes = bytes;
            entry.releases.clear();
        });
        for (policy, ids) in releases {
            for released in ids {
                self.release(policy, released);
            }
        }
    }

    /// Ends a save that failed on some rank: it leaves the list, the releases that waited for it
    /// are void, and its remains are to be deleted. Returns who had asked for it.
    pub(crate) fn fail(&mut self, id: CheckpointId) -> PolicySet {
        let askers = self.get(id).map_or(0, |entry| entry.askers);
        self.order_deletion(id);
        askers
    }

    /// Returns a checkpoint, abandoned ones too.
    pub(crate) fn get(&self, id: CheckpointId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Returns all entries, abandoned ones too, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Returns what policies may see, oldest first.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| !entry.abandoned)
    }

    /// Returns what a policy holds and has not released, oldest first.
    pub(crate) fn mine(&self, policy: usize) -> impl Iterator<Item = &Entry> {
        let held = self.index.held_by.get(&policy).into_iter().flatten();
        held.filter_map(|id| self.entries.get(id))
            .filter(move |entry| !entry.abandoned && !self.is_releasing(policy, entry.id()))
    }

    /// Whether a policy holds it and has not released it.
    pub(crate) fn is_mine(&self, policy: usize, entry: &Entry) -> bool {
        entry.holders & bit(policy) != 0 && !self.is_releasing(policy, entry.id())
    }

    /// Returns the saves in flight, oldest first.
    pub(crate) fn in_flight(&self) -> Vec<CheckpointId> {
        self.index.in_flight.iter().copied().collect()
    }

    pub(crate) fn in_flight_count(&self) -> usize {
        self.index.in_flight.len()
    }

    /// Returns the checkpoint of this step, complete or in flight.
    pub(crate) fn at_step(&self, step: u64) -> Option<CheckpointId> {
        let of_step = (step, CheckpointId::MIN)..=(step, CheckpointId::MAX);
        let (_, id) = self.index.by_step.range(of_step).next_back()?;
        Some(*id)
    }

    /// Returns the ordered deletions that are not reported yet; the first ones, as many as a rank
    /// can acknowledge.
    pub(crate) fn deleting(&self) -> Vec<CheckpointId> {
        self.deleting
            .iter()
            .take(DELETIONS_AT_ONCE)
            .copied()
            .collect()
    }

    /// Returns all ordered deletions.
    pub(crate) fn all_deleting(&self) -> impl Iterator<Item = CheckpointId> {
        self.deleting.iter().copied()
    }

    pub(crate) fn is_deleting(&self, id: CheckpointId) -> bool {
        self.deleting.contains(&id)
    }

    /// Returns the largest id that was ever in it and may still be on disk.
    pub(crate) fn largest_id(&self) -> CheckpointId {
        let listed = self.entries.last_key_value().map_or(0, |(id, _)| *id);
        listed.max(self.deleting.last().copied().unwrap_or(0))
    }

    /// Returns the digest of all that ranks must have in common.
    pub(crate) fn digest(&self) -> u128 {
        let mut digest = Digest::new();
        digest.number(self.entries.len() as u64).wide(self.digest);
        for id in &self.deleting {
            digest.number(*id);
        }
        digest.long()
    }

    /// Whether a policy holds it, released beside a save in flight or not.
    pub(crate) fn holds(&self, policy: usize, id: CheckpointId) -> bool {
        self.get(id)
            .is_some_and(|entry| entry.holders & bit(policy) != 0)
    }

    /// Whether a release of this policy waits for a save in flight.
    fn is_releasing(&self, policy: usize, id: CheckpointId) -> bool {
        self.index
            .in_flight
            .iter()
            .filter_map(|save| self.entries.get(save))
            .any(|save| {
                save.releases
                    .iter()
                    .any(|(who, ids)| *who == policy && ids.contains(&id))
            })
    }

    /// The one place where an entry changes, so that indices and digest always fit.
    fn replace(&mut self, id: CheckpointId, new: Option<Entry>) -> Option<Entry> {
        let old = self.entries.remove(&id);
        if let Some(old) = &old {
            self.digest = self.digest.wrapping_sub(old.digest());
            self.index.remove(old);
        }
        if let Some(new) = new {
            self.digest = self.digest.wrapping_add(new.digest());
            self.index.add(&new);
            self.entries.insert(id, new);
        }
        old
    }
}

impl Index {
    fn add(&mut self, entry: &Entry) {
        let id = entry.id();
        for policy in policies(entry.holders) {
            self.held_by.entry(policy).or_default().insert(id);
        }
        if entry.abandoned {
            if !entry.pinned {
                self.abandoned.insert(id);
            }
            return;
        }
        self.by_step.insert((entry.facts.step, id));
        if !entry.complete {
            self.in_flight.insert(id);
            return;
        }
        self.complete.insert(id);
        if entry.holders == 0 && !entry.pinned {
            self.loose.insert(id);
        }
    }

    fn remove(&mut self, entry: &Entry) {
        let id = entry.id();
        for policy in policies(entry.holders) {
            if let Some(held) = self.held_by.get_mut(&policy) {
                held.remove(&id);
            }
        }
        self.by_step.remove(&(entry.facts.step, id));
        self.in_flight.remove(&id);
        self.complete.remove(&id);
        self.loose.remove(&id);
        self.abandoned.remove(&id);
    }
}

/// Returns the policies of a set, in their order.
pub(crate) fn policies(set: PolicySet) -> impl Iterator<Item = usize> {
    (0..64).filter(move |policy| set & bit(*policy) != 0)
}

#[cfg(test)]
mod tests;
