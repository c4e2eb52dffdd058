//! `majority`: saves when more than half of the ranks that voted find their own number better.
//!
//! One rank on noisy data can neither force a save nor prevent one. Each rank compares with its own
//! numbers at the checkpoints that are kept; which of them goes is agreed.

mod config;
mod election;
mod reason;
#[cfg(test)]
mod tests;

use ckpt_policy_sdk::keeping::{KeepState, Keeper, Kept, Scores, TopK, Wish};
use ckpt_policy_sdk::{
    Checkpoint, Error, Input, Observation, Operation, Plan, Policy, Reduction, Round, Statistic,
    Tally, Verdict, export, text, voting,
};
use serde::{Deserialize, Serialize};

use crate::config::Quorum;
pub use crate::config::{Config, Missing, Ties};
use crate::election::{Election, Outcome};

/// The policy.
#[derive(Debug)]
pub struct Majority;

/// The configuration, as each call reads it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settings {
    keeper: Keeper,
    monitor: String,
    election: Election,
    places: Places,
    meaning: Vec<String>,
}

/// Where the plan's answers are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Places {
    evict: u32,
    /// None where nobody ever votes.
    votes: Option<u32>,
    /// None where rank 0 breaks no ties.
    rank_zero: Option<u32>,
}

impl Policy for Majority {
    const NAME: &'static str = "majority";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Saves when more than half of the ranks that voted find their own number better.";
    const SCHEMA: &'static str = include_str!("../schema.json");
    type Config = Config;
    type Settings = Settings;
    type State = KeepState;

    fn prepare(config: Config) -> Result<(Plan, Settings), Error> {
        let quorum = Quorum::parse(config.quorum)?;
        let (plan, places) = plan(&config);
        let settings = Settings {
            keeper: config.keep.keeper(),
            election: Election {
                quorum,
                ties: config.ties,
                missing: config.missing,
            },
            places,
            meaning: vec![
                config.monitor.clone(),
                format!("{:?} {:?}", config.keep.mode, config.keep.evict_by),
            ],
            monitor: config.monitor,
        };
        Ok((plan, settings))
    }

    fn start(settings: &Settings, previous: Option<KeepState>) -> Result<KeepState, Error> {
        let meaning: Vec<&str> = settings.meaning.iter().map(String::as_str).collect();
        Ok(KeepState::start(&meaning, previous))
    }

    fn observe(
        settings: &Settings,
        state: &KeepState,
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        let keeper = &settings.keeper;
        let kept = voting::own_numbers(keeper, state, &observation.checkpoints, MONITOR);
        let own = observation.values.first().copied().flatten();
        Ok(vec![voting::feature(voting::vote(keeper, &kept, own))])
    }

    fn decide(settings: &Settings, state: &mut KeepState, round: &Round) -> Result<Verdict, Error> {
        let keeper = &settings.keeper;
        let kept = keeper.kept(state, &round.checkpoints, |one| settings.listed(one));
        let wish = settings.wish(&kept, round)?;
        Ok(keeper.verdict(state, round, &kept, wish))
    }
}

export!(Majority);

fn plan(config: &Config) -> (Plan, Places) {
    let mut plan = config.keep.plan().reads(Input::required(&config.monitor));
    let score = plan.place(Reduction::mean(MONITOR));
    let evict = config
        .keep
        .eviction()
        .map(|operation| Reduction::of_input(MONITOR, operation));
    let evict = evict.map_or(score, |reduction| plan.place(reduction));
    let is_voted = matches!(config.keep.top_k, TopK::Best(1..));
    plan.features = u32::from(is_voted);
    let votes = is_voted.then(|| plan.place(Reduction::of_feature(VOTE, Operation::Tally)));
    let rank_zero = (is_voted && config.ties == Ties::RankZero)
        .then(|| plan.place(Reduction::of_feature(VOTE, Operation::FromRank(0))));
    (
        plan,
        Places {
            evict,
            votes,
            rank_zero,
        },
    )
}

impl Settings {
    /// Reads the agreed scores of a checkpoint from the host's list.
    fn listed(&self, checkpoint: &Checkpoint) -> Scores {
        let value = |index: u32| checkpoint.values.get(index as usize).copied().flatten();
        Scores {
            own: value(SCORE),
            evict: value(self.places.evict),
        }
    }

    fn wish(&self, kept: &Kept, round: &Round) -> Result<Wish, Error> {
        let (keeper, monitor) = (&self.keeper, &self.monitor);
        let statistic = round.statistic(SCORE)?;
        let Some(score) = statistic.value else {
            return Ok(Wish::no_opinion(format!("no rank has a finite {monitor}")));
        };
        let scores = Scores {
            own: Some(score),
            evict: round.statistic(self.places.evict)?.value,
        };
        let shown = text::number(score);
        let held = kept.by_own(keeper.direction).len();
        let reason = match keeper.top_k {
            TopK::All => format!("mean {monitor} {shown} is kept as all are (top-k -1)"),
            TopK::Best(0) => {
                return Ok(Wish::stay_out(format!(
                    "mean {monitor} {shown}, but top-k is 0"
                )));
            }
            TopK::Best(k) if held < k as usize => {
                format!(
                    "mean {monitor} {shown} takes place {} of {k}, without a vote",
                    held + 1
                )
            }
            TopK::Best(k) => return Ok(self.vote(round, k, scores)?.figure("score", score)),
        };
        Ok(self
            .without_vote(statistic, scores, reason)
            .figure("score", score))
    }

    /// Where there is room, the quorum is all that is asked for.
    fn without_vote(&self, ranks: &Statistic, scores: Scores, reason: String) -> Wish {
        let tally = Tally {
            yes: ranks.finite,
            no: ranks.non_finite,
            abstaining: ranks.missing,
        };
        let count = self.election.count(&tally);
        if self.election.has_quorum(count) {
            Wish::enter(scores, reason)
        } else {
            Wish::stay_out(reason::no_quorum(&self.election, count))
        }
    }

    fn vote(&self, round: &Round, places: u32, scores: Scores) -> Result<Wish, Error> {
        let votes = self
            .places
            .votes
            .ok_or_else(|| Error::Failed("the plan has no vote".to_owned()))?;
        let count = self.election.count(round.tally(votes)?);
        let rank_zero = self
            .places
            .rank_zero
            .map(|index| round.statistic(index))
            .transpose()?;
        let rank_zero = rank_zero
            .and_then(|vote| vote.value)
            .map(|vote| vote != 0.0);
        let reason = |end| reason::vote(count, &self.monitor, places) + end;
        let wish = match self.election.decide(count, rank_zero) {
            Outcome::NoQuorum => Wish::stay_out(reason::no_quorum(&self.election, count)),
            Outcome::Carried => {
                Wish::enter(scores, reason(reason::tie(&self.election, count, true)))
            }
            Outcome::Rejected => Wish::stay_out(reason(reason::tie(&self.election, count, false))),
        };
        Ok(wish
            .figure("yes", f64::from(count.yes))
            .figure("no", f64::from(count.no))
            .figure("abstaining", f64::from(count.silent)))
    }
}

const MONITOR: u32 = 0;
const SCORE: u32 = 0;
const VOTE: u32 = 0;
