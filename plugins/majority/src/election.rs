//! How votes become a yes or a no: the quorum, the majority, and ties.

use ckpt_policy_sdk::Tally;
use serde::{Deserialize, Serialize};

use crate::config::{Missing, Quorum, Ties};

/// The rules of the vote.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Election {
    pub(crate) quorum: Quorum,
    pub(crate) ties: Ties,
    pub(crate) missing: Missing,
}

/// What came of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// More than half are for it, or a tie was broken in its favour.
    Carried,
    /// Too few ranks voted.
    NoQuorum,
    /// More than half are against it, or a tie was broken against it.
    Rejected,
}

/// The votes as the rules count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) yes: u32,
    pub(crate) no: u32,
    pub(crate) silent: u32,
}

impl Count {
    pub(crate) fn voted(self) -> u32 {
        self.yes + self.no
    }

    pub(crate) fn is_tie(self) -> bool {
        self.yes == self.no && self.yes > 0
    }

    fn world(self) -> u32 {
        self.voted() + self.silent
    }
}

impl Election {
    /// Counts the votes; a rank without the metric may count as one against.
    pub(crate) fn count(&self, tally: &Tally) -> Count {
        match self.missing {
            Missing::LeaveOut => Count {
                yes: tally.yes,
                no: tally.no,
                silent: tally.abstaining,
            },
            Missing::No => Count {
                yes: tally.yes,
                no: tally.no + tally.abstaining,
                silent: 0,
            },
        }
    }

    pub(crate) fn has_quorum(&self, count: Count) -> bool {
        self.quorum.is_reached(count.voted(), count.world())
    }

    /// Decides; `rank_zero` is that rank's vote, where ties are its to break.
    pub(crate) fn decide(&self, count: Count, rank_zero: Option<bool>) -> Outcome {
        if !self.has_quorum(count) {
            return Outcome::NoQuorum;
        }
        let carried = if count.is_tie() {
            match self.ties {
                Ties::No => false,
                Ties::Yes => true,
                Ties::RankZero => rank_zero == Some(true),
            }
        } else {
            count.yes > count.no
        };
        if carried {
            Outcome::Carried
        } else {
            Outcome::Rejected
        }
    }
}
