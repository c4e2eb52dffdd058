//! A policy's own JSON Schema: what its configuration may say.
//!
//! Responsible for finding everything that is wrong with a configuration, with the path of the key
//! and the nearest known one. It fetches nothing: a schema that refers to another document is
//! refused.

use std::collections::BTreeMap;

use ckpt_policy_core::nearest;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::fields::list_of;
use super::policy::Entry;
use super::problem::Problem;

/// A schema that is valid itself.
pub(crate) struct Schema {
    document: Value,
    validator: Validator,
}

/// Counts the values of a schema, with each reference replaced by what it refers to; one that leads
/// back to where it stands counts as one.
fn written_out(document: &Value) -> u64 {
    let mut known = BTreeMap::new();
    parts(document, document, &mut known)
}

fn parts<'a>(document: &'a Value, value: &'a Value, known: &mut BTreeMap<&'a str, u64>) -> u64 {
    let below = |value, known: &mut _| parts(document, value, known);
    match value {
        Value::Array(items) => items
            .iter()
            .fold(1, |sum: u64, item| sum.saturating_add(below(item, known))),
        Value::Object(entries) => entries.iter().fold(1, |sum: u64, (key, value)| {
            let target = value
                .as_str()
                .filter(|_| key.ends_with("Ref") || key == "$ref");
            let more = match target {
                Some(target) => referred(document, target, known),
                None => below(value, known),
            };
            sum.saturating_add(more)
        }),
        _ => 1,
    }
}

