//! `unanimous`: saves when every rank that has an opinion finds its own number better.
//!
//! The rule of trainers in which each rank compares its own metric with its own history and the
//! yes or no of all is combined with AND. With `books = "per-rank"` it is PyTorch Lightning's
//! `ModelCheckpoint` to the last eviction; by default the ranks vote, but what is kept is agreed.

mod books;
mod config;
mod per_rank;
mod poll;
mod shared;
#[cfg(test)]
mod tests;

use ckpt_policy_sdk::keeping::{EvictBy, KeepState, Keeper, Scores, TopK, Wish};
use ckpt_policy_sdk::ranking::Direction;
use ckpt_policy_sdk::{Error, Observation, Plan, Policy, Round, Verdict, export, schema, voting};
use serde::{Deserialize, Serialize};

use crate::books::Books;
pub use crate::config::{BookKeeping, Config, Missing};
use crate::per_rank::PerRank;
use crate::shared::Shared;

/// The policy.
#[derive(Debug)]
pub struct Unanimous;

/// The configuration, as each call reads it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settings {
    keeper: Keeper,
    rule: Rule,
    meaning: Vec<String>,
}

/// How it is found out whether a checkpoint is wanted.
#[derive(Debug, Serialize, Deserialize)]
enum Rule {
    /// There is nothing to compare: the newest are kept.
    Newest,
    /// From lists of their own.
    PerRank(PerRank),
    /// By a vote of the ranks over one list.
    Shared(Shared),
}

/// What the policy remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    keep: KeepState,
    /// Empty unless each rank has a list of its own.
    books: Books,
}

impl Policy for Unanimous {
    const NAME: &'static str = "unanimous";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Saves when every rank that has an opinion finds its own number better.";
    const SCHEMA: &'static str = include_str!("../schema.json");
    type Config = Config;
    type Settings = Settings;
    type State = State;

    fn prepare(config: Config) -> Result<(Plan, Settings), Error> {
        let mut keeper = config.keep.keeper();
        let (plan, rule) = match (&config.monitor, config.books) {
            (None, _) => {
                refuse_evict_by(&config, "`monitor` is not given")?;
                // The newest is the best: its id is its score.
                keeper.direction = Direction::Max;
                (config.keep.plan(), Rule::Newest)
            }
            (Some(monitor), BookKeeping::Shared) => {
                let (plan, shared) = Shared::prepare(&config, monitor);
                (plan, Rule::Shared(shared))
            }
            (Some(monitor), BookKeeping::PerRank) => {
                refuse_evict_by(&config, "`books` is \"per-rank\" and rank 0's list decides")?;
                let (plan, per_rank) = PerRank::prepare(&config, monitor);
                (plan, Rule::PerRank(per_rank))
            }
        };
        let meaning = vec![
            format!("{:?}", config.monitor),
            format!(
                "{:?} {:?} {:?}",
                config.books, config.keep.mode, config.keep.evict_by
            ),
        ];
        Ok((
            plan,
            Settings {
                keeper,
                rule,
                meaning,
            },
        ))
    }

    fn start(settings: &Settings, previous: Option<State>) -> Result<State, Error> {
        let State { keep, books } = previous.unwrap_or_default();
        let meaning: Vec<&str> = settings.meaning.iter().map(String::as_str).collect();
        let books = if keep.means(&meaning) {
            books
        } else {
            Books::default()
        };
        Ok(State {
            keep: KeepState::start(&meaning, Some(keep)),
            books,
        })
    }

    fn observe(
        settings: &Settings,
        state: &State,
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        let vote = Shared::vote(&settings.keeper, &state.keep, observation);
        Ok(vec![voting::feature(vote)])
    }

    fn decide(settings: &Settings, state: &mut State, round: &Round) -> Result<Verdict, Error> {
        let Settings { keeper, rule, .. } = settings;
        let kept = keeper.kept(&state.keep, &round.checkpoints, |checkpoint| match rule {
            Rule::Newest => newest(checkpoint.id),
            Rule::PerRank(_) => Scores::default(),
            Rule::Shared(shared) => shared.listed(checkpoint),
        });
        let wish = match rule {
            Rule::Newest => keep_newest(keeper, round),
            Rule::PerRank(per_rank) => per_rank.wish(keeper, &mut state.books, (round, &kept))?,
            Rule::Shared(shared) => shared.wish(keeper, &kept, round)?,
        };
        Ok(keeper.verdict(&mut state.keep, round, &kept, wish))
    }
}

export!(Unanimous);

fn refuse_evict_by(config: &Config, why: &str) -> Result<(), Error> {
    if config.keep.evict_by == EvictBy::Score {
        return Ok(());
    }
    let found = format!("{:?}", config.keep.evict_by).to_lowercase();
    Err(schema::refuse(
        "evict-by",
        &format!("\"score\", since {why}"),
        &format!("\"{found}\""),
    ))
}

fn keep_newest(keeper: &Keeper, round: &Round) -> Wish {
    match keeper.top_k {
        TopK::All => Wish::enter(
            newest(round.candidate),
            "all are kept (top-k -1), no `monitor`",
        ),
        TopK::Best(0) => Wish::stay_out("top-k is 0"),
        TopK::Best(k) => Wish::enter(
            newest(round.candidate),
            format!("the newest {k} kept, no `monitor`"),
        ),
    }
}

/// A younger checkpoint is better.
fn newest(id: u64) -> Scores {
    Scores::same(Some(id as f64))
}
