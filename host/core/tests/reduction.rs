//! The exact reductions against arbitrary-precision integers.
//!
//! A double is read here as an integer number of units of 2^−1074, which each finite one is. The
//! reference rounds by search: it looks for the two neighbouring doubles around an exact fraction
//! and compares the fraction with their middle. It shares no idea with the implementation, which
//! shifts limbs. The variance is taken by its definition, from the distances to the mean.
//!
//! Each property runs on the same kinds of numbers: any bits, subnormals, zeros of both signs,
//! the largest numbers, everyday ones, powers of two that make ties, and pairs that cancel.

use std::iter;

use ckpt_policy_core::contract::{Operation, Reduced, Source, Statistic, Tally};
use ckpt_policy_core::reduction::{canonical, reduce};
use num_bigint::{BigInt, Sign};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq};

const WEIGHTED_MEAN: Operation = Operation::WeightedMean(Source::Input(1));

/// All operations that make one number of a world of any size.
const STATISTICS: [Operation; 8] = [
    Operation::Sum,
    Operation::Mean,
    WEIGHTED_MEAN,
    Operation::Variance,
    Operation::Min,
    Operation::Max,
    Operation::FromRank(0),
    Operation::FromRank(3),
];

/// The number of one rank and its weight.
type Rank = (Option<f64>, Option<f64>);

fn answer(operation: Operation, ranks: &[Rank]) -> Reduced {
    let numbers = ranks.iter().map(|rank| rank.0);
    let weights = ranks.iter().map(|rank| rank.1);
    reduce(operation, numbers, weights)
}

fn statistic(operation: Operation, ranks: &[Rank]) -> Statistic {
    match answer(operation, ranks) {
        Reduced::Statistic(statistic) => statistic,
        other => panic!("{operation:?} answered {other:?}"),
    }
}

/// The bits of the value of an operation over finite numbers without weights.
fn bits_of(operation: Operation, numbers: &[f64]) -> u64 {
    let ranks: Vec<Rank> = numbers.iter().map(|&number| (Some(number), None)).collect();
    let value = statistic(operation, &ranks).value;
    value.expect("there is a finite number").to_bits()
}

/// Everything about an answer that can differ, bit by bit.
fn fingerprint(reduced: &Reduced) -> (Vec<Option<u64>>, [u32; 3]) {
    match reduced {
        Reduced::Statistic(statistic) => (
            vec![statistic.value.map(f64::to_bits)],
            [statistic.finite, statistic.non_finite, statistic.missing],
        ),
        Reduced::Tally(tally) => (Vec::new(), [tally.yes, tally.no, tally.abstaining]),
        Reduced::EveryRank(all) => (
            all.iter().map(|number| number.map(f64::to_bits)).collect(),
            [0; 3],
        ),
    }
}

/// The reference: a double in units of 2^−1074, and back by search.
mod exact {
    use super::{BigInt, Sign};

    const INFINITE: u64 = f64::INFINITY.to_bits();

    /// What the magnitude bits of a double stand for. For infinity it is 2^1024, the number that
    /// would follow the largest one, which is where IEEE 754 puts it for rounding.
    fn magnitude(bits: u64) -> BigInt {
        let exponent = bits >> 52;
        let fraction = bits & ((1 << 52) - 1);
        match exponent {
            0 => BigInt::from(fraction),
            _ => BigInt::from(fraction + (1 << 52)) << (exponent - 1),
        }
    }

    /// A finite double in units of 2^−1074.
    pub(crate) fn units(value: f64) -> BigInt {
        let magnitude = magnitude(value.abs().to_bits());
        if value.is_sign_negative() {
            -magnitude
        } else {
            magnitude
        }
    }

    /// The bits of the double nearest to the fraction, in units of 2^−1074; the even one of two.
    pub(crate) fn nearest(numerator: &BigInt, denominator: &BigInt) -> u64 {
        assert_eq!(denominator.sign(), Sign::Plus);
        let wanted = BigInt::from(numerator.magnitude().clone());
        let below = last_not_above(&wanted, denominator);
        let rounded = match below {
            INFINITE => INFINITE,
            _ => {
                let middle = (magnitude(below) + magnitude(below + 1)) * denominator;
                match (&wanted * 2u32).cmp(&middle) {
                    std::cmp::Ordering::Less => below,
                    std::cmp::Ordering::Equal => below + below % 2,
                    std::cmp::Ordering::Greater => below + 1,
                }
            }
        };
        let negative = numerator.sign() == Sign::Minus && rounded != 0;
        rounded | u64::from(negative) << 63
    }

    /// Bisects over the bits, which order as the magnitudes do.
    fn last_not_above(wanted: &BigInt, denominator: &BigInt) -> u64 {
        let (mut low, mut high) = (0, INFINITE + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if magnitude(middle) * denominator <= *wanted {
                low = middle
            } else {
                high = middle
            }
        }
        low
    }

