//! Whether the ranks stay together, for thousands of rounds, and whoever they are.
//!
//! A world of real hosts proves the first in each round: states, ledgers and verdicts are compared
//! by their digests. All ranks have instances of their own; what an instance remembers of earlier
//! calls is the business of the checks of purity.

use super::super::{Finding, Measured, Passed, Property, Trial, Way};
use super::difference::differences;
use super::play::{Played, Trouble, play, told};
use super::shorten::shorten;
use super::story::{Shape, Story, one_story};
use super::witness::{Deciding, Log, Watch};

/// Hosts with a policy each are fed the same rounds: many short runs, and a long one.
pub(super) fn replicas(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let together = |story: &Story| stay_together(trial, story);
    let some = Property::new("agreement.replicas", trial.request).part(0, 4);
    let short = told(trial, some, SHORT, together)?;
    let rounds = (trial.request.depth.rounds / PART).max(LEAST) as usize;
    let shape = Shape {
        events: (rounds, rounds),
        ..SHORT
    };
    let long = one_story(trial, "agreement.replicas long", shape);
    if let Err(trouble) = together(&long) {
        return Err(shorten(long, trouble, together).into_finding());
    }
    let figure = ("rounds of the longest run".to_owned(), rounds.to_string());
    Ok(Passed {
        figures: vec![figure],
        ..Passed::tried(short.cases + 1)
    })
}

fn stay_together(trial: &Trial<'_>, story: &Story) -> Result<(), Trouble> {
    let scenario = story.scenario(trial);
    let played = play(trial, &scenario, Watch::Nothing)?;
    let Some(why) = apart(&played) else {
        return Ok(());
    };
    let last = played.report.rounds.last().and_then(|round| round.at);
    let why: String = why.chars().take(MOST_SHOWN).collect();
    Err(match last {
        Some((_, step)) => Trouble::at(why, &scenario, step),
        None => Trouble::of(why, &scenario),
    })
}

/// Says how the ranks came apart. A policy that refuses alike on all ranks agrees with itself, and
/// what a machine could not do is nobody's verdict.
fn apart(played: &Played) -> Option<&str> {
    played
        .broken()
        .filter(|why| !why.starts_with("policy `") && !why.contains("could not run policy `"))
}

/// The same arguments, on a policy that has observed as another rank.
pub(super) fn rank(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let tries = Property::new("agreement.rank", trial.request);
    told(trial, tries, SHORT, |story| {
        let scenario = story.scenario(trial);
        let played = play(trial, &scenario, Watch::Calls)?;
        if apart(&played).is_some() {
            return Ok(());
        }
        let features = story.candidate(trial).prepared.plan.features;
        // Reused, as a site may set it: in a fresh instance nothing is left of what its rank observed.
        let mut other = trial.subject.policy(Way::Reused).map_err(Trouble::alone)?;
        for call in played.logs.iter().flat_map(|log| &log.decided) {
            if features > 0 {
                observe_elsewhere(&mut *other, &played.logs, call);
            }
            let again = other.decide(&call.settings, &call.state, &call.round);
            let differs = differences(("on rank 0", "on another"), (&call.result, &again));
            if let Some(differs) = differs {
                let what = format!("asked the same, two ranks answer otherwise: {differs}");
                return Err(Trouble::at(what, &scenario, call.round.step));
            }
        }
        Ok(())
    })
}

/// Lets a policy see what a rank far away, which measured something else, would have seen then.
fn observe_elsewhere(policy: &mut dyn Measured, logs: &[Log], call: &Deciding) {
    let all = logs.iter().flat_map(|log| &log.observed);
    let mut then = all.filter(|seen| seen.observation.step <= call.round.step);
    let Some(seen) = then.next_back() else {
        return;
    };
    let mut observation = seen.observation.clone();
    observation.rank += 8;
    observation.world_size += 16;
    observation.values.iter_mut().for_each(|value| {
        *value = value.map(|value| 1.0 - value);
    });
    // Whatever it answers there: the verdict must not know.
    for _ in 0..2 {
        let _ = policy.observe(&seen.settings, &seen.state, &observation);
    }
}

const SHORT: Shape = Shape {
    ranks: 3,
    events: (1, 12),
    flights: true,
};

/// The long run has this part of the rounds that a request names, since each takes several calls.
const PART: u32 = 25;
const LEAST: u32 = 40;

/// Characters of what the ranks say when they come apart.
const MOST_SHOWN: usize = 400;
