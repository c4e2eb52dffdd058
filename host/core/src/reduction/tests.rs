//! The named cases of the contract, one number a rank.

use std::iter;

use crate::contract::{Operation, Reduced, Source, Statistic, Tally};

use super::{canonical, reduce};

const TINY: f64 = 5e-324;
const NAN: f64 = f64::NAN;
const INFINITE: f64 = f64::INFINITY;
const WEIGHTED_MEAN: Operation = Operation::WeightedMean(Source::Input(0));

fn answer(operation: Operation, numbers: &[f64]) -> Reduced {
    reduce(
        operation,
        numbers.iter().map(|&number| Some(number)),
        iter::empty(),
    )
}

fn statistic(reduced: Reduced) -> Statistic {
    match reduced {
        Reduced::Statistic(statistic) => statistic,
        other => panic!("a statistic was expected, not {other:?}"),
    }
}

/// The bits of the value, so that the sign of a zero counts.
fn bits(operation: Operation, numbers: &[f64]) -> Option<u64> {
    statistic(answer(operation, numbers))
        .value
        .map(f64::to_bits)
}

fn some(value: f64) -> Option<u64> {
    Some(value.to_bits())
}

fn weighted(pairs: &[(Option<f64>, Option<f64>)]) -> Statistic {
    let numbers = pairs.iter().map(|pair| pair.0);
    let weights = pairs.iter().map(|pair| pair.1);
    statistic(reduce(WEIGHTED_MEAN, numbers, weights))
}

#[test]
fn canonical_has_one_zero_and_one_nan() {
    assert_eq!(canonical(-0.0).to_bits(), 0);
    for nan in [
        NAN,
        -NAN,
        f64::from_bits(0x7ff0_0000_0000_0001),
        f64::from_bits(u64::MAX),
    ] {
        assert_eq!(canonical(nan).to_bits(), 0x7ff8_0000_0000_0000);
    }
    for other in [
        0.0,
        TINY,
        -TINY,
        1.0,
        -1.0,
        f64::MAX,
        f64::MIN,
        INFINITE,
        -INFINITE,
    ] {
        assert_eq!(canonical(other).to_bits(), other.to_bits());
    }
}

#[test]
fn a_sum_is_not_lost_between_huge_numbers() {
    assert_eq!(bits(Operation::Sum, &[1e308, 1.0, -1e308]), some(1.0));
    assert_eq!(
        bits(Operation::Sum, &[f64::MAX, TINY, -f64::MAX]),
        some(TINY)
    );
    assert_eq!(bits(Operation::Sum, &[0.1; 10]), some(1.0));
}

#[test]
fn only_the_exact_sum_can_overflow() {
    assert_eq!(
        bits(Operation::Sum, &[f64::MAX, f64::MAX, -f64::MAX]),
        some(f64::MAX)
    );
    assert_eq!(bits(Operation::Sum, &[f64::MAX, f64::MAX]), some(INFINITE));
    assert_eq!(bits(Operation::Sum, &[f64::MIN, f64::MIN]), some(-INFINITE));
    assert_eq!(bits(Operation::Mean, &[f64::MAX, f64::MAX]), some(f64::MAX));
    assert_eq!(bits(Operation::Mean, &[f64::MIN; 7]), some(f64::MIN));
}

#[test]
fn the_largest_number_rounds_to_infinity_at_half_of_its_last_place() {
    let half = 2f64.powi(970);
    let below = f64::from_bits(half.to_bits() - 1);
    assert_eq!(bits(Operation::Sum, &[f64::MAX, below]), some(f64::MAX));
    assert_eq!(bits(Operation::Sum, &[f64::MAX, half]), some(INFINITE));
    assert_eq!(
        bits(Operation::Sum, &[f64::MAX, half, -TINY]),
        some(f64::MAX)
    );
}

#[test]
fn ties_go_to_even_and_anything_more_breaks_them() {
    let half = f64::EPSILON / 2.0;
    let next = 1.0 + f64::EPSILON;
    assert_eq!(bits(Operation::Sum, &[1.0, half]), some(1.0));
    assert_eq!(bits(Operation::Sum, &[1.0, half, TINY]), some(next));
    assert_eq!(
        bits(Operation::Sum, &[next, half]),
        some(next + f64::EPSILON)
    );
    assert_eq!(bits(Operation::Sum, &[next, half, -TINY]), some(next));
}

