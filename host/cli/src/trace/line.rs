//! One line of JSON with its keys in order and its values as they were written.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json;

/// A JSON object whose keys keep their order and whose values keep their bytes.
///
/// So a number reaches the journal exactly as the trace wrote it. No key comes twice.
#[derive(Clone, Debug, Default)]
pub struct Line(Vec<(String, Box<RawValue>)>);

impl Line {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            // The line is the trace's, not that of the text handed to the parser.
            let full = error.to_string();
            let what = full.split(" at line ").next().unwrap_or(&full);
            match error.column() {
                0 => what.to_owned(),
                column => format!("{what} at column {column}"),
            }
        })
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&RawValue> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| &**value)
    }

    /// Replaces the value of a key where it stands, or adds the key at the end.
    pub(super) fn set<T: Serialize>(&mut self, key: &str, value: &T) {
        let value = json::to_raw(value);
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Removes keys.
    pub(super) fn remove(&mut self, keys: &[&str]) {
        self.0.retain(|(name, _)| !keys.contains(&name.as_str()));
    }

    /// Writes all keys into a map that may have more of them.
    pub(crate) fn write_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0
            .iter()
            .try_for_each(|(key, value)| map.serialize_entry(key, value))
    }

    /// Returns keys and values, in order.
    pub(super) fn into_entries(self) -> Vec<(String, Box<RawValue>)> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor)
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.write_into(&mut map)?;
        map.end()
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        let mut entries: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if entries.iter().any(|(name, _)| *name == key) {
                return Err(de::Error::custom(format!("key `{key}` comes twice")));
            }
            entries.push((key, value));
        }
        Ok(Line(entries))
    }
}
