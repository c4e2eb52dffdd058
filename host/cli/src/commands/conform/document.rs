//! What came of a conformance run as JSON, and as the cases of a JUnit file.

use ckpt_policy_conformance::conform::{CheckReport, Conformance, Finding, Status};
use serde_json::{Map, Value, json};

use crate::junit::{self, Case, Judgement, Suite};

/// Version of the document's form.
const FORM: u32 = 1;

/// Makes the JSON document.
pub(super) fn document(conformance: &Conformance) -> Value {
    let depth = conformance.depth;
    json!({
        "conform": FORM,
        "policy": conformance.policy,
        "conforms": conformance.conforms(),
        "seed": conformance.seed,
        "depth": {
            "name": depth.name,
            "cases": depth.cases,
            "rounds": depth.rounds,
            "configurations": depth.configurations,
        },
        "configurations": conformance.configurations.iter().map(|config| parsed(config)).collect::<Vec<_>>(),
        "checks": conformance.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

/// Makes the suites of a JUnit file: one for each family of checks. A warning is no failure.
pub(super) fn suites(conformance: &Conformance) -> Vec<Suite> {
    let checks = conformance.checks.iter();
    junit::grouped(checks.map(|check| {
        let (family, name) = check.id.split_once('.').unwrap_or(("", check.id));
        let case = Case {
            name: name.to_owned(),
            judgement: judgement(check),
        };
        (family.to_owned(), case)
    }))
}

fn judgement(check: &CheckReport) -> Judgement {
    let first = check.findings.first().map(|first| first.what.clone());
    match check.status {
        Status::Passed | Status::Warned => Judgement::Passed,
        Status::Failed => Judgement::Failed {
            message: first.unwrap_or_default(),
            text: check.findings.iter().map(text).collect(),
        },
        Status::NotRun => Judgement::NotRun(first.unwrap_or_default()),
    }
}

fn text(finding: &Finding) -> String {
    let Finding {
        what,
        config,
        input,
        mend,
    } = finding;
    format!("{what}\n\nconfiguration: {config}\ninput: {input}\nto mend it: {mend}\n")
}

fn check(check: &CheckReport) -> Value {
    let figures = check.figures.iter();
    let findings = check.findings.iter().map(|finding| {
        json!({
            "what": finding.what,
            "config": parsed(&finding.config),
            "input": finding.input,
            "mend": finding.mend,
        })
    });
    json!({
        "id": check.id,
        "meaning": check.meaning,
        "status": status(check.status),
        "cases": check.cases,
        "figures": figures.map(|(name, value)| (name.clone(), value.as_str().into())).collect::<Map<_, _>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

/// A configuration as the JSON that it is; what is none stays text, and nothing is `null`.
fn parsed(config: &str) -> Value {
    match config {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Warned => "warned",
        Status::Failed => "failed",
        Status::NotRun => "not-run",
    }
}
