//! A configuration file as a tree of values, each with its position.
//!
//! TOML and JSON become the same tree, so that all that follows is written once. Says nothing
//! about which keys there are; keeps the order of the file.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Position;

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Option<Position>,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Bool(bool),
    List(Vec<Node>),
    Null,
    Number(serde_json::Number),
    Table(Vec<Entry>),
    Text(String),
    /// What TOML has and JSON has not: a date, or a float that is not finite.
    Unusable(String),
}

/// One key of a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Option<Position>,
    pub(crate) node: Node,
}

/// Why a file could not be parsed.
pub(crate) struct Syntax {
    pub(crate) at: Option<Position>,
    pub(crate) text: String,
}

impl Node {
    /// Parses a TOML document; all its syntax errors are returned, not only the first.
    pub(crate) fn from_toml(text: &str) -> Result<Self, Vec<Syntax>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(Self {
                at: None,
                value: from_table(text, table.into_inner()),
            });
        }
        let syntax = |error: toml::de::Error| Syntax {
            at: error.span().map(|span| Position::of(text, span.start)),
            text: error.message().to_owned(),
        };
        Err(errors.into_iter().map(syntax).collect())
    }

    /// Parses a JSON document; a key that comes twice is an error, as it is in TOML.
    pub(crate) fn from_json(text: &str) -> Result<Self, Vec<Syntax>> {
        serde_json::from_str(text).map_err(|error| {
            let at = Position {
                line: error.line(),
                column: error.column().max(1),
            };
            let full = error.to_string();
            let text = full.split(" at line ").next().unwrap_or(&full).to_owned();
            vec![Syntax {
                at: (at.line > 0).then_some(at),
                text,
            }]
        })
    }

    /// Returns what kind of value this is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Bool(_) => "a truth value",
            Value::List(_) => "a list",
            Value::Null => "null",
            Value::Number(number) if number.is_f64() => "a fraction",
            Value::Number(_) => "an integer",
            Value::Table(_) => "a table",
            Value::Text(_) => "text",
            Value::Unusable(_) => "a value that JSON does not have",
        }
    }

    /// Converts to JSON; a value that JSON does not have is named in the error.
    pub(crate) fn to_json(&self) -> Result<serde_json::Value, (Option<Position>, String)> {
        Ok(match &self.value {
            Value::Bool(value) => (*value).into(),
            Value::List(nodes) => nodes.iter().map(Self::to_json).collect::<Result<_, _>>()?,
            Value::Null => serde_json::Value::Null,
            Value::Number(number) => number.clone().into(),
            Value::Table(entries) => entries
                .iter()
                .map(|entry| Ok((entry.key.clone(), entry.node.to_json()?)))
                .collect::<Result<_, _>>()?,
            Value::Text(text) => text.as_str().into(),
            Value::Unusable(text) => return Err((self.at, text.clone())),
        })
    }

    /// Returns the node at a path of keys and indices, or the last one that there is on the way.
    pub(crate) fn nearest(&self, path: &[&str]) -> &Self {
        let mut node = self;
        for step in path {
            let next = match &node.value {
                Value::Table(entries) => entries
                    .iter()
                    .find(|entry| entry.key == *step)
                    .map(|entry| &entry.node),
                Value::List(nodes) => step.parse().ok().and_then(|index: usize| nodes.get(index)),
                _ => None,
            };
            match next {
                Some(found) => node = found,
                None => return node,
            }
        }
        node
    }
}

fn from_table(text: &str, table: DeTable<'_>) -> Value {
    let mut entries: Vec<(usize, Entry)> = table
        .into_iter()
        .map(|(key, node)| {
            let start = key.span().start;
            let at = Some(Position::of(text, start));
            let key = key.into_inner().into_owned();
            (
                start,
                Entry {
                    key,
                    at,
                    node: from_value(text, node),
                },
            )
        })
        .collect();
    entries.sort_by_key(|(start, _)| *start);
    Value::Table(entries.into_iter().map(|(_, entry)| entry).collect())
}

fn from_value(text: &str, node: Spanned<DeValue<'_>>) -> Node {
    let at = Some(Position::of(text, node.span().start));
    let value = match node.into_inner() {
        DeValue::String(value) => Value::Text(value.into_owned()),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Array(nodes) => Value::List(
            nodes
                .into_iter()
                .map(|node| from_value(text, node))
                .collect(),
        ),
        DeValue::Table(table) => from_table(text, table),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(
                |_| Value::Unusable(number.to_string()),
                |value| Value::Number(value.into()),
            ),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or_else(|| Value::Unusable(number.to_string()), Value::Number),
        DeValue::Datetime(date) => Value::Unusable(date.to_string()),
    };
    Node { at, value }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(ValueVisitor)?;
        Ok(Self { at: None, value })
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        let number = serde_json::Number::from_f64(value);
        Ok(number.map_or_else(|| Value::Unusable(value.to_string()), Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((key, node)) = map.next_entry::<String, Node>()? {
            if entries.iter().any(|entry| entry.key == key) {
                return Err(de::Error::custom(format!("duplicate key `{key}`")));
            }
            entries.push(Entry {
                key,
                at: None,
                node,
            });
        }
        Ok(Value::Table(entries))
    }
}
