//! One list for all ranks: each rank votes on its own numbers at the checkpoints that the host's
//! ledger shows.
//!
//! The list is read anew in every round, so it is never ahead of the disk. While it has a free
//! place nobody needs to vote; a candidate that is finite on no rank is still not kept.

use ckpt_policy_sdk::keeping::{KeepState, Keeper, Kept, Scores, TopK, Wish};
use ckpt_policy_sdk::{
    Checkpoint, Error, Input, Observation, Operation, Plan, Reduction, Round, text, voting,
};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Missing};
use crate::poll::{Poll, rival};

/// Where the plan's answers are, and how they are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shared {
    monitor: String,
    missing: Missing,
    evict: u32,
    /// None where nobody ever votes.
    votes: Option<u32>,
}

impl Shared {
    pub(crate) fn prepare(config: &Config, monitor: &str) -> (Plan, Self) {
        let mut plan = config.keep.plan().reads(Input::required(monitor));
        let score = plan.place(Reduction::mean(MONITOR));
        let evict = config
            .keep
            .eviction()
            .map(|operation| Reduction::of_input(MONITOR, operation));
        let evict = evict.map_or(score, |reduction| plan.place(reduction));
        let votes = matches!(config.keep.top_k, TopK::Best(1..)).then(|| {
            plan.features = 1;
            plan.place(Reduction::of_feature(VOTE, Operation::Tally))
        });
        (
            plan,
            Self {
                monitor: monitor.to_owned(),
                missing: config.missing,
                evict,
                votes,
            },
        )
    }

    /// Reads the agreed scores of a checkpoint from the host's list.
    pub(crate) fn listed(&self, checkpoint: &Checkpoint) -> Scores {
        let value = |index: u32| checkpoint.values.get(index as usize).copied().flatten();
        Scores {
            own: value(SCORE),
            evict: value(self.evict),
        }
    }

    /// Asks one rank.
    pub(crate) fn vote(
        keeper: &Keeper,
        state: &KeepState,
        observation: &Observation,
    ) -> Option<bool> {
        let kept = voting::own_numbers(keeper, state, &observation.checkpoints, MONITOR);
        voting::vote(keeper, &kept, observation.values.first().copied().flatten())
    }

    pub(crate) fn wish(&self, keeper: &Keeper, kept: &Kept, round: &Round) -> Result<Wish, Error> {
        let monitor = &self.monitor;
        let Some(score) = round
            .statistic(SCORE)?
            .value
            .filter(|score| score.is_finite())
        else {
            return Ok(Wish::no_opinion(format!("no rank has a finite {monitor}")));
        };
        let scores = Scores {
            own: Some(score),
            evict: round.statistic(self.evict)?.value,
        };
        let shown = text::number(score);
        let held = kept.by_own(keeper.direction).len();
        let wish = match keeper.top_k {
            TopK::All => Wish::enter(
                scores,
                format!("mean {monitor} {shown} is kept as all are (top-k -1)"),
            ),
            TopK::Best(0) => Wish::stay_out(format!("mean {monitor} {shown}, but top-k is 0")),
            TopK::Best(k) if held < k as usize => {
                let place = held + 1;
                Wish::enter(
                    scores,
                    format!("mean {monitor} {shown} takes place {place} of {k}, without a vote"),
                )
            }
            TopK::Best(k) => self.poll(round, k, scores)?,
        };
        Ok(wish.figure("score", score))
    }

    fn poll(&self, round: &Round, places: u32, scores: Scores) -> Result<Wish, Error> {
        let votes = self
            .votes
            .ok_or_else(|| Error::Failed("the plan has no vote".to_owned()))?;
        let poll = Poll::new(*round.tally(votes)?, self.missing);
        let reason = poll.reason(&self.monitor, &rival(places));
        let wish = if poll.is_unanimous() {
            Wish::enter(scores, reason)
        } else {
            Wish::stay_out(reason)
        };
        Ok(poll.figures(wish))
    }
}

const MONITOR: u32 = 0;
const SCORE: u32 = 0;
const VOTE: u32 = 0;
