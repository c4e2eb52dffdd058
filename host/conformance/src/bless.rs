//! Writes into a scenario's text what came of it.
//!
//! Only what did not match is touched: comments, order and formatting stay, and a text that already
//! matches is returned byte for byte. What a run says that broke, or a policy that failed, is never
//! made an expectation: an error is written down by a person or not at all.

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

use crate::report::{Check, Found, Report, RoundReport};

/// A scenario's text with what was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blessed {
    /// The whole file.
    pub text: String,
    /// What is new in it; nothing where the text already matched.
    pub changes: Vec<Change>,
}

/// One expectation that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The line at which the round began before anything was changed.
    pub line: usize,
    /// Number of the round, counting from 1.
    pub round: usize,
    /// The key of the round, such as `expect.kept`.
    pub key: String,
    /// What was expected before, as a report shows it; `None` where nothing was.
    pub before: Option<String>,
    /// What is expected now, TOML; `None` where nothing is any more.
    pub after: Option<String>,
}

/// Why nothing is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unblessed {
    /// The run did not get through.
    #[error("line {line}: the run broke, which is never blessed: {what}")]
    Broken {
        /// The line of the round.
        line: usize,
        /// What ended it.
        what: String,
    },
    /// The policy failed, and not as the file foresees.
    #[error(
        "line {line}: an error of the policy is never blessed; where it is meant, write `error` in `expect`: {what}"
    )]
    Failed {
        /// The line of the round.
        line: usize,
        /// Its error.
        what: String,
    },
    /// The text is not the one that was played.
    #[error("the file is not the one that was played: {0}")]
    Changed(String),
}

/// Returns the text of a scenario with what `report` found.
///
/// Of each round, the keys of `expect` that did not match get what was found; a round without
/// `expect` gets one, an empty one stays empty.
///
/// # Errors
///
/// [`Unblessed`] where a round broke or the policy failed.
pub fn bless(text: &str, report: &Report) -> Result<Blessed, Unblessed> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| Unblessed::Changed(error.message().to_owned()))?;
    let mut changes = Vec::new();
    for round in &report.rounds {
        let found = blessable(round)?;
        let Some(index) = round.number.checked_sub(1) else {
            continue;
        };
        let table = round_table(&mut document, index)
            .ok_or_else(|| Unblessed::Changed(format!("it has no round {}", round.number)))?;
        if let Some(found) = found {
            bless_round(table, round, found, &mut changes);
        }
    }
    let text = match changes.is_empty() {
        true => text.to_owned(),
        false => with_line_breaks_of(text, &document.to_string()),
    };
    Ok(Blessed { text, changes })
}

/// Returns what was found, where it may become an expectation.
fn blessable(round: &RoundReport) -> Result<Option<&Found>, Unblessed> {
    let line = round.line;
    let failed = round.checks.iter().find(|check| !check.passed);
    match (&round.found, failed) {
        (None, Some(check)) => Err(Unblessed::Broken {
            line,
            what: check.found.clone(),
        }),
        (Some(found), Some(_)) => {
            let unforeseen = |check: &Check| check.key == "error" && !check.passed;
            match (&found.error, round.checks.iter().any(unforeseen)) {
                (Some(error), true) => Err(Unblessed::Failed {
                    line,
                    what: error.clone(),
                }),
                _ => Ok(Some(found)),
            }
        }
        (found, None) => Ok(found.as_ref()),
    }
}

fn round_table(document: &mut DocumentMut, index: usize) -> Option<&mut dyn TableLike> {
    match document.get_mut("round")? {
        Item::ArrayOfTables(tables) => tables.get_mut(index).map(|table| table as _),
        Item::Value(Value::Array(list)) => {
            let table = list.get_mut(index)?.as_inline_table_mut()?;
            Some(table)
        }
        _ => None,
    }
}

