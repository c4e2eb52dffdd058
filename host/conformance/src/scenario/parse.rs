//! From the text of a file to a scenario: the keys of the whole file.
//!
//! Keeps what runs through the rounds (step, epoch, world size) and hands each round to
//! [`round`](super::round).

use std::collections::BTreeSet;
use std::path::Path;

use ckpt_policy_core::{Moment, OnError};
use toml::de::DeValue;

use super::round::{self, Before};
use super::{Plot, PolicySource, Scenario};
use crate::document::{Document, Entry, Error, Table};

const KEYS: [&str; 9] = [
    "about",
    "policy",
    "ranks",
    "config",
    "moment",
    "on-error",
    "keep-at-least",
    "expect-config-error",
    "round",
];

const MOST_RANKS: u64 = 4096;

pub(super) fn scenario(text: &str, path: &Path) -> Result<Scenario, Error> {
    let document = Document::new(text, path);
    let root = document.parse()?;
    let file = Table::new(document, "the file", &root, &KEYS)?;
    let ranks = ranks(&file.need("ranks")?)?;
    let on_error = file
        .get("on-error")
        .map(|entry| entry.choice(&ON_ERROR))
        .transpose()?;
    let keep_at_least = file
        .get("keep-at-least")
        .map(|entry| small(&entry))
        .transpose()?;
    Ok(Scenario {
        about: about(&file.need("about")?)?,
        path: path.to_owned(),
        policy: policy(&file.need("policy")?, path)?,
        ranks,
        config: file
            .get("config")
            .map_or_else(|| Ok(empty()), |entry| config(&entry))?,
        on_error: on_error.unwrap_or_default(),
        keep_at_least: keep_at_least.unwrap_or(1),
        plot: plot(&file, ranks)?,
    })
}

/// Reads a world size.
pub(super) fn ranks(entry: &Entry<'_>) -> Result<u32, Error> {
    let ranks = entry
        .whole()
        .ok()
        .filter(|ranks| (1..=MOST_RANKS).contains(ranks));
    ranks
        .and_then(|ranks| u32::try_from(ranks).ok())
        .ok_or_else(|| entry.unexpected(&format!("a whole number from 1 to {MOST_RANKS}")))
}

/// Reads a policy's configuration: a table, as the JSON object that the policy will be given.
pub(super) fn config(entry: &Entry<'_>) -> Result<serde_json::Value, Error> {
    match entry.value() {
        DeValue::Table(_) => json(entry),
        _ => Err(entry.unexpected("a table")),
    }
}

/// Reads parts of a text: one, or a list of at least one.
pub(super) fn parts(entry: &Entry<'_>) -> Result<Vec<String>, Error> {
    let parts = match entry.value() {
        DeValue::Array(_) => entry.list()?,
        _ => return Ok(vec![part(entry)?]),
    };
    if parts.is_empty() {
        return Err(entry.unexpected("part of a text, or a list of parts"));
    }
    parts.iter().map(part).collect()
}

pub(super) fn moment(entry: &Entry<'_>) -> Result<Moment, Error> {
    if entry.text()? == Moment::Settled.name() {
        return Err(entry.error(format!(
            "`{}` cannot be `settled`: that moment follows each save by itself",
            entry.key()
        )));
    }
    let choices = Moment::ALL.map(|moment| (moment.name(), moment));
    let choices = choices
        .into_iter()
        .filter(|(_, moment)| *moment != Moment::Settled);
    entry.choice(&choices.collect::<Vec<_>>())
}

const ON_ERROR: [(&str, OnError); 3] = [
    ("skip", OnError::Skip),
    ("save", OnError::Save),
    ("stop", OnError::Stop),
];

fn about(entry: &Entry<'_>) -> Result<String, Error> {
    let about = entry.text()?;
    if about.trim().is_empty() || about.contains('\n') {
        return Err(entry.unexpected("one line that says what the scenario shows"));
    }
    Ok(about.to_owned())
}

