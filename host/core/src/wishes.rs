//! What the verdicts of one round bring about in one ledger.
//!
//! The same rules for the real ledger and for a shadow's. Who asks for a save holds it; a release
//! beside a save waits for that save, any other counts at once; hold beats release.

use std::collections::BTreeSet;

use crate::contract::{Ballot, CheckpointId, Verdict};
use crate::ledger::{Entry, Ledger, bit};
use crate::seat::Meeting;

/// What one policy wishes.
pub(crate) struct Wish<'a> {
    pub(crate) policy: usize,
    /// Its ballot, or what an error counts as.
    pub(crate) ballot: Ballot,
    /// `None` after an error: nothing is held or released then.
    pub(crate) verdict: Option<&'a Verdict>,
}

/// What the ballots came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// Nobody asked for a save, or ballots do not count at this moment.
    Quiet,
    /// Asked for, and not granted.
    Refused,
    Save,
}

/// The checkpoint that a save of this round would be.
pub(crate) struct Candidate<'a> {
    pub(crate) id: CheckpointId,
    /// The round whose numbers it is stored with.
    pub(crate) meeting: &'a Meeting<'a>,
}

/// Applies the wishes. Returns whether the candidate is newly in flight.
pub(crate) fn apply(
    ledger: &mut Ledger,
    wishes: &[Wish<'_>],
    decided: Decided,
    candidate: Candidate<'_>,
) -> bool {
    let Candidate {
        id: candidate,
        meeting,
    } = candidate;
    let new = decided == Decided::Save && ledger.get(candidate).is_none();
    if new {
        ledger.put(Entry::new(meeting.facts(candidate)));
    } else if decided == Decided::Save {
        // Saved at `step-end`, say, and wished for again after the validation at the same step.
        ledger.change(candidate, |entry| entry.learn(&meeting.facts(candidate)));
    }
    let waits = ledger.get(candidate).is_some_and(|entry| !entry.complete);
    for wish in wishes {
        let asks = wish.ballot == Ballot::Save;
        if asks && decided == Decided::Save {
            adopt(ledger, wish, candidate);
        }
        let release = wish.releases();
        match decided {
            Decided::Refused if asks => {}
            Decided::Save if asks && waits => wait(ledger, wish.policy, candidate, release),
            _ => release
                .into_iter()
                .for_each(|id| ledger.release(wish.policy, id)),
        }
        for id in wish.verdict.iter().flat_map(|verdict| &verdict.hold) {
            ledger.hold(wish.policy, *id);
        }
    }
    new
}

/// Enters a policy as one that asked for the checkpoint, and so holds it.
fn adopt(ledger: &mut Ledger, wish: &Wish<'_>, id: CheckpointId) {
    let keeps = !wish.releases().contains(&id);
    ledger.change(id, |entry| {
        entry.askers |= bit(wish.policy);
        entry.add_tags(wish.verdict.iter().flat_map(|verdict| &verdict.tags));
    });
    if keeps {
        ledger.hold(wish.policy, id);
    }
}

/// Lets releases wait until the checkpoint is complete.
fn wait(ledger: &mut Ledger, policy: usize, id: CheckpointId, mut release: Vec<CheckpointId>) {
    // What it does not hold now is not what it means if it comes to hold that later.
    release.retain(|released| ledger.holds(policy, *released));
    if !release.is_empty() {
        ledger.change(id, |entry| entry.releases.push((policy, release)));
    }
}

impl Wish<'_> {
    /// What it releases and does not hold in the same breath.
    fn releases(&self) -> Vec<CheckpointId> {
        let Some(verdict) = self.verdict else {
            return Vec::new();
        };
        let held: BTreeSet<_> = verdict.hold.iter().collect();
        let release = verdict.release.iter().filter(|id| !held.contains(id));
        release.copied().collect()
    }
}
