//! The ledger against a model that looks at everything each time.

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::Index as Pick;
use proptest::{prop_assert, prop_assert_eq};

use super::*;

const POLICIES: usize = 3;

fn entry(id: CheckpointId, step: u64) -> Entry {
    Entry::new(Facts {
        id,
        step,
        ..Facts::default()
    })
}

/// Saved, complete, and held by the policies of the set.
fn kept(ledger: &mut Ledger, id: CheckpointId, holders: PolicySet) {
    ledger.put(Entry {
        holders,
        ..entry(id, id * 10)
    });
    ledger.complete(id, 1);
}

fn ids(ledger: &Ledger) -> Vec<CheckpointId> {
    ledger.entries().map(Entry::id).collect()
}

#[test]
fn what_is_held_pinned_in_flight_or_newest_is_not_swept() {
    let mut ledger = Ledger::default();
    kept(&mut ledger, 1, bit(5));
    kept(&mut ledger, 2, 0);
    kept(&mut ledger, 3, 0);
    ledger.change(3, |entry| entry.pinned = true);
    kept(&mut ledger, 4, 0);
    kept(&mut ledger, 5, 0);
    ledger.put(entry(6, 60));
    assert_eq!(ledger.sweep(2), [2]);
    assert!(ledger.sweep(2).is_empty());
    assert_eq!(ledger.sweep(1), [4]);
    assert_eq!(ledger.sweep(0), [5]);
    assert_eq!(ids(&ledger), [1, 3, 6]);
    ledger.release(5, 1);
    assert!(ledger.sweep(u32::MAX).is_empty());
    assert_eq!(ledger.sweep(0), [1]);
    assert_eq!(ledger.deleting(), [1, 2, 4, 5]);
}

#[test]
fn an_abandoned_future_waits_for_something_newer_that_is_complete() {
    let mut ledger = Ledger::default();
    kept(&mut ledger, 1, bit(0));
    kept(&mut ledger, 2, 0);
    ledger.change(2, |entry| entry.abandoned = true);
    assert_eq!(ledger.at_step(20), None);
    ledger.hold(0, 2);
    assert_eq!(ledger.mine(0).map(Entry::id).collect::<Vec<_>>(), [1]);
    ledger.put(entry(3, 20));
    assert_eq!(ledger.at_step(20), Some(3));
    assert!(ledger.sweep(0).is_empty(), "3 is not complete");
    ledger.complete(3, 1);
    assert_eq!(ledger.sweep(1), [2]);
}

#[test]
fn of_two_checkpoints_of_one_step_the_younger_counts_whatever_the_order() {
    let mut ledger = Ledger::default();
    for id in [7, 2, 5] {
        ledger.put(entry(id, 10));
    }
    assert_eq!(ledger.at_step(10), Some(7));
    ledger.change(2, |entry| entry.bytes = 3);
    assert_eq!(ledger.at_step(10), Some(7));
    ledger.forget(7);
    assert_eq!(ledger.at_step(10), Some(5));
    assert_eq!(ledger.at_step(9), None);
}

