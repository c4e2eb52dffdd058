//! Natural numbers up to a fixed size, with the few operations that one exact quotient needs.
//!
//! No allocation, no sign, no exponent. This is no general arithmetic: results that would need
//! more than [`CAPACITY`] digits are the caller's mistake, and the types of the sums rule them out.

/// Digits of 64 bits in the largest number: a square of a sum over all ranks, or a sum of products
/// with the digit for its sign.
pub(super) const CAPACITY: usize = 68;

/// A natural number.
///
/// # Invariant
///
/// The digit below `length` is not zero, and all from `length` on are.
#[derive(Clone)]
pub(super) struct Natural {
    digits: [u64; CAPACITY],
    length: usize,
}

impl Natural {
    /// Takes the first `length` digits, the least significant one first; the others are zero.
    pub(super) fn new(digits: [u64; CAPACITY], length: usize) -> Self {
        let mut natural = Self { digits, length };
        natural.trim();
        natural
    }

    /// Subtracts `other`; returns whether that is the larger one, and the result without a meaning.
    pub(super) fn subtract(&mut self, other: &Self) -> bool {
        let negative = self.subtract_product(other, 1);
        self.trim();
        negative
    }

    /// Divides by `divisor` and returns the quotient, and whether nothing is left.
    ///
    /// This is one step of Knuth's algorithm D (The Art of Computer Programming, volume 2, 4.3.1)
    /// with digits of 64 bits. It needs a divisor whose highest bit is set, and a dividend that is
    /// one digit longer and has its highest bit clear, so that the quotient is a single digit.
    pub(super) fn into_quotient(mut self, divisor: &Self) -> (u64, bool) {
        let top = divisor.length;
        let leading = u128::from(self.digits[top]) << 64 | u128::from(self.digits[top - 1]);
        // The estimate from the leading digits is never too small, and at most two too large.
        let mut quotient = (leading / u128::from(divisor.digits[top - 1])) as u64;
        let mut negative = self.subtract_product(divisor, quotient);
        while negative {
            quotient -= 1;
            negative = !self.add(divisor);
        }
        self.trim();
        (quotient, self.is_zero())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.length == 0
    }

    /// Returns the number of digits.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Returns the number of bits, leading zeros left out.
    pub(super) fn bits(&self) -> i32 {
        match self.length.checked_sub(1) {
            Some(top) => BITS * self.length as i32 - self.digits[top].leading_zeros() as i32,
            None => 0,
        }
    }

    /// Returns the product with a small number.
    pub(super) fn times(&self, factor: u64) -> Self {
        let mut product = Self::from(0);
        product.add_product(self, factor, 0);
        product.trim();
        product
    }

    /// Returns the product with itself.
    pub(super) fn square(&self) -> Self {
        let mut square = Self::from(0);
        for (position, &digit) in self.digits[..self.length].iter().enumerate() {
            square.add_product(self, digit, position);
        }
        square.trim();
        square
    }

    /// Moves the number, which is not zero, so that it has `bits` bits, up or down; returns it and
    /// whether no bit was lost below the lowest one.
    pub(super) fn resized(&self, bits: i32) -> (Self, bool) {
        let below = self.bits() - bits;
        let length = (bits as usize).div_ceil(BITS as usize);
        let mut resized = Self {
            digits: [0; CAPACITY],
            length,
        };
        for (digit, position) in resized.digits[..length].iter_mut().zip(0..) {
            *digit = self.window(below + BITS * position);
        }
        (resized, self.trailing_zeros() >= below)
    }

    /// Returns the 64 bits from `position` on; there are only zeros outside of the number.
    fn window(&self, position: i32) -> u64 {
        let index = position.div_euclid(BITS);
        let offset = position.rem_euclid(BITS) as u32;
        let pair = u128::from(self.digit(index + 1)) << 64 | u128::from(self.digit(index));
        (pair >> offset) as u64
    }

    fn digit(&self, index: i32) -> u64 {
        let inside = usize::try_from(index)
            .ok()
            .and_then(|index| self.digits.get(index));
        inside.copied().unwrap_or_default()
    }

    fn trailing_zeros(&self) -> i32 {
        let lowest = self.digits[..self.length]
            .iter()
            .position(|&digit| digit != 0);
        lowest.map_or(0, |index| {
            BITS * index as i32 + self.digits[index].trailing_zeros() as i32
        })
    }

    /// Adds `other`, which has no more digits; returns whether the sum needs one digit more, which
    /// is left out.
    fn add(&mut self, other: &Self) -> bool {
        let mut carry = false;
        for (digit, &term) in self.digits[..self.length].iter_mut().zip(&other.digits) {
            (*digit, carry) = digit.carrying_add(term, carry);
        }
        carry
    }

    /// Adds `other × factor × 2^(64 position)`, where no digit beyond the product's but its last
    /// is in use yet: so does a product grow, one digit of the factor after the other.
    fn add_product(&mut self, other: &Self, factor: u64, position: usize) {
        let mut carry = 0;
        let digits = &mut self.digits[position..];
        for (digit, &term) in digits.iter_mut().zip(&other.digits[..other.length]) {
            let product =
                u128::from(term) * u128::from(factor) + u128::from(*digit) + u128::from(carry);
            *digit = product as u64;
            carry = (product >> 64) as u64;
        }
        if carry != 0 {
            digits[other.length] = carry;
        }
        self.length = position + other.length + usize::from(carry != 0);
    }

    /// Subtracts `other × factor`; returns whether the result is negative, in which case the
    /// digits are its two's complement.
    fn subtract_product(&mut self, other: &Self, factor: u64) -> bool {
        let mut carry = 0;
        for (digit, &term) in self.digits[..self.length].iter_mut().zip(&other.digits) {
            let product = u128::from(term) * u128::from(factor) + u128::from(carry);
            let (difference, borrow) = digit.overflowing_sub(product as u64);
            *digit = difference;
            // Where the high half is at its largest the low half is zero, and nothing is borrowed.
            carry = (product >> 64) as u64 + u64::from(borrow);
        }
        carry != 0
    }

    fn trim(&mut self) {
        let used = self.digits[..self.length]
            .iter()
            .rposition(|&digit| digit != 0);
        self.length = used.map_or(0, |top| top + 1);
    }
}

impl From<u64> for Natural {
    fn from(value: u64) -> Self {
        let mut digits = [0; CAPACITY];
        digits[0] = value;
        Self::new(digits, 1)
    }
}

/// Bits of one digit.
const BITS: i32 = 64;

#[cfg(test)]
mod tests;
