//! Sorts the ranks into finite, non-finite and missing ones, and counts them on the way.
//!
//! The invariant: each rank is counted exactly once, so the three counts add up to the world size.

use crate::contract::Statistic;

use super::finite::Finite;
use super::integers::pair;

/// How many ranks of each kind there were.
#[derive(Default)]
pub(super) struct Counts {
    finite: u32,
    non_finite: u32,
    missing: u32,
}

impl Counts {
    /// Passes on the finite numbers and counts all.
    pub(super) fn finite(
        &mut self,
        numbers: impl Iterator<Item = Option<f64>>,
    ) -> impl Iterator<Item = Finite> {
        numbers.filter_map(|number| self.count(Class::of(number)))
    }

    /// Passes on the finite numbers that have a positive finite weight, with it, and counts all.
    pub(super) fn weighted(
        &mut self,
        numbers: impl Iterator<Item = Option<f64>>,
        mut weights: impl Iterator<Item = Option<f64>>,
    ) -> impl Iterator<Item = (Finite, Finite)> {
        numbers.filter_map(move |number| {
            let weight = weights.next().flatten();
            self.count(Class::of_weighted(number, weight))
        })
    }

    /// Returns the finite number of one rank and counts all ranks.
    pub(super) fn only_rank(
        &mut self,
        numbers: impl Iterator<Item = Option<f64>>,
        rank: u32,
    ) -> Option<f64> {
        let mut found = None;
        for (number, index) in numbers.zip(0..=u32::MAX) {
            let finite = self.count(Class::of(number));
            if index == rank {
                found = finite.map(Finite::value);
            }
        }
        found
    }

    /// Returns the counts of a world from those of its ranks that have a number.
    pub(super) fn of(finite: u32, non_finite: u32, world_size: u32) -> Self {
        Self {
            finite,
            non_finite,
            missing: world_size.saturating_sub(finite.saturating_add(non_finite)),
        }
    }

    /// Returns the counts of the ranks that have a number, as one integer that can be summed.
    pub(super) fn pair(&self) -> i64 {
        pair(self.finite, self.non_finite)
    }

    /// Joins the counts with the reduced value.
    pub(super) fn statistic(self, value: Option<f64>) -> Statistic {
        Statistic {
            value,
            finite: self.finite,
            non_finite: self.non_finite,
            missing: self.missing,
        }
    }

    fn count<T>(&mut self, class: Class<T>) -> Option<T> {
        match class {
            Class::Finite(content) => {
                self.finite += 1;
                return Some(content);
            }
            Class::NonFinite => self.non_finite += 1,
            Class::Missing => self.missing += 1,
        }
        None
    }
}

/// What one rank counts as.
enum Class<T> {
    Finite(T),
    NonFinite,
    Missing,
}

impl Class<Finite> {
    fn of(number: Option<f64>) -> Self {
        match number.map(Finite::new) {
            Some(Some(finite)) => Self::Finite(finite),
            Some(None) => Self::NonFinite,
            None => Self::Missing,
        }
    }
}

impl Class<(Finite, Finite)> {
    /// The number is looked at first: a diverged rank shows up as one, whatever its weight.
    fn of_weighted(number: Option<f64>, weight: Option<f64>) -> Self {
        match (Class::of(number), Class::of(weight)) {
            (Class::Missing, _) => Self::Missing,
            (Class::NonFinite, _) => Self::NonFinite,
            (Class::Finite(_), Class::Missing) => Self::Missing,
            (Class::Finite(_), Class::NonFinite) => Self::NonFinite,
            (Class::Finite(_), Class::Finite(weight)) if weight.is_zero() => Self::Missing,
            (Class::Finite(_), Class::Finite(weight)) if weight.is_negative() => Self::NonFinite,
            (Class::Finite(number), Class::Finite(weight)) => Self::Finite((number, weight)),
        }
    }
}