#[test]
fn every_part_of_an_entry_is_in_the_digest() {
    let changes: [fn(&mut Entry); 10] = [
        |it| it.complete = true,
        |it| it.bytes = 1,
        |it| it.pinned = true,
        |it| it.abandoned = true,
        |it| it.holders = 1,
        |it| it.askers = 1,
        |it| it.tags.push("t".to_owned()),
        |it| it.releases.push((0, vec![1])),
        |it| Arc::make_mut(&mut it.facts).values.push(None),
        |it| Arc::make_mut(&mut it.facts).inputs = Inputs::All(vec![Some(0.0)]),
    ];
    let mut digests = vec![];
    for change in changes.map(Some).into_iter().chain([None]) {
        let mut ledger = Ledger::default();
        ledger.put(entry(1, 10));
        if let Some(change) = change {
            ledger.change(1, change);
        }
        digests.push(ledger.digest());
    }
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

/// What can happen to a ledger; a pick is a place among what is there.
#[derive(Clone, Debug)]
enum Operation {
    Save {
        step: u64,
        holders: PolicySet,
    },
    Hold(usize, Pick),
    Release(usize, Pick),
    /// A release that waits for a save in flight.
    Wait(usize, Pick, Pick),
    Complete(Pick),
    Fail(Pick),
    Pin(Pick),
    Abandon(Pick),
    Forget(Pick),
    Sweep(u32),
    Deleted(Pick),
    Commit,
    Rollback,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation as O;
    let policy = || 0..POLICIES;
    let pick = any::<Pick>;
    prop_oneof![
        6 => (0..6_u64, 0..8_u64).prop_map(|(step, holders)| O::Save { step, holders }),
        3 => (policy(), pick()).prop_map(|(policy, at)| O::Hold(policy, at)),
        4 => (policy(), pick()).prop_map(|(policy, at)| O::Release(policy, at)),
        3 => (policy(), pick(), pick()).prop_map(|(policy, save, at)| O::Wait(policy, save, at)),
        5 => pick().prop_map(O::Complete),
        1 => pick().prop_map(O::Fail),
        1 => pick().prop_map(O::Pin),
        1 => pick().prop_map(O::Abandon),
        1 => pick().prop_map(O::Forget),
        3 => (0..4_u32).prop_map(O::Sweep),
        3 => pick().prop_map(O::Deleted),
        3 => Just(O::Commit),
        2 => Just(O::Rollback),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Known {
    step: u64,
    complete: bool,
    pinned: bool,
    abandoned: bool,
    holders: BTreeSet<usize>,
    /// Who releases what once this is complete.
    waiting: BTreeSet<(usize, CheckpointId)>,
}

/// A ledger without an index.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    known: BTreeMap<CheckpointId, Known>,
    deleting: BTreeSet<CheckpointId>,
    /// Deleted everywhere, or dropped.
    gone: BTreeSet<CheckpointId>,
}

impl Model {
    fn is_in_flight(known: &Known) -> bool {
        !known.complete && !known.abandoned
    }

    fn in_flight(&self) -> Vec<CheckpointId> {
        let flying = self
            .known
            .iter()
            .filter(|(_, known)| Self::is_in_flight(known));
        flying.map(|(id, _)| *id).collect()
    }

    fn is_mine(&self, policy: usize, id: CheckpointId) -> bool {
        let known = &self.known[&id];
        let releasing = self
            .in_flight()
            .iter()
            .any(|save| self.known[save].waiting.contains(&(policy, id)));
        known.holders.contains(&policy) && !known.abandoned && !releasing
    }

    fn hold(&mut self, policy: usize, id: CheckpointId) {
        if self.known[&id].abandoned {
            return;
        }
        for save in self.in_flight() {
            self.with(save, |known| known.waiting.remove(&(policy, id)));
        }
        self.with(id, |known| known.holders.insert(policy));
    }

    fn complete(&mut self, id: CheckpointId) {
        self.with(id, |known| known.complete = true);
        for (policy, released) in
            std::mem::take(&mut self.known.get_mut(&id).expect("known").waiting)
        {
            if let Some(known) = self.known.get_mut(&released) {
                known.holders.remove(&policy);
            }
        }
    }

    fn sweepable(&self, keep_at_least: u32) -> Vec<CheckpointId> {
        let complete = |known: &Known| known.complete && !known.abandoned;
        let listed = self.known.iter().filter(|(_, known)| complete(known));
        let newest: Vec<_> = listed.map(|(id, _)| *id).rev().collect();
        let may_go = |id: &CheckpointId, known: &Known| match known.abandoned {
            true => !known.pinned && newest.first().is_some_and(|newest| newest > id),
            false => {
                let kept = newest
                    .iter()
                    .take(keep_at_least as usize)
                    .any(|it| it == id);
                known.complete && !known.pinned && known.holders.is_empty() && !kept
            }
        };
        let going = self.known.iter().filter(|(id, known)| may_go(id, known));
        going.map(|(id, _)| *id).collect()
    }

    fn delete(&mut self, id: CheckpointId) {
        self.known.remove(&id);
        self.deleting.insert(id);
    }

    fn with<R>(&mut self, id: CheckpointId, change: impl FnOnce(&mut Known) -> R) -> R {
        change(self.known.get_mut(&id).expect("it is known"))
    }
}

/// The ledger, its model, and the model at the last commit.
#[derive(Default)]
struct Pair {
    ledger: Ledger,
    model: Model,
    before: Model,
    next: CheckpointId,
}

impl Pair {
    fn pick(&self, pick: Pick, of: impl Fn(&Known) -> bool) -> Option<CheckpointId> {
        let known = self.model.known.iter().filter(|(_, known)| of(known));
        let ids: Vec<_> = known.map(|(id, _)| *id).collect();
        (!ids.is_empty()).then(|| *pick.get(&ids))
    }

    fn any(&self, pick: Pick) -> Option<CheckpointId> {
        self.pick(pick, |_| true)
    }

    fn flying(&self, pick: Pick) -> Option<CheckpointId> {
        self.pick(pick, Model::is_in_flight)
    }

    fn save(&mut self, step: u64, holders: PolicySet) {
        self.next += 1;
        self.ledger.put(Entry {
            holders,
            ..entry(self.next, step)
        });
        let known = Known {
            step,
            complete: false,
            pinned: false,
            abandoned: false,
            holders: policies(holders).collect(),
            waiting: BTreeSet::new(),
        };
        self.model.known.insert(self.next, known);
    }

    fn wait(&mut self, policy: usize, save: CheckpointId, id: CheckpointId) {
        if self.model.known[&id].holders.contains(&policy) {
            self.ledger
                .change(save, |entry| entry.releases.push((policy, vec![id])));
            self.model
                .with(save, |known| known.waiting.insert((policy, id)));
        }
    }

    /// Does it to both; returns what a sweep ordered, and what it should.
    fn apply(&mut self, operation: &Operation) -> Option<[Vec<CheckpointId>; 2]> {
        match *operation {
            Operation::Save { step, holders } => self.save(step, holders),
            Operation::Sweep(keep) => {
                let due = self.model.sweepable(keep);
                due.iter().for_each(|id| self.model.delete(*id));
                return Some([self.ledger.sweep(keep), due]);
            }
            Operation::Commit => {
                self.ledger.commit();
                self.before = self.model.clone();
            }
            Operation::Rollback => {
                self.ledger.rollback();
                self.model = self.before.clone();
            }
            Operation::Deleted(pick) if !self.model.deleting.is_empty() => {
                let ids: Vec<_> = self.model.deleting.iter().copied().collect();
                let id = *pick.get(&ids);
                self.ledger.deletion_done(id);
                self.model.deleting.remove(&id);
                self.model.gone.insert(id);
            }
            Operation::Wait(policy, save, at) => {
                if let (Some(save), Some(id)) = (self.flying(save), self.any(at)) {
                    self.wait(policy, save, id);
                }
            }
            Operation::Complete(pick) | Operation::Fail(pick) => {
                if let Some(id) = self.flying(pick) {
                    self.end(id, matches!(operation, Operation::Complete(_)));
                }
            }
            Operation::Hold(_, pick)
            | Operation::Release(_, pick)
            | Operation::Pin(pick)
            | Operation::Abandon(pick)
            | Operation::Forget(pick) => {
                if let Some(id) = self.any(pick) {
                    self.change(operation, id);
                }
            }
            Operation::Deleted(_) => {}
        }
        None
    }

    fn end(&mut self, id: CheckpointId, complete: bool) {
        if complete {
            self.ledger.complete(id, 3);
            self.model.complete(id);
        } else {
            self.ledger.fail(id);
            self.model.delete(id);
        }
    }

    fn change(&mut self, operation: &Operation, id: CheckpointId) {
        match *operation {
            Operation::Hold(policy, _) => {
                self.ledger.hold(policy, id);
                self.model.hold(policy, id);
            }
            Operation::Release(policy, _) => {
                self.ledger.release(policy, id);
                self.model.with(id, |known| known.holders.remove(&policy));
            }
            Operation::Pin(_) => {
                self.ledger.change(id, |entry| entry.pinned = true);
                self.model.with(id, |known| known.pinned = true);
            }
            Operation::Abandon(_) => {
                self.ledger.change(id, |entry| entry.abandoned = true);
                self.model.with(id, |known| known.abandoned = true);
            }
            _ => {
                self.ledger.forget(id);
                self.model.known.remove(&id);
                self.model.gone.insert(id);
            }
        }
    }
}

/// The same entries and orders, entered one by one.
fn rebuilt(ledger: &Ledger) -> Ledger {
    let mut fresh = Ledger::default();
    for entry in ledger.entries() {
        fresh.put(entry.clone());
    }
    for id in ledger.all_deleting() {
        fresh.order_deletion(id);
    }
    fresh
}

/// What a ledger says to any question, to be compared.
fn answers(ledger: &Ledger) -> impl PartialEq + std::fmt::Debug + use<> {
    let mine = (0..POLICIES).map(|policy| ledger.mine(policy).map(Entry::id).collect());
    let mine: Vec<Vec<CheckpointId>> = mine.collect();
    let steps: Vec<_> = (0..6).map(|step| ledger.at_step(step)).collect();
    let entries: Vec<Entry> = ledger.entries().cloned().collect();
    let deleting: Vec<_> = ledger.all_deleting().collect();
    (
        mine,
        steps,
        entries,
        deleting,
        ledger.in_flight(),
        ledger.digest(),
    )
}

/// What the model says to the same.
fn agree(pair: &Pair) -> Result<(), proptest::test_runner::TestCaseError> {
    let Pair { ledger, model, .. } = pair;
    prop_assert_eq!(answers(ledger), answers(&rebuilt(ledger)));
    prop_assert_eq!(ids(ledger), model.known.keys().copied().collect::<Vec<_>>());
    prop_assert_eq!(ledger.in_flight(), model.in_flight());
    prop_assert_eq!(
        ledger.all_deleting().collect::<BTreeSet<_>>(),
        model.deleting.clone()
    );
    for (id, known) in &model.known {
        let entry = ledger.get(*id).expect("it is known");
        prop_assert_eq!(
            policies(entry.holders).collect::<BTreeSet<_>>(),
            known.holders.clone()
        );
        prop_assert_eq!(entry.complete, known.complete);
        for policy in 0..POLICIES {
            let shown = ledger.mine(policy).any(|mine| mine.id() == *id);
            prop_assert_eq!(shown, model.is_mine(policy, *id));
        }
    }
    for step in 0..6 {
        let of_step = |known: &Known| known.step == step && !known.abandoned;
        let newest = model.known.iter().rfind(|(_, known)| of_step(known));
        prop_assert_eq!(ledger.at_step(step), newest.map(|(id, _)| *id));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_is_its_model(operations in vec(operation(), 1..60)) {
        let mut pair = Pair::default();
        for operation in &operations {
            let in_flight = pair.ledger.in_flight();
            if let Some([ordered, due]) = pair.apply(operation) {
                prop_assert_eq!(&ordered, &due);
                prop_assert!(ordered.iter().all(|id| !in_flight.contains(id)));
            }
            agree(&pair)?;
        }
        let before = answers(&{
            let mut ledger = pair.ledger.clone();
            ledger.rollback();
            ledger
        });
        pair.apply(&Operation::Rollback);
        prop_assert_eq!(answers(&pair.ledger), before);
        agree(&pair)?;
        // Nothing is lost: what was ever entered is listed, ordered to go, or gone.
        let Model { known, deleting, gone } = &pair.model;
        prop_assert!(deleting.iter().all(|id| !known.contains_key(id) && !gone.contains(id)));
        let largest = known.keys().chain(deleting).max().copied().unwrap_or(0);
        prop_assert_eq!(pair.ledger.largest_id(), largest);
    }

    #[test]
    fn a_rollback_leaves_no_trace(
        first in vec(operation(), 0..30),
        second in vec(operation(), 0..30),
    ) {
        let mut pair = Pair::default();
        first.iter().for_each(|operation| drop(pair.apply(operation)));
        pair.apply(&Operation::Commit);
        let before = answers(&pair.ledger);
        for operation in &second {
            if !matches!(operation, Operation::Commit) {
                pair.apply(operation);
            }
        }
        pair.apply(&Operation::Rollback);
        prop_assert_eq!(answers(&pair.ledger), before);
    }
}
