//! Whether a number that is not finite can pass for the best one.
//!
//! A policy that saves at every event lets an old checkpoint go whatever the new number is, and is
//! right to. So a policy is first shown what it makes of the worst and the best finite numbers:
//! only where one of these does not replace what is kept, the policy chooses by the number, and
//! then one that is no number must not replace it either. Nor may it blind the policy: what was
//! better before must be better after it.

use ckpt_policy_core::Moment;
use ckpt_policy_core::contract::{Ballot, Operation, Plan, Source};
use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::sample::select;

use super::super::{Candidate, Finding, Passed, Property, Trial};
use super::play::{Trouble, play, tried};
use super::story::{LAP, metric, moments, scenario, silent};
use super::witness::Watch;
use crate::report::Found;
use crate::scenario::{Plot, Round, Scenario};

/// NaN must not; that an infinity does is a warning, since it compares like a number and a policy may
/// mean to follow a trainer that takes it for one.
pub(super) fn nan(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let mut stages = trial.candidates.iter().map(|one| Stage::of(trial, one));
    if stages.all(|stage| stage.is_none()) {
        return Ok(Passed::nothing("the policy reads no metric"));
    }
    let tries = Property::new("safety.nan", trial.request);
    let mut passed = shown(trial, tries.part(0, 4), &[f64::NAN])?;
    match shown(trial, tries.part(1, 8), &[f64::INFINITY, f64::NEG_INFINITY]) {
        Ok(more) => passed.cases += more.cases,
        Err(finding) => passed.warnings.push(finding),
    }
    Ok(passed)
}

fn shown(trial: &Trial<'_>, tries: Property<'_>, odd: &'static [f64]) -> Result<Passed, Finding> {
    let eighths = (0_u8..=16).prop_map(|eighths| f64::from(eighths) / 8.0);
    let strategy = (0..trial.candidates.len(), vec(eighths, 1..=4), select(odd));
    tried(tries, &strategy, |(candidate, good, odd)| {
        match Stage::of(trial, &trial.candidates[*candidate]) {
            Some(stage) => stage.judge(good, *odd),
            None => Ok(()),
        }
    })
}

/// Where single numbers are played to a policy that watches a metric.
struct Stage<'a> {
    trial: &'a Trial<'a>,
    candidate: &'a Candidate,
    moment: Moment,
}

impl<'a> Stage<'a> {
    /// Returns the stage of a policy, if it watches any metric at a moment of a trainer.
    fn of(trial: &'a Trial<'a>, candidate: &'a Candidate) -> Option<Self> {
        let plan = &candidate.prepared.plan;
        let watches = plan.inputs.iter().any(|input| is_metric(&input.name));
        let named = moments(plan);
        let usual = |moment: &&Moment| **moment == Moment::ValidationEnd;
        let moment = named.iter().find(usual).or_else(|| {
            let mut others = named.iter();
            others.find(|moment| **moment != Moment::Interrupted)
        })?;
        watches.then_some(Self {
            trial,
            candidate,
            moment: *moment,
        })
    }

    fn judge(&self, good: &[f64], odd: f64) -> Result<(), Trouble> {
        let (low, high) = (self.play(good, &[-BIG])?, self.play(good, &[BIG])?);
        // One that lets anything in does not choose by the number.
        let chooses = low.displaced(good.len()).is_none() || high.displaced(good.len()).is_none();
        if !chooses {
            return Ok(());
        }
        let with = self.play(good, &[odd])?;
        if let Some(lost) = with.displaced(good.len()) {
            let what =
                format!("{odd} on all ranks {lost}, which the worst finite number would not");
            return Err(Trouble::at(what, &with.scenario, with.last_step()));
        }
        for (control, sign) in [(&low, -1.0), (&high, 1.0)] {
            if control.asks_after(good.len()) {
                let better = RECOVERY.map(|times| sign * BIG * times);
                self.still_sees(good, odd, &better)?;
            }
        }
        Ok(())
    }

