//! Exact reductions over the numbers of all ranks.
//!
//! Responsible for turning one number of each rank into the answer to one
//! [`Operation`], and for the canonical form in which numbers enter.
//! It does not know where the numbers come from, and it keeps nothing between two calls.
//!
//! The invariant: the answer's bits are a function of the multiset of the numbers alone. Neither
//! the order of the ranks nor the calling thread's floating-point control register (flush to zero,
//! denormals are zero, rounding direction) can change them, because no floating-point instruction
//! computes or compares anything here: numbers are taken apart and put together as integers.
//!
//! ```text
//! Option<f64> ──Counts──► Finite ──► ExactSum (i64 limbs) ──► Dyadic ──one quotient──► f64
//! ```
//!
//! [`reduce`] folds the numbers of all ranks where one rank has them; `integers` is for worlds in
//! which they are summed on the way.
//!
//! [`Operation`]: crate::contract::Operation

mod counts;
mod dyadic;
mod exact;
mod finite;
mod fold;
pub(crate) mod integers;
mod narrow;
mod natural;

use crate::contract::{Operation, Reduced, Tally};

use counts::Counts;

/// Returns `value` with −0.0 as +0.0 and any NaN as the canonical one.
///
/// Every number passes through here where it enters the core, so that equal numbers have equal
/// bits from then on.
///
/// # Examples
///
/// ```
/// use ckpt_policy_core::reduction::canonical;
///
/// assert_eq!(canonical(-0.0).to_bits(), 0);
/// assert_eq!(canonical(-f64::NAN).to_bits(), 0x7ff8_0000_0000_0000);
/// assert_eq!(canonical(-5e-324), -5e-324);
/// ```
#[must_use]
pub const fn canonical(value: f64) -> f64 {
    match magnitude(value) {
        0 => 0.0,
        1..=INFINITE => value,
        _ => f64::from_bits(CANONICAL_NAN),
    }
}

/// Folds one number of each rank, in the order of the ranks, into the answer of `operation`.
///
/// `weights` is read only by [`Operation::WeightedMean`]; it yields one entry a rank, or nothing
/// for other operations. A rank beyond its end has no weight.
///
/// The three counts of a [`Statistic`](crate::contract::Statistic) are over all ranks, also for
/// [`Operation::FromRank`], whose value is that one rank's, and `None` where it is missing or not
/// finite or the world is smaller. Under [`Operation::WeightedMean`] a rank is classed by its
/// number first; where that is finite, a weight of zero or none makes the rank missing, and a
/// negative, infinite or NaN weight makes it non-finite.
///
/// An infinite value means that the exact sum or variance rounds beyond the largest number;
/// intermediate results never overflow. A world has at most `u32::MAX` ranks.
///
/// # Examples
///
/// ```
/// use std::iter;
///
/// use ckpt_policy_core::contract::{Operation, Reduced, Statistic};
/// use ckpt_policy_core::reduction::reduce;
///
/// let ranks = [Some(1e308), Some(1.0), Some(-1e308), Some(f64::NAN), None];
/// let sum = reduce(Operation::Sum, ranks.into_iter(), iter::empty());
/// assert_eq!(
///     sum,
///     Reduced::Statistic(Statistic { value: Some(1.0), finite: 3, non_finite: 1, missing: 1 })
/// );
/// ```
#[must_use]
pub fn reduce(
    operation: Operation,
    numbers: impl Iterator<Item = Option<f64>>,
    weights: impl Iterator<Item = Option<f64>>,
) -> Reduced {
    let mut counts = Counts::default();
    let value = match operation {
        Operation::Sum => fold::sum(counts.finite(numbers)),
        Operation::Mean => fold::mean(counts.finite(numbers)),
        Operation::WeightedMean(_) => fold::weighted_mean(counts.weighted(numbers, weights)),
        Operation::Variance => fold::variance(counts.finite(numbers)),
        Operation::Min => fold::min(counts.finite(numbers)),
        Operation::Max => fold::max(counts.finite(numbers)),
        Operation::FromRank(rank) => counts.only_rank(numbers, rank),
        Operation::Tally => return Reduced::Tally(tally(numbers)),
        Operation::EveryRank => {
            return Reduced::EveryRank(numbers.map(|number| number.map(canonical)).collect());
        }
    };
    Reduced::Statistic(counts.statistic(value))
}

/// Counts the votes; an infinity is not zero, so it is a yes.
fn tally(numbers: impl Iterator<Item = Option<f64>>) -> Tally {
    let mut tally = Tally::default();
    for number in numbers {
        match number.map(magnitude) {
            Some(0) => tally.no += 1,
            Some(1..=INFINITE) => tally.yes += 1,
            Some(_) | None => tally.abstaining += 1,
        }
    }
    tally
}

/// Returns the bits without the sign: as an integer it orders like the absolute value, with
/// every NaN above [`INFINITE`].
const fn magnitude(value: f64) -> u64 {
    value.to_bits() & !SIGN
}

/// The sign bit of a double.
const SIGN: u64 = 1 << 63;

/// The bits of positive infinity.
const INFINITE: u64 = 0x7ff0_0000_0000_0000;

/// The bits of the NaN that stands for all of them; `f64::NAN` promises no particular bits.
const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

#[cfg(test)]
mod tests;
