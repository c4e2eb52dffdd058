//! Says which ranks differ, and in what.
//!
//! All ranks compare the same bytes, so they all come to the same text. The ranks of the largest
//! group are "the others"; where there is no such group, every group is named.

use std::fmt::Write as _;

/// Ranks that are named before a long list is cut.
const NAMED: usize = 8;
/// Characters of a value that are shown.
const SHOWN: usize = 200;
/// Of those, characters before the first difference where a value is cut.
const BEFORE: usize = 40;

/// Compares one value of each rank; `verb` is what one rank, and what several do with it, such as
/// `["is at step", "are at step"]`.
pub(crate) fn compare<T: PartialEq>(
    values: &[T],
    verb: [&str; 2],
    show: impl Fn(&T) -> String,
) -> Option<String> {
    let ranks: Vec<_> = (0..values.len()).collect();
    compare_some(&ranks, values, verb, show)
}

/// Compares as [`compare`] does, one value of each of these ranks.
pub(crate) fn compare_some<T: PartialEq>(
    named: &[usize],
    values: &[T],
    verb: [&str; 2],
    show: impl Fn(&T) -> String,
) -> Option<String> {
    let groups = groups(values);
    if groups.len() < 2 {
        return None;
    }
    let shown = excerpts(groups.iter().map(|group| show(&values[group[0]])).collect());
    let name = |places: &[usize]| places.iter().map(|place| named[*place]).collect();
    let groups: Vec<Vec<usize>> = groups.iter().map(|group| name(group)).collect();
    let (others, odd) = split(&groups, values.len());
    let first = groups.len() - odd.len();
    let mut text = String::new();
    for (position, (group, value)) in odd.iter().zip(&shown[first..]).enumerate() {
        let verb = if group.len() == 1 { verb[0] } else { verb[1] };
        let comma = if position == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{} {verb} {value}", ranks(group));
    }
    if others.is_some() {
        let _ = write!(text, ", the others {} {}", verb[1], shown[0]);
    }
    Some(text)
}

/// Compares one value of each rank that means nothing to people, such as a digest.
pub(crate) fn compare_hidden<T: PartialEq>(values: &[T], what: &str) -> Option<String> {
    let groups = groups(values);
    if groups.len() < 2 {
        return None;
    }
    let (others, odd) = split(&groups, values.len());
    if others.is_none() {
        let sides: Vec<_> = odd.iter().map(|group| ranks(group)).collect();
        return Some(format!("{} differ in {what}", sides.join(" and ")));
    }
    let odd: Vec<usize> = {
        let mut odd: Vec<_> = odd.into_iter().flatten().copied().collect();
        odd.sort_unstable();
        odd
    };
    let verb = if odd.len() == 1 { "has" } else { "have" };
    Some(format!(
        "{} {verb} another {what} than the others",
        ranks(&odd)
    ))
}

/// Returns the ranks of each distinct value, the largest group first.
fn groups<T: PartialEq>(values: &[T]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (rank, value) in values.iter().enumerate() {
        match groups.iter_mut().find(|group| values[group[0]] == *value) {
            Some(group) => group.push(rank),
            None => groups.push(vec![rank]),
        }
    }
    groups.sort_by_key(|group| (usize::MAX - group.len(), group[0]));
    groups
}

/// Tells the group that is more than half of the world, if there is one, from the rest.
fn split(groups: &[Vec<usize>], world: usize) -> (Option<&Vec<usize>>, Vec<&Vec<usize>>) {
    match groups.split_first() {
        Some((first, rest)) if first.len() * 2 > world => (Some(first), rest.iter().collect()),
        _ => (None, groups.iter().collect()),
    }
}

/// Returns such as `rank 3`, `ranks 1 and 2` or `ranks 0, 1, 2 and 40 more`.
pub(crate) fn ranks(ranks: &[usize]) -> String {
    let names: Vec<_> = ranks.iter().take(NAMED).map(ToString::to_string).collect();
    match (names.as_slice(), ranks.len().saturating_sub(NAMED)) {
        ([only], 0) => format!("rank {only}"),
        ([head @ .., last], 0) => format!("ranks {} and {last}", head.join(", ")),
        (names, more) => format!("ranks {} and {more} more", names.join(", ")),
    }
}

/// Cuts long values to the part where they begin to differ.
fn excerpts(values: Vec<String>) -> Vec<String> {
    if values.iter().all(|value| value.chars().count() <= SHOWN) {
        return values;
    }
    let mut common = values[0].chars().count();
    for value in &values[1..] {
        let pairs = values[0].chars().zip(value.chars());
        common = common.min(pairs.take_while(|(one, other)| one == other).count());
    }
    let start = common.saturating_sub(BEFORE);
    let excerpt = |value: &String| {
        let part: String = value.chars().skip(start).take(SHOWN).collect();
        let (before, after) = (start > 0, value.chars().count() > start + SHOWN);
        let dots = |cut| if cut { "…" } else { "" };
        format!("{}{part}{}", dots(before), dots(after))
    };
    values.iter().map(excerpt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(values: &[u64]) -> Option<String> {
        compare(values, ["is at step", "are at step"], u64::to_string)
    }

    #[test]
    fn names_the_odd_ones_and_both_values() {
        assert_eq!(steps(&[7, 7, 7]), None);
        assert_eq!(
            steps(&[119, 119, 120]).as_deref(),
            Some("rank 2 is at step 120, the others are at step 119")
        );
        assert_eq!(
            steps(&[1, 2, 1, 2, 1, 1, 3]).as_deref(),
            Some("ranks 1 and 3 are at step 2, rank 6 is at step 3, the others are at step 1")
        );
    }

    #[test]
    fn names_every_group_where_none_is_the_larger_half() {
        assert_eq!(
            steps(&[5, 6]).as_deref(),
            Some("rank 0 is at step 5, rank 1 is at step 6")
        );
        assert_eq!(
            compare_hidden(&[5, 6], "state").as_deref(),
            Some("rank 0 and rank 1 differ in state")
        );
    }

    #[test]
    fn cuts_long_values_to_where_they_differ() {
        let value = |end: &str| format!("{}{end}", "x".repeat(300));
        let text = compare(&[value("1"), value("2")], ["has", "have"], String::clone);
        let before = "x".repeat(BEFORE);
        assert_eq!(
            text.as_deref(),
            Some(format!("rank 0 has …{before}1, rank 1 has …{before}2").as_str())
        );
    }

    #[test]
    fn cuts_long_lists_of_ranks() {
        let mut values = vec![0_u64; 40];
        values[..12].fill(1);
        assert_eq!(
            compare_hidden(&values, "ledger").as_deref(),
            Some("ranks 0, 1, 2, 3, 4, 5, 6, 7 and 4 more have another ledger than the others")
        );
    }
}
