//! How two answers to the same question differ, in words.

use ckpt_policy_core::contract::{Fault, Verdict};
use serde_json::Value;

use super::super::notation;

/// An answer to `decide`.
type Answer = Result<Verdict, Fault>;

/// Says in what two answers differ, the state included.
pub(super) fn differences(names: (&str, &str), (one, other): (&Answer, &Answer)) -> Option<String> {
    if one == other {
        return None;
    }
    said(names, (written(one), written(other)))
}

/// Says in what two answers differ that a run could notice. The state is for the policy to read: one
/// that was put in order by `prepare` is as good.
pub(super) fn noticeable(names: (&str, &str), (one, other): (&Answer, &Answer)) -> Option<String> {
    let (mut one, mut other) = (written(one), written(other));
    for value in [&mut one, &mut other] {
        if let Some(verdict) = value.as_object_mut() {
            verdict.remove("state");
        }
    }
    said(names, (one, other))
}

fn said(names: (&str, &str), (one, other): (Value, Value)) -> Option<String> {
    // As JSON, since a NaN is not equal to itself.
    (one != other).then(|| notation::differences(names, (&one, &other)))
}

fn written(answer: &Answer) -> Value {
    match answer {
        Ok(verdict) => notation::verdict(verdict),
        // Its text may name places; that it fails, and how, is the answer.
        Err(fault) => Fault::name(fault.code()).into(),
    }
}
