//! `aggregate`: one number is made of all ranks' numbers, and one comparison decides.
//!
//! Every rank's opinion weighs as much as its number does; nobody votes. A tie of the ranks cannot
//! happen, and a metric that improves in the log is saved.

mod config;
mod spread;
#[cfg(test)]
mod tests;

use ckpt_policy_sdk::keeping::{Bar, KeepState, Keeper, Scores, Subject, Wish};
use ckpt_policy_sdk::{
    Checkpoint, Error, Input, Operation, Plan, Policy, Reduction, Round, Source, Statistic,
    Verdict, export, text,
};
use serde::{Deserialize, Serialize};

pub use crate::config::{Config, Reduce};
use crate::spread::Spread;

/// The policy.
#[derive(Debug)]
pub struct Aggregate;

/// The configuration, as each call reads it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settings {
    keeper: Keeper,
    bar: Bar,
    patience_steps: Option<u64>,
    /// What the number is, for people.
    what: String,
    /// Where the plan's answers are.
    score: ScoreFrom,
    evict: Option<u32>,
    meaning: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum ScoreFrom {
    /// The host has reduced it.
    Statistic(u32),
    /// It is made here of every rank's number.
    EveryRank(u32, Spread),
}

/// What the policy remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    keep: KeepState,
    patience: Option<Patience>,
}

/// Since when nothing has improved.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Patience {
    since: u64,
    best: Option<f64>,
}

impl Policy for Aggregate {
    const NAME: &'static str = "aggregate";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Saves when one number made of all ranks' numbers, such as their mean, improves.";
    const SCHEMA: &'static str = include_str!("../schema.json");
    type Config = Config;
    type Settings = Settings;
    type State = State;

    fn prepare(config: Config) -> Result<(Plan, Settings), Error> {
        let mut plan = config.keep.plan().reads(Input::required(&config.monitor));
        let reduced =
            |plan: &mut Plan, operation| plan.place(Reduction::of_input(MONITOR, operation));
        let score = match &config.reduce {
            Reduce::Mean => ScoreFrom::Statistic(reduced(&mut plan, Operation::Mean)),
            Reduce::Min => ScoreFrom::Statistic(reduced(&mut plan, Operation::Min)),
            Reduce::Max => ScoreFrom::Statistic(reduced(&mut plan, Operation::Max)),
            Reduce::WeightedMeanBy(weight) => {
                let weight = Source::Input(plan.place_input(Input::required(weight)));
                ScoreFrom::Statistic(reduced(&mut plan, Operation::WeightedMean(weight)))
            }
            Reduce::Median => {
                let numbers = reduced(&mut plan, Operation::EveryRank);
                ScoreFrom::EveryRank(numbers, Spread::MEDIAN)
            }
            Reduce::TrimmedMean(fraction) => {
                let numbers = reduced(&mut plan, Operation::EveryRank);
                ScoreFrom::EveryRank(numbers, Spread::trimmed(*fraction))
            }
        };
        let evict = config.keep.eviction();
        let evict = evict.map(|operation| reduced(&mut plan, operation));
        Ok((plan, Settings::new(&config, score, evict)))
    }

    fn start(settings: &Settings, previous: Option<State>) -> Result<State, Error> {
        let previous = previous.unwrap_or_default();
        let meaning: Vec<&str> = settings.meaning.iter().map(String::as_str).collect();
        let goes_on = previous.keep.means(&meaning);
        Ok(State {
            patience: previous.patience.filter(|_| goes_on),
            keep: KeepState::start(&meaning, Some(previous.keep)),
        })
    }

    fn decide(settings: &Settings, state: &mut State, round: &Round) -> Result<Verdict, Error> {
        let kept = settings
            .keeper
            .kept(&state.keep, &round.checkpoints, |one| settings.listed(one));
        let measured = settings.measure(round)?;
        let wish = match measured.value {
            None => Wish::no_opinion(format!("no rank has a finite {}", settings.what)),
            Some(score) => {
                let evict = settings.eviction(round, score)?;
                let subject = Subject {
                    what: &settings.what,
                    score,
                    evict,
                };
                settings.keeper.judge(&kept, &subject, &settings.bar)
            }
        };
        let wish = note_the_ranks(wish, &measured);
        let mut verdict = settings.keeper.verdict(&mut state.keep, round, &kept, wish);
        settings.wait(state, round.step, measured.value, &mut verdict);
        Ok(verdict)
    }
}

export!(Aggregate);

impl Settings {
    fn new(config: &Config, score: ScoreFrom, evict: Option<u32>) -> Self {
        let what = format!("{} {}", config.reduce, config.monitor);
        Self {
            keeper: config.keep.keeper(),
            bar: Bar {
                min_delta: config.min_delta,
                threshold: config.threshold,
            },
            patience_steps: config.patience_steps,
            meaning: vec![
                what.clone(),
                format!("{:?} {:?}", config.keep.mode, config.keep.evict_by),
            ],
            what,
            score,
            evict,
        }
    }

    /// Reads the scores of a checkpoint from the host's list.
    fn listed(&self, checkpoint: &Checkpoint) -> Scores {
        let value = |index: u32| checkpoint.values.get(index as usize).copied().flatten();
        let own = match self.score {
            ScoreFrom::Statistic(index) => value(index),
            ScoreFrom::EveryRank(..) => None,
        };
        Scores {
            own,
            evict: self.evict.map_or(own, value),
        }
    }

    fn measure(&self, round: &Round) -> Result<Statistic, Error> {
        match self.score {
            ScoreFrom::Statistic(index) => round.statistic(index).copied(),
            ScoreFrom::EveryRank(index, spread) => Ok(spread.measure(round.every_rank(index)?)),
        }
    }

    fn eviction(&self, round: &Round, score: f64) -> Result<Option<f64>, Error> {
        match self.evict {
            None => Ok(Some(score)),
            Some(index) => Ok(round.statistic(index)?.value),
        }
    }

    /// Asks for the end of the training when nothing has improved for too long.
    fn wait(&self, state: &mut State, step: u64, score: Option<f64>, verdict: &mut Verdict) {
        let Some(limit) = self.patience_steps else {
            state.patience = None;
            return;
        };
        let patience = state.patience.get_or_insert(Patience {
            since: step,
            best: None,
        });
        let score = score.filter(|score| score.is_finite());
        if let Some(score) = score
            && patience
                .best
                .is_none_or(|best| self.keeper.improves(score, best, &self.bar))
        {
            *patience = Patience {
                since: step,
                best: Some(score),
            };
        }
        let waited = step.saturating_sub(patience.since);
        if waited >= limit {
            verdict.stop = true;
            verdict
                .reason
                .push_str(&format!("; stops after {waited} steps without improvement"));
        }
    }
}

/// Says how many ranks the number left out.
fn note_the_ranks(wish: Wish, measured: &Statistic) -> Wish {
    let Statistic {
        finite,
        non_finite,
        missing,
        ..
    } = *measured;
    let left_out = [(non_finite, "not finite"), (missing, "missing")];
    let said: Vec<String> = left_out
        .iter()
        .filter(|(ranks, _)| *ranks > 0)
        .map(|(ranks, what)| format!("{} {what}", text::count(*ranks, "rank")))
        .collect();
    let wish = if said.is_empty() {
        wish
    } else {
        wish.because(&format!(" ({})", said.join(", ")))
    };
    wish.figure("finite-ranks", f64::from(finite))
}

const MONITOR: u32 = 0;
