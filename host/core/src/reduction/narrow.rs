//! The usual case of an exact sum: numbers of similar size, which fit one 128-bit integer.
//!
//! A short cut and nothing else: what does not fit goes on in an [`ExactSum`](super::exact), with
//! the same result to the bit.

use super::dyadic::{nearest, with_sign};
use super::finite::Finite;

/// An exact sum: `total × 2^(shift − 1074)`.
#[derive(Clone, Copy, Default)]
pub(super) struct Narrow {
    total: i128,
    shift: u32,
}

impl Narrow {
    /// Adds a number, or returns `false` where it does not fit; the sum is then as it was.
    #[inline]
    pub(super) fn add(&mut self, number: Finite) -> bool {
        let significand = i128::from(number.significand());
        let term = if number.is_negative() {
            -significand
        } else {
            significand
        };
        if self.total == 0 {
            (self.total, self.shift) = (term, number.shift());
            return true;
        }
        let (up, down) = (
            number.shift().saturating_sub(self.shift),
            self.shift.saturating_sub(number.shift()),
        );
        let moved = 128 - self.magnitude().leading_zeros() + down;
        if up > MOST_MOVED || moved > MOST_BITS {
            return false;
        }
        self.total = (self.total << down) + (term << up);
        self.shift -= down;
        true
    }

    pub(super) fn is_negative(self) -> bool {
        self.total < 0
    }

    pub(super) fn magnitude(self) -> u128 {
        self.total.unsigned_abs()
    }

    pub(super) fn shift(self) -> u32 {
        self.shift
    }

    /// Returns the double that is nearest to the sum divided by `count`, which is not zero.
    pub(super) fn divided_by(self, count: u64) -> f64 {
        let magnitude = self.magnitude();
        if magnitude == 0 {
            return 0.0;
        }
        // As far left as it goes, so that the quotient by at most 64 bits has at least 63.
        let left = magnitude.leading_zeros();
        let scaled = magnitude << left;
        let (quotient, rest) = match count {
            1 => (scaled, 0),
            count => (scaled / u128::from(count), scaled % u128::from(count)),
        };
        let right = 64_u32.saturating_sub(quotient.leading_zeros());
        let digits = (quotient >> right) as u64;
        let exact = rest == 0 && quotient.trailing_zeros() >= right;
        let exponent = SMALLEST_EXPONENT + (self.shift + right) as i32 - left as i32;
        with_sign(nearest(digits, exact, exponent), self.is_negative())
    }
}

/// A significand of 53 bits may be moved so far, and still leaves room beside [`MOST_BITS`].
const MOST_MOVED: u32 = 66;

/// Bits of a total to which one more number may be added.
const MOST_BITS: u32 = 120;

/// The smallest positive double is 2 to the power of this.
const SMALLEST_EXPONENT: i32 = -1074;

#[cfg(test)]
mod tests {
    use super::super::exact::Sum;
    use super::*;
    use crate::reduction::dyadic::Dyadic;

    /// A sequence of numbers whose exponents lie in a window of so many binades.
    fn numbers(seed: u64, window: u64, length: usize) -> Vec<Finite> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            state >> 11
        };
        let base = next() % (2046 - window);
        (0..length)
            .filter_map(|_| {
                let exponent = base + next() % window;
                let bits = next() << 11 & 1 << 63 | exponent << 52 | next() & ((1 << 52) - 1);
                Finite::new(f64::from_bits(bits))
            })
            .collect()
    }

    #[test]
    fn gives_the_same_bits_as_the_wide_sum_and_fits_often() {
        let mut fitted = 0;
        for seed in 0..20_000 {
            let numbers = numbers(seed, 1 + seed % 90, 1 + seed as usize % 17);
            let (mut narrow, mut wide) = (Narrow::default(), Sum::default());
            let fits = numbers.iter().all(|number| narrow.add(*number));
            numbers.iter().for_each(|number| wide.add(*number));
            if !fits {
                continue;
            }
            fitted += 1;
            for count in [1, numbers.len() as u64, 1 << 32] {
                let expected = wide.exact().divided_by(&Dyadic::natural(count));
                let found = narrow.divided_by(count);
                assert_eq!(
                    expected.map(f64::to_bits),
                    Some(found.to_bits()),
                    "seed {seed}"
                );
            }
        }
        assert!(fitted > 10_000, "{fitted} of 20000 fit");
    }

    #[test]
    fn leaves_the_sum_as_it_was_where_a_number_does_not_fit() {
        let mut sum = Narrow::default();
        let number = |value: f64| Finite::new(value).expect("the number is finite");
        assert!(sum.add(number(1.0)));
        assert!(!sum.add(number(1e300)));
        assert!(!sum.add(number(1e-300)));
        assert_eq!(sum.divided_by(1).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn goes_on_in_a_wide_sum_from_the_top_of_the_range() {
        let mut narrow = Narrow::default();
        let largest = Finite::new(f64::MAX).expect("the number is finite");
        (0..10_000).for_each(|_| assert!(narrow.add(largest)));
        let wide = Sum::of(narrow).exact().divided_by(&Dyadic::natural(10_000));
        assert_eq!(wide, Some(f64::MAX));
    }

    #[test]
    fn never_overflows_with_many_numbers() {
        let (mut narrow, mut added) = (Narrow::default(), 0_u64);
        let largest = Finite::new(f64::MAX).expect("the number is finite");
        let lowest = Finite::new(f64::from_bits(0x7ac0_0000_0000_0001)).expect("finite");
        assert!(narrow.add(lowest));
        while narrow.add(largest) && added < 100_000 {
            added += 1;
        }
        let mut wide = Sum::default();
        wide.add(lowest);
        (0..added).for_each(|_| wide.add(largest));
        let expected = wide.exact().divided_by(&Dyadic::natural(added + 1));
        assert_eq!(expected, Some(narrow.divided_by(added + 1)));
    }
}
