//! Which of two numbers is better, and which checkpoint is the worst of those that are kept.
//!
//! Two rules hold everywhere: equal is not better, and among equal ones the oldest goes first. A
//! checkpoint without a finite score counts as worse than any with one.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::CheckpointId;

/// Which way is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Smaller is better, as of a loss.
    #[default]
    Min,
    /// Larger is better, as of an accuracy.
    Max,
}

impl Direction {
    /// Whether `new` is strictly better than `old`; never true of NaN.
    #[must_use]
    pub fn better(self, new: f64, old: f64) -> bool {
        match self {
            Self::Min => new < old,
            Self::Max => new > old,
        }
    }

    /// By how much `new` is better than `old`; negative where it is worse.
    #[must_use]
    pub fn gain(self, new: f64, old: f64) -> f64 {
        match self {
            Self::Min => old - new,
            Self::Max => new - old,
        }
    }

    /// Returns the bar that lies `part` of its own size beyond `old`: 0.995 for a loss of 1 and a
    /// part of 0.005. Of a negative number, too, it lies on the better side.
    #[must_use]
    pub fn beyond(self, old: f64, part: f64) -> f64 {
        match self {
            Self::Min => old - part * old.abs(),
            Self::Max => old + part * old.abs(),
        }
    }

    /// Better first, and what has no finite score last.
    fn order(self, left: Option<f64>, right: Option<f64>) -> Ordering {
        match (left, right) {
            (Some(left), Some(right)) if self.better(left, right) => Ordering::Less,
            (Some(left), Some(right)) if self.better(right, left) => Ordering::Greater,
            (Some(_), Some(_)) | (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        }
    }
}

/// A checkpoint and what it is ranked by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Which checkpoint.
    pub id: CheckpointId,
    /// Finite, or `None` where no finite score is known.
    pub score: Option<f64>,
}

/// Checkpoints in order: the best first, the one that goes first last.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking(Vec<Scored>);

impl Ranking {
    /// Ranks checkpoints; a score that is not finite counts as none.
    pub fn new(direction: Direction, scored: impl IntoIterator<Item = Scored>) -> Self {
        let known = |one: Scored| Scored {
            score: one.score.filter(|score| score.is_finite()),
            ..one
        };
        let mut ranked: Vec<Scored> = scored.into_iter().map(known).collect();
        // Ids rise with time: of equal ones the younger stands before the older. No two are equal
        // in both, so the sort need not be stable, and takes less of a guest.
        ranked.sort_unstable_by(|left, right| {
            direction
                .order(left.score, right.score)
                .then(right.id.cmp(&left.id))
        });
        Self(ranked)
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the kth best, from 1; `None` where there are fewer.
    #[must_use]
    pub fn kth(&self, k: usize) -> Option<Scored> {
        self.0.get(k.checked_sub(1)?).copied()
    }

    /// Returns the best with its score; the oldest of equal ones, since equal is not better.
    #[must_use]
    pub fn best(&self) -> Option<(CheckpointId, f64)> {
        let first = self.0.first()?.score?;
        let equal = self.0.iter().take_while(|one| one.score == Some(first));
        equal.last().map(|oldest| (oldest.id, first))
    }

    /// Returns those beyond the best `room`, the worst last.
    #[must_use]
    pub fn beyond(&self, room: usize) -> &[Scored] {
        self.0.get(room..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Ranking, Scored};

    fn ranking(direction: Direction, scores: &[Option<f64>]) -> Ranking {
        let scored = scores
            .iter()
            .zip(0_u64..)
            .map(|(score, id)| Scored { id, score: *score });
        Ranking::new(direction, scored)
    }

    fn ids(scored: &[Scored]) -> Vec<u64> {
        scored.iter().map(|one| one.id).collect()
    }

    #[test]
    fn the_oldest_of_the_equal_worst_goes_first() {
        let ranked = ranking(
            Direction::Min,
            &[Some(0.5), Some(0.1), Some(0.5), Some(0.3)],
        );
        assert_eq!(ids(ranked.beyond(0)), [1, 3, 2, 0]);
        assert_eq!(ids(ranked.beyond(3)), [0]);
        assert_eq!(ids(ranked.beyond(9)), [0_u64; 0]);
    }

    #[test]
    fn what_has_no_finite_score_is_the_worst() {
        let scores = [
            None,
            Some(f64::NAN),
            Some(1.0),
            Some(f64::NEG_INFINITY),
            Some(2.0),
        ];
        let ranked = ranking(Direction::Min, &scores);
        assert_eq!(ids(ranked.beyond(0)), [2, 4, 3, 1, 0]);
        assert_eq!(ranked.best(), Some((2, 1.0)));
        assert_eq!(ranked.kth(3).map(|one| one.score), Some(None));
    }

    #[test]
    fn the_best_of_equal_ones_is_the_oldest() {
        assert_eq!(
            ranking(Direction::Max, &[Some(1.0), Some(1.0)]).best(),
            Some((0, 1.0))
        );
        assert_eq!(ranking(Direction::Max, &[None]).best(), None);
        assert_eq!(ranking(Direction::Max, &[]).best(), None);
    }

    #[test]
    fn the_kth_counts_from_one() {
        let ranked = ranking(Direction::Max, &[Some(1.0), Some(3.0), Some(2.0)]);
        assert_eq!(ranked.kth(0), None);
        assert_eq!(ranked.kth(2).map(|one| one.id), Some(2));
        assert_eq!(ranked.kth(4), None);
    }

    #[test]
    fn the_bar_is_on_the_better_side() {
        assert_eq!(Direction::Min.beyond(2.0, 0.25), 1.5);
        assert_eq!(Direction::Max.beyond(2.0, 0.25), 2.5);
        assert_eq!(Direction::Min.beyond(-2.0, 0.25), -2.5);
        assert_eq!(Direction::Max.beyond(-2.0, 0.25), -1.5);
        assert_eq!(Direction::Max.beyond(2.0, 0.0), 2.0);
    }

    #[test]
    fn equal_is_not_better() {
        assert!(!Direction::Min.better(1.0, 1.0));
        assert!(!Direction::Max.better(f64::NAN, 1.0));
        assert!(Direction::Max.better(1.0, f64::NEG_INFINITY));
    }
}
