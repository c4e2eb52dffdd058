//! What a policy makes of saves that fail: it must lose nothing by them, and ask again.

use ckpt_policy_core::contract::Ballot;

use super::super::{Finding, Passed, Property, Trial};
use super::play::{Trouble, play, told};
use super::story::{Shape, Story};
use super::verdicts::{self, loses};
use super::witness::Watch;
use crate::report::Found;
use crate::scenario::{Plot, Scenario};

/// A save that fails, or is not done yet, must not cost the last complete checkpoint; and on a disk
/// on which nothing can be written, a run that comes again must be met with the same wish again.
pub(super) fn failed_save(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let tries = Property::new("safety.failed-save", trial.request);
    let kept = told(trial, tries, verdicts::SHAPE, |story| {
        keeps_the_last(trial, story)
    })?;
    let asked = told(trial, tries.part(0, 2), SHORT, |story| {
        asks_again(trial, story)
    })?;
    Ok(Passed::tried(kept.cases + asked.cases))
}

fn keeps_the_last(trial: &Trial<'_>, story: &Story) -> Result<(), Trouble> {
    let scenario = story.scenario(trial);
    let plan = &story.candidate(trial).prepared.plan;
    let played = play(trial, &scenario, Watch::Ledger)?;
    for call in played.logs.iter().flat_map(|log| &log.decided) {
        if let Some(what) = loses(call, plan) {
            return Err(Trouble::at(what, &scenario, call.round.step));
        }
    }
    Ok(())
}

/// Plays the story several times over, far enough apart in steps and time that no rule of the kind
/// "at most every" can be why a policy is silent.
fn asks_again(trial: &Trial<'_>, story: &Story) -> Result<(), Trouble> {
    // What a number that is none does to a policy is another check's finding.
    let mut scenario = story.finite().repeated(trial, LAPS);
    fail_all(&mut scenario);
    let played = play(trial, &scenario, Watch::Nothing)?;
    let found = played.found();
    let laps: Vec<&[&Found]> = found.chunks(story.events.len()).collect();
    // A policy that has ended the training owes nobody an answer.
    let ends = found.iter().any(|found| found.stop);
    let asks = |lap: &&[&Found]| {
        let mut ballots = lap.iter().map(|found| found.ballot);
        ballots.any(|ballot| ballot == Some(Ballot::Save))
    };
    let Some((first, rest)) = laps.split_first() else {
        return Ok(());
    };
    if ends || played.broken().is_some() || !asks(first) || rest.iter().any(asks) {
        return Ok(());
    }
    Err(Trouble::of(
        format!(
            "it asks for a save, which fails on all ranks, and does not ask again when the same happens {} more times",
            LAPS - 1
        ),
        &scenario,
    ))
}

fn fail_all(scenario: &mut Scenario) {
    let Plot::Rounds(rounds) = &mut scenario.plot else {
        return;
    };
    for round in rounds {
        round.save.fails = (0..scenario.ranks).collect();
        round.save.takes = 0;
    }
}

const LAPS: u64 = 4;

/// So short that a policy which gives up after many failures in a row is not blamed for it.
const SHORT: Shape = Shape {
    ranks: 2,
    events: (1, 5),
    flights: false,
};
