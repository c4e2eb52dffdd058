//! Exact binary fractions, and the one place where a result is rounded.
//!
//! Rounding is to nearest, ties to even, and works on integers, so that neither the thread's
//! rounding direction nor flush-to-zero can touch it.

use super::natural::Natural;
use super::{INFINITE, SIGN};

/// An exact number: `± magnitude × 2^exponent`.
pub(super) struct Dyadic {
    pub(super) negative: bool,
    pub(super) magnitude: Natural,
    pub(super) exponent: i32,
}

impl Dyadic {
    /// Returns a natural number.
    pub(super) fn natural(value: u64) -> Self {
        Self {
            negative: false,
            magnitude: Natural::from(value),
            exponent: 0,
        }
    }

    /// Returns the double that is nearest to the quotient; `None` where `divisor` is zero.
    pub(super) fn divided_by(&self, divisor: &Self) -> Option<f64> {
        if divisor.magnitude.is_zero() {
            return None;
        }
        if self.magnitude.is_zero() {
            return Some(0.0);
        }
        // Both are moved so that the quotient has 63 or 64 bits, more than a double can show; what
        // is dropped on the way only matters as being zero or not.
        let width = 64 * divisor.magnitude.length() as i32;
        let (scaled_divisor, _) = divisor.magnitude.resized(width);
        let (scaled, complete) = self.magnitude.resized(width + 63);
        let (quotient, exact) = scaled.into_quotient(&scaled_divisor);
        let moved = self.magnitude.bits() - (width + 63) - (divisor.magnitude.bits() - width);
        let rounded = nearest(
            quotient,
            complete && exact,
            self.exponent - divisor.exponent + moved,
        );
        Some(with_sign(rounded, self.negative != divisor.negative))
    }
}

/// Rounds `digits × 2^exponent`, or a little more where it is not `exact`, to the bits of the
/// nearest double. `digits` has at least 63 bits.
pub(super) fn nearest(digits: u64, exact: bool, exponent: i32) -> u64 {
    let bits = 64 - digits.leading_zeros() as i32;
    let last_place = (exponent + bits - SIGNIFICANT_BITS).max(SMALLEST_EXPONENT);
    // Beyond 66 the digits are far below half of the last place, however far.
    let dropped = (last_place - exponent).min(66) as u32;
    // One more bit stands for all that is below the digits.
    let sticky = u128::from(digits) << 1 | u128::from(!exact);
    let kept = (sticky >> (dropped + 1)) as u64;
    let rest = sticky & ((1 << (dropped + 1)) - 1);
    let half = 1 << dropped;
    let up = rest > half || (rest == half && kept & 1 == 1);
    let binade = (last_place - SMALLEST_EXPONENT) as u64;
    // The hidden bit of `kept` raises the exponent field by one, and a carry by one more: into
    // the next binade, from the subnormals to the normal numbers, or to infinity.
    if binade > LAST_BINADE {
        INFINITE
    } else {
        (binade << 52) + kept + u64::from(up)
    }
}

/// Zero is never negative.
pub(super) fn with_sign(magnitude: u64, negative: bool) -> f64 {
    let sign = if negative && magnitude != 0 { SIGN } else { 0 };
    f64::from_bits(magnitude | sign)
}

/// Bits of a double's significand, the hidden one included.
const SIGNIFICANT_BITS: i32 = 53;

/// The smallest positive double is 2 to the power of this.
const SMALLEST_EXPONENT: i32 = -1074;

/// How many places the last one of the largest double is above the smallest double.
const LAST_BINADE: u64 = 2045;

#[cfg(test)]
mod tests;
