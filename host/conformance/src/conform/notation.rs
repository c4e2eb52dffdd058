//! Arguments and answers of calls, written as JSON for people.
//!
//! Names are the contract's own, in kebab-case. A number that JSON does not have is a string, as in
//! traces: `"NaN"`, `"Infinity"`, `"-Infinity"`, and `"-0.0"`, which JSON has and readers lose. Bytes
//! are text where they are text, else hexadecimal digits. Long lists are abridged by [`text`] alone, so
//! two answers are equal exactly where their JSON is.

use ckpt_policy_core::contract::{
    Checkpoint, Description, Observation, Operation, Plan, Prepared, Reduced, Reduction, Round,
    Source, Verdict,
};
use serde_json::{Map, Value, json};

/// Writes a value for people: indented, long lists abridged.
pub(super) fn text(value: &Value) -> String {
    format!("{:#}", abridged(value))
}

/// Says where two values differ, the first few places only; empty where they are equal.
pub(super) fn differences(names: (&str, &str), values: (&Value, &Value)) -> String {
    let mut found = Vec::new();
    compare("", values, &mut found);
    let shown = found
        .iter()
        .take(MOST_DIFFERENCES)
        .map(|(path, one, other)| {
            let (one, other) = (short(one), short(other));
            format!("`{path}` is `{one}` {} and `{other}` {}", names.0, names.1)
        });
    let mut text = shown.collect::<Vec<_>>().join("; ");
    if found.len() > MOST_DIFFERENCES {
        text.push_str(&format!("; {} more", found.len() - MOST_DIFFERENCES));
    }
    text
}

pub(crate) fn observation(from: &Observation) -> Value {
    json!({
        "moment": from.moment,
        "step": from.step,
        "epoch": from.epoch,
        "rank": from.rank,
        "world-size": from.world_size,
        "values": options(&from.values),
        "checkpoints": from.checkpoints.iter().map(checkpoint).collect::<Vec<_>>(),
    })
}

pub(crate) fn round(from: &Round) -> Value {
    json!({
        "moment": from.moment,
        "step": from.step,
        "epoch": from.epoch,
        "world-size": from.world_size,
        "elapsed-seconds": option(from.elapsed_seconds),
        "candidate": from.candidate,
        "values": from.values.iter().map(reduced).collect::<Vec<_>>(),
        "checkpoints": from.checkpoints.iter().map(checkpoint).collect::<Vec<_>>(),
    })
}

pub(crate) fn description(from: &Description) -> Value {
    json!({
        "name": from.name,
        "version": from.version,
        "summary": from.summary,
        "config-schema": from.config_schema,
    })
}

pub(crate) fn prepared(from: &Prepared) -> Value {
    json!({
        "plan": plan(&from.plan),
        "settings": bytes(&from.settings),
        "state": bytes(&from.state),
    })
}

pub(super) fn plan(from: &Plan) -> Value {
    let inputs = from.inputs.iter();
    json!({
        "inputs": inputs
            .map(|input| json!({ "name": input.name, "required": input.required }))
            .collect::<Vec<_>>(),
        "features": from.features,
        "reductions": from.reductions.iter().map(reduction).collect::<Vec<_>>(),
        "view": from.view.to_string(),
        "moments": from.moments,
        "every-steps": from.every_steps,
        "passive": from.passive,
    })
}

pub(crate) fn verdict(from: &Verdict) -> Value {
    let figures = from.figures.iter();
    let labels = from.labels.iter();
    json!({
        "ballot": from.ballot.to_string(),
        "reason": from.reason,
        "figures": figures
            .map(|figure| json!({ "name": figure.name, "value": number(figure.value) }))
            .collect::<Vec<_>>(),
        "tags": from.tags,
        "labels": labels
            .map(|label| json!({ "name": label.name, "checkpoint": label.checkpoint }))
            .collect::<Vec<_>>(),
        "hold": from.hold,
        "release": from.release,
        "stop": from.stop,
        "not-before": from.not_before,
        "state": bytes(&from.state),
    })
}

pub(crate) fn options(from: &[Option<f64>]) -> Value {
    from.iter().map(|value| option(*value)).collect()
}