    /// What is better than all before must be asked for also after a number that was none.
    fn still_sees(&self, good: &[f64], odd: f64, better: &[f64]) -> Result<(), Trouble> {
        for before in [good, &[]] {
            let numbers: Vec<f64> = before.iter().copied().chain([odd]).collect();
            let after = self.play(&numbers, better)?;
            let plain = self.play(before, better)?;
            let ends = after.found.iter().any(|found| found.stop);
            if !ends && plain.asks_after(before.len()) && !after.asks_after(numbers.len()) {
                let what = format!(
                    "after {odd} on all ranks it no longer asks for a save of what it would have saved before"
                );
                return Err(Trouble::at(what, &after.scenario, after.last_step()));
            }
        }
        Ok(())
    }

    /// Plays numbers, the same on all ranks.
    fn play(&self, first: &[f64], then: &[f64]) -> Result<Shown, Trouble> {
        let numbers = first.iter().chain(then);
        let rounds = (1_u64..)
            .zip(numbers)
            .map(|(lap, number)| self.round(lap, *number));
        let scenario = scenario(self.candidate, RANKS, rounds.collect());
        let played = play(self.trial, &scenario, Watch::Nothing)?;
        let found = played.found().into_iter().cloned().collect();
        Ok(Shown { scenario, found })
    }

    fn round(&self, lap: u64, number: f64) -> Round {
        let plan = &self.candidate.prepared.plan;
        let metrics = plan.inputs.iter().enumerate().filter_map(|(index, input)| {
            let name = metric(&input.name);
            let value = match name {
                "host.elapsed-seconds" => lap as f64 * 1e6,
                "host.unix-seconds" => lap as f64 * 1e6 + 1.7e9,
                _ if !is_metric(name) => return None,
                _ if is_weight(plan, index) => 1.0,
                _ => number,
            };
            Some((name.to_owned(), value))
        });
        let clock = ("host.elapsed-seconds".to_owned(), lap as f64 * 1e6);
        let metrics = metrics.chain([clock]).collect();
        Round {
            step: lap * LAP,
            epoch: lap,
            metrics: vec![metrics; RANKS as usize],
            ..silent(self.moment)
        }
    }
}

/// What came of numbers that were played.
struct Shown {
    scenario: Scenario,
    found: Vec<Found>,
}

impl Shown {
    /// Says what the number after the first ones has displaced.
    fn displaced(&self, first: usize) -> Option<String> {
        let before = self.found.get(first.checked_sub(1)?)?;
        let after = self.found.get(first)?;
        if let Some(step) = before.held.difference(&after.held).next() {
            return Some(format!("displaces the checkpoint of step {step}"));
        }
        let (was, is) = (before.labels.get("best")?, after.labels.get("best"));
        let moved = is.filter(|is| *is != was)?;
        Some(format!(
            "moves the label `best` to the checkpoint of step {moved}"
        ))
    }

    fn asks_after(&self, first: usize) -> bool {
        let mut after = self.found.iter().skip(first);
        after.any(|found| found.ballot == Some(Ballot::Save))
    }

    fn last_step(&self) -> u64 {
        match &self.scenario.plot {
            Plot::Rounds(rounds) => rounds.last().map_or(0, |round| round.step),
            Plot::Refused(_) => 0,
        }
    }
}

/// Whether it is a metric, and not a fact that a host measures.
fn is_metric(input: &str) -> bool {
    !metric(input).starts_with("host.")
}

/// Whether numbers of other inputs are weighted by this one, which is then no score.
fn is_weight(plan: &Plan, index: usize) -> bool {
    let mut operations = plan.reductions.iter().map(|reduction| reduction.operation);
    operations.any(|operation| match operation {
        Operation::WeightedMean(Source::Input(weight)) => weight as usize == index,
        _ => false,
    })
}

const RANKS: u32 = 2;
/// Better or worse than anything that was played before.
const BIG: f64 = 1e30;
/// What a policy sees, ever better, to recover from a number that was none.
const RECOVERY: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
