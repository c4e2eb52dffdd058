//! Features that are votes, and what a tally of them says.
//!
//! A vote is made on each rank in `observe`, of that rank's own numbers, and counted by the
//! contract's `tally`.

use crate::keeping::{KeepState, Keeper, Scores, TopK};
use crate::ranking::{Ranking, Scored};
use crate::{Checkpoint, Tally};

/// Returns a vote as the number that a tally counts; no opinion is a missing number.
#[must_use]
pub fn feature(vote: Option<bool>) -> Option<f64> {
    vote.map(|yes| if yes { 1.0 } else { 0.0 })
}

/// Asks one rank whether its own number should enter the top-k, `kept` being that rank's ranking
/// of its own numbers at the checkpoints that are kept.
///
/// A rank without the number has no opinion; one whose number is not finite is against.
#[must_use]
pub fn vote(keeper: &Keeper, kept: &Ranking, own: Option<f64>) -> Option<bool> {
    let own = own?;
    Some(own.is_finite() && enters(keeper, kept, own))
}

/// Ranks the checkpoints that entered the top-k by this rank's own numbers of then; for `observe`,
/// where a checkpoint's `values` are this rank's inputs.
#[must_use]
pub fn own_numbers(
    keeper: &Keeper,
    state: &KeepState,
    checkpoints: &[Checkpoint],
    input: u32,
) -> Ranking {
    let entered = keeper.kept(state, checkpoints, |_| Scores::default());
    let own = checkpoints
        .iter()
        .filter(|checkpoint| entered.entered(checkpoint.id));
    let scored = own.map(|checkpoint| Scored {
        id: checkpoint.id,
        score: checkpoint.values.get(input as usize).copied().flatten(),
    });
    Ranking::new(keeper.direction, scored)
}

/// Whether a finite number would enter a top-k of these.
///
/// It does while fewer than k are kept, and then where it is strictly better than the kth best.
#[must_use]
pub fn enters(keeper: &Keeper, kept: &Ranking, number: f64) -> bool {
    let k = match keeper.top_k {
        TopK::All => return true,
        TopK::Best(0) => return false,
        TopK::Best(k) => k as usize,
    };
    match kept.kth(k) {
        None => true,
        Some(kth) => kth
            .score
            .is_none_or(|score| keeper.direction.better(number, score)),
    }
}

impl Tally {
    /// Returns how many ranks voted.
    #[must_use]
    pub fn voted(&self) -> u32 {
        self.yes + self.no
    }

    /// Returns what more than half of the ranks that voted said; `None` for a tie, or no vote.
    #[must_use]
    pub fn majority(&self) -> Option<bool> {
        (self.yes != self.no).then_some(self.yes > self.no)
    }
}

#[cfg(test)]
mod tests {
    use super::{enters, feature, vote};
    use crate::Tally;
    use crate::keeping::{Keeper, SaveLast, TopK};
    use crate::ranking::{Direction, Ranking, Scored};

    fn keeper(top_k: TopK) -> Keeper {
        Keeper {
            direction: Direction::Max,
            top_k,
            save_last: SaveLast::No,
        }
    }

    fn kept(scores: &[Option<f64>]) -> Ranking {
        let scored = scores
            .iter()
            .zip(0_u64..)
            .map(|(score, id)| Scored { id, score: *score });
        Ranking::new(Direction::Max, scored)
    }

    #[test]
    fn a_rank_compares_with_its_own_kth() {
        let two = keeper(TopK::Best(2));
        assert_eq!(vote(&two, &kept(&[Some(0.9)]), Some(0.1)), Some(true));
        assert_eq!(
            vote(&two, &kept(&[Some(0.9), Some(0.8)]), Some(0.8)),
            Some(false)
        );
        assert_eq!(
            vote(&two, &kept(&[Some(0.9), Some(0.8)]), Some(0.85)),
            Some(true)
        );
        assert_eq!(vote(&two, &kept(&[Some(0.9), None]), Some(0.1)), Some(true));
        assert_eq!(vote(&two, &kept(&[]), None), None);
        assert_eq!(vote(&two, &kept(&[]), Some(f64::NAN)), Some(false));
    }

    #[test]
    fn all_and_none() {
        assert!(enters(&keeper(TopK::All), &kept(&[Some(1.0)]), 0.0));
        assert!(!enters(&keeper(TopK::Best(0)), &kept(&[]), 1.0));
    }

    #[test]
    fn a_tie_is_no_majority() {
        let tally = |yes, no| {
            Tally {
                yes,
                no,
                abstaining: 1,
            }
            .majority()
        };
        assert_eq!(tally(2, 2), None);
        assert_eq!(tally(0, 0), None);
        assert_eq!(tally(2, 1), Some(true));
        assert_eq!(tally(1, 2), Some(false));
        assert_eq!(
            Tally {
                yes: 2,
                no: 1,
                abstaining: 1
            }
            .voted(),
            3
        );
    }

    #[test]
    fn no_opinion_is_missing() {
        assert_eq!(
            [Some(true), Some(false), None].map(feature),
            [Some(1.0), Some(0.0), None]
        );
    }
}
