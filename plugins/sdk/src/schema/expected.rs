//! Says in words what a schema wants and what a value is.

use serde_json::Value;

use crate::schema::{forms, resolve};

/// Returns what a schema wants, such as `an integer of at least -1`.
pub(super) fn expected(root: &Value, schema: &Value) -> String {
    let schema = resolve(root, schema);
    if let Some(forms) = forms(schema) {
        return list(forms.iter().map(|form| expected(root, form)));
    }
    if let Some(only) = schema.get("const") {
        return only.to_string();
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return list(all.iter().map(Value::to_string));
    }
    match schema.get("type") {
        Some(Value::Array(names)) => list(names.iter().map(|name| typed(root, schema, name))),
        Some(name) => typed(root, schema, name),
        None => "another value".to_owned(),
    }
}

/// Returns the words that a schema offers, itself or for one of its forms.
pub(super) fn words(root: &Value, schema: &Value) -> Vec<String> {
    let schema = resolve(root, schema);
    let only = schema.get("const").into_iter();
    let all = only.chain(
        schema
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten(),
    );
    let own = all.filter_map(Value::as_str).map(str::to_owned);
    let nested = forms(schema)
        .into_iter()
        .flatten()
        .flat_map(|form| words(root, form));
    own.chain(nested).collect()
}

/// Returns what a value is, such as `the string "many"`.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().count() > LONG => {
            let start: String = text.chars().take(LONG).collect();
            format!("a string that begins with {}", Value::String(start))
        }
        Value::String(_) => format!("the string {value}"),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(object) => match object.keys().next() {
            None => "an empty object".to_owned(),
            Some(key) => format!("an object with `{key}`"),
        },
    }
}

/// Joins alternatives with commas and a last `or`.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    match items.pop() {
        None => "nothing".to_owned(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} or {last}", items.join(", ")),
    }
}

fn typed(root: &Value, schema: &Value, name: &Value) -> String {
    match name.as_str().unwrap_or_default() {
        "array" => array(root, schema),
        "boolean" => "true or false".to_owned(),
        "integer" => format!("an integer{}", range(schema)),
        "number" => format!("a number{}", range(schema)),
        "object" => object(schema),
        "string" if schema.get("minLength").is_some() => "a string that is not empty".to_owned(),
        "string" => "a string".to_owned(),
        other => other.to_owned(),
    }
}

fn array(root: &Value, schema: &Value) -> String {
    let some = if schema.get("minItems").is_some() {
        "a list of at least one of"
    } else {
        "a list of"
    };
    match schema.get("items") {
        Some(items) => format!("{some} {}", expected(root, items)),
        None => "a list".to_owned(),
    }
}

fn object(schema: &Value) -> String {
    let required = schema.get("required").and_then(Value::as_array);
    let keys: Vec<String> = required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|key| format!("`{key}`"))
        .collect();
    if keys.is_empty() {
        "an object".to_owned()
    } else {
        format!("an object with {}", keys.join(" and "))
    }
}

fn range(schema: &Value) -> String {
    let bounds = [
        ("minimum", "of at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "of at most"),
        ("exclusiveMaximum", "below"),
    ];
    let said = bounds
        .iter()
        .filter_map(|(key, word)| schema.get(*key).map(|bound| format!("{word} {bound}")));
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(" {}", said.join(" and "))
    }
}

/// Longer strings are cut when they are quoted.
const LONG: usize = 40;
