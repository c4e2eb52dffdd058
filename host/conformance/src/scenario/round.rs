//! The keys of one `[[round]]`.
//!
//! A round that was read has its step, its epoch and the metrics of every rank; what it leaves out
//! comes from the round before.

use std::collections::BTreeSet;

use ckpt_policy_core::{Metrics, Moment};
use toml::de::DeValue;

use super::parse::{config, moment, ranks};
use super::{Cut, Round, Writing, expect};
use crate::document::{Entry, Error, Table};

const KEYS: [&str; 12] = [
    "note",
    "moment",
    "step",
    "epoch",
    "metrics",
    "save-fails",
    "save-takes",
    "save-bytes",
    "signal",
    "request-save",
    "resume",
    "expect",
];

const CUT_KEYS: [&str; 3] = ["from", "ranks", "config"];

/// What a round inherits.
pub(super) struct Before {
    moment: Moment,
    step: u64,
    epoch: u64,
    ranks: u32,
}

impl Before {
    pub(super) fn new(moment: Moment, ranks: u32) -> Self {
        Self {
            moment,
            step: 0,
            epoch: 0,
            ranks,
        }
    }

    /// Moves on: `round` is now the one before.
    pub(super) fn pass(&mut self, round: &Round) {
        self.step = round.step;
        self.epoch = round.epoch;
        if let Some(cut) = &round.resume {
            self.ranks = cut.ranks;
        }
    }
}

/// Reads one round; `steps` are those of the rounds before it.
pub(super) fn round(
    entry: &Entry<'_>,
    before: &Before,
    steps: &BTreeSet<u64>,
) -> Result<Round, Error> {
    let table = entry.table("`[[round]]`", &KEYS)?;
    let resume = cut(&table, before, steps)?;
    let ranks = resume.as_ref().map_or(before.ranks, |cut| cut.ranks);
    let earliest = resume
        .as_ref()
        .and_then(|cut| cut.from)
        .unwrap_or(before.step);
    Ok(Round {
        line: table.line(),
        note: table
            .get("note")
            .map(|entry| entry.text().map(str::to_owned))
            .transpose()?,
        moment: table
            .get("moment")
            .map_or(Ok(before.moment), |entry| moment(&entry))?,
        step: step(&table, earliest)?,
        epoch: whole(&table, "epoch", before.epoch)?,
        metrics: metrics(&table, ranks)?,
        save: Writing {
            fails: some_ranks(&table, "save-fails", ranks)?,
            takes: whole(&table, "save-takes", 0)?,
            bytes: whole(&table, "save-bytes", 0)?,
        },
        signal: some_ranks(&table, "signal", ranks)?,
        request_save: some_ranks(&table, "request-save", ranks)?,
        resume,
        expect: table
            .get("expect")
            .map(|entry| expect::read(&entry))
            .transpose()?
            .unwrap_or_default(),
    })
}

fn whole(table: &Table<'_>, key: &str, default: u64) -> Result<u64, Error> {
    table.get(key).map_or(Ok(default), |entry| entry.whole())
}

fn step(table: &Table<'_>, earliest: u64) -> Result<u64, Error> {
    let Some(entry) = table.get("step") else {
        return Ok(earliest.saturating_add(1));
    };
    let step = entry.whole()?;
    if step < earliest {
        return Err(entry.error(format!(
            "`step` is {step}, but the round before is at step {earliest}; only `resume = STEP` goes back"
        )));
    }
    Ok(step)
}

fn cut(table: &Table<'_>, before: &Before, steps: &BTreeSet<u64>) -> Result<Option<Cut>, Error> {
    let Some(entry) = table.get("resume") else {
        return Ok(None);
    };
    let plain = |from| Cut {
        from,
        ranks: before.ranks,
        config: None,
    };
    match entry.value() {
        DeValue::Boolean(false) => Ok(None),
        DeValue::Boolean(true) => Ok(Some(plain(None))),
        DeValue::Integer(_) => Ok(Some(plain(Some(earlier(&entry, steps)?)))),
        DeValue::Table(_) => {
            let cut = entry.table("`resume`", &CUT_KEYS)?;
            Ok(Some(Cut {
                from: cut
                    .get("from")
                    .map(|from| earlier(&from, steps))
                    .transpose()?,
                ranks: cut
                    .get("ranks")
                    .map_or(Ok(before.ranks), |entry| ranks(&entry))?,
                config: cut.get("config").map(|entry| config(&entry)).transpose()?,
            }))
        }
        _ => Err(entry.unexpected("`true`, the step of a checkpoint, or a table")),
    }
}

