//! Site configurations: any text is refused with places in it, or is a site.
//!
//! No policy is compiled. Reading is the same at each repetition, whatever is wrong has a text on
//! one line and a position in the file, and a configuration written as JSON says what it says as
//! TOML.

use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy::{Problem, Survey};

pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, text)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
    if kind % 2 == 1 {
        read(folder.path(), "site.json", text);
        return;
    }
    let toml = read(folder.path(), "site.toml", text);
    if let Some(same) = as_json(text) {
        let json = read(folder.path(), "site.json", &same);
        assert_eq!(said(&toml), said(&json), "as JSON: {same}");
    }
}

fn read(folder: &Path, name: &str, text: &str) -> Survey {
    let path: PathBuf = folder.join(name);
    fs::write(&path, text).expect("the folder for temporary files can be written");
    let survey = Survey::read(&path);
    for problem in survey.problems() {
        check(problem, text);
    }
    let again = Survey::read(&path);
    assert_eq!(format!("{survey:?}"), format!("{again:?}"));
    // A job's configuration that is word for word the rules above it.
    let _under_itself = Survey::read_under(&path, &path);
    survey
}

fn check(problem: &Problem, text: &str) {
    assert!(!problem.text.trim().is_empty(), "{problem:?}");
    assert!(!problem.text.contains('\n'), "{problem:?}");
    if let Some(at) = problem.at {
        let lines = text.split('\n').count();
        assert!((1..=lines).contains(&at.line), "{problem:?}");
        let line = text.split('\n').nth(at.line - 1).unwrap_or_default();
        assert!(
            (1..=line.chars().count() + 1).contains(&at.column),
            "{problem:?}"
        );
    }
}

/// The keys with which something is wrong: texts name places, and JSON has none.
fn said(survey: &Survey) -> Vec<&str> {
    let problems = survey.problems().iter();
    let mut keys: Vec<_> = problems.map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

/// The same configuration as JSON; `None` where TOML says what JSON cannot.
fn as_json(text: &str) -> Option<String> {
    let value: toml::Value = toml::from_str::<toml::Table>(text)
        .ok()
        .map(toml::Value::Table)?;
    is_common(&value).then(|| serde_json::to_string(&value).expect("it has no odd numbers"))
}

fn is_common(value: &toml::Value) -> bool {
    match value {
        toml::Value::Datetime(_) => false,
        toml::Value::Float(number) => number.is_finite() && number.fract() != 0.0,
        toml::Value::Array(items) => items.iter().all(is_common),
        toml::Value::Table(table) => table.values().all(is_common),
        toml::Value::Boolean(_) | toml::Value::Integer(_) | toml::Value::String(_) => true,
    }
}
