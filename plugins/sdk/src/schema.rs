//! Checks a configuration against a policy's JSON Schema, and says what is wrong in plain words.
//!
//! The schema is what a site reads, so it is also what refuses: a policy has no second list of
//! rules that could differ. All mistakes are reported, each with its key, what was expected and
//! what was found; for an unknown key or word, the nearest known one.
//!
//! Understands the keywords that `schemars` makes of plain Rust types ([`KEYWORDS`]); a schema with
//! others is the author's mistake, and [`prove`] finds it.

mod expected;
#[cfg(not(target_family = "wasm"))]
mod make;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use self::expected::{expected, found, list};
#[cfg(not(target_family = "wasm"))]
pub use self::make::{make, prove};
use crate::Error;

/// Returns the error for a key whose value a schema cannot judge, in the words used here.
#[must_use]
pub fn refuse(key: &str, expected: &str, found: &str) -> Error {
    Error::Config(format!("`{key}`: expected {expected}, found {found}"))
}

/// Checks a configuration.
///
/// # Errors
///
/// All mistakes in one text, separated by `; `.
pub fn check(schema: &str, config: &Value) -> Result<(), String> {
    let root: Value = serde_json::from_str(schema)
        .map_err(|error| format!("the policy's own schema is not JSON: {error}"))?;
    let mut mistakes = Vec::new();
    Checker {
        root: &root,
        mistakes: &mut mistakes,
    }
    .check(&root, config, "");
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(mistakes.join("; "))
    }
}

/// Returns the word that is nearest to `wrong`, if one is near.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wrong.chars().count();
    // Two letters that changed places count twice; very short words are near to everything.
    let reach = if length < 4 { 1 } else { (length / 3).max(2) };
    let distances = known.into_iter().map(|word| (distance(wrong, word), word));
    distances
        .filter(|(distance, _)| *distance <= reach)
        .min()
        .map(|(_, word)| word)
}

/// The keywords that [`check`] understands; those that only describe are among them.
pub const KEYWORDS: [&str; 25] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "properties",
    "required",
    "title",
    "type",
    "uniqueItems",
    "allOf",
    "deprecated",
];

struct Checker<'a> {
    root: &'a Value,
    mistakes: &'a mut Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, path: &str) {
        let schema = resolve(self.root, schema);
        for all in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.check(all, value, path);
        }
        if let Some(forms) = forms(schema) {
            return self.alternatives(schema, forms, value, path);
        }
        if !fits(schema, value) {
            return self.mismatch(schema, value, path);
        }
        match value {
            Value::Object(object) => self.object(schema, object, path),
            Value::Array(items) => self.array(schema, items, path),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn alternatives(&mut self, schema: &Value, forms: &[Value], value: &Value, path: &str) {
        if forms.iter().any(|form| self.accepts(form, value)) {
            return;
        }
        // An object that has a form's key was meant to be of that form.
        let meant = forms
            .iter()
            .map(|form| resolve(self.root, form))
            .find(|form| {
                let keys = form.get("properties").and_then(Value::as_object);
                keys.is_some_and(|keys| keys.keys().any(|key| value.get(key).is_some()))
            });
        match meant {
            Some(form) => self.check(form, value, path),
            None => self.mismatch(schema, value, path),
        }
    }

    fn accepts(&self, schema: &Value, value: &Value) -> bool {
        let mut mistakes = Vec::new();
        Checker {
            root: self.root,
            mistakes: &mut mistakes,
        }
        .check(schema, value, "");
        mistakes.is_empty()
    }

    fn object(&mut self, schema: &Value, object: &Map<String, Value>, path: &str) {
        let none = Map::new();
        let known = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        for (key, value) in object {
            match known.get(key) {
                Some(property) => self.check(property, value, &join(path, key)),
                None if closed => self.unknown(known, key, path),
                None => {}
            }
        }
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for key in required
            .filter_map(Value::as_str)
            .filter(|key| !object.contains_key(*key))
        {
            let wanted = known.get(key).map(|property| expected(self.root, property));
            let wanted = wanted.unwrap_or_else(|| "a value".to_owned());
            self.mistakes.push(format!(
                "the key `{}` is missing, expected {wanted}",
                join(path, key)
            ));
        }
    }

    fn unknown(&mut self, known: &Map<String, Value>, key: &str, path: &str) {
        let hint = match nearest(&key.replace('_', "-"), known.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "expected {}",
                list(known.keys().map(|key| format!("`{key}`")))
            ),
        };
        self.mistakes
            .push(format!("unknown key `{}`, {hint}", join(path, key)));
    }

    fn array(&mut self, schema: &Value, items: &[Value], path: &str) {
        if let Some(form) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.check(form, item, &format!("{path}[{index}]"));
            }
        }
        let twice = items
            .iter()
            .enumerate()
            .any(|(index, item)| items[..index].contains(item));
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && twice {
            self.mistakes.push(format!(
                "`{path}`: expected each item once, found one twice"
            ));
        }
    }

    fn mismatch(&mut self, schema: &Value, value: &Value, path: &str) {
        let words = expected::words(self.root, schema);
        let near = value
            .as_str()
            .and_then(|wrong| nearest(wrong, words.iter().map(String::as_str)));
        let hint = near
            .map(|near| format!(", did you mean \"{near}\"?"))
            .unwrap_or_default();
        let place = if path.is_empty() {
            "the configuration".to_owned()
        } else {
            format!("`{path}`")
        };
        let (expected, found) = (expected(self.root, schema), found(value));
        self.mistakes
            .push(format!("{place}: expected {expected}, found {found}{hint}"));
    }
}