fn referred<'a>(document: &'a Value, target: &'a str, known: &mut BTreeMap<&'a str, u64>) -> u64 {
    if let Some(count) = known.get(target) {
        return *count;
    }
    known.insert(target, 1);
    let found = target.strip_prefix('#');
    let found = found.and_then(|pointer| document.pointer(pointer));
    let count = found.map_or(1, |found| parts(document, found, known));
    known.insert(target, count);
    count
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Keys and indices from the configuration down.
    pub(crate) path: Vec<String>,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

impl Schema {
    /// Parses a schema as `describe` returns it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| format!("the policy's `config-schema` is not JSON: {error}"))?;
        if written_out(&document) > MOST_PARTS {
            return Err(format!(
                "the policy's `config-schema` has more than {MOST_PARTS} parts, each that it refers to counted where it is asked for; what is asked for again and again would take for ever to check"
            ));
        }
        let validator = jsonschema::validator_for(&document)
            .map_err(|error| format!("the policy's `config-schema` is no JSON Schema: {error}"))?;
        Ok(Self {
            document,
            validator,
        })
    }

    /// Returns everything that is wrong with a configuration.
    pub(crate) fn check(&self, config: &Value) -> Vec<Wrong> {
        self.validator
            .iter_errors(config)
            .flat_map(|error| self.explain(&error))
            .collect()
    }

    /// Returns the first example of a whole configuration.
    pub(crate) fn example(&self) -> Option<&Value> {
        self.document.get("examples")?.as_array()?.first()
    }

    /// Returns the document.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Returns the keys of a configuration, each with the schema of its value.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.document
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    }

    /// Whether a key must be there.
    pub(crate) fn requires(&self, key: &str) -> bool {
        let required = self.document.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(key)))
    }

    /// Returns what is said of a value, there or where its schema refers to.
    pub(crate) fn description<'a>(&'a self, schema: &'a Value) -> &'a str {
        let of = |schema: &'a Value| schema.get("description").and_then(Value::as_str);
        of(schema)
            .or_else(|| of(self.resolve(schema)))
            .unwrap_or_default()
    }

    /// Returns what a value may be, in words.
    pub(crate) fn kind(&self, schema: &Value) -> String {
        self.kind_to(schema, DEPTH)
    }

    fn kind_to(&self, schema: &Value, depth: usize) -> String {
        let schema = self.resolve(schema);
        let Some(deeper) = depth.checked_sub(1) else {
            return "…".to_owned();
        };
        if let Some(value) = schema.get("const") {
            return value.to_string();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return one_of(values.iter().map(Value::to_string));
        }
        if let Some(choices) = choices(schema) {
            return one_of(choices.iter().map(|choice| self.kind_to(choice, deeper)));
        }
        let named = |name: &str| match (name, schema.get("items")) {
            ("array", Some(items)) => format!("list of {}", self.kind_to(items, deeper)),
            ("integer" | "number", _) => format!("{name}{}", bounds(schema)),
            ("object", _) => self.object(schema, deeper),
            _ => name.to_owned(),
        };
        match schema.get("type") {
            Some(Value::String(name)) => named(name),
            Some(Value::Array(names)) => one_of(names.iter().filter_map(Value::as_str).map(named)),
            _ => "any".to_owned(),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> String {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return "object".to_owned();
        };
        let keys = properties
            .iter()
            .map(|(key, value)| format!("{key}: {}", self.kind_to(value, depth)));
        format!("{{{}}}", keys.collect::<Vec<_>>().join(", "))
    }

    /// Follows references within the document; one that leads nowhere, or in a circle, stays.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..DEPTH {
            let pointer = schema.get("$ref").and_then(Value::as_str);
            let target = pointer.and_then(|pointer| pointer.strip_prefix('#'));
            match target.and_then(|pointer| self.document.pointer(pointer)) {
                Some(target) => schema = target,
                None => return schema,
            }
        }
        schema
    }

    /// Returns what is expected at a path, where the schema says so plainly.
    fn expected(&self, path: &[String]) -> Option<String> {
        let mut schema = &self.document;
        for step in path {
            let schema_here = self.resolve(schema);
            schema = match step.parse::<usize>() {
                Ok(_) => schema_here.get("items")?,
                Err(_) => schema_here.get("properties")?.get(step)?,
            };
        }
        Some(self.kind(schema)).filter(|kind| kind != "any")
    }

    fn explain(&self, error: &ValidationError<'_>) -> Vec<Wrong> {
        let path: Vec<String> = error
            .instance_path()
            .iter()
            .map(|segment| segment.to_string())
            .collect();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
                .iter()
                .map(|key| self.unknown_key(&path, key))
                .collect(),
            ValidationErrorKind::Required { property } => {
                let mut path = path;
                path.push(property.as_str().unwrap_or_default().to_owned());
                let text = "this key is required, and missing".to_owned();
                vec![Wrong {
                    path,
                    text,
                    hint: None,
                }]
            }
            _ => vec![self.unfit(path, error)],
        }
    }

    /// Says what was expected instead of a value, and what was found.
    fn unfit(&self, path: Vec<String>, error: &ValidationError<'_>) -> Wrong {
        use ValidationErrorKind as Kind;
        let is_of_kind = matches!(
            error.kind(),
            Kind::AnyOf { .. }
                | Kind::Constant { .. }
                | Kind::Enum { .. }
                | Kind::ExclusiveMaximum { .. }
                | Kind::ExclusiveMinimum { .. }
                | Kind::Maximum { .. }
                | Kind::Minimum { .. }
                | Kind::OneOfNotValid { .. }
                | Kind::Type { .. }
        );
        let expected = self.expected(&path).filter(|_| is_of_kind);
        let text = match expected {
            Some(kind) => format!("expected {kind}, found {}", error.instance()),
            None => error.to_string(),
        };
        Wrong {
            path,
            text,
            hint: None,
        }
    }

    fn unknown_key(&self, path: &[String], key: &str) -> Wrong {
        let known: Vec<&str> = match (path, self.document.get("properties")) {
            ([], Some(Value::Object(properties))) => {
                properties.keys().map(String::as_str).collect()
            }
            _ => Vec::new(),
        };
        let expected = match known.as_slice() {
            [] => String::new(),
            known => format!(", expected one of {}", list_of(known.iter().copied())),
        };
        let mut path = path.to_vec();
        path.push(key.to_owned());
        let hint = nearest(key, known.into_iter()).map(|key| format!("did you mean `{key}`?"));
        Wrong {
            path,
            text: format!("unknown key{expected}"),
            hint,
        }
    }
}