    pub(crate) fn sum(numbers: &[f64]) -> BigInt {
        numbers.iter().map(|&number| units(number)).sum()
    }

    pub(crate) fn mean(numbers: &[f64]) -> u64 {
        nearest(&sum(numbers), &BigInt::from(numbers.len()))
    }

    pub(crate) fn weighted_mean(pairs: &[(f64, f64)]) -> u64 {
        let products: BigInt = pairs.iter().map(|pair| units(pair.0) * units(pair.1)).sum();
        let weights: BigInt = pairs.iter().map(|pair| units(pair.1)).sum();
        nearest(&products, &weights)
    }

    /// The mean of the squared distances to the mean; each distance is taken n times, so that it
    /// is an integer.
    pub(crate) fn variance(numbers: &[f64]) -> u64 {
        let count = BigInt::from(numbers.len());
        let sum = sum(numbers);
        let distances = numbers.iter().map(|&number| units(number) * &count - &sum);
        let squares: BigInt = distances.map(|distance| &distance * &distance).sum();
        // The square of a unit is 2^−1074 units.
        nearest(&squares, &((&count * &count * &count) << 1074u32))
    }
}

/// Any finite double, with the hard ones more often than their share.
fn finite() -> impl Strategy<Value = f64> {
    let largest = f64::MAX.to_bits();
    let signed =
        |magnitude: u64, negative: bool| f64::from_bits(magnitude | u64::from(negative) << 63);
    let edge = [
        0.0,
        5e-324,
        f64::MIN_POSITIVE,
        1.0,
        1.0 + f64::EPSILON,
        f64::MAX,
    ];
    prop_oneof![
        3 => (0..=largest, any::<bool>()).prop_map(move |(bits, negative)| signed(bits, negative)),
        2 => (0..1u64 << 53, any::<bool>()).prop_map(move |(bits, negative)| signed(bits, negative)),
        2 => (largest - (1 << 53)..=largest, any::<bool>())
            .prop_map(move |(bits, negative)| signed(bits, negative)),
        3 => -10.0..10.0f64,
        3 => (-120i32..120, -3i32..=3).prop_map(|(power, factor)| f64::from(factor) * 2f64.powi(power)),
        2 => (select(edge.to_vec()), any::<bool>())
            .prop_map(move |(edge, negative)| signed(edge.to_bits(), negative)),
    ]
}

/// One to twelve finite numbers; in half of the cases some cancel, exactly or but for the last bit.
fn world() -> impl Strategy<Value = Vec<f64>> {
    let cancelling = (vec(finite(), 1..5), vec(finite(), 0..4), any::<bool>()).prop_map(
        |(numbers, others, nearly)| {
            let opposite = |number: &f64| {
                let bits = number.to_bits();
                -f64::from_bits(if nearly { bits ^ 1 } else { bits })
            };
            let opposites: Vec<f64> = numbers.iter().map(opposite).collect();
            [numbers, others, opposites]
                .concat()
                .into_iter()
                .filter(|n| n.is_finite())
                .collect()
        },
    );
    let close = (finite(), vec(0..4u64, 1..9)).prop_map(|(number, steps)| {
        let near = |step: u64| f64::from_bits(number.to_bits() ^ step);
        steps
            .into_iter()
            .map(near)
            .filter(|number| number.is_finite())
            .collect()
    });
    prop_oneof![2 => vec(finite(), 1..12), 2 => cancelling, 1 => close]
        .prop_filter("a world has ranks", |numbers: &Vec<f64>| {
            !numbers.is_empty()
        })
}

/// A rank's number or weight as a trainer may hand it over.
fn number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        6 => finite().prop_map(Some),
        1 => Just(None),
        1 => any::<u64>().prop_map(|payload| Some(f64::from_bits(payload | f64::NAN.to_bits()))),
        1 => select(vec![Some(f64::INFINITY), Some(f64::NEG_INFINITY)]),
    ]
}

fn ranks() -> impl Strategy<Value = Vec<Rank>> {
    vec((number(), number()), 0..10)
}

