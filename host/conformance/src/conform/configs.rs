//! Configurations, made of what a policy's schema says of them.
//!
//! [`Schema`] knows what is valid, `made` draws valid ones, `wrong` makes invalid ones of a valid one.
//! What a configuration does to the policy is not looked at here.
//!
//! Invariant: whether a configuration is valid is the validator's word alone. What is drawn is only
//! likely to be valid, so a keyword that the drawing does not know costs cases, never a false finding.

mod made;
mod wrong;

use jsonschema::Validator;
use proptest::strategy::BoxedStrategy;
use serde_json::Value;

pub(super) use self::wrong::{Wrong, unknown_keys};

/// A schema that is valid itself.
pub(super) struct Schema {
    document: Value,
    validator: Validator,
}

impl Schema {
    /// Parses a schema as `describe` returns it.
    ///
    /// # Errors
    ///
    /// What makes it no JSON Schema of draft 2020-12.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| format!("`config-schema` is not JSON: {error}"))?;
        if let Some(dialect) = document.get("$schema")
            && dialect.as_str().map(|name| name.trim_end_matches('#')) != Some(DIALECT)
        {
            return Err(format!(
                "`$schema` in `config-schema` is `{dialect}`, expected `{DIALECT}`"
            ));
        }
        jsonschema::draft202012::meta::validate(&document).map_err(|error| {
            let place = error.instance_path().to_string();
            format!("`config-schema` is no JSON Schema: `{place}`: {error}")
        })?;
        let validator = jsonschema::draft202012::new(&document)
            .map_err(|error| format!("`config-schema` cannot be used as a JSON Schema: {error}"))?;
        Ok(Self {
            document,
            validator,
        })
    }

    /// Returns the examples of whole configurations.
    pub(super) fn examples(&self) -> &[Value] {
        let examples = self.document.get("examples").and_then(Value::as_array);
        examples.map_or(&[], Vec::as_slice)
    }

    /// Whether the schema says that a configuration is an object.
    pub(super) fn is_of_objects(&self) -> bool {
        self.document.get("type").and_then(Value::as_str) == Some("object")
    }

    /// Whether keys that it does not name are allowed on purpose: by a pattern, or with a schema.
    pub(super) fn is_open(&self) -> bool {
        let keys = ["additionalProperties", "unevaluatedProperties"];
        let has_schema = |key| self.document.get(key).is_some_and(Value::is_object);
        self.document.get("patternProperties").is_some() || keys.into_iter().any(has_schema)
    }

    /// Returns why a configuration is not valid; `None` where it is.
    pub(super) fn refusal(&self, config: &Value) -> Option<String> {
        let error = self.validator.iter_errors(config).next()?;
        let place = error.instance_path().to_string();
        Some(match place.as_str() {
            "" => error.to_string(),
            _ => format!("`{}`: {error}", place.trim_start_matches('/')),
        })
    }

    /// Draws configurations, most of them valid.
    pub(super) fn drawn(&self) -> BoxedStrategy<Value> {
        made::configurations(&self.document)
    }

    /// Makes what must be refused, of a configuration that is accepted.
    pub(super) fn wrong(&self, good: &Value) -> Vec<Wrong> {
        wrong::of(self, good)
    }

    /// Returns the names of the keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        let properties = self.document.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(|keys| keys.keys())
    }
}

/// The dialect of the contract.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