pub(crate) fn bytes(from: &[u8]) -> Value {
    match str::from_utf8(from) {
        Ok(text) if !text.chars().any(char::is_control) => json!(text),
        _ => {
            let digits: String = from.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(format!("hex:{digits}"))
        }
    }
}

fn option(from: Option<f64>) -> Value {
    from.map_or(Value::Null, number)
}

fn number(from: f64) -> Value {
    match from {
        _ if from.is_nan() => json!("NaN"),
        _ if from == f64::INFINITY => json!("Infinity"),
        _ if from == f64::NEG_INFINITY => json!("-Infinity"),
        _ if from == 0.0 && from.is_sign_negative() => json!("-0.0"),
        _ => json!(from),
    }
}

fn reduction(from: &Reduction) -> Value {
    let operation = match from.operation {
        Operation::Sum => json!("sum"),
        Operation::Mean => json!("mean"),
        Operation::WeightedMean(weight) => json!({ "weighted-mean": source(weight) }),
        Operation::Variance => json!("variance"),
        Operation::Min => json!("min"),
        Operation::Max => json!("max"),
        Operation::Tally => json!("tally"),
        Operation::FromRank(rank) => json!({ "from-rank": rank }),
        Operation::EveryRank => json!("every-rank"),
    };
    json!({ "source": source(from.source), "operation": operation })
}

fn source(from: Source) -> Value {
    match from {
        Source::Input(index) => json!({ "input": index }),
        Source::Feature(index) => json!({ "feature": index }),
    }
}

fn reduced(from: &Reduced) -> Value {
    match from {
        Reduced::Statistic(statistic) => json!({ "statistic": {
            "value": option(statistic.value),
            "finite": statistic.finite,
            "non-finite": statistic.non_finite,
            "missing": statistic.missing,
        }}),
        Reduced::Tally(tally) => json!({ "tally": {
            "yes": tally.yes,
            "no": tally.no,
            "abstaining": tally.abstaining,
        }}),
        Reduced::EveryRank(values) => json!({ "every-rank": options(values) }),
    }
}

fn checkpoint(from: &Checkpoint) -> Value {
    json!({
        "id": from.id,
        "step": from.step,
        "epoch": from.epoch,
        "elapsed-seconds": option(from.elapsed_seconds),
        "complete": from.complete,
        "mine": from.mine,
        "pinned": from.pinned,
        "bytes": from.bytes,
        "tags": from.tags,
        "values": options(&from.values),
    })
}

fn compare(path: &str, values: (&Value, &Value), found: &mut Vec<(String, Value, Value)>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    };
    match values {
        (Value::Object(one), Value::Object(other)) => {
            let null = Value::Null;
            let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let (one, other) = (one.get(key), other.get(key));
                compare(
                    &below(key),
                    (one.unwrap_or(&null), other.unwrap_or(&null)),
                    found,
                );
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, pair) in one.iter().zip(other).enumerate() {
                compare(&below(&index.to_string()), pair, found);
            }
        }
        (one, other) if one == other => {}
        (one, other) => found.push((path.to_owned(), one.clone(), other.clone())),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONG_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn abridged(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.len() > LONG_LIST => {
            let left_out = items.len() - 2 * ENDS;
            let (head, tail) = (&items[..ENDS], &items[items.len() - ENDS..]);
            let note = json!(format!("… {left_out} more …"));
            let ends = head.iter().map(abridged).chain([note]);
            ends.chain(tail.iter().map(abridged)).collect()
        }
        Value::Array(items) => items.iter().map(abridged).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), abridged(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::String(text) if text.len() > LONG_TEXT => {
            let end = text.floor_char_boundary(LONG_TEXT);
            json!(format!("{}… ({} bytes)", &text[..end], text.len()))
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => value.clone(),
    }
}

/// Differences that are spelled out.
const MOST_DIFFERENCES: usize = 3;
/// Characters of a value in a difference.
const LONG_VALUE: usize = 120;
/// Entries of a list that is shown whole.
const LONG_LIST: usize = 16;
/// Entries that are shown of each end of a longer one.
const ENDS: usize = 3;
/// Bytes of a text that is shown whole.
const LONG_TEXT: usize = 512;
