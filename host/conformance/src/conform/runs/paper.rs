//! Writes a run down as a scenario file, for an author to paste and play.
//!
//! Writes only what differs from the format's defaults, since the fewer lines a finding has the
//! sooner it is read. What is written reads back as the same scenario.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::scenario::{Cut, Plot, Round, Scenario};

/// Writes a scenario, with a note at the last round of a step.
pub(super) fn written(scenario: &Scenario, note: Option<(u64, &str)>) -> String {
    let mut text = format!(
        "about = {}\npolicy = {}\nranks = {}\n",
        quoted(&scenario.about),
        quoted(&scenario.policy.to_string()),
        scenario.ranks,
    );
    if scenario.config != serde_json::json!({}) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "config = {}", value(&scenario.config));
    }
    let Plot::Rounds(rounds) = &scenario.plot else {
        return text;
    };
    let noted = note.and_then(|(step, _)| rounds.iter().rposition(|round| round.step == step));
    let mut epoch = 0;
    // What comes after the trouble does not matter to it.
    let shown = noted.map_or(rounds.len(), |noted| noted + 1);
    for (index, round) in rounds.iter().take(shown).enumerate() {
        let note = note.filter(|_| noted == Some(index)).map(|(_, text)| text);
        text.push_str(&written_round(round, note, epoch));
        epoch = round.epoch;
    }
    text
}

fn written_round(round: &Round, note: Option<&str>, epoch: u64) -> String {
    let mut lines = vec![String::new(), "[[round]]".to_owned()];
    let mut put = |key: &str, value: String| lines.push(format!("{key} = {value}"));
    if let Some(note) = note {
        put("note", quoted(note));
    }
    if let Some(cut) = &round.resume {
        put("resume", written_cut(cut));
    }
    put("moment", quoted(round.moment.name()));
    put("step", round.step.to_string());
    if round.epoch != epoch {
        put("epoch", round.epoch.to_string());
    }
    let names: BTreeSet<&str> = round
        .metrics
        .iter()
        .flat_map(|metrics| metrics.iter().map(|(name, _)| name))
        .collect();
    for name in names {
        let numbers: Vec<String> = round
            .metrics
            .iter()
            .map(|metrics| number(metrics.get(name)))
            .collect();
        let is_one = numbers.iter().all(|one| *one == numbers[0]);
        let all = if is_one {
            numbers[0].clone()
        } else {
            format!("[{}]", numbers.join(", "))
        };
        put(&format!("metrics.{}", quoted_key(name)), all);
    }
    let ranks = |ranks: &[u32]| format!("{ranks:?}");
    if !round.save.fails.is_empty() {
        put("save-fails", ranks(&round.save.fails));
    }
    if round.save.takes > 0 {
        put("save-takes", round.save.takes.to_string());
    }
    if !round.signal.is_empty() {
        put("signal", ranks(&round.signal));
    }
    if !round.request_save.is_empty() {
        put("request-save", ranks(&round.request_save));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn written_cut(cut: &Cut) -> String {
    let config = cut.config.as_ref();
    let config = config.map_or_else(String::new, |config| {
        format!(", config = {}", value(config))
    });
    format!("{{ ranks = {}{config} }}", cut.ranks)
}

/// Writes what one rank has of a metric.
fn number(number: Option<f64>) -> String {
    match number {
        None => quoted("missing"),
        Some(number) if number.is_nan() => "nan".to_owned(),
        Some(number) => format!("{number:?}"),
    }
}

/// Writes JSON as TOML on one line. A null is left out: TOML has none, and in a configuration it
/// says the same as an absent key.
fn value(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().filter(|(_, one)| !one.is_null());
            let entries: Vec<String> = entries
                .map(|(key, one)| format!("{} = {}", quoted_key(key), value(one)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        serde_json::Value::Array(list) => {
            let list: Vec<String> = list.iter().map(value).collect();
            format!("[{}]", list.join(", "))
        }
        serde_json::Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// Writes a key, in quotes where a bare one would not do.
fn quoted_key(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !key.is_empty() && key.bytes().all(is_bare) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// Writes a text as TOML does.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