/// Whether a value fits what a schema says of it alone, without its items and properties.
fn fits(schema: &Value, value: &Value) -> bool {
    let is_type = |name: &Value| match name.as_str() {
        Some("array") => value.is_array(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64() || whole(value).is_some(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("object") => value.is_object(),
        Some("string") => value.is_string(),
        _ => false,
    };
    let typed = match schema.get("type") {
        Some(Value::Array(names)) => names.iter().any(is_type),
        Some(name) => is_type(name),
        None => true,
    };
    let constant = schema.get("const").is_none_or(|only| only == value);
    let listed = schema
        .get("enum")
        .and_then(Value::as_array)
        .is_none_or(|all| all.contains(value));
    typed && constant && listed && within(schema, value) && schema != &Value::Bool(false)
}

/// Writes numbers without a fraction as integers, which they are to a schema: `2.0` is 2.
pub(crate) fn write_whole(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(write_whole),
        Value::Array(items) => items.iter_mut().for_each(write_whole),
        Value::Number(_) => {
            if let Some(number) = whole(value) {
                *value = number.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Returns what was written with a fraction of zero, where an integer has the same value.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|_| value.is_f64())?;
    let exact = number.fract() == 0.0 && number.abs() <= LARGEST_EXACT;
    exact.then_some(number as i64)
}

fn within(schema: &Value, value: &Value) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let in_range = value.as_f64().is_none_or(|number| {
        bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
            && bound("exclusiveMinimum").is_none_or(|least| number > least)
            && bound("exclusiveMaximum").is_none_or(|most| number < most)
    });
    let long = |key: &str, length: usize| bound(key).is_none_or(|least| length as f64 >= least);
    in_range
        && value
            .as_str()
            .is_none_or(|text| long("minLength", text.chars().count()))
        && value
            .as_array()
            .is_none_or(|items| long("minItems", items.len()))
}

/// Follows `$ref` within the document.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
        return schema;
    };
    let target = reference
        .strip_prefix('#')
        .and_then(|pointer| root.pointer(pointer));
    match target {
        // One step only: a definition that is nothing but a reference is not made by anyone.
        Some(target) => target,
        None => schema,
    }
}

fn forms(schema: &Value) -> Option<&Vec<Value>> {
    schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))
        .and_then(Value::as_array)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Levenshtein's distance: insertions, deletions and replacements of one character.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, one) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(one != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// Up to here each integer is a double of its own.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