fn bless_round(
    table: &mut dyn TableLike,
    round: &RoundReport,
    found: &Found,
    changes: &mut Vec<Change>,
) {
    let change = |key: &str, before: Option<&str>, after: Option<&Value>| Change {
        line: round.line,
        round: round.number,
        key: key.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(shown),
    };
    let failed = round.checks.iter().filter(|check| !check.passed);
    if let Some(expect) = table.get_mut("expect").and_then(Item::as_table_like_mut) {
        let was_empty = expect.is_empty();
        for check in failed {
            let after = value(check.key, found, expect.get(check.key));
            let key = format!("expect.{}", check.key);
            changes.push(change(&key, Some(&check.expected), after.as_ref()));
            put(expect, check.key, after);
        }
        if was_empty || !expect.is_empty() {
            return;
        }
        // Nothing is left of what was expected: the round starts anew.
        table.remove("expect");
    }
    let all = Value::InlineTable(usual(found));
    changes.push(change("expect", None, Some(&all)));
    table.insert("expect", Item::Value(all));
}

/// Replaces a value, or removes it, and leaves everything around it.
fn put(table: &mut dyn TableLike, key: &str, after: Option<Value>) {
    let Some(mut after) = after else {
        table.remove(key);
        // What stood around the last value of `{ … }` went with it.
        table.fmt();
        return;
    };
    match table.get_mut(key) {
        Some(Item::Value(before)) => {
            *after.decor_mut() = before.decor().clone();
            *before = after;
        }
        _ => {
            table.insert(key, Item::Value(after));
        }
    }
}

/// Returns what should be expected under a key; `None` where there is nothing to expect.
fn value(key: &str, found: &Found, before: Option<&Item>) -> Option<Value> {
    match key {
        "asked" => Some(found.asked.into()),
        "ballot" => found.ballot.map(|ballot| ballot.to_string().into()),
        "save" => Some(found.save.into()),
        "kept" => Some(steps(&found.kept)),
        "held" => Some(steps(&found.held)),
        "deleted" => Some(steps(&found.deleted)),
        "labels" => Some(labels(found)),
        "tags" => Some(Value::Array(found.tags.iter().collect())),
        "reason" => found.reason.as_deref().map(Value::from),
        "figures" => figures(found, before),
        "not-before" if found.asked => Some(found.not_before.map_or_else(|| "none".into(), whole)),
        "stop" => Some(found.stop.into()),
        "refused" => found.refused.as_deref().map(Value::from),
        "interrupted" => Some(found.interrupted.into()),
        _ => None,
    }
}

/// Returns what a round without expectations should say: what it did, and what came of it.
fn usual(found: &Found) -> InlineTable {
    let mut table = InlineTable::new();
    if !found.asked {
        table.insert("asked", false.into());
    }
    table.insert("save", found.save.into());
    table.insert("kept", steps(&found.kept));
    if !found.deleted.is_empty() {
        table.insert("deleted", steps(&found.deleted));
    }
    if !found.labels.is_empty() {
        table.insert("labels", labels(found));
    }
    for (key, came) in [("stop", found.stop), ("interrupted", found.interrupted)] {
        if came {
            table.insert(key, true.into());
        }
    }
    table
}

fn steps<'a>(steps: impl IntoIterator<Item = &'a u64>) -> Value {
    Value::Array(steps.into_iter().copied().map(whole).collect::<Array>())
}

fn labels(found: &Found) -> Value {
    let labels = found.labels.iter();
    let labels: InlineTable = labels
        .map(|(name, step)| (name.as_str(), whole(*step)))
        .collect();
    Value::InlineTable(labels)
}

/// Returns the figures that were named, as far as there are any.
fn figures(found: &Found, before: Option<&Item>) -> Option<Value> {
    let named = before.and_then(Item::as_table_like)?;
    let figures: InlineTable = named
        .iter()
        .filter_map(|(name, _)| Some((name.to_owned(), Value::from(*found.figures.get(name)?))))
        .collect();
    (!figures.is_empty()).then_some(Value::InlineTable(figures))
}

/// Returns a whole number; beyond TOML's range it is the largest that a file can hold, which the
/// next run will not find equal.
fn whole(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn shown(value: &Value) -> String {
    value.to_string().trim().to_owned()
}

fn with_line_breaks_of(before: &str, after: &str) -> String {
    match before.contains("\r\n") {
        true => after.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => after.to_owned(),
    }
}