#[test]
fn what_a_division_leaves_breaks_a_tie() {
    // Just above the middle of 1 and the next double, by less than the digits of a quotient show.
    let above = [3.0, 3.0 * f64::EPSILON / 2.0, 2f64.powi(-70)];
    assert_eq!(bits(Operation::Mean, &above), some(1.0 + f64::EPSILON));
    let tie = [3.0, 3.0 * f64::EPSILON / 2.0, 0.0];
    assert_eq!(bits(Operation::Mean, &tie), some(1.0));
}

#[test]
fn subnormals_count() {
    assert_eq!(bits(Operation::Sum, &[TINY; 3]), some(3.0 * TINY));
    assert_eq!(bits(Operation::Mean, &[TINY, 2.0 * TINY]), some(2.0 * TINY));
    assert_eq!(bits(Operation::Mean, &[TINY, 0.0]), some(0.0));
    assert_eq!(bits(Operation::Mean, &[TINY, TINY, 0.0]), some(TINY));
    assert_eq!(bits(Operation::Min, &[TINY, 2.0 * TINY]), some(TINY));
    assert_eq!(bits(Operation::Max, &[-TINY, -2.0 * TINY]), some(-TINY));
    assert_eq!(
        answer(Operation::Tally, &[TINY]),
        Reduced::Tally(Tally {
            yes: 1,
            no: 0,
            abstaining: 0
        })
    );
}

#[test]
fn zero_is_never_negative() {
    let operations = [
        Operation::Sum,
        Operation::Mean,
        Operation::Variance,
        Operation::Min,
        Operation::Max,
        Operation::FromRank(0),
    ];
    for operation in operations {
        assert_eq!(bits(operation, &[-0.0, -0.0]), some(0.0), "{operation:?}");
    }
    assert_eq!(bits(Operation::Mean, &[-TINY, 0.0, 0.0]), some(0.0));
    assert_eq!(
        answer(Operation::EveryRank, &[-0.0]),
        Reduced::EveryRank(vec![Some(0.0)])
    );
    let Reduced::EveryRank(all) = answer(Operation::EveryRank, &[-0.0]) else {
        panic!("a list was expected")
    };
    assert_eq!(all[0].map(f64::to_bits), some(0.0));
}

#[test]
fn a_variance_is_one_exact_quotient() {
    assert_eq!(bits(Operation::Variance, &[1.0, 2.0, 3.0, 4.0]), some(1.25));
    assert_eq!(
        bits(Operation::Variance, &[1e16, 1e16 + 2.0, 1e16 + 4.0]),
        some(8.0 / 3.0)
    );
    assert_eq!(bits(Operation::Variance, &[0.1; 7]), some(0.0));
    assert_eq!(bits(Operation::Variance, &[42.0]), some(0.0));
    assert_eq!(
        bits(Operation::Variance, &[1e-160, -1e-160]),
        some(1e-160 * 1e-160)
    );
}

#[test]
fn a_variance_is_infinite_only_beyond_the_largest_number() {
    assert_eq!(
        bits(Operation::Variance, &[f64::MAX, f64::MIN]),
        some(INFINITE)
    );
    assert_eq!(bits(Operation::Variance, &[f64::MAX, f64::MAX]), some(0.0));
    // The squares are beyond the largest number, their mean distance is not.
    let base = 2f64.powi(600);
    let step = 2f64.powi(548);
    assert_eq!(
        bits(Operation::Variance, &[base, base + 2.0 * step]),
        some(INFINITE)
    );
    let base = 2f64.powi(520);
    let step = 2f64.powi(468);
    assert_eq!(
        bits(Operation::Variance, &[base, base + 2.0 * step]),
        some(step * step)
    );
}

#[test]
fn a_weighted_mean_takes_its_exact_quotient() {
    let mean = weighted(&[(Some(1.0), Some(1.0)), (Some(4.0), Some(2.0))]);
    assert_eq!(mean.value, Some(3.0));
    let huge = weighted(&[
        (Some(f64::MAX), Some(f64::MAX)),
        (Some(f64::MAX), Some(f64::MAX)),
    ]);
    assert_eq!(huge.value, Some(f64::MAX));
    let tiny = weighted(&[(Some(TINY), Some(TINY)), (Some(3.0 * TINY), Some(TINY))]);
    assert_eq!(tiny.value, Some(2.0 * TINY));
}