fn earlier(entry: &Entry<'_>, steps: &BTreeSet<u64>) -> Result<u64, Error> {
    let step = entry.whole()?;
    if !steps.contains(&step) {
        return Err(entry.error(format!(
            "`{}` names step {step}, but no round before is at that step",
            entry.key()
        )));
    }
    Ok(step)
}

/// Reads a list of ranks, or `true` for all of them.
fn some_ranks(table: &Table<'_>, key: &str, ranks: u32) -> Result<Vec<u32>, Error> {
    let Some(entry) = table.get(key) else {
        return Ok(Vec::new());
    };
    match entry.value() {
        DeValue::Boolean(true) => Ok((0..ranks).collect()),
        DeValue::Boolean(false) => Ok(Vec::new()),
        DeValue::Array(_) => {
            let named = entry.list()?;
            let named = named.iter().map(|entry| rank(entry, ranks));
            Ok(named
                .collect::<Result<BTreeSet<_>, _>>()?
                .into_iter()
                .collect())
        }
        _ => Err(entry.unexpected("a list of ranks, or `true` for all of them")),
    }
}

fn rank(entry: &Entry<'_>, ranks: u32) -> Result<u32, Error> {
    let rank = entry.whole().ok().and_then(|rank| u32::try_from(rank).ok());
    let rank = rank.filter(|rank| *rank < ranks);
    rank.ok_or_else(|| entry.unexpected(&format!("ranks from 0 to {}", ranks - 1)))
}

fn metrics(table: &Table<'_>, ranks: u32) -> Result<Vec<Metrics>, Error> {
    let mut all = vec![Metrics::new(); ranks as usize];
    let Some(entry) = table.get("metrics") else {
        return Ok(all);
    };
    for metric in entry.entries()? {
        for (metrics, value) in all.iter_mut().zip(values(&metric, ranks)?) {
            if let Some(value) = value {
                metrics.insert(metric.key(), value);
            }
        }
    }
    Ok(all)
}

/// Reads what each rank has of one metric.
fn values(metric: &Entry<'_>, ranks: u32) -> Result<Vec<Option<f64>>, Error> {
    match metric.value() {
        DeValue::Array(list) if list.len() != ranks as usize => Err(metric.error(format!(
            "`{}` must have one entry for each of {ranks} ranks, found {}",
            metric.key(),
            list.len()
        ))),
        DeValue::Array(_) => metric.list()?.iter().map(value).collect(),
        DeValue::Table(_) => by_rank(metric, ranks),
        _ => Ok(vec![value(metric)?; ranks as usize]),
    }
}

/// Reads `{ all = 0.5, rank-2 = nan }`.
fn by_rank(metric: &Entry<'_>, ranks: u32) -> Result<Vec<Option<f64>>, Error> {
    let entries = metric.entries()?;
    let all = entries.iter().find(|entry| entry.key() == "all");
    let mut values = vec![all.map(value).transpose()?.flatten(); ranks as usize];
    for entry in entries.iter().filter(|entry| entry.key() != "all") {
        let number = entry.key().strip_prefix("rank-");
        let rank = number.and_then(|number| number.parse::<usize>().ok());
        let slot = rank.and_then(|rank| values.get_mut(rank)).ok_or_else(|| {
            entry.error(format!(
                "unknown key `{}` in `{}`, expected `all` or one of `rank-0` to `rank-{}`",
                entry.key(),
                metric.key(),
                ranks - 1
            ))
        })?;
        *slot = value(entry)?;
    }
    Ok(values)
}

/// Reads what one rank has.
fn value(entry: &Entry<'_>) -> Result<Option<f64>, Error> {
    let special = match entry.value() {
        DeValue::String(text) => text.as_ref(),
        _ => "",
    };
    match special {
        "missing" => Ok(None),
        "NaN" => Ok(Some(f64::NAN)),
        "Infinity" => Ok(Some(f64::INFINITY)),
        "-Infinity" => Ok(Some(f64::NEG_INFINITY)),
        _ => {
            let expected = r#"a number, `nan`, `inf`, `-inf` or `"missing"`"#;
            entry
                .number()
                .map(Some)
                .ok_or_else(|| entry.unexpected(expected))
        }
    }
}
