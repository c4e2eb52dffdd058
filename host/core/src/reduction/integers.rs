//! One number of each rank as integers, whose sums and maxima over the ranks hold the answer.
//!
//! The same answers as [`reduce`](super::reduce), to the bit, for worlds whose numbers do not fit
//! one machine: what travels is as long as the operation needs, whatever the number of ranks. Sums
//! and maxima of integers are associative, so any tree of an all-reduce gives the same.
//!
//! An operation's integers are, in this order:
//!
//! | operation | summed | largest |
//! |---|---|---|
//! | sum, mean | counts, 67 limbs | |
//! | variance | counts, 67 limbs, 133 of the squares | |
//! | weighted mean | counts, 133 limbs of the products, 67 of the weights | |
//! | min, max | counts | 1 |
//! | from-rank | counts, 2 halves of that rank's bits | |
//! | tally | votes | |
//!
//! *Counts* are the ranks with a finite number in the lower half of an integer, and those with one
//! that is not finite in the upper half; *votes* are yes and no.

use crate::contract::{Operation, Reduced, Tally};

use super::counts::Counts;
use super::exact::{ProductSum, Sum};
use super::finite::Finite;
use super::{fold, tally};

/// The largest world that fits: each rank moves a limb by less than 2^33, and a limb must stay
/// within 2^62.
pub(crate) const MOST_RANKS: u32 = 1 << 28;

/// How many integers an operation needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Width {
    /// That are summed.
    pub(crate) sum: usize,
    /// Of which the largest is taken.
    pub(crate) max: usize,
}

/// Returns how many integers an operation needs; `None` where they would grow with the world.
pub(crate) fn width(operation: Operation) -> Option<Width> {
    let (sum, max) = match operation {
        Operation::Sum | Operation::Mean => (1 + Sum::LENGTH, 0),
        Operation::Variance | Operation::WeightedMean(_) => {
            (1 + Sum::LENGTH + ProductSum::LENGTH, 0)
        }
        Operation::Min | Operation::Max => (1, 1),
        Operation::FromRank(_) => (3, 0),
        Operation::Tally => (1, 0),
        Operation::EveryRank => return None,
    };
    Some(Width { sum, max })
}

/// Writes what `rank` brings to an operation; both slices have its [`width`] and hold zeros.
pub(crate) fn write(
    operation: Operation,
    rank: u32,
    number: Option<f64>,
    weight: Option<f64>,
    sum: &mut [i64],
    max: &mut [i64],
) {
    let mut counts = Counts::default();
    let mut finite = || counts.finite([number].into_iter()).next();
    match operation {
        Operation::Sum | Operation::Mean => {
            if let Some(number) = finite() {
                Sum::one(number).write(&mut sum[1..]);
            }
        }
        Operation::Variance => {
            if let Some(number) = finite() {
                let (numbers, squares) = sum[1..].split_at_mut(Sum::LENGTH);
                Sum::one(number).write(numbers);
                ProductSum::product(number, number).write(squares);
            }
        }
        Operation::WeightedMean(_) => {
            let pair = counts
                .weighted([number].into_iter(), [weight].into_iter())
                .next();
            if let Some((number, weight)) = pair {
                let (products, weights) = sum[1..].split_at_mut(ProductSum::LENGTH);
                ProductSum::product(number, weight).write(products);
                Sum::one(weight).write(weights);
            }
        }
        Operation::Min => max[0] = finite().map_or(i64::MIN, |number| !number.order()),
        Operation::Max => max[0] = finite().map_or(i64::MIN, Finite::order),
        Operation::FromRank(wanted) => {
            if let Some(number) = finite().filter(|_| rank == wanted) {
                let bits = number.value().to_bits();
                sum[1] = i64::from(bits as u32);
                sum[2] = PRESENT | i64::from((bits >> 32) as u32);
            }
        }
        Operation::Tally => {
            let Tally { yes, no, .. } = tally([number].into_iter());
            sum[0] = pair(yes, no);
            return;
        }
        Operation::EveryRank => return,
    }
    sum[0] = counts.pair();
}

/// Returns the answer for a world of at most [`MOST_RANKS`]; `None` for an operation without a
/// [`width`], and for sums that such a world does not come to.
pub(crate) fn read(
    operation: Operation,
    world_size: u32,
    sum: &[i64],
    max: &[i64],
) -> Option<Reduced> {
    let limit = u64::from(MOST_RANKS) << 33;
    if sum[1..].iter().any(|limb| limb.unsigned_abs() > limit) {
        return None;
    }
    let (first, second) = halves(sum[0]);
    if operation == Operation::Tally {
        let abstaining = world_size.saturating_sub(first.saturating_add(second));
        let (yes, no) = (first, second);
        return Some(Reduced::Tally(Tally {
            yes,
            no,
            abstaining,
        }));
    }
    let largest = || max.first().copied().filter(|_| first > 0);
    let value = match operation {
        Operation::Sum if first == 0 => None,
        Operation::Sum => fold::quotient(&Sum::read(&sum[1..]), 1),
        Operation::Mean => fold::quotient(&Sum::read(&sum[1..]), u64::from(first)),
        Operation::Variance => {
            let (numbers, squares) = sum[1..].split_at(Sum::LENGTH);
            let (numbers, squares) = (Sum::read(numbers), ProductSum::read(squares));
            fold::deviation(&numbers, &squares, u64::from(first))
        }
        Operation::WeightedMean(_) => {
            let (products, weights) = sum[1..].split_at(ProductSum::LENGTH);
            let (products, weights) = (ProductSum::read(products), Sum::read(weights));
            products.exact().divided_by(&weights.exact())
        }
        Operation::Min => largest().and_then(|order| Finite::of_order(!order)),
        Operation::Max => largest().and_then(Finite::of_order),
        Operation::FromRank(_) => {
            let bits = (sum[2] as u64) << 32 | sum[1] as u64;
            (sum[2] & PRESENT != 0).then_some(f64::from_bits(bits))
        }
        Operation::Tally | Operation::EveryRank => return None,
    };
    Some(Reduced::Statistic(
        Counts::of(first, second, world_size).statistic(value),
    ))
}

/// Marks that the rank has a finite number; above the upper half of its bits.
const PRESENT: i64 = 1 << 32;

/// Two counts in one integer, each below 2^31.
pub(crate) fn pair(low: u32, high: u32) -> i64 {
    i64::from(low) | i64::from(high) << 32
}

/// Takes a [`pair`] apart.
pub(crate) fn halves(pair: i64) -> (u32, u32) {
    (pair as u32, (pair >> 32) as u32)
}

#[cfg(test)]
mod tests;
