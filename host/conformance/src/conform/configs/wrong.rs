//! Makes configurations that a schema refuses, each one step away from one that it accepts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Schema;

/// A configuration that must be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::conform) struct Wrong {
    /// The configuration's text.
    pub(in crate::conform) text: String,
    /// What is wrong with it.
    pub(in crate::conform) why: String,
}

/// Makes all of them, each once.
pub(super) fn of(schema: &Schema, good: &Value) -> Vec<Wrong> {
    let mut seen = BTreeSet::new();
    let invalid = variants(schema, good).into_iter().filter_map(|value| {
        let why = schema.refusal(&value)?;
        let text = value.to_string();
        seen.insert(text.clone()).then_some(Wrong { text, why })
    });
    let mut all: Vec<Wrong> = invalid.collect();
    all.extend(no_json(&good.to_string()));
    all
}

/// Makes keys that a schema does not know, near to those that it does.
pub(in crate::conform) fn unknown_keys(schema: &Schema) -> Vec<String> {
    let known: BTreeSet<&String> = schema.keys().collect();
    let longer = known.iter().map(|key| format!("{key}x"));
    let other_dash = known.iter().map(|key| key.replace('-', "_"));
    let made = ["no-such-key".to_owned()].into_iter();
    let made = made
        .chain(longer.take(1))
        .chain(other_dash.filter(|key| key.contains('_')).take(1));
    made.filter(|key| !known.contains(key)).collect()
}

/// Values near `good`, most of them wrong.
fn variants(schema: &Schema, good: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(true),
        json!(7),
        json!("text"),
        json!([]),
        json!({}),
    ];
    all.push(json!([good]));
    let values = values(schema);
    for key in schema.keys() {
        for value in &values {
            let mut other = good.clone();
            if let Value::Object(fields) = &mut other {
                fields.insert(key.clone(), value.clone());
            }
            all.push(other);
        }
    }
    let mut places = Vec::new();
    walk(good, String::new(), &mut places);
    for place in &places {
        all.extend(without(good, place));
        all.extend(values.iter().filter_map(|value| with(good, place, value)));
        all.extend(shouted(good, place));
    }
    all
}

/// What is put in the place of a good value: of each type, and about each bound of the schema.
fn values(schema: &Schema) -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(-1.5),
        json!(0.5),
        json!(1e300),
        json!(-1e300),
        json!(""),
        json!("no-such-word"),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "no-such-key": 1 }),
    ];
    bounds(&schema.document, &mut values);
    values
}

fn bounds(schema: &Value, found: &mut Vec<Value>) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                let is_bound = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
                    .contains(&keyword.as_str());
                match value.as_f64() {
                    Some(bound) if is_bound => found.extend(about(bound)),
                    _ => bounds(value, found),
                }
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| bounds(part, found)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

fn about(bound: f64) -> [Value; 5] {
    let written = |number: f64| match number.fract() == 0.0 && number.abs() < 9e15 {
        true => json!(number as i64),
        false => json!(number),
    };
    [bound - 1.0, bound - 0.5, bound, bound + 0.5, bound + 1.0].map(written)
}

/// Lists where each part of a value is, as JSON pointers.
fn walk(value: &Value, at: String, places: &mut Vec<String>) {
    if places.len() >= MOST_PLACES {
        return;
    }
    if !at.is_empty() {
        places.push(at.clone());
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            walk(value, format!("{at}/{key}"), places);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            walk(value, format!("{at}/{index}"), places);
        }),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

fn with(good: &Value, place: &str, value: &Value) -> Option<Value> {
    let mut other = good.clone();
    *other.pointer_mut(place)? = value.clone();
    Some(other)
}

fn without(good: &Value, place: &str) -> Option<Value> {
    let mut other = good.clone();
    let (parent, key) = place.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    other.pointer_mut(parent)?.as_object_mut()?.remove(&key)?;
    Some(other)
}

fn shouted(good: &Value, place: &str) -> Option<Value> {
    let word = good.pointer(place)?.as_str()?;
    with(good, place, &json!(word.to_uppercase()))
}

/// Texts that are no JSON at all.
fn no_json(good: &str) -> Vec<Wrong> {
    let texts = [
        String::new(),
        " ".to_owned(),
        "{".to_owned(),
        "nonsense".to_owned(),
        good[..good.len() - 1].to_owned(),
        format!("{good},"),
        format!("{good} {good}"),
        good.replace('"', "'"),
        "[".repeat(300),
    ];
    let is_no_json = |text: &String| serde_json::from_str::<Value>(text).is_err();
    let texts = texts.into_iter().filter(is_no_json);
    let wrong = texts.map(|text| Wrong {
        text,
        why: "it is not JSON".to_owned(),
    });
    wrong.collect()
}

/// Parts of one configuration that are changed.
const MOST_PLACES: usize = 64;
