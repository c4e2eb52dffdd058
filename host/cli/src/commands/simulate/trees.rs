//! The trees in which communication libraries reduce.
//!
//! A tree is a way to cut the ranks into parts; a part is reduced first, and then joined with its
//! neighbours. What is held at a time grows with the depth of the tree, not with the world.

use ckpt_policy_conformance::exchange::merge;
use ckpt_policy_core::Exchange;

/// Names of the trees, for people.
pub(super) const NAMES: [&str; 6] = [
    "chain",
    "binomial",
    "four children",
    "ring",
    "nodes of eight",
    "random",
];

/// Ranks of a node.
const NODE: usize = 8;
/// Blocks into which a ring cuts the integers.
const BLOCKS: usize = 16;

/// Reduces what all ranks bring in each of the trees; `None` where two of them differ.
pub(super) fn reduce(ranks: &[Exchange], seed: u64) -> Option<Exchange> {
    let chained = chain(ranks);
    let same = [
        binomial(ranks, &|part| part[0].clone(), 1),
        four(ranks),
        ring(ranks)?,
        binomial(ranks, &chain, NODE),
        random(ranks, seed),
    ];
    same.iter().all(|it| *it == chained).then_some(chained)
}

/// Each rank adds its own to what comes from the one before it.
fn chain(ranks: &[Exchange]) -> Exchange {
    let mut all = ranks[0].clone();
    for rank in &ranks[1..] {
        merge(&mut all, rank.clone());
    }
    all
}

/// Halves at the largest power of two; parts of at most `leaf` ranks are reduced by `reduce_leaf`.
fn binomial(
    ranks: &[Exchange],
    reduce_leaf: &dyn Fn(&[Exchange]) -> Exchange,
    leaf: usize,
) -> Exchange {
    if ranks.len() <= leaf {
        return reduce_leaf(ranks);
    }
    let mut middle = leaf;
    while middle * 2 < ranks.len() {
        middle *= 2;
    }
    let (low, high) = ranks.split_at(middle);
    let mut all = binomial(low, reduce_leaf, leaf);
    merge(&mut all, binomial(high, reduce_leaf, leaf));
    all
}

/// A parent takes its four children, the last one first.
fn four(ranks: &[Exchange]) -> Exchange {
    let (parent, children) = ranks.split_at(1);
    let mut all = parent[0].clone();
    for child in children.rchunks(children.len().div_ceil(4).max(1)) {
        merge(&mut all, four(child));
    }
    all
}

/// Each block of the integers goes around from another rank on.
fn ring(ranks: &[Exchange]) -> Option<Exchange> {
    let Exchange::Reduce { sum, max } = &ranks[0] else {
        return None;
    };
    let (mut sums, mut maxima) = (vec![0_i64; sum.len()], vec![i64::MIN; max.len()]);
    let width = sum.len().div_ceil(BLOCKS).max(1);
    for (block, sums) in sums.chunks_mut(width).enumerate() {
        let first = block * ranks.len() / BLOCKS;
        let (before, after) = ranks.split_at(first);
        for rank in after.iter().chain(before) {
            let Exchange::Reduce { sum, .. } = rank else {
                return None;
            };
            for (all, own) in sums.iter_mut().zip(&sum[block * width..]) {
                *all = all.wrapping_add(*own);
            }
        }
    }
    for rank in ranks.iter().rev() {
        let Exchange::Reduce { max, .. } = rank else {
            return None;
        };
        for (all, own) in maxima.iter_mut().zip(max) {
            *all = (*all).max(*own);
        }
    }
    Some(Exchange::Reduce {
        sum: sums,
        max: maxima,
    })
}

/// Cuts anywhere, and joins in either order.
fn random(ranks: &[Exchange], seed: u64) -> Exchange {
    if let [only] = ranks {
        return only.clone();
    }
    let draw = seed
        .wrapping_add(ranks.len() as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let draw = draw ^ draw >> 29;
    // A chain of a hundred thousand would be too deep to recurse into: no part is tiny.
    let (least, rest) = (ranks.len() / 4, ranks.len() / 2);
    let middle = (least + (draw as usize % rest.max(1))).clamp(1, ranks.len() - 1);
    let (low, high) = ranks.split_at(middle);
    let (low, high) = (random(low, draw), random(high, draw.rotate_left(17)));
    let (mut all, other) = if draw & 1 == 0 {
        (low, high)
    } else {
        (high, low)
    };
    merge(&mut all, other);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(rank: i64) -> Exchange {
        Exchange::Reduce {
            sum: (0..40).map(|at| rank * (at + 1)).collect(),
            max: vec![(rank * 7) % 31, -rank],
        }
    }

    #[test]
    fn every_tree_takes_every_rank_once() {
        for world in [1, 2, 3, 7, 8, 9, 64, 100, 257] {
            let ranks: Vec<_> = (0..world).map(rank).collect();
            let all = reduce(&ranks, 5).expect("all trees agree");
            let sum = world * (world - 1) / 2;
            let expected = Exchange::Reduce {
                sum: (0..40).map(|at| sum * (at + 1)).collect(),
                max: vec![(0..world).map(|rank| rank * 7 % 31).max().unwrap_or(0), 0],
            };
            assert_eq!(all, expected, "a world of {world}");
        }
    }

    #[test]
    fn what_is_no_reduction_has_no_tree() {
        assert_eq!(reduce(&[Exchange::Gather(vec![1])], 5), None);
    }
}
