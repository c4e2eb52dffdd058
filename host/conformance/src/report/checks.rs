//! Compares what a round was expected to come to with what it came to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::{Check, Found};
use crate::scenario::Expect;

/// Compares a round: each key that is written, and an error that nobody expects.
pub(crate) fn check(expect: &Expect, found: &Found) -> Vec<Check> {
    let mut checks = Checks(Vec::new());
    checks.equal("asked", expect.asked.as_ref(), &found.asked);
    checks.answer(
        "ballot",
        expect.ballot.map(|ballot| ballot.to_string()),
        ballot(found),
    );
    checks.equal("save", expect.save.as_ref(), &found.save);
    checks.set("kept", expect.kept.as_ref(), &found.kept);
    checks.set("held", expect.held.as_ref(), &found.held);
    checks.set("deleted", expect.deleted.as_ref(), &found.deleted);
    checks.labels(expect.labels.as_ref(), &found.labels);
    checks.set("tags", expect.tags.as_ref(), &found.tags);
    checks.parts("reason", expect.reason.as_deref(), found.reason.as_deref());
    checks.figures(expect.figures.as_ref(), &found.figures);
    checks.answer(
        "not-before",
        expect.not_before.map(step_or_none),
        not_before(found),
    );
    checks.equal("stop", expect.stop.as_ref(), &found.stop);
    checks.parts(
        "refused",
        expect.refused.as_deref(),
        found.refused.as_deref(),
    );
    checks.equal(
        "interrupted",
        expect.interrupted.as_ref(),
        &found.interrupted,
    );
    match (&expect.error, &found.error) {
        (None, Some(error)) => checks.push("error", "none", error, false),
        (expected, error) => checks.parts("error", expected.as_deref(), error.as_deref()),
    }
    checks.0
}

/// Compares a refusal of the configuration.
pub(crate) fn check_refusal(parts: &[String], found: Option<&str>) -> Vec<Check> {
    let mut checks = Checks(Vec::new());
    checks.parts("expect-config-error", Some(parts), found);
    checks.0
}

struct Checks(Vec<Check>);

impl Checks {
    fn push(
        &mut self,
        key: &'static str,
        expected: impl Display,
        found: impl Display,
        passed: bool,
    ) {
        let (expected, found) = (expected.to_string(), found.to_string());
        self.0.push(Check {
            key,
            expected,
            found,
            passed,
        });
    }

    fn equal(&mut self, key: &'static str, expected: Option<&bool>, found: &bool) {
        if let Some(expected) = expected {
            self.push(key, expected, found, expected == found);
        }
    }

    fn answer(&mut self, key: &'static str, expected: Option<String>, found: String) {
        if let Some(expected) = expected {
            let passed = expected == found;
            self.push(key, expected, found, passed);
        }
    }

    fn set<T: Ord + Display>(
        &mut self,
        key: &'static str,
        expected: Option<&BTreeSet<T>>,
        found: &BTreeSet<T>,
    ) {
        if let Some(expected) = expected {
            self.push(key, Set(expected), Set(found), expected == found);
        }
    }

    fn labels(&mut self, expected: Option<&BTreeMap<String, u64>>, found: &BTreeMap<String, u64>) {
        if let Some(expected) = expected {
            self.push("labels", Table(expected), Table(found), expected == found);
        }
    }

    /// Compares the figures that are named; the others may be anything.
    fn figures(&mut self, expected: Option<&BTreeMap<String, f64>>, found: &BTreeMap<String, f64>) {
        let Some(expected) = expected else { return };
        let passed = expected.iter().all(|(name, value)| {
            found
                .get(name)
                .is_some_and(|other| other == value || (other.is_nan() && value.is_nan()))
        });
        self.push("figures", Table(expected), Table(found), passed);
    }

    fn parts(&mut self, key: &'static str, expected: Option<&[String]>, found: Option<&str>) {
        let Some(expected) = expected else { return };
        let passed = found.is_some_and(|found| expected.iter().all(|part| found.contains(part)));
        let shown: Vec<String> = expected.iter().map(|part| format!("… {part} …")).collect();
        self.push(key, shown.join(" and "), found.unwrap_or("none"), passed);
    }
}

fn ballot(found: &Found) -> String {
    match found.ballot {
        Some(ballot) => ballot.to_string(),
        None if found.asked => "none: it could not answer".to_owned(),
        None => "none: it was not asked".to_owned(),
    }
}

fn not_before(found: &Found) -> String {
    if found.asked {
        step_or_none(found.not_before)
    } else {
        "it was not asked".to_owned()
    }
}

fn step_or_none(step: Option<u64>) -> String {
    step.map_or_else(|| "none".to_owned(), |step| step.to_string())
}

/// Shows a set as the file writes it.
struct Set<'a, T>(&'a BTreeSet<T>);

impl<T: Display> Display for Set<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(formatter, "[{}]", items.join(", "))
    }
}

/// Shows a table as the file writes it.
struct Table<'a, T>(&'a BTreeMap<String, T>);

impl<T: Display> Display for Table<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        write!(formatter, "{{ {} }}", items.join(", "))
    }
}
