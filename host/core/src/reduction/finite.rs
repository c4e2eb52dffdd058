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

    /// The exponent field as it is stored.
    const fn exponent(self) -> u32 {
        ((self.0 & !SIGN) >> FRACTION_BITS) as u32
    }
}

/// Explicit bits of a significand.
const FRACTION_BITS: u32 = 52;
