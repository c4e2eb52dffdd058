//! Answers from integers against the fold over all numbers, bit by bit, over any tree.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use proptest::prop_assert_eq;
use proptest::sample::select;

use crate::contract::{Operation, Reduced, Source};
use crate::reduction::reduce;

use super::{read, width, write};

const OPERATIONS: [Operation; 9] = [
    Operation::Sum,
    Operation::Mean,
    Operation::WeightedMean(Source::Input(1)),
    Operation::Variance,
    Operation::Min,
    Operation::Max,
    Operation::FromRank(0),
    Operation::FromRank(5),
    Operation::Tally,
];

type Rank = (Option<f64>, Option<f64>);
type Integers = (Vec<i64>, Vec<i64>);

fn brought(operation: Operation, rank: u32, (number, weight): Rank) -> Integers {
    let width = width(operation).expect("the operation has a width");
    let (mut sum, mut max) = (vec![0; width.sum], vec![0; width.max]);
    write(operation, rank, number, weight, &mut sum, &mut max);
    (sum, max)
}

/// Joins two parts of a tree.
fn joined(mut one: Integers, other: &Integers) -> Integers {
    for (one, other) in one.0.iter_mut().zip(&other.0) {
        *one += other;
    }
    for (one, other) in one.1.iter_mut().zip(&other.1) {
        *one = (*one).max(*other);
    }
    one
}

/// Reduces in a tree: `picks` says which two parts are joined next.
fn reduced(operation: Operation, ranks: &[Rank], picks: &[usize]) -> Option<Reduced> {
    let mut parts: Vec<_> = (0..)
        .zip(ranks)
        .map(|(rank, it)| brought(operation, rank, *it))
        .collect();
    let mut picks = picks.iter().copied().chain(0..);
    while parts.len() > 1 {
        let one = parts.swap_remove(picks.next()? % parts.len());
        let at = picks.next()? % parts.len();
        parts[at] = joined(one, &parts[at]);
    }
    let (sum, max) = parts.pop()?;
    read(operation, ranks.len() as u32, &sum, &max)
}

/// What can be told apart of an answer.
fn fingerprint(reduced: &Reduced) -> (Option<u64>, [u32; 3]) {
    match reduced {
        Reduced::Statistic(it) => {
            let counts = [it.finite, it.non_finite, it.missing];
            (it.value.map(f64::to_bits), counts)
        }
        Reduced::Tally(it) => (None, [it.yes, it.no, it.abstaining]),
        Reduced::EveryRank(_) => panic!("no operation here lists the ranks"),
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        -10.0..10.0_f64,
        (0_u64..1 << 52).prop_map(f64::from_bits),
        select(vec![
            0.0,
            -0.0,
            1.0,
            5e-324,
            f64::MAX,
            -f64::MAX,
            f64::NAN,
            f64::INFINITY
        ]),
        (-1074..1024_i32).prop_map(|exponent| 2_f64.powi(exponent)),
    ]
}

fn rank() -> impl Strategy<Value = Rank> {
    let maybe = || proptest::option::weighted(0.9, number());
    (maybe(), maybe())
}

/// Worlds whose numbers cancel, beside those of any numbers.
fn world() -> impl Strategy<Value = Vec<Rank>> {
    prop_oneof![
        vec(rank(), 1..40),
        vec(number(), 1..20).prop_map(|numbers| {
            let both = numbers.iter().flat_map(|number| [*number, -number]);
            both.map(|number| (Some(number), Some(1.0))).collect()
        }),
        (number(), 1..40_usize).prop_map(|(number, ranks)| vec![(Some(number), Some(2.0)); ranks]),
    ]
}

proptest! {
    #[test]
    fn integers_give_the_bits_of_the_fold(
        ranks in world(),
        picks in vec(any::<usize>(), 0..80),
        operation in select(OPERATIONS.to_vec()),
    ) {
        let numbers = ranks.iter().map(|rank| rank.0);
        let weights = ranks.iter().map(|rank| rank.1);
        let folded = reduce(operation, numbers, weights);
        let found = reduced(operation, &ranks, &picks).expect("the operation has a width");
        prop_assert_eq!(fingerprint(&found), fingerprint(&folded));
    }
}

#[test]
fn a_world_of_the_largest_numbers_does_not_overflow() {
    // All ranks bring the same, so that the sum over the largest world is a multiplication.
    let ranks = super::MOST_RANKS;
    for value in [f64::MAX, -f64::MAX, f64::from_bits((1 << 52) - 1)] {
        for operation in [Operation::Mean, Operation::Variance, OPERATIONS[2]] {
            let (mut sum, max) = brought(operation, 0, (Some(value), Some(f64::MAX)));
            for limb in &mut sum {
                *limb = limb.checked_mul(i64::from(ranks)).expect("it fits");
            }
            let reduced = read(operation, ranks, &sum, &max).expect("it has a width");
            let expected = if operation == Operation::Variance {
                0.0
            } else {
                value
            };
            let (bits, counts) = fingerprint(&reduced);
            assert_eq!((bits, counts), (Some(expected.to_bits()), [ranks, 0, 0]));
        }
    }
}

#[test]
fn every_rank_has_no_width() {
    assert_eq!(width(Operation::EveryRank), None);
    assert_eq!(read(Operation::EveryRank, 1, &[0], &[]), None);
}