proptest! {
    #[test]
    fn a_sum_is_the_nearest_double(numbers in world()) {
        let expected = exact::nearest(&exact::sum(&numbers), &BigInt::from(1));
        prop_assert_eq!(bits_of(Operation::Sum, &numbers), expected);
    }

    #[test]
    fn a_mean_is_the_nearest_double(numbers in world()) {
        prop_assert_eq!(bits_of(Operation::Mean, &numbers), exact::mean(&numbers));
    }

    #[test]
    fn a_variance_is_the_nearest_double(numbers in world()) {
        prop_assert_eq!(bits_of(Operation::Variance, &numbers), exact::variance(&numbers));
    }

    #[test]
    fn a_weighted_mean_is_the_nearest_double(numbers in world(), weights in vec(finite(), 32)) {
        let weights = weights.into_iter().map(f64::abs);
        let pairs: Vec<(f64, f64)> = numbers.into_iter().zip(weights).collect();
        let ranks: Vec<Rank> = pairs.iter().map(|&(number, weight)| (Some(number), Some(weight))).collect();
        let weighed: Vec<(f64, f64)> = pairs.into_iter().filter(|pair| pair.1 > 0.0).collect();
        let expected = if weighed.is_empty() { None } else { Some(exact::weighted_mean(&weighed)) };
        let found = statistic(WEIGHTED_MEAN, &ranks);
        prop_assert_eq!(found.value.map(f64::to_bits), expected);
        prop_assert_eq!(found.finite as usize, weighed.len());
    }

    #[test]
    fn the_extremes_are_numbers_of_the_world(numbers in world()) {
        let ordered = |left: &&f64, right: &&f64| exact::units(**left).cmp(&exact::units(**right));
        let smallest = numbers.iter().min_by(ordered).expect("a world has ranks");
        let largest = numbers.iter().max_by(ordered).expect("a world has ranks");
        prop_assert_eq!(bits_of(Operation::Min, &numbers), canonical(*smallest).to_bits());
        prop_assert_eq!(bits_of(Operation::Max, &numbers), canonical(*largest).to_bits());
    }

    #[test]
    fn the_order_of_the_ranks_changes_no_bit(
        (ranks, shuffled) in ranks().prop_flat_map(|ranks| (Just(ranks.clone()), Just(ranks).prop_shuffle())),
    ) {
        let symmetric = [
            Operation::Sum,
            Operation::Mean,
            WEIGHTED_MEAN,
            Operation::Variance,
            Operation::Min,
            Operation::Max,
            Operation::Tally,
        ];
        for operation in symmetric {
            let before = fingerprint(&answer(operation, &ranks));
            prop_assert_eq!(before, fingerprint(&answer(operation, &shuffled)), "{:?}", operation);
        }
    }

    #[test]
    fn each_rank_is_counted_once(ranks in ranks()) {
        let finite = ranks.iter().filter(|rank| rank.0.is_some_and(f64::is_finite)).count();
        let missing = ranks.iter().filter(|rank| rank.0.is_none()).count();
        for operation in STATISTICS {
            let found = statistic(operation, &ranks);
            let all = found.finite + found.non_finite + found.missing;
            prop_assert_eq!(all as usize, ranks.len(), "{:?}", operation);
            if operation != WEIGHTED_MEAN {
                prop_assert_eq!(found.finite as usize, finite, "{:?}", operation);
                prop_assert_eq!(found.missing as usize, missing, "{:?}", operation);
            }
            if !matches!(operation, Operation::FromRank(_)) {
                prop_assert_eq!(found.value.is_some(), found.finite > 0, "{:?}", operation);
            }
        }
    }

    #[test]
    fn a_value_is_never_nan_nor_negative_zero(ranks in ranks()) {
        for operation in STATISTICS {
            let Some(value) = statistic(operation, &ranks).value else { continue };
            prop_assert!(!value.is_nan(), "{:?}", operation);
            prop_assert!(value.to_bits() != (-0.0f64).to_bits(), "{:?}", operation);
            let may_overflow = matches!(operation, Operation::Sum | Operation::Variance);
            prop_assert!(value.is_finite() || may_overflow, "{:?}", operation);
        }
    }

    #[test]
    fn what_is_not_folded_passes_as_it_is(ranks in ranks(), rank in 0u32..12) {
        let numbers: Vec<Option<u64>> =
            ranks.iter().map(|rank| rank.0.map(|number| canonical(number).to_bits())).collect();
        prop_assert_eq!(&fingerprint(&answer(Operation::EveryRank, &ranks)).0, &numbers);
        let own = ranks.get(rank as usize).and_then(|rank| rank.0).filter(|number| number.is_finite());
        let found = statistic(Operation::FromRank(rank), &ranks).value;
        prop_assert_eq!(found.map(f64::to_bits), own.map(|number| canonical(number).to_bits()));
    }

    #[test]
    fn a_tally_counts_as_the_contract_says(ranks in ranks()) {
        let mut expected = Tally::default();
        for (number, _) in &ranks {
            match number {
                None => expected.abstaining += 1,
                Some(number) if number.is_nan() => expected.abstaining += 1,
                Some(number) if *number == 0.0 => expected.no += 1,
                Some(_) => expected.yes += 1,
            }
        }
        prop_assert_eq!(answer(Operation::Tally, &ranks), Reduced::Tally(expected));
    }

    #[test]
    fn canonical_keeps_the_bits_of_all_other_numbers(bits: u64) {
        let number = f64::from_bits(bits);
        let expected = if number.is_nan() { 0x7ff8_0000_0000_0000 } else { bits };
        prop_assert_eq!(canonical(number).to_bits(), expected);
    }
}

