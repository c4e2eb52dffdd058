//! What the contract's reductions do not offer: the middle of the ranks' numbers.
//!
//! Only finite numbers count. The order of the ranks does not matter: they are sorted first.

use ckpt_policy_sdk::Statistic;
use serde::{Deserialize, Serialize};

/// The mean of what is left when some of the smallest and as many of the largest are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// The fraction to cut at each end; half leaves the middle.
    cut: f64,
}

impl Spread {
    pub(crate) const MEDIAN: Self = Self { cut: 0.5 };

    pub(crate) fn trimmed(fraction: f64) -> Self {
        Self { cut: fraction }
    }

    /// Makes one number of every rank's.
    pub(crate) fn measure(self, numbers: &[Option<f64>]) -> Statistic {
        let mut finite: Vec<f64> = numbers
            .iter()
            .flatten()
            .copied()
            .filter(|number| number.is_finite())
            .collect();
        finite.sort_unstable_by(f64::total_cmp);
        let missing = numbers.iter().filter(|number| number.is_none()).count();
        Statistic {
            value: mean(self.middle(&finite)),
            finite: count(finite.len()),
            non_finite: count(numbers.len() - finite.len() - missing),
            missing: count(missing),
        }
    }

    fn middle(self, sorted: &[f64]) -> &[f64] {
        let at_most = sorted.len().saturating_sub(1) / 2;
        let cut = ((self.cut * sorted.len() as f64) as usize).min(at_most);
        sorted.get(cut..sorted.len() - cut).unwrap_or_default()
    }
}

/// The mean, also where the sum would be beyond the largest number.
fn mean(numbers: &[f64]) -> Option<f64> {
    if numbers.is_empty() {
        return None;
    }
    let count = numbers.len() as f64;
    let sum: f64 = numbers.iter().sum();
    let mean = if sum.is_finite() {
        sum / count
    } else {
        numbers.iter().map(|one| one / count).sum()
    };
    // Zero is never negative, as everywhere.
    Some(mean + 0.0)
}

fn count(ranks: usize) -> u32 {
    u32::try_from(ranks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Spread;

    fn value(spread: Spread, numbers: &[f64]) -> Option<f64> {
        let numbers: Vec<_> = numbers.iter().copied().map(Some).collect();
        spread.measure(&numbers).value
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(value(Spread::MEDIAN, &[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(value(Spread::MEDIAN, &[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(value(Spread::MEDIAN, &[7.0]), Some(7.0));
        assert_eq!(value(Spread::MEDIAN, &[]), None);
        assert_eq!(value(Spread::MEDIAN, &[f64::MAX, f64::MAX]), Some(f64::MAX));
    }

    #[test]
    fn the_ends_are_cut() {
        let numbers = [100.0, 1.0, 2.0, 3.0, -50.0];
        assert_eq!(value(Spread::trimmed(0.2), &numbers), Some(2.0));
        assert_eq!(value(Spread::trimmed(0.19), &numbers), Some(11.2));
        assert_eq!(value(Spread::trimmed(0.0), &[1.0, 2.0]), Some(1.5));
        assert_eq!(value(Spread::trimmed(0.49), &[1.0, 2.0]), Some(1.5));
    }

    #[test]
    fn the_ranks_are_counted() {
        let seen = Spread::MEDIAN.measure(&[Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY)]);
        assert_eq!(seen.value, Some(1.0));
        assert_eq!((seen.finite, seen.non_finite, seen.missing), (1, 2, 1));
    }
}
