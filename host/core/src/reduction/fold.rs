//! The folds: what each operation computes of the finite numbers.
//!
//! Each returns `None` where there is no number. Each result is one exact quotient, rounded once;
//! what is exact is the business of [`ExactSum`](super::exact::ExactSum), what is rounded that of
//! [`Dyadic`].

use super::dyadic::Dyadic;
use super::exact::{ProductSum, Sum};
use super::finite::Finite;

/// The sum; infinite only where it rounds beyond the largest number.
pub(super) fn sum(numbers: impl Iterator<Item = Finite>) -> Option<f64> {
    let (sum, count) = total(numbers);
    if count == 0 {
        return None;
    }
    sum.exact().divided_by(&Dyadic::natural(1))
}

/// The sum by the count. It lies between two of the numbers, so it is finite.
pub(super) fn mean(numbers: impl Iterator<Item = Finite>) -> Option<f64> {
    let (sum, count) = total(numbers);
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
    // A square begins at or above twice the limb of its number, so both sides can be counted in
    // the same unit, which is the square of the sum's.
    let total = sum.exact();
    let mut deviation = squares.exact_from(2 * sum.first()).magnitude.times(count);
    deviation.subtract(&total.magnitude.square());
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

/// Adds the numbers up and counts them.
fn total(numbers: impl Iterator<Item = Finite>) -> (Sum, u64) {
    let mut sum = Sum::default();
    let mut count = 0;
    for number in numbers {
        sum.add(number);
        count += 1;
    }
    (sum, count)
}
