//! A finite double, taken apart into integers.
//!
//! The invariant: a [`Finite`] holds no NaN, no infinity and no −0.0, so that equal numbers have
//! equal bits and the order of the numbers is an order of the bits.

use std::cmp::Ordering;

use super::{INFINITE, SIGN, canonical, magnitude};

/// A finite double: `± significand × 2^(shift − 1074)`.
#[derive(Clone, Copy)]
pub(super) struct Finite(u64);

impl Finite {
    /// Returns `None` for NaN and the infinities.
    pub(super) const fn new(value: f64) -> Option<Self> {
        if magnitude(value) < INFINITE {
            Some(Self(canonical(value).to_bits()))
        } else {
            None
        }
    }

    /// Returns the double, with zero as +0.0.
    pub(super) const fn value(self) -> f64 {
        f64::from_bits(self.0)
    }

    pub(super) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn is_negative(self) -> bool {
        self.0 & SIGN != 0
    }

    /// The integer below 2^53 that, moved left by [`shift`](Self::shift), counts units of 2^−1074.
    pub(super) const fn significand(self) -> u64 {
        let hidden = if self.exponent() == 0 {
            0
        } else {
            1 << FRACTION_BITS
        };
        self.0 & ((1 << FRACTION_BITS) - 1) | hidden
    }

    /// At most 2045. Subnormals and the smallest normal numbers share the shift 0.
    pub(super) const fn shift(self) -> u32 {
        self.exponent().saturating_sub(1)
    }

    /// Orders the numbers; IEEE 754's total order compares integers, so no subnormal is flushed.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.value().total_cmp(&other.value())
    }

    /// Returns an integer that orders as the numbers do, and is never the smallest there is.
    pub(super) const fn order(self) -> i64 {
        let bits = self.0 as i64;
        bits ^ ((bits >> 63) as u64 >> 1) as i64
    }

    /// Returns the double that has this [`order`](Self::order); `None` where no finite one has it.
    pub(super) const fn of_order(order: i64) -> Option<f64> {
        let bits = order ^ ((order >> 63) as u64 >> 1) as i64;
        match Self::new(f64::from_bits(bits as u64)) {
            Some(finite) => Some(finite.value()),
            None => None,
        }
    }

    /// The exponent field as it is stored.
    const fn exponent(self) -> u32 {
        ((self.0 & !SIGN) >> FRACTION_BITS) as u32
    }
}

/// Explicit bits of a significand.
const FRACTION_BITS: u32 = 52;
