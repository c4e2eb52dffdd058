//! How two answers to the same question differ, in words.

use std::fmt::Debug;

use ckpt_policy_core::contract::{Fault, Verdict};

/// Says in what two answers differ, the state included.
pub(super) fn difference(
    one: &Result<Verdict, Fault>,
    other: &Result<Verdict, Fault>,
) -> Option<String> {
    but_for_state(one, other).or_else(|| match (one, other) {
        (Ok(one), Ok(other)) => differs("state", &one.state, &other.state),
        _ => None,
    })
}

/// Says in what two answers differ that a run could notice.
pub(super) fn but_for_state(
    one: &Result<Verdict, Fault>,
    other: &Result<Verdict, Fault>,
) -> Option<String> {
    let (one, other) = match (one, other) {
        (Ok(one), Ok(other)) => (one, other),
        // A trap's text may name places; that it trapped is the answer.
        (Err(one), Err(other)) if one.code() == other.code() => return None,
        (one, other) => return differs("answer", one, other),
    };
    differs("ballot", &one.ballot, &other.ballot)
        .or_else(|| differs("release", &one.release, &other.release))
        .or_else(|| differs("hold", &one.hold, &other.hold))
        .or_else(|| differs("labels", &one.labels, &other.labels))
        .or_else(|| differs("tags", &one.tags, &other.tags))
        .or_else(|| differs("stop", &one.stop, &other.stop))
        .or_else(|| differs("not-before", &one.not_before, &other.not_before))
        .or_else(|| differs("reason", &one.reason, &other.reason))
        .or_else(|| differs("figures", &one.figures, &other.figures))
}

fn differs<T: PartialEq + Debug>(what: &str, one: &T, other: &T) -> Option<String> {
    if one == other {
        return None;
    }
    let (one, other) = (format!("{one:?}"), format!("{other:?}"));
    // A NaN is not equal to itself; its text is.
    (one != other).then(|| format!("`{what}` was {}, now {}", cut(&one), cut(&other)))
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

const MOST_SHOWN: usize = 160;