fn policy(entry: &Entry<'_>, path: &Path) -> Result<PolicySource, Error> {
    let written = entry.text()?;
    match written.strip_prefix("builtin:") {
        Some("") => Err(entry.unexpected("`builtin:NAME` or the path of a `.wasm` file")),
        Some(name) => Ok(PolicySource::Builtin(name.to_owned())),
        None if written.is_empty() => {
            Err(entry.unexpected("`builtin:NAME` or the path of a `.wasm` file"))
        }
        None => {
            let folder = path.parent().unwrap_or_else(|| Path::new(""));
            Ok(PolicySource::File(folder.join(written)))
        }
    }
}

fn small(entry: &Entry<'_>) -> Result<u32, Error> {
    let expected = "a whole number from 0 to 4294967295";
    u32::try_from(entry.whole()?).map_err(|_| entry.unexpected(expected))
}

fn part(entry: &Entry<'_>) -> Result<String, Error> {
    match entry.text() {
        Ok("") => Err(entry.unexpected("part of a text that is not empty")),
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(entry.unexpected("part of a text, or a list of parts")),
    }
}

fn plot(file: &Table<'_>, ranks: u32) -> Result<Plot, Error> {
    let rounds = file.get("round");
    match (file.get("expect-config-error"), rounds) {
        (Some(_), Some(rounds)) => Err(rounds.error(
            "a file with `expect-config-error` has no rounds: the policy is never asked".to_owned(),
        )),
        (Some(expected), None) => Ok(Plot::Refused(parts(&expected)?)),
        (None, Some(rounds)) => read_rounds(file, &rounds, ranks).map(Plot::Rounds),
        (None, None) => Err(file.error(
            "the file has neither a `[[round]]` nor `expect-config-error`, so nothing is checked"
                .to_owned(),
        )),
    }
}

fn read_rounds(
    file: &Table<'_>,
    rounds: &Entry<'_>,
    ranks: u32,
) -> Result<Vec<super::Round>, Error> {
    let entries = match rounds.value() {
        DeValue::Array(list) if !list.is_empty() => rounds.list()?,
        _ => return Err(rounds.unexpected("tables, each under `[[round]]`")),
    };
    let moment = file.get("moment").map(|entry| moment(&entry)).transpose()?;
    let mut before = Before::new(moment.unwrap_or(Moment::ValidationEnd), ranks);
    let mut steps = BTreeSet::new();
    let mut read = Vec::with_capacity(entries.len());
    for entry in &entries {
        let round = round::round(entry, &before, &steps)?;
        before.pass(&round);
        steps.insert(round.step);
        read.push(round);
    }
    Ok(read)
}

fn empty() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

fn json(entry: &Entry<'_>) -> Result<serde_json::Value, Error> {
    Ok(match entry.value() {
        DeValue::String(text) => serde_json::Value::from(text.as_ref()),
        DeValue::Boolean(flag) => serde_json::Value::from(*flag),
        DeValue::Datetime(date) => serde_json::Value::from(date.to_string()),
        DeValue::Integer(integer) => {
            let value = i64::from_str_radix(integer.as_str(), integer.radix());
            value
                .map_err(|_| entry.unexpected("a number of at most 64 bits"))?
                .into()
        }
        DeValue::Float(_) => entry
            .number()
            .and_then(serde_json::Number::from_f64)
            .ok_or_else(|| entry.unexpected("finite: a configuration is JSON, which has no other"))?
            .into(),
        DeValue::Array(_) => entry
            .list()?
            .iter()
            .map(json)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        DeValue::Table(_) => {
            let entries = entry.entries()?;
            let pairs = entries
                .iter()
                .map(|entry| Ok((entry.key().to_owned(), json(entry)?)));
            serde_json::Value::Object(pairs.collect::<Result<_, Error>>()?)
        }
    })
}
