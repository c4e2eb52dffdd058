//! Whether a run that was cut goes on as if nothing had happened, and elsewhere goes on at all.

use ckpt_policy_core::contract::Fault;
use proptest::sample::Index;
use proptest::strategy::Strategy;

use super::super::{Candidate, Finding, Measured, Passed, Property, Trial, Way};
use super::difference::noticeable;
use super::play::{Played, Trouble, play, tried};
use super::story::{Shape, Story, stories};
use super::witness::{Deciding, Watch};
use crate::scenario::Cut;

/// Cut anywhere, restored from a snapshot: the same verdicts.
pub(super) fn cut(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let strategy = (stories(trial.candidates.len(), SHAPE), index());
    let tries = Property::new("resume.cut", trial.request);
    tried(tries, &strategy, |(story, index)| {
        let before = index.index(story.events.len());
        let whole = play(trial, &story.scenario(trial), Watch::Calls)?;
        let scenario = story.cut(trial, before, same(story.ranks));
        let parts = play(trial, &scenario, Watch::Calls)?;
        // That a state is refused is another check's finding.
        if parts.broken().is_some() {
            return Ok(());
        }
        let pairs = verdicts(&whole).zip(verdicts(&parts));
        for (one, other) in pairs {
            let names = ("uncut", "after the cut");
            if let Some(differs) = noticeable(names, (&one.result, &other.result)) {
                let what = format!("cut and resumed, it goes on otherwise: {differs}");
                return Err(Trouble::at(what, &scenario, other.round.step));
            }
        }
        let (one, other) = (verdicts(&whole).count(), verdicts(&parts).count());
        if one == other {
            return Ok(());
        }
        let what = format!(
            "cut and resumed, it wants to be asked {other} times instead of {one}: `not-before` or the plan is another"
        );
        Err(Trouble::of(what, &scenario))
    })
}

/// `prepare` with a state of its own: accepted, and under another configuration no trap.
pub(super) fn prepare(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let tries = Property::new("resume.prepare", trial.request).part(0, 4);
    let strategy = (stories(trial.candidates.len(), SHAPE), index());
    tried(tries, &strategy, |(story, index)| {
        let played = play(trial, &story.scenario(trial), Watch::Calls)?;
        let calls: Vec<_> = verdicts(&played).collect();
        if calls.is_empty() {
            return Ok(());
        }
        let call = calls[index.index(calls.len())];
        let at = story.events_before(call.round.step);
        let mut policy = trial.subject.policy(Way::Fresh).map_err(Trouble::alone)?;
        let own = story.candidate(trial);
        if let Err(fault) = policy.prepare(&own.config, Some(&call.state)) {
            let what = format!(
                "`prepare` does not accept the policy's own state under the same configuration: {fault}"
            );
            return Err(Trouble::of(what, &story.cut(trial, at, same(story.ranks))));
        }
        for other in trial.candidates {
            if let Some(what) = carried_over(&mut *policy, other, &call.state) {
                return Err(Trouble::of(
                    what,
                    &story.cut(trial, at, under(story, other)),
                ));
            }
        }
        Ok(())
    })
}

/// Says what goes wrong when a state is handed to `prepare` with another configuration; a refusal
/// that names the state or the configuration is as good as an answer.
fn carried_over(policy: &mut dyn Measured, other: &Candidate, state: &[u8]) -> Option<String> {
    let fault = policy.prepare(&other.config, Some(state)).err()?;
    match fault {
        Fault::Config(_) | Fault::State(_) | Fault::Machine(_) => None,
        fault => Some(format!(
            "`prepare` with a state from before a change of configuration neither answers nor refuses with `error.state` or `error.config`: {fault}"
        )),
    }
}

/// A run that goes on with another number of ranks, or under another configuration, is answered.
pub(super) fn world(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let tries = Property::new("resume.world", trial.request).part(0, 2);
    let strategy = (stories(trial.candidates.len(), SHAPE), index(), 1_u32..=5);
    tried(tries, &strategy, |(story, index, ranks)| {
        let before = index.index(story.events.len());
        let scenario = story.cut(trial, before, same(*ranks));
        let played = play(trial, &scenario, Watch::Calls)?;
        let Some(after) = played.logs.get(1) else {
            return Ok(());
        };
        let mut policy = trial.subject.policy(Way::Fresh).map_err(Trouble::alone)?;
        let Ok(fresh) = policy.prepare(&story.candidate(trial).config, None) else {
            return Ok(());
        };
        for call in &after.observed {
            let again = || policy.observe(&fresh.settings, &fresh.state, &call.observation);
            blame(&call.result, again, "observe").map_or(Ok(()), |what| {
                Err(Trouble::at(what, &scenario, call.observation.step))
            })?;
        }
        for call in &after.decided {
            let again = || policy.decide(&fresh.settings, &fresh.state, &call.round);
            blame(&call.result, again, "decide").map_or(Ok(()), |what| {
                Err(Trouble::at(what, &scenario, call.round.step))
            })?;
        }
        Ok(())
    })
}

/// Blames the state that was carried over, where a call fails that a fresh state answers.
fn blame<T>(
    result: &Result<T, Fault>,
    fresh: impl FnOnce() -> Result<T, Fault>,
    function: &str,
) -> Option<String> {
    let fault = result.as_ref().err()?;
    if matches!(fault, Fault::Machine(_)) {
        return None;
    }
    fresh().is_ok().then(|| {
        format!("resumed with another number of ranks, `{function}` fails, which it does not from a fresh start: {fault}")
    })
}

fn index() -> impl Strategy<Value = Index> {
    proptest::prelude::any::<Index>()
}

fn verdicts(played: &Played) -> impl Iterator<Item = &Deciding> {
    played.logs.iter().flat_map(|log| &log.decided)
}

fn same(ranks: u32) -> Cut {
    Cut {
        from: None,
        ranks,
        config: None,
    }
}

fn under(story: &Story, other: &Candidate) -> Cut {
    Cut {
        config: serde_json::from_str(&other.config).ok(),
        ..same(story.ranks)
    }
}

/// Without saves in flight, which a cut loses.
const SHAPE: Shape = Shape {
    ranks: 2,
    events: (1, 12),
    flights: false,
};
