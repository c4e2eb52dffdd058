//! Rounding at its edges.

use super::{Dyadic, INFINITE, nearest};

/// `digits × 2^exponent` with the digits moved to the top.
fn rounded(digits: u64, exponent: i32, exact: bool) -> u64 {
    let lifted = digits.leading_zeros();
    nearest(digits << lifted, exact, exponent - lifted as i32)
}

#[test]
fn what_a_double_can_show_stays() {
    assert_eq!(rounded(1, 0, true), 1f64.to_bits());
    assert_eq!(rounded(3, -1, true), 1.5f64.to_bits());
    assert_eq!(rounded(1, -1074, true), 1);
    assert_eq!(rounded((1 << 52) - 1, -1074, true), (1 << 52) - 1);
    assert_eq!(rounded(1 << 52, -1074, true), f64::MIN_POSITIVE.to_bits());
    assert_eq!(rounded((1 << 53) - 1, 971, true), f64::MAX.to_bits());
}

#[test]
fn a_carry_moves_into_the_next_binade() {
    assert_eq!(rounded((1 << 54) - 1, 0, true), 2f64.powi(54).to_bits());
    assert_eq!(
        rounded((1 << 53) - 1, -1075, true),
        f64::MIN_POSITIVE.to_bits()
    );
    assert_eq!(rounded((1 << 54) - 1, 970, true), INFINITE);
    assert_eq!(rounded(1, 1024, true), INFINITE);
    assert_eq!(rounded(1, 5000, true), INFINITE);
}

#[test]
fn half_of_the_smallest_number_is_zero_and_more_is_not() {
    assert_eq!(rounded(1, -1075, true), 0);
    assert_eq!(rounded(1, -1075, false), 1);
    assert_eq!(rounded(3, -1075, true), 2);
    assert_eq!(rounded(u64::MAX, -1138, true), 1);
    assert_eq!(rounded(u64::MAX, -1139, true), 0);
    assert_eq!(rounded(u64::MAX, -1139, false), 0);
    assert_eq!(rounded(u64::MAX, -1140, false), 0);
    assert_eq!(rounded(1, -5000, false), 0);
}

#[test]
fn nothing_is_divided_by_zero() {
    let one = Dyadic::natural(1);
    assert_eq!(one.divided_by(&Dyadic::natural(0)), None);
    assert_eq!(Dyadic::natural(0).divided_by(&one), Some(0.0));
}

#[test]
fn a_quotient_carries_the_sign_unless_it_is_zero() {
    let minus = |exponent| Dyadic {
        negative: true,
        ..Dyadic {
            exponent,
            ..Dyadic::natural(1)
        }
    };
    assert_eq!(minus(0).divided_by(&Dyadic::natural(3)), Some(-1.0 / 3.0));
    let vanished = minus(-1075)
        .divided_by(&Dyadic::natural(1))
        .map(f64::to_bits);
    assert_eq!(vanished, Some(0));
}
