//! `rank-zero`: one rank's number decides, the others follow.
//!
//! What most trainers do that evaluate on one rank only. The number is that rank's alone: a
//! checkpoint that is good there may be bad everywhere else.

mod config;
#[cfg(test)]
mod tests;

use ckpt_policy_sdk::keeping::{Bar, KeepState, Keeper, Scores, Subject, Wish};
use ckpt_policy_sdk::{
    Checkpoint, Error, Input, Operation, Plan, Policy, Reduction, Round, Verdict, export,
};
use serde::{Deserialize, Serialize};

pub use crate::config::Config;

/// The policy.
#[derive(Debug)]
pub struct RankZero;

/// The configuration, as each call reads it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settings {
    keeper: Keeper,
    rank: u32,
    /// What the number is, for people.
    what: String,
    /// Where the plan's answer is that ranks the kept ones when one must go.
    evict: u32,
    meaning: Vec<String>,
}

impl Policy for RankZero {
    const NAME: &'static str = "rank-zero";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Saves when the number of one rank, mostly rank 0, improves.";
    const SCHEMA: &'static str = include_str!("../schema.json");
    type Config = Config;
    type Settings = Settings;
    type State = KeepState;

    fn prepare(config: Config) -> Result<(Plan, Settings), Error> {
        let mut plan = config.keep.plan().reads(Input::required(&config.monitor));
        let own = Operation::FromRank(config.rank);
        plan.place(Reduction::of_input(MONITOR, own));
        let evict = config.keep.eviction().unwrap_or(own);
        let settings = Settings {
            keeper: config.keep.keeper(),
            rank: config.rank,
            what: format!("rank {}'s {}", config.rank, config.monitor),
            evict: plan.place(Reduction::of_input(MONITOR, evict)),
            meaning: vec![
                config.monitor,
                config.rank.to_string(),
                format!("{:?} {:?}", config.keep.mode, config.keep.evict_by),
            ],
        };
        Ok((plan, settings))
    }

    fn start(settings: &Settings, previous: Option<KeepState>) -> Result<KeepState, Error> {
        let meaning: Vec<&str> = settings.meaning.iter().map(String::as_str).collect();
        Ok(KeepState::start(&meaning, previous))
    }

    fn decide(settings: &Settings, state: &mut KeepState, round: &Round) -> Result<Verdict, Error> {
        let Settings {
            keeper, rank, what, ..
        } = settings;
        if *rank >= round.world_size {
            let (size, last) = (round.world_size, round.world_size.saturating_sub(1));
            let text = format!("`rank` is {rank}, but there are {size} ranks, 0 to {last}");
            return Err(Error::Failed(text));
        }
        let kept = keeper.kept(state, &round.checkpoints, |one| settings.listed(one));
        let wish = match round.statistic(SCORE)?.value {
            None => Wish::no_opinion(format!("{what} is missing or not finite")),
            Some(score) => {
                let evict = round.statistic(settings.evict)?.value;
                keeper.judge(&kept, &Subject { what, score, evict }, &Bar::default())
            }
        };
        Ok(keeper.verdict(state, round, &kept, wish))
    }
}

export!(RankZero);

impl Settings {
    /// Reads the scores of a checkpoint from the host's list.
    fn listed(&self, checkpoint: &Checkpoint) -> Scores {
        let value = |index: u32| checkpoint.values.get(index as usize).copied().flatten();
        Scores {
            own: value(SCORE),
            evict: value(self.evict),
        }
    }
}

const MONITOR: u32 = 0;
const SCORE: u32 = 0;