/// Values of a schema at most; those of the built-in policies have some hundreds.
const MOST_PARTS: u64 = 100_000;

/// How deep a type is spelled out; a schema may refer to itself.
const DEPTH: usize = 4;

fn choices(schema: &Value) -> Option<&Vec<Value>> {
    ["anyOf", "oneOf"]
        .iter()
        .find_map(|key| schema.get(*key)?.as_array())
}

fn one_of(kinds: impl Iterator<Item = String>) -> String {
    kinds.collect::<Vec<_>>().join(" | ")
}

fn bounds(schema: &Value) -> String {
    let signs = [
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ];
    let bound = |(key, sign): &(&str, &str)| Some(format!(" {sign} {}", schema.get(*key)?));
    signs.iter().filter_map(bound).collect()
}

impl Wrong {
    /// Says where in the site's configuration it is.
    pub(super) fn problem(self, entry: &Entry) -> Problem {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let problem = entry.config_problem(&path, self.text);
        match self.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Schema;

    fn schema() -> Schema {
        let document = json!({
            "type": "object",
            "properties": {
                "again": {"$ref": "#/$defs/again"},
                "any": {},
                "names": {"type": "array", "items": {"enum": ["a", 1]}},
                "share": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1},
                "way": {"$ref": "#/$defs/way", "default": "up"},
                "whole": {"type": "object", "properties": {"part": {"type": "boolean"}}},
            },
            "required": ["way"],
            "additionalProperties": false,
            "$defs": {
                "again": {"anyOf": [{"$ref": "#/$defs/again"}, {"type": "null"}]},
                "way": {"oneOf": [{"const": "up"}, {"const": "down"}], "description": "Whither."},
            },
        });
        Schema::parse(&document.to_string()).expect("it is a schema")
    }

    #[test]
    fn kinds_are_said_in_words() {
        let schema = schema();
        let kind = |key: &str| {
            let (_, property) = schema
                .properties()
                .find(|(name, _)| *name == key)
                .expect("there is such a key");
            (schema.kind(property), schema.description(property))
        };
        assert_eq!(kind("any"), ("any".to_owned(), ""));
        assert_eq!(kind("names"), ("list of \"a\" | 1".to_owned(), ""));
        assert_eq!(kind("share"), ("number > 0 ≤ 1 | null".to_owned(), ""));
        assert_eq!(kind("way"), ("\"up\" | \"down\"".to_owned(), "Whither."));
        assert_eq!(kind("whole"), ("{part: boolean}".to_owned(), ""));
        assert_eq!(kind("again").0, "… | … | null | null | null");
    }

    #[test]
    fn everything_that_is_wrong_has_a_path_and_an_expectation() {
        let wrong = schema().check(&json!({
            "names": ["a", "b"], "share": 2, "wya": "up", "whole": {"part": 1}
        }));
        let mut said: Vec<String> = wrong
            .into_iter()
            .map(|wrong| {
                let hint = wrong
                    .hint
                    .map(|hint| format!(" / {hint}"))
                    .unwrap_or_default();
                format!("{}: {}{hint}", wrong.path.join("."), wrong.text)
            })
            .collect();
        said.sort();
        assert_eq!(
            said,
            [
                "names.1: expected \"a\" | 1, found \"b\"",
                "share: expected number > 0 ≤ 1 | null, found 2",
                "way: this key is required, and missing",
                "whole.part: expected boolean, found 1",
                "wya: unknown key, expected one of `again`, `any`, `names`, `share`, `way`, \
                 `whole` / did you mean `way`?",
            ]
        );
    }

    #[test]
    fn what_is_no_schema_is_the_policys_fault() {
        let error = |text: &str| Schema::parse(text).err().expect("it is no schema");
        assert!(error("{").contains("is not JSON"));
        assert!(error(r#"{"type": "sausage"}"#).contains("is no JSON Schema"));
        assert!(error(r#"{"$ref": "https://example.com/schema"}"#).contains("is no JSON Schema"));
    }
}