#[test]
fn the_reference_rounds_as_the_processor_does() {
    // What one hardware operation rounds is known without this crate and without the reference.
    let numbers = [
        0.1,
        1.0 / 3.0,
        -2.5e-308,
        5e-324,
        1.7e308,
        -1e16,
        3.0,
        123_456.789,
    ];
    for left in numbers {
        for right in numbers {
            let sum = exact::nearest(
                &(exact::units(left) + exact::units(right)),
                &BigInt::from(1),
            );
            assert_eq!(
                sum,
                canonical(left + right).to_bits(),
                "{left:e} + {right:e}"
            );
        }
        let third = exact::nearest(&exact::units(left), &BigInt::from(3));
        assert_eq!(third, (left / 3.0).to_bits(), "{left:e} / 3");
    }
}

#[test]
fn a_world_of_many_ranks_is_exact() {
    // A fixed walk over the bits, so that the numbers spread over many binades.
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        bits = bits
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(bits)
    };
    let numbers: Vec<f64> = iter::repeat_with(next)
        .filter(|number| number.is_finite())
        .take(16_384)
        .collect();
    let sum = exact::nearest(&exact::sum(&numbers), &BigInt::from(1));
    assert_eq!(bits_of(Operation::Sum, &numbers), sum);
    assert_eq!(bits_of(Operation::Mean, &numbers), exact::mean(&numbers));
    assert_eq!(
        bits_of(Operation::Variance, &numbers),
        exact::variance(&numbers)
    );
}

/// A library may have changed how the calling thread computes, and new threads inherit it.
#[cfg(target_arch = "x86_64")]
mod control_register {
    use std::arch::asm;
    use std::hint::black_box;

    use super::{
        Operation, Rank, STATISTICS, answer, canonical, fingerprint, prop_assert_eq, proptest,
        ranks,
    };

    const FLUSH_TO_ZERO: u32 = 1 << 15;
    const DENORMALS_ARE_ZERO: u32 = 1 << 6;
    /// Both bits of the rounding direction.
    const TOWARD_ZERO: u32 = 3 << 13;

    /// Runs `work` with bits of the control register set, and sets it back, also on a panic.
    fn with_bits<T>(bits: u32, work: impl FnOnce() -> T) -> T {
        struct Restored(u32);
        impl Drop for Restored {
            fn drop(&mut self) {
                write(self.0);
            }
        }
        let restored = Restored(read());
        write(restored.0 | bits);
        work()
    }

    #[expect(
        unsafe_code,
        reason = "the control register is reached by an instruction only"
    )]
    fn read() -> u32 {
        let mut value = 0u32;
        // SAFETY: the instruction writes four bytes, to a variable of four bytes.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack)) };
        value
    }

    #[expect(
        unsafe_code,
        reason = "the control register is reached by an instruction only"
    )]
    fn write(value: u32) {
        // SAFETY: the instruction reads four bytes of a variable of four bytes; the value is one
        // that was read before, plus bits that every x86-64 processor knows. The code that runs
        // under it is the crate's integer code, which is what the tests want to prove.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack)) };
    }

    fn all_answers(ranks: &[Rank]) -> Vec<(Vec<Option<u64>>, [u32; 3])> {
        let lists = [Operation::Tally, Operation::EveryRank];
        let operations = STATISTICS.into_iter().chain(lists);
        operations
            .map(|operation| fingerprint(&answer(operation, ranks)))
            .collect()
    }

    proptest! {
        #[test]
        fn no_mode_of_the_thread_changes_a_bit(ranks in ranks()) {
            let usual = all_answers(&ranks);
            let bits = FLUSH_TO_ZERO | DENORMALS_ARE_ZERO | TOWARD_ZERO;
            prop_assert_eq!(usual, with_bits(bits, || all_answers(&ranks)));
        }
    }

    #[test]
    fn the_modes_are_in_force_while_subnormals_still_count() {
        let tiny = f64::from_bits(1);
        let ranks = [
            (Some(tiny), Some(tiny)),
            (Some(-tiny), Some(tiny)),
            (Some(tiny), None),
        ];
        let usual = all_answers(&ranks);
        let (product, kept, flushed) = with_bits(FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, || {
            let product = (black_box(tiny) * black_box(1.0)).to_bits();
            (product, canonical(tiny).to_bits(), all_answers(&ranks))
        });
        assert_eq!(
            product, 0,
            "the processor flushes, or this test proves nothing"
        );
        assert_eq!(kept, 1);
        assert_eq!(usual, flushed);
    }
}
