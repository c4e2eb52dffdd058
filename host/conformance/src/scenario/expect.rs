//! What a file says must come of a round.

use std::collections::{BTreeMap, BTreeSet};

use ckpt_policy_core::contract::Ballot;
use toml::de::DeValue;

use super::parse::parts;
use crate::document::{Entry, Error, Table};

/// What must come of a round; what is `None` is not checked. Checkpoints are named by their step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// The policy was asked.
    pub asked: Option<bool>,
    /// What it answered.
    pub ballot: Option<Ballot>,
    /// A checkpoint was to be written.
    pub save: Option<bool>,
    /// All checkpoints that exist after the round.
    pub kept: Option<BTreeSet<u64>>,
    /// All that the policy holds after the round.
    pub held: Option<BTreeSet<u64>>,
    /// All that were deleted in the round, the settling round included.
    pub deleted: Option<BTreeSet<u64>>,
    /// All of the policy's labels after the round.
    pub labels: Option<BTreeMap<String, u64>>,
    /// All tags that the trainer is given.
    pub tags: Option<BTreeSet<String>>,
    /// Parts of the policy's reason.
    pub reason: Option<Vec<String>>,
    /// Some of the policy's figures.
    pub figures: Option<BTreeMap<String, f64>>,
    /// The step before which the policy need not be asked again, or that it said none.
    pub not_before: Option<Option<u64>>,
    /// The training ends.
    pub stop: Option<bool>,
    /// Parts of the host's reason for not making a save.
    pub refused: Option<Vec<String>>,
    /// The ranks learnt that some rank was told to leave.
    pub interrupted: Option<bool>,
    /// Parts of the text of the policy's error. `None`: there must be no error.
    pub error: Option<Vec<String>>,
}

const KEYS: [&str; 15] = [
    "asked",
    "ballot",
    "save",
    "kept",
    "held",
    "deleted",
    "labels",
    "tags",
    "reason",
    "figures",
    "not-before",
    "stop",
    "refused",
    "interrupted",
    "error",
];

const BALLOTS: [(&str, Ballot); 4] = [
    ("save", Ballot::Save),
    ("abstain", Ballot::Abstain),
    ("skip", Ballot::Skip),
    ("veto", Ballot::Veto),
];

pub(super) fn read(entry: &Entry<'_>) -> Result<Expect, Error> {
    let table = entry.table("`expect`", &KEYS)?;
    Ok(Expect {
        asked: optional(&table, "asked", Entry::flag)?,
        ballot: optional(&table, "ballot", |entry| entry.choice(&BALLOTS))?,
        save: optional(&table, "save", Entry::flag)?,
        kept: optional(&table, "kept", steps)?,
        held: optional(&table, "held", steps)?,
        deleted: optional(&table, "deleted", steps)?,
        labels: optional(&table, "labels", labels)?,
        tags: optional(&table, "tags", tags)?,
        reason: optional(&table, "reason", parts)?,
        figures: optional(&table, "figures", figures)?,
        not_before: optional(&table, "not-before", not_before)?,
        stop: optional(&table, "stop", Entry::flag)?,
        refused: optional(&table, "refused", parts)?,
        interrupted: optional(&table, "interrupted", Entry::flag)?,
        error: optional(&table, "error", parts)?,
    })
}

fn optional<'a, T>(
    table: &Table<'a>,
    key: &str,
    read: impl FnOnce(&Entry<'a>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    table.get(key).map(|entry| read(&entry)).transpose()
}

fn steps(entry: &Entry<'_>) -> Result<BTreeSet<u64>, Error> {
    let expected = "a list of steps, which name checkpoints";
    let list = entry.list().map_err(|_| entry.unexpected(expected))?;
    list.iter()
        .map(|entry| entry.whole().map_err(|_| entry.unexpected(expected)))
        .collect()
}

fn tags(entry: &Entry<'_>) -> Result<BTreeSet<String>, Error> {
    let list = entry
        .list()
        .map_err(|_| entry.unexpected("a list of tags"))?;
    list.iter()
        .map(|entry| entry.text().map(str::to_owned))
        .collect()
}

fn labels(entry: &Entry<'_>) -> Result<BTreeMap<String, u64>, Error> {
    let expected = "the step of a checkpoint";
    let label = |entry: &Entry<'_>| {
        let step = entry.whole().map_err(|_| entry.unexpected(expected))?;
        Ok((entry.key().to_owned(), step))
    };
    entry.entries()?.iter().map(label).collect()
}

fn figures(entry: &Entry<'_>) -> Result<BTreeMap<String, f64>, Error> {
    let figure = |entry: &Entry<'_>| {
        let value = entry.number().ok_or_else(|| entry.unexpected("a number"))?;
        Ok((entry.key().to_owned(), value))
    };
    entry.entries()?.iter().map(figure).collect()
}

fn not_before(entry: &Entry<'_>) -> Result<Option<u64>, Error> {
    match entry.value() {
        DeValue::String(text) if text == "none" => Ok(None),
        _ => entry
            .whole()
            .map(Some)
            .map_err(|_| entry.unexpected(r#"a step, or `"none"`"#)),
    }
}
