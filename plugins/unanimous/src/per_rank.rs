//! A list of its own for each rank, as PyTorch Lightning's callback has it; see [`books`].
//!
//! Each rank's number reaches every rank, so all of them keep the books of all: what each rank
//! would have voted is computed here, and nothing has to travel but the numbers.
//!
//! [`books`]: crate::books

use ckpt_policy_sdk::keeping::{Keeper, Kept, Scores, TopK, Wish};
use ckpt_policy_sdk::{Error, Input, Operation, Plan, Reduction, Round};
use serde::{Deserialize, Serialize};

use crate::books::{Books, Rule, Seen};
use crate::config::{Config, Missing};
use crate::poll::{Poll, rival};

/// The configuration, as each call reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PerRank {
    monitor: String,
    missing: Missing,
}

impl PerRank {
    pub(crate) fn prepare(config: &Config, monitor: &str) -> (Plan, Self) {
        let plan = config.keep.plan().reads(Input::required(monitor));
        let plan = plan.reduces(Reduction::of_input(0, Operation::EveryRank));
        (
            plan,
            Self {
                monitor: monitor.to_owned(),
                missing: config.missing,
            },
        )
    }

    pub(crate) fn wish(
        &self,
        keeper: &Keeper,
        books: &mut Books,
        (round, kept): (&Round, &Kept),
    ) -> Result<Wish, Error> {
        let numbers = round.every_rank(EVERY_RANK)?;
        let places = match keeper.top_k {
            TopK::All => {
                *books = Books::default();
                return Ok(self.keep_all(keeper, numbers));
            }
            TopK::Best(0) => {
                *books = Books::default();
                return Ok(Wish::stay_out("top-k is 0"));
            }
            TopK::Best(places) => places,
        };
        refuse_large(numbers.len(), places)?;
        let rule = Rule {
            direction: keeper.direction,
            places: places as usize,
        };
        let held = seen(kept, round);
        books.follow(rule, numbers.len(), &held);
        let wish = self.poll(rule, books, numbers);
        let is_held = held.iter().any(|seen| seen.checkpoint == round.candidate);
        if wish.enters() && !is_held {
            books.ask(rule, round.candidate, numbers);
        }
        Ok(wish)
    }

    /// Nobody votes where nothing has to go, and NaN is kept like any other number.
    fn keep_all(&self, keeper: &Keeper, numbers: &[Option<f64>]) -> Wish {
        let rule = Rule {
            direction: keeper.direction,
            places: usize::MAX,
        };
        let votes: Vec<_> = numbers.iter().map(|number| number.map(|_| true)).collect();
        let poll = Poll::count(&votes, self.missing);
        if poll.is_unanimous() {
            Wish::enter(scores(rule, numbers), "all are kept (top-k -1)")
        } else {
            Wish::stay_out(format!("{} is missing on some rank", self.monitor))
        }
    }

    fn poll(&self, rule: Rule, books: &Books, numbers: &[Option<f64>]) -> Wish {
        let expected = books.expected(rule);
        let wants = expected.iter().zip(numbers);
        let votes: Vec<_> = wants
            .map(|(book, number)| number.map(|own| book.wants(rule, own)))
            .collect();
        let poll = Poll::count(&votes, self.missing);
        let free = expected.iter().all(|book| book.0.len() < rule.places);
        let reason = if free && poll.is_unanimous() {
            let place = expected.first().map_or(0, |book| book.0.len()) + 1;
            format!(
                "{} takes place {place} of {}, without a vote",
                self.monitor, rule.places
            )
        } else {
            let places = u32::try_from(rule.places).unwrap_or(u32::MAX);
            poll.reason(&self.monitor, &rival(places)) + &against(&votes)
        };
        let wish = if poll.is_unanimous() {
            Wish::enter(scores(rule, numbers), reason)
        } else {
            Wish::stay_out(reason)
        };
        poll.figures(wish)
    }
}

/// The lists of all ranks are part of the state, and each decision reads and writes them.
fn refuse_large(ranks: usize, places: u32) -> Result<(), Error> {
    let size = (ranks as u64).saturating_mul(u64::from(places).saturating_add(2));
    match size > MOST_PLACES {
        true => Err(Error::Failed(format!(
            "`books` \"per-rank\" keeps a list of {places} for each of {ranks} ranks, which is more than a decision can carry; expected `books` \"shared\", or a smaller `top-k`"
        ))),
        false => Ok(()),
    }
}

/// Names the ranks that are against, unless they are many.
fn against(votes: &[Option<bool>]) -> String {
    let against = (0_u32..)
        .zip(votes)
        .filter(|(_, vote)| **vote == Some(false));
    let ranks: Vec<String> = against.map(|(rank, _)| rank.to_string()).collect();
    match ranks.len() {
        0 => String::new(),
        1 => format!(" (rank {})", ranks[0]),
        2..=NAMED => format!(" (ranks {})", ranks.join(", ")),
        _ => format!(" (ranks {} and more)", ranks[..NAMED].join(", ")),
    }
}

/// Ranks by rank 0's number alone: what leaves the disk is what rank 0's list drops.
fn scores(rule: Rule, numbers: &[Option<f64>]) -> Scores {
    let score = rule.score(numbers.first().copied().flatten());
    Scores::same(Some(finite(score)))
}

/// Stands for an infinity where only finite scores count; no `f32` is beyond it.
fn finite(score: f32) -> f64 {
    f64::from(score).clamp(f64::MIN, f64::MAX)
}

/// What the ledger says of the top-k.
fn seen(kept: &Kept, round: &Round) -> Vec<Seen> {
    let listed = round
        .checkpoints
        .iter()
        .filter(|checkpoint| kept.entered(checkpoint.id));
    listed
        .map(|one| Seen {
            checkpoint: one.id,
            complete: one.complete,
        })
        .collect()
}

const EVERY_RANK: u32 = 0;
const NAMED: usize = 8;
/// Places of all lists together, with what comes and goes: half of a call's fuel by default, and less
/// than the state may have.
const MOST_PLACES: u64 = 32_768;