#[test]
fn a_weight_can_make_a_rank_missing_or_non_finite() {
    let cases = [
        ((Some(1.0), Some(2.0)), (1, 0, 0)),
        ((Some(1.0), Some(0.0)), (0, 0, 1)),
        ((Some(1.0), Some(-0.0)), (0, 0, 1)),
        ((Some(1.0), None), (0, 0, 1)),
        ((Some(1.0), Some(-TINY)), (0, 1, 0)),
        ((Some(1.0), Some(NAN)), (0, 1, 0)),
        ((Some(1.0), Some(INFINITE)), (0, 1, 0)),
        ((Some(NAN), Some(1.0)), (0, 1, 0)),
        ((Some(NAN), None), (0, 1, 0)),
        ((Some(INFINITE), Some(0.0)), (0, 1, 0)),
        ((None, Some(1.0)), (0, 0, 1)),
        ((None, Some(NAN)), (0, 0, 1)),
    ];
    for (pair, (finite, non_finite, missing)) in cases {
        let value = if finite == 1 { Some(1.0) } else { None };
        assert_eq!(
            weighted(&[pair]),
            Statistic {
                value,
                finite,
                non_finite,
                missing
            },
            "{pair:?}"
        );
    }
}

#[test]
fn a_rank_beyond_the_weights_has_none() {
    let reduced = reduce(
        WEIGHTED_MEAN,
        [Some(1.0), Some(2.0)].into_iter(),
        iter::once(Some(3.0)),
    );
    let expected = Statistic {
        value: Some(1.0),
        finite: 1,
        non_finite: 0,
        missing: 1,
    };
    assert_eq!(reduced, Reduced::Statistic(expected));
}

#[test]
fn one_rank_speaks_for_all_and_all_are_counted() {
    let ranks = [Some(1.5), Some(NAN), None, Some(-INFINITE), Some(-0.0)];
    let from = |rank| {
        statistic(reduce(
            Operation::FromRank(rank),
            ranks.into_iter(),
            iter::empty(),
        ))
    };
    for (rank, value) in [
        (0, Some(1.5)),
        (1, None),
        (2, None),
        (3, None),
        (4, Some(0.0)),
        (5, None),
        (u32::MAX, None),
    ] {
        assert_eq!(
            from(rank),
            Statistic {
                value,
                finite: 2,
                non_finite: 2,
                missing: 1
            },
            "{rank}"
        );
    }
}

#[test]
fn a_tally_counts_infinities_as_yes_and_nan_as_abstaining() {
    let ranks = [
        Some(1.0),
        Some(0.0),
        Some(-0.0),
        Some(-INFINITE),
        Some(NAN),
        Some(-NAN),
        None,
    ];
    let tally = reduce(Operation::Tally, ranks.into_iter(), iter::empty());
    assert_eq!(
        tally,
        Reduced::Tally(Tally {
            yes: 2,
            no: 2,
            abstaining: 3
        })
    );
}

#[test]
fn every_rank_passes_what_is_not_finite_on() {
    let ranks = [Some(-NAN), None, Some(INFINITE), Some(-1.0)];
    let Reduced::EveryRank(all) = reduce(Operation::EveryRank, ranks.into_iter(), iter::empty())
    else {
        panic!("a list was expected");
    };
    let all: Vec<_> = all
        .into_iter()
        .map(|number| number.map(f64::to_bits))
        .collect();
    assert_eq!(
        all,
        [
            Some(0x7ff8_0000_0000_0000),
            None,
            some(INFINITE),
            some(-1.0)
        ]
    );
}

#[test]
fn without_a_finite_number_there_is_no_value() {
    let operations = [
        Operation::Sum,
        Operation::Mean,
        WEIGHTED_MEAN,
        Operation::Variance,
        Operation::Min,
        Operation::Max,
        Operation::FromRank(0),
    ];
    for operation in operations {
        let ranks = [None, Some(NAN), Some(INFINITE)];
        let expected = Statistic {
            value: None,
            finite: 0,
            non_finite: 2,
            missing: 1,
        };
        let reduced = reduce(operation, ranks.into_iter(), iter::repeat(Some(1.0)));
        assert_eq!(reduced, Reduced::Statistic(expected), "{operation:?}");
        let nobody = Statistic {
            value: None,
            finite: 0,
            non_finite: 0,
            missing: 0,
        };
        assert_eq!(
            answer(operation, &[]),
            Reduced::Statistic(nobody),
            "{operation:?}"
        );
    }
}
