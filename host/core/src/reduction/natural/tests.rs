//! The operations against each other, and the corrections that random numbers rarely need.

use super::{CAPACITY, Natural};

fn natural(digits: &[u64]) -> Natural {
    let mut all = [0; CAPACITY];
    all[..digits.len()].copy_from_slice(digits);
    Natural::new(all, digits.len())
}

fn digits(natural: &Natural) -> &[u64] {
    &natural.digits[..natural.length]
}

#[test]
fn leading_zeros_are_trimmed() {
    assert_eq!(digits(&natural(&[7, 0, 0])), [7]);
    assert!(natural(&[0, 0]).is_zero());
    assert_eq!(natural(&[0, 1]).bits(), 65);
    assert_eq!(natural(&[]).bits(), 0);
}

#[test]
fn a_square_carries_to_the_top() {
    // (2^128 − 1)² = 2^256 − 2^129 + 1
    assert_eq!(
        digits(&natural(&[u64::MAX; 2]).square()),
        [1, 0, u64::MAX - 1, u64::MAX]
    );
    assert_eq!(digits(&natural(&[0, 3]).square()), [0, 0, 9]);
    assert!(natural(&[]).square().is_zero());
}

#[test]
fn the_largest_square_fits() {
    let square = natural(&[u64::MAX; CAPACITY / 2]).square();
    assert_eq!(square.length(), CAPACITY);
    assert_eq!(square.bits(), 64 * CAPACITY as i32);
}

#[test]
fn a_product_with_a_small_number_carries() {
    assert_eq!(
        digits(&natural(&[u64::MAX, 1]).times(u64::MAX)),
        [1, u64::MAX - 2, 1]
    );
    assert!(natural(&[5, 5]).times(0).is_zero());
}

#[test]
fn a_difference_borrows_and_is_trimmed() {
    let mut number = natural(&[0, 0, 1]);
    number.subtract(&natural(&[1]));
    assert_eq!(digits(&number), [u64::MAX, u64::MAX]);
    number.subtract(&natural(&[u64::MAX, u64::MAX]));
    assert!(number.is_zero());
}

#[test]
fn resizing_tells_what_is_lost() {
    let number = natural(&[0b1000, 0, 1]);
    let (up, complete) = number.resized(192);
    assert_eq!((digits(&up), complete), (&[0, 0b100, 1 << 63][..], true));
    let (down, complete) = number.resized(126);
    assert_eq!((digits(&down), complete), (&[1, 1 << 61][..], true));
    let (down, complete) = number.resized(125);
    assert_eq!((digits(&down), complete), (&[0, 1 << 60][..], false));
    let (down, complete) = number.resized(1);
    assert_eq!((digits(&down), complete), (&[1][..], false));
}

#[test]
fn a_quotient_of_one_digit_is_exact() {
    let (quotient, exact) = natural(&[0, 1 << 62]).into_quotient(&natural(&[1 << 63]));
    assert_eq!((quotient, exact), (1 << 63, true));
    let (quotient, exact) = natural(&[1, 1 << 62]).into_quotient(&natural(&[1 << 63]));
    assert_eq!((quotient, exact), (1 << 63, false));
}

#[test]
fn an_estimate_that_is_too_large_is_corrected() {
    // The divisor's second digit is as large as it can be, and the estimate does not see it.
    for leading in [1 << 63, (1 << 63) + 1, u64::MAX - 1] {
        let divisor = natural(&[u64::MAX, u64::MAX, leading]);
        for expected in [1 << 62, (1 << 62) + 1, (1 << 63) - 1] {
            let mut dividend = divisor.times(expected);
            let (quotient, exact) = dividend.clone().into_quotient(&divisor);
            assert_eq!((quotient, exact), (expected, true));
            dividend.subtract(&natural(&[1]));
            let (quotient, exact) = dividend.into_quotient(&divisor);
            assert_eq!((quotient, exact), (expected - 1, false));
        }
    }
}

#[test]
fn an_estimate_can_be_two_too_large() {
    let divisor = natural(&[u64::MAX, u64::MAX, 1 << 63]);
    let largest = u64::MAX - 2;
    let mut dividend = divisor.times(largest);
    assert_eq!(
        dividend.bits(),
        64 * 4 - 1,
        "the dividend is as large as it may be"
    );
    dividend.subtract(&natural(&[1]));
    assert_eq!(dividend.into_quotient(&divisor), (largest - 1, false));
}
