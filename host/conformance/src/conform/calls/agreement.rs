//! Agreement of single calls: what must not matter does not.
//!
//! That whole runs agree is for the checks of runs.

use std::cell::RefCell;

use serde_json::{Map, Value, json};

use super::arguments::Shape;
use super::caller::{Answer, Call, Caller, Outcome, difference};
use super::purity::{Comparison, reusable};
use crate::conform::property::{Broken, Property};
use crate::conform::{Candidate, Check, Finding, Passed, Trial, Way};

pub(super) const SETTINGS: Check = Check {
    id: "agreement.settings",
    meaning: "the order of a configuration's keys, and the spaces between them, do not matter",
    mend: "parse the configuration, and write the settings with their keys in a fixed order",
    run: settings,
};

pub(super) const OBSERVE: Check = Check {
    id: "agreement.observe",
    meaning: "a rank's features depend on that rank's observation alone",
    mend: "make the features of the arguments of `observe`, and keep nothing from one call to the next",
    run: observe,
};

pub(super) const COMPILERS: Check = Check {
    id: "agreement.compilers",
    meaning: "it answers the same with and without the compiler's optimiser, and in an interpreter",
    mend: "look for the bits of a NaN that reach an answer; if there are none, it is a bug of the engine: please report it",
    run: compilers,
};

fn settings(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let fresh = Caller::open(trial, Way::Fresh)?;
    let rewritten =
        Caller::open(trial, Way::Fresh)?.named("with its keys written in another order");
    let warnings = RefCell::new(Vec::new());
    let mut passed = trial.each(SETTINGS.id, |candidate, property| {
        let text = rewrite(&candidate.config);
        let other = prepared(candidate, &text, &rewritten).map_err(Finding::of)?;
        if other.prepared.settings == candidate.prepared.settings {
            return Ok(1);
        }
        warnings.borrow_mut().push(Finding {
            input: text,
            ..Finding::of("the bytes of the settings differ; the answers do not")
                .under(&candidate.config)
        });
        decides_alike(candidate, &other, (&fresh, &rewritten), property)
    })?;
    passed
        .warnings
        .extend(warnings.into_inner().into_iter().take(1));
    Ok(passed)
}

/// Prepares under the rewritten configuration, which must give the same plan and state.
fn prepared(candidate: &Candidate, text: &str, by: &Caller) -> Result<Candidate, String> {
    let other = Candidate {
        config: text.to_owned(),
        prepared: candidate.prepared.clone(),
    };
    let call = Call::Prepare { previous: None };
    let found = by.call(&other, &call);
    let mut expected = candidate.prepared.clone();
    if let Ok(Answer::Prepared(prepared)) = &found {
        expected.settings.clone_from(&prepared.settings);
    }
    let expected: Outcome = Ok(Answer::Prepared(expected));
    let names = ("as it was written", by.name);
    match (
        difference(call.function(), names, (&expected, &found)),
        found,
    ) {
        (None, Ok(Answer::Prepared(prepared))) => Ok(Candidate { prepared, ..other }),
        (difference, _) => Err(format!(
            "{}; it was written `{text}`",
            difference.unwrap_or_else(|| "`prepare` has no answer".to_owned())
        )),
    }
}

fn decides_alike(
    candidate: &Candidate,
    other: &Candidate,
    (fresh, rewritten): (&Caller, &Caller),
    property: Property<'_>,
) -> Result<u64, Finding> {
    property.holds(&Shape::any(&candidate.prepared.plan).runs(), |run| {
        let before = RefCell::default();
        let comparison = Comparison::new(other, fresh, rewritten, &before);
        fresh.play(candidate, run, &mut |call, outcome| {
            comparison.of(call, outcome)
        })?;
        Ok(())
    })
}

fn observe(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let has_features = |one: &Candidate| one.prepared.plan.features > 0;
    if !trial.candidates.iter().any(has_features) {
        return Ok(Passed::nothing("the plan has no features"));
    }
    let fresh = Caller::open(trial, Way::Fresh)?;
    trial.each(OBSERVE.id, |candidate, property| {
        if !has_features(candidate) {
            return Ok(0);
        }
        property.holds(&Shape::any(&candidate.prepared.plan).runs(), |run| {
            let reused = reusable(trial)?;
            let before = RefCell::default();
            let comparison = Comparison::new(candidate, &fresh, &reused, &before);
            fresh.play(candidate, run, &mut |call, outcome| match call {
                Call::Observe { .. } => comparison.of(call, outcome),
                _ => Ok(()),
            })?;
            Ok(())
        })
    })
}

fn compilers(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let fresh = Caller::open(trial, Way::Fresh)?;
    let opened = [Way::Optimized, Way::Interpreted].map(|way| Caller::open(trial, way));
    let (mut others, mut missing) = (Vec::new(), Vec::new());
    for one in opened {
        match one {
            Ok(caller) => others.push(caller),
            Err(finding) => missing.push(finding),
        }
    }
    if others.is_empty() {
        let why: Vec<_> = missing.into_iter().map(|finding| finding.what).collect();
        return Ok(Passed::nothing(&why.join("; ")));
    }
    let mut passed = trial.each(COMPILERS.id, |candidate, property| {
        // An interpreter takes some ten times as long.
        let property = property.part(0, SLOWER);
        property.holds(&Shape::any(&candidate.prepared.plan).runs(), |run| {
            others.iter().try_for_each(|other| {
                let before = RefCell::default();
                let comparison = Comparison::new(candidate, &fresh, other, &before);
                comparison.of_start(&fresh)?;
                fresh.play(candidate, run, &mut |call, outcome| {
                    comparison.of(call, outcome)
                })?;
                Ok::<(), Broken>(())
            })
        })
    })?;
    passed.warnings.extend(missing);
    Ok(passed)
}

/// Writes a configuration with its keys in the opposite order, and with spaces.
fn rewrite(config: &str) -> String {
    let value: Value = serde_json::from_str(config).unwrap_or_default();
    write(&value)
}

fn write(value: &Value) -> String {
    match value {
        Value::Object(fields) => format!("{{ {} }}", fields_of(fields)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(write).collect();
            format!("[ {} ]", items.join(" , "))
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string(),
    }
}

fn fields_of(fields: &Map<String, Value>) -> String {
    let mut all: Vec<_> = fields.iter().collect();
    all.sort_by(|one, other| other.0.cmp(one.0));
    let written = all
        .iter()
        .map(|(key, value)| format!("{} : {}", json!(key), write(value)));
    written.collect::<Vec<_>>().join(" ,\n ")
}

/// One of so many inputs is also given to an interpreter.
const SLOWER: usize = 4;
