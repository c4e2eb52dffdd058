//! What ranks read from totals, above all where they differ.

use super::{WORD, agrees, write_words};

/// Whether ranks that bring these words agree, as each of them reads it from the sums.
fn agree(words: &[u32]) -> bool {
    let mut sums = [0; WORD];
    for word in words {
        let mut own = [0; WORD];
        write_words(&word.to_le_bytes(), &mut own);
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum += own;
        }
    }
    agrees(&sums, words.len() as u32)
}

#[test]
fn equal_words_agree_in_a_world_of_any_size() {
    for word in [0, 1, 0x1234_5678, u32::MAX] {
        for ranks in [1, 2, 3, 1000] {
            assert!(agree(&vec![word; ranks]), "{ranks} times {word}");
        }
    }
}

#[test]
fn one_rank_that_is_the_mean_of_the_others_does_not_think_that_all_agree() {
    assert!(!agree(&[119, 120, 121]));
    assert!(!agree(&[0, u32::MAX]));
    assert!(!agree(&[0, u32::MAX, 0, u32::MAX]));
}

#[test]
fn one_other_rank_among_many_is_found() {
    for place in [0, 500, 999] {
        let mut words = vec![u32::MAX; 1000];
        words[place] -= 1;
        assert!(!agree(&words));
    }
}

#[test]
fn the_largest_world_of_the_largest_words_fits() {
    let mut sums = [0; WORD];
    write_words(&u32::MAX.to_le_bytes(), &mut sums);
    let ranks = crate::reduction::integers::MOST_RANKS;
    for sum in &mut sums {
        *sum = sum.checked_mul(i64::from(ranks)).expect("it fits");
    }
    assert!(agrees(&sums, ranks));
    sums[0] -= 1;
    assert!(!agrees(&sums, ranks));
}
