//! Checks of each verdict of a run, beside the checkpoints that there were.
//!
//! A verdict is judged by what the host would do with it: who asks for a save holds it, a release
//! beside a save waits for that save, any other counts at once, hold beats release. Policies that
//! asked to be shown no checkpoint may speak of those that they have asked for.

use std::collections::BTreeSet;

use ckpt_policy_core::contract::{Ballot, CheckpointId, Plan, Verdict, View};

use super::super::{Finding, Passed, Property, Trial};
use super::play::{Trouble, play, told};
use super::story::Shape;
use super::witness::{Deciding, Watch};

/// A verdict, and what is needed to judge it.
struct Judged<'a> {
    plan: &'a Plan,
    call: &'a Deciding,
    verdict: &'a Verdict,
    /// What the policy has asked for, or wanted held, before.
    asked: &'a BTreeSet<CheckpointId>,
    is_settling: bool,
}

pub(super) fn release(trial: &Trial<'_>) -> Result<Passed, Finding> {
    each(trial, "safety.release", |judged| {
        let (verdict, call) = (judged.verdict, judged.call);
        let wrong = verdict.release.iter().find(|id| {
            let listed = call.ledger.iter().find(|one| one.id == **id);
            let is_mine = listed.is_some_and(|one| one.mine);
            !is_mine && **id != call.round.candidate && !judged.may_remember(**id)
        })?;
        Some(if judged.exists(*wrong) {
            format!("it releases checkpoint {wrong}, which it does not hold")
        } else {
            format!("it releases checkpoint {wrong}, which does not exist")
        })
    })
}

pub(super) fn labels(trial: &Trial<'_>) -> Result<Passed, Finding> {
    each(trial, "safety.labels", |judged| {
        let is_wrong = |id: CheckpointId| {
            !judged.exists(id) && id != judged.call.round.candidate && !judged.may_remember(id)
        };
        let verdict = judged.verdict;
        let label = verdict.labels.iter().find(|one| is_wrong(one.checkpoint));
        if let Some(label) = label {
            let (name, id) = (&label.name, label.checkpoint);
            return Some(format!(
                "its label `{name}` points at checkpoint {id}, which does not exist"
            ));
        }
        let held = verdict.hold.iter().find(|id| is_wrong(**id))?;
        Some(format!("it holds checkpoint {held}, which does not exist"))
    })
}

pub(super) fn empties(trial: &Trial<'_>) -> Result<Passed, Finding> {
    each(trial, "safety.empties", |judged| {
        let left = judged.left()?;
        let beside = match judged.verdict.ballot {
            Ballot::Save if !judged.is_settling => "asks for a save that it does not keep",
            _ => "asks for no save",
        };
        left.is_empty()
            .then(|| format!("it releases all that it holds, and {beside}"))
    })
}

/// Whether it lets the last complete one go while what is to replace it is still being written.
pub(super) fn loses(judged_call: &Deciding, plan: &Plan) -> Option<String> {
    let verdict = judged_call.result.as_ref().ok()?;
    let judged = Judged {
        plan,
        call: judged_call,
        verdict,
        asked: &BTreeSet::new(),
        is_settling: is_settling(plan, judged_call),
    };
    let left = judged.left()?;
    let newest = left.last()?;
    Some(format!(
        "it releases its last complete checkpoint while checkpoint {newest} is still being written, and that save may fail"
    ))
}

impl Judged<'_> {
    fn exists(&self, id: CheckpointId) -> bool {
        self.call.ledger.iter().any(|one| one.id == id)
    }

    /// Whether a policy that is shown nothing may believe that it has this checkpoint.
    fn may_remember(&self, id: CheckpointId) -> bool {
        self.plan.view == View::None && self.asked.contains(&id)
    }

    /// Returns what it holds when its releases have counted, where it held a complete checkpoint
    /// before and has none after, and no save that it keeps is there to wait for.
    fn left(&self) -> Option<Vec<CheckpointId>> {
        let Verdict {
            ballot,
            hold,
            release,
            ..
        } = self.verdict;
        let keeps = !release.contains(&self.call.round.candidate)
            || hold.contains(&self.call.round.candidate);
        if *ballot == Ballot::Save && keeps && !self.is_settling {
            return None;
        }
        let ledger = &self.call.ledger;
        let had = ledger.iter().any(|one| one.mine && one.complete);
        let stays = |id: &CheckpointId| hold.contains(id) || !release.contains(id);
        let held = ledger
            .iter()
            .filter(|one| (one.mine || hold.contains(&one.id)) && stays(&one.id));
        let has = held.clone().any(|one| one.complete);
        (had && !has).then(|| held.map(|one| one.id).collect())
    }
}

/// Judges each verdict of generated runs.
fn each(
    trial: &Trial<'_>,
    id: &str,
    judge: impl Fn(&Judged<'_>) -> Option<String>,
) -> Result<Passed, Finding> {
    told(trial, Property::new(id, trial.request), SHAPE, |story| {
        let plan = &story.candidate(trial).prepared.plan;
        let scenario = story.scenario(trial);
        let played = play(trial, &scenario, Watch::Ledger)?;
        let mut asked = BTreeSet::new();
        for call in played.logs.iter().flat_map(|log| &log.decided) {
            let Ok(verdict) = &call.result else { continue };
            let judged = Judged {
                plan,
                call,
                verdict,
                asked: &asked,
                is_settling: is_settling(plan, call),
            };
            if let Some(what) = judge(&judged) {
                return Err(Trouble::at(what, &scenario, call.round.step));
            }
            if verdict.ballot == Ballot::Save {
                asked.insert(call.round.candidate);
            }
            asked.extend(&verdict.hold);
        }
        Ok(())
    })
}

fn is_settling(plan: &Plan, call: &Deciding) -> bool {
    let moment = plan.moments.get(call.round.moment as usize);
    moment.is_some_and(|name| name == "settled")
}

pub(super) const SHAPE: Shape = Shape {
    ranks: 2,
    events: (1, 16),
    flights: true,
};
