//! What the sums promise to each other: carries, sizes, and merging limb by limb.

use super::super::dyadic::Dyadic;
use super::super::finite::Finite;
use super::{ExactSum, LIMB_BITS, MAX_UNCARRIED, ProductSum, Sum};

fn finite(value: f64) -> Finite {
    Finite::new(value).expect("the tests use finite numbers")
}

fn rounded<const LIMBS: usize, const UNIT: i32>(sum: &ExactSum<LIMBS, UNIT>) -> f64 {
    sum.exact()
        .divided_by(&Dyadic::natural(1))
        .expect("one is not zero")
}

/// What the reduce encoding will do across ranks: an integer sum of each limb.
fn merged(left: &Sum, right: &Sum) -> Sum {
    let mut merged = Sum::default();
    for (limb, (left, right)) in merged
        .limbs
        .iter_mut()
        .zip(left.limbs.iter().zip(&right.limbs))
    {
        *limb = left + right;
    }
    merged.first = left.first.min(right.first);
    merged.end = left.end.max(right.end);
    merged
}

fn sum(numbers: &[f64]) -> Sum {
    let mut sum = Sum::default();
    for &number in numbers {
        sum.add(finite(number));
    }
    sum
}

#[test]
fn limbs_can_be_added_in_any_tree() {
    let parts = [
        sum(&[1e308, -3.5, 5e-324]),
        sum(&[]),
        sum(&[-1e308, 0.1]),
        sum(&[f64::MAX, f64::MAX]),
        sum(&[f64::MIN, f64::MIN, 1e-300]),
    ];
    let whole = sum(&[-3.5, 5e-324, 0.1, 1e-300]);
    let from_left = parts
        .iter()
        .fold(Sum::default(), |total, part| merged(&total, part));
    let from_right = parts
        .iter()
        .rev()
        .fold(Sum::default(), |total, part| merged(part, &total));
    assert_eq!(rounded(&from_left).to_bits(), rounded(&whole).to_bits());
    assert_eq!(rounded(&from_right).to_bits(), rounded(&whole).to_bits());
}

#[test]
fn carries_change_nothing_whenever_they_are_propagated() {
    let numbers = [
        1e308,
        -7.25,
        f64::MIN,
        5e-324,
        0.1,
        -1e-200,
        f64::MAX,
        -1e308,
        7.25,
    ];
    let plain = sum(&numbers);
    for position in 0..numbers.len() {
        let mut carried = sum(&numbers[..=position]);
        carried.carry();
        carried.carry();
        for &number in &numbers[position + 1..] {
            carried.add(finite(number));
        }
        assert_eq!(
            rounded(&carried).to_bits(),
            rounded(&plain).to_bits(),
            "after {position}"
        );
    }
}

#[test]
fn carries_are_propagated_before_a_limb_can_overflow() {
    let mut sum = sum(&[-1.0, 0.5]);
    sum.uncarried = MAX_UNCARRIED;
    sum.add(finite(0.25));
    assert_eq!(sum.uncarried, 1);
    assert!(
        sum.limbs
            .iter()
            .all(|limb| limb.unsigned_abs() < 1 << (LIMB_BITS + 1))
    );
    assert_eq!(rounded(&sum), -0.25);
}

#[test]
fn the_limbs_are_wide_enough_for_every_world() {
    // As many of the largest numbers as a world can have ranks, and of the largest products.
    for number in [f64::MAX, f64::MIN] {
        let mut total = sum(&[number]);
        let mut squares = ProductSum::default();
        squares.add_product(finite(number), finite(f64::MAX));
        for _ in 0..32 {
            total = merged(&total, &total);
            total.carry();
            for limb in &mut squares.limbs {
                *limb *= 2;
            }
            squares.carry();
        }
        let world = Dyadic::natural(1 << 32);
        assert_eq!(total.exact().divided_by(&world), Some(number));
        let mut weights = Sum::default();
        weights.add(finite(f64::MAX));
        let mut weight = weights.exact();
        weight.exponent += 32;
        assert_eq!(squares.exact().divided_by(&weight), Some(number));
    }
}

#[test]
fn only_the_limbs_in_use_are_touched() {
    let sum = sum(&[1.0, 1.5, -0.75]);
    assert!(sum.end - sum.first <= 4, "{} to {}", sum.first, sum.end);
    assert_eq!(sum.limbs.iter().filter(|&&limb| limb != 0).count(), 1);
}
