//! Tries configurations: those that the schema accepts, and those that it refuses.

use std::cell::RefCell;

use ckpt_policy_core::contract::{Description, Fault};
use serde_json::Value;

use super::ACCEPTS;
use crate::conform::configs::{Schema, unknown_keys};
use crate::conform::property::{Broken, Property};
use crate::conform::{Candidate, Finding, Measured, Passed, Request};

/// A policy that is given configurations.
pub(super) struct Configured<'a> {
    pub(super) request: &'a Request,
    pub(super) policy: &'a RefCell<Box<dyn Measured>>,
    pub(super) schema: Option<&'a Schema>,
}

impl Configured<'_> {
    /// Tries what the schema accepts, and keeps what the policy accepts.
    pub(super) fn accepts(&self, schema: &Schema) -> (Vec<Candidate>, Result<Passed, Finding>) {
        let accepted = RefCell::new(Vec::new());
        let result = match self.request.configurations.is_empty() {
            true => self.examples(schema, &accepted).and_then(|examples| {
                let drawn = self.drawn(schema, &accepted)?;
                Ok(examples + drawn)
            }),
            false => self.given(schema, &accepted),
        };
        let accepted = accepted.into_inner();
        let result = match accepted.is_empty() {
            true => result.and_then(|_| {
                Err(Finding::of(
                    "no configuration was found that the schema accepts; give it `examples`",
                ))
            }),
            false => result,
        };
        let most = self.request.depth.configurations;
        (distinct(accepted, most), result.map(Passed::tried))
    }

    /// Makes what can be made where the schema cannot be used.
    pub(super) fn without_schema(&self, description: Option<&Description>) -> Vec<Candidate> {
        let schema = description.and_then(|one| serde_json::from_str(&one.config_schema).ok());
        let examples = schema
            .as_ref()
            .and_then(|schema: &Value| schema.get("examples"));
        let examples = examples.and_then(Value::as_array).into_iter().flatten();
        let texts = self.request.configurations.iter().cloned();
        let texts = texts.chain(examples.map(Value::to_string));
        let texts = texts.chain(["{}".to_owned()]);
        let accepted = texts
            .filter_map(|config| self.prepare(config).ok())
            .collect();
        distinct(accepted, self.request.depth.configurations)
    }

    /// Tries what the schema refuses.
    pub(super) fn refuses(&self, schema: &Schema, good: &Candidate) -> Result<Passed, Finding> {
        let mut cases = 0;
        for wrong in schema.wrong(&parsed(&good.config)) {
            cases += 1;
            let what = match self.prepare(wrong.text.clone()) {
                Err(Fault::Config(_)) => continue,
                Ok(_) => format!("a wrong configuration is accepted: {}", wrong.why),
                Err(fault) => format!(
                    "a wrong configuration ({}) is not refused with `error.config`: {fault}",
                    wrong.why
                ),
            };
            return Err(Finding::of(what).under(&wrong.text));
        }
        Ok(Passed::tried(cases))
    }

    /// Tries keys that the schema does not know.
    pub(super) fn refuses_unknown_keys(
        &self,
        schema: &Schema,
        good: &Candidate,
    ) -> Result<Passed, Finding> {
        if schema.is_open() {
            return Ok(Passed::nothing("the schema says what any other key may be"));
        }
        let mut cases = 0;
        for key in unknown_keys(schema) {
            let mut config = parsed(&good.config);
            if let Value::Object(fields) = &mut config {
                fields.insert(key.clone(), Value::from(1));
            }
            let accepted = schema.refusal(&config).is_none();
            self.refuses_key(&key, &config, accepted)
                .map_err(|what| Finding::of(what).under(&config.to_string()))?;
            cases += 1;
        }
        Ok(Passed::tried(cases))
    }

    fn refuses_key(&self, key: &str, config: &Value, by_schema: bool) -> Result<(), String> {
        if by_schema {
            return Err(format!("the schema accepts the unknown key `{key}`"));
        }
        match self.prepare(config.to_string()) {
            Err(Fault::Config(text)) if text.contains(key) => Ok(()),
            Err(Fault::Config(text)) => Err(format!(
                "the unknown key `{key}` is refused without being named: `{text}`"
            )),
            Err(fault) => Err(format!(
                "the unknown key `{key}` is not refused with `error.config`: {fault}"
            )),
            Ok(_) => Err(format!("the unknown key `{key}` is accepted")),
        }
    }

    fn given(&self, schema: &Schema, accepted: &RefCell<Vec<Candidate>>) -> Result<u64, Finding> {
        for text in &self.request.configurations {
            let config: Value = serde_json::from_str(text).map_err(|error| {
                Finding::of(format!(
                    "the configuration that was given is not JSON: {error}"
                ))
                .under(text)
            })?;
            if let Some(why) = schema.refusal(&config) {
                let what = format!("the schema refuses the configuration that was given: {why}");
                return Err(Finding {
                    mend: "correct the configuration".to_owned(),
                    ..Finding::of(what).under(text)
                });
            }
            self.take(&config, accepted)
                .map_err(|what| Finding::of(what).under(text))?;
        }
        Ok(self.request.configurations.len() as u64)
    }

    fn examples(
        &self,
        schema: &Schema,
        accepted: &RefCell<Vec<Candidate>>,
    ) -> Result<u64, Finding> {
        let valid = |example: &&Value| schema.refusal(example).is_none();
        let mut cases = 0;
        for example in schema.examples().iter().filter(valid) {
            self.take(example, accepted)
                .map_err(|what| Finding::of(what).under(&example.to_string()))?;
            cases += 1;
        }
        Ok(cases)
    }

    fn drawn(&self, schema: &Schema, accepted: &RefCell<Vec<Candidate>>) -> Result<u64, Finding> {
        let before = accepted.borrow().len();
        let property = Property::new(ACCEPTS.id, self.request);
        let held = property.holds(&schema.drawn(), |config| {
            if schema.refusal(config).is_some() {
                return Ok(());
            }
            self.take(config, accepted).map_err(|what| Broken {
                what,
                input: config.to_string(),
            })
        });
        held.map_err(|finding| Finding {
            config: finding.input,
            input: String::new(),
            ..finding
        })?;
        Ok((accepted.borrow().len() - before) as u64)
    }

    fn take(&self, config: &Value, accepted: &RefCell<Vec<Candidate>>) -> Result<(), String> {
        match self.prepare(config.to_string()) {
            Ok(candidate) => {
                accepted.borrow_mut().push(candidate);
                Ok(())
            }
            Err(fault) => Err(format!(
                "`prepare` does not accept what the schema accepts: {fault}"
            )),
        }
    }

    fn prepare(&self, config: String) -> Result<Candidate, Fault> {
        let prepared = self.policy.borrow_mut().prepare(&config, None)?;
        Ok(Candidate { config, prepared })
    }
}

/// Keeps the first of equal ones.
fn distinct(accepted: Vec<Candidate>, most: usize) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in accepted {
        if kept.len() < most && kept.iter().all(|one| one.config != candidate.config) {
            kept.push(candidate);
        }
    }
    kept
}

/// Reads a configuration that was accepted before.
fn parsed(config: &str) -> Value {
    serde_json::from_str(config).unwrap_or_default()
}
