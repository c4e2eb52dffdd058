//! Sums of doubles, and of products of two doubles, without any rounding.
//!
//! A sum is a fixed-point number wide enough for every double, cut into limbs. A limb is an `i64`
//! that carries 32 bits of payload: the rest of it is room for carries that nobody has propagated
//! yet, and for the sign. So two sums can be merged by adding them limb by limb, as plain integers
//! and in any tree, which is what lets an engine's integer SUM carry them across ranks.
//!
//! This module adds; how a sum becomes a double again is the business of [`Dyadic`].

use super::dyadic::Dyadic;
use super::finite::Finite;
use super::narrow::Narrow;
use super::natural::{CAPACITY, Natural};

/// An exact sum, in units of 2 to the power of `UNIT`.
///
/// Only the limbs in `first..end` were ever touched, so that the usual case, numbers of similar
/// size, reads three or four of them.
///
/// # Invariant
///
/// `LIMBS` covers the largest term times 2^32 (the ranks), with its sign, and no limb has seen
/// more than [`MAX_UNCARRIED`] additions since its carries were propagated.
pub(super) struct ExactSum<const LIMBS: usize, const UNIT: i32> {
    limbs: [i64; LIMBS],
    first: usize,
    end: usize,
    uncarried: u32,
}

/// A sum of doubles: 2098 bits and 32 for the ranks.
pub(super) type Sum = ExactSum<67, -1074>;

/// A sum of products of two doubles: 4196 bits and 32 for the ranks.
pub(super) type ProductSum = ExactSum<133, -2148>;

impl<const LIMBS: usize, const UNIT: i32> Default for ExactSum<LIMBS, UNIT> {
    fn default() -> Self {
        Self {
            limbs: [0; LIMBS],
            first: LIMBS,
            end: 0,
            uncarried: 0,
        }
    }
}

impl Sum {
    /// Goes on from a sum that has become too narrow.
    pub(super) fn of(narrow: Narrow) -> Self {
        let mut sum = Self::default();
        let (negative, magnitude) = (narrow.is_negative(), narrow.magnitude());
        sum.add_shifted(negative, magnitude as u64, narrow.shift());
        sum.add_shifted(negative, (magnitude >> 64) as u64, narrow.shift() + 64);
        sum
    }

    /// Returns the sum of one number.
    pub(super) fn one(number: Finite) -> Self {
        let mut sum = Self::default();
        sum.add(number);
        sum
    }

    /// Adds a number.
    #[inline]
    pub(super) fn add(&mut self, number: Finite) {
        self.add_shifted(number.is_negative(), number.significand(), number.shift());
    }
}

impl ProductSum {
    /// Returns the sum of one product.
    pub(super) fn product(left: Finite, right: Finite) -> Self {
        let mut sum = Self::default();
        sum.add_product(left, right);
        sum
    }

    /// Adds the product of two numbers.
    #[inline]
    pub(super) fn add_product(&mut self, left: Finite, right: Finite) {
        let product = u128::from(left.significand()) * u128::from(right.significand());
        let negative = left.is_negative() != right.is_negative();
        let shift = left.shift() + right.shift();
        self.add_shifted(negative, product as u64, shift);
        self.add_shifted(negative, (product >> 64) as u64, shift + 64);
    }
}

impl<const LIMBS: usize, const UNIT: i32> ExactSum<LIMBS, UNIT> {
    /// How many limbs there are.
    pub(super) const LENGTH: usize = LIMBS;

    /// Writes the limbs, which can be summed with those of other ranks.
    pub(super) fn write(&self, limbs: &mut [i64]) {
        limbs.copy_from_slice(&self.limbs);
    }

    /// Takes back limbs that were written, or sums of such over at most
    /// [`MOST_RANKS`](super::integers::MOST_RANKS) ranks.
    pub(super) fn read(limbs: &[i64]) -> Self {
        let mut sum = Self::default();
        sum.limbs.copy_from_slice(limbs);
        if let Some(first) = limbs.iter().position(|limb| *limb != 0) {
            sum.first = first;
            sum.end = LIMBS - limbs.iter().rev().take_while(|limb| **limb == 0).count();
        }
        sum
    }

    /// Adds `± magnitude × 2^shift` units.
    #[inline]
    fn add_shifted(&mut self, negative: bool, magnitude: u64, shift: u32) {
        if magnitude == 0 {
            return;
        }
        if self.uncarried == MAX_UNCARRIED {
            self.carry();
        }
        self.uncarried += 1;
        let start = (shift / LIMB_BITS) as usize;
        let mut rest = u128::from(magnitude) << (shift % LIMB_BITS);
        // A sum that was narrow may begin so high that its last limbs are empty, and not there.
        let end = (start + TOUCHED).min(LIMBS);
        for limb in &mut self.limbs[start..end] {
            let digit = i64::from(rest as u32);
            *limb += if negative { -digit } else { digit };
            rest >>= LIMB_BITS;
        }
        self.first = self.first.min(start);
        self.end = self.end.max(end);
    }

    /// Returns the index of the lowest limb in use; one past the last limb where there is none.
    pub(super) fn first(&self) -> usize {
        self.first
    }

    /// Returns the sum as a number of its own.
    pub(super) fn exact(&self) -> Dyadic {
        self.exact_from(self.first)
    }

    /// Returns the sum, counted in units of the limb `first`, which is not above the lowest one
    /// in use.
    pub(super) fn exact_from(&self, first: usize) -> Dyadic {
        let used = self.limbs.get(first..self.end).unwrap_or_default();
        let mut digits = [0; CAPACITY];
        let mut carry = 0;
        for (digit, pair) in digits.iter_mut().zip(used.chunks(2)) {
            let low = pair[0] + carry;
            let high = pair.get(1).copied().unwrap_or_default() + (low >> LIMB_BITS);
            *digit = u64::from(low as u32) | (high as u64) << LIMB_BITS;
            carry = high >> LIMB_BITS;
        }
        // What is left extends the sign: from here on the digits are a two's complement.
        let length = used.len().div_ceil(2) + 1;
        digits[length - 1] = carry as u64;
        if carry < 0 {
            negate(&mut digits[..length]);
        }
        Dyadic {
            negative: carry < 0,
            magnitude: Natural::new(digits, length),
            exponent: UNIT + (LIMB_BITS as usize * first) as i32,
        }
    }

    /// Propagates the carries, so that each limb but the last holds its 32 bits of payload.
    #[cold]
    fn carry(&mut self) {
        let mut carry = 0;
        for limb in &mut self.limbs[self.first..LIMBS - 1] {
            let value = *limb + carry;
            *limb = i64::from(value as u32);
            carry = value >> LIMB_BITS;
        }
        self.limbs[LIMBS - 1] += carry;
        self.end = LIMBS;
        self.uncarried = 0;
    }
}

/// Changes the sign of a two's complement.
fn negate(digits: &mut [u64]) {
    let mut carry = true;
    for digit in digits {
        (*digit, carry) = (!*digit).overflowing_add(u64::from(carry));
    }
}

/// Payload of one limb.
const LIMB_BITS: u32 = 32;

/// Limbs that one addition touches: 64 bits, moved by at most 31.
const TOUCHED: usize = 3;

/// Each addition moves a limb by less than 2^32, so that many keep it within 2^62, and a limb
/// and its incoming carry stay within an `i64`.
const MAX_UNCARRIED: u32 = 1 << 30;

#[cfg(test)]
mod tests;
