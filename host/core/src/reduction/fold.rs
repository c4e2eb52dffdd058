//! The folds: what each operation computes of the finite numbers.
//!
//! Each returns `None` where there is no number. Each result is one exact quotient, rounded once;
//! what is exact is the business of [`ExactSum`](super::exact::ExactSum), what is rounded that of
//! [`Dyadic`].

use super::dyadic::Dyadic;
use super::exact::{ProductSum, Sum};
use super::finite::Finite;
use super::narrow::Narrow;

/// The sum; infinite only where it rounds beyond the largest number.
pub(super) fn sum(numbers: impl Iterator<Item = Finite>) -> Option<f64> {
    let total = Total::of(numbers);
    if total.count == 0 {
        return None;
    }
    total.divided_by(1)
}

/// The sum by the count. It lies between two of the numbers, so it is finite.
pub(super) fn mean(numbers: impl Iterator<Item = Finite>) -> Option<f64> {
    let total = Total::of(numbers);
    total.divided_by(total.count)
}

/// A sum by a count; `None` where that is zero.
pub(super) fn quotient(sum: &Sum, count: u64) -> Option<f64> {
    sum.exact().divided_by(&Dyadic::natural(count))
}

/// The sum of number times weight by the sum of the weights, of which none is negative.
pub(super) fn weighted_mean(pairs: impl Iterator<Item = (Finite, Finite)>) -> Option<f64> {
    let mut products = ProductSum::default();
    let mut weights = Sum::default();
    for (number, weight) in pairs {
        products.add_product(number, weight);
        weights.add(weight);
    }
    products.exact().divided_by(&weights.exact())
}

/// The population variance, as `(n Σx² − (Σx)²) / n²`.
///
/// The difference may cancel to nothing, which costs no accuracy since both sides are exact.
pub(super) fn variance(numbers: impl Iterator<Item = Finite>) -> Option<f64> {
    let mut sum = Sum::default();
    let mut squares = ProductSum::default();
    let mut count = 0;
    for number in numbers {
        sum.add(number);
        squares.add_product(number, number);
        count += 1;
    }
    deviation(&sum, &squares, count)
}

/// The variance of so many numbers from their sum and the sum of their squares; `None` also for
/// sums that no numbers have.
pub(super) fn deviation(sum: &Sum, squares: &ProductSum, count: u64) -> Option<f64> {
    // A square begins at or above twice the limb of its number, so both sides can be counted in
    // the same unit, which is the square of the sum's. Sums that come from other ranks may have
    // cancelled to a higher limb than their squares.
    let first = sum.first().min(squares.first() / 2);
    let total = sum.exact_from(first);
    let mut deviation = squares.exact_from(2 * first).magnitude.times(count);
    if deviation.subtract(&total.magnitude.square()) {
        return None;
    }
    Dyadic {
        negative: false,
        magnitude: deviation,
        exponent: 2 * total.exponent,
    }
    .divided_by(&Dyadic::natural(count * count))
}

/// The smallest number.
pub(super) fn min(numbers: impl Iterator<Item = Finite>) -> Option<f64> {
    numbers.min_by(Finite::compare).map(Finite::value)
}

/// The largest number.
pub(super) fn max(numbers: impl Iterator<Item = Finite>) -> Option<f64> {
    numbers.max_by(Finite::compare).map(Finite::value)
}

/// A sum of so many numbers: narrow for as long as they fit.
struct Total {
    narrow: Narrow,
    wide: Option<Box<Sum>>,
    count: u64,
}

impl Total {
    /// Adds the numbers up and counts them.
    fn of(mut numbers: impl Iterator<Item = Finite>) -> Self {
        let mut narrow = Narrow::default();
        let mut count = 0;
        let excess = numbers.by_ref().find(|number| {
            count += 1;
            !narrow.add(*number)
        });
        let wide = excess.map(|excess| {
            let mut sum = Box::new(Sum::of(narrow));
            for number in std::iter::once(excess).chain(numbers.inspect(|_| count += 1)) {
                sum.add(number);
            }
            sum
        });
        Self {
            narrow,
            wide,
            count,
        }
    }

    /// Returns the nearest double; `None` where `divisor` is zero.
    fn divided_by(&self, divisor: u64) -> Option<f64> {
        match &self.wide {
            Some(sum) => quotient(sum, divisor),
            None if divisor == 0 => None,
            None => Some(self.narrow.divided_by(divisor)),
        }
    }
}
