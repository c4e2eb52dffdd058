//! What the ranks said, and whether that is unanimous.

use ckpt_policy_sdk::keeping::Wish;
use ckpt_policy_sdk::{Tally, text};

use crate::config::Missing;

/// The votes of all ranks, under the rule for ranks without an opinion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Poll {
    votes: Tally,
    missing: Missing,
}

impl Poll {
    pub(crate) fn new(votes: Tally, missing: Missing) -> Self {
        Self { votes, missing }
    }

    /// Counts votes that are known rank by rank.
    pub(crate) fn count(votes: &[Option<bool>], missing: Missing) -> Self {
        let number = |vote| {
            votes
                .iter()
                .fold(0, |sum, one| sum + u32::from(*one == vote))
        };
        let votes = Tally {
            yes: number(Some(true)),
            no: number(Some(false)),
            abstaining: number(None),
        };
        Self::new(votes, missing)
    }

    /// Whether some rank is for it and none against.
    pub(crate) fn is_unanimous(self) -> bool {
        self.votes.yes > 0 && self.against() == 0
    }

    fn against(self) -> u32 {
        match self.missing {
            Missing::LeaveOut => self.votes.no,
            Missing::No => self.votes.no + self.votes.abstaining,
        }
    }

    /// Says how the ranks voted on `what`, compared with `rival`.
    pub(crate) fn reason(self, what: &str, rival: &str) -> String {
        let Tally {
            yes,
            no,
            abstaining,
        } = self.votes;
        let ranks = text::count(yes + no + abstaining, "rank");
        let silent = match (abstaining, self.missing) {
            (0, _) => String::new(),
            (_, Missing::LeaveOut) => format!("; {abstaining} without it left out"),
            (_, Missing::No) => format!("; {abstaining} without it against"),
        };
        if self.is_unanimous() {
            return format!(
                "{yes} of {ranks} find their own {what} better than {rival}, none against{silent}"
            );
        }
        format!("{no} of {ranks} do not find their own {what} better than {rival}{silent}")
    }

    /// Adds the votes to the figures.
    pub(crate) fn figures(self, wish: Wish) -> Wish {
        wish.figure("yes", f64::from(self.votes.yes))
            .figure("no", f64::from(self.votes.no))
            .figure("abstaining", f64::from(self.votes.abstaining))
    }
}

/// Says what a rank compares with.
pub(crate) fn rival(places: u32) -> String {
    match places {
        1 => "at the one kept".to_owned(),
        _ => format!("at its worst of {places} kept"),
    }
}
