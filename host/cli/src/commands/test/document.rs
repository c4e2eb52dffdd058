//! The results as one JSON document; see `FORMATS.md`.

use ckpt_policy_conformance::{Call, Change, Check, Coverage, PolicyCoverage, Report, RoundReport};
use serde_json::{Map, Value, json};

use super::{Outcome, Tested};

/// The version of the document.
const VERSION: u32 = 1;

/// Returns the document; with the calls of the policies where `explain` asks for them.
pub(super) fn document(outcome: &Outcome, explain: bool, coverage: Option<&Coverage>) -> Value {
    let scenarios = outcome
        .tested
        .iter()
        .map(|tested| scenario(tested, explain));
    let mut document = json!({
        "test": VERSION,
        "passed": outcome.count("passed"),
        "failed": outcome.count("failed"),
        "errors": outcome.count("error"),
        "left-out": outcome.left_out,
        "scenarios": scenarios.collect::<Vec<_>>(),
    });
    if let Some(coverage) = coverage {
        document["coverage"] = coverage.policies().map(reached).collect();
    }
    document
}

fn scenario(tested: &Tested, explain: bool) -> Value {
    let policy = tested.policy.as_ref().map(ToString::to_string);
    let mut document = json!({
        "path": tested.path.display().to_string(),
        "about": tested.about,
        "policy": policy,
        "result": tested.result(),
    });
    match &tested.played {
        Ok(played) => {
            let written = run("written", &played.written, explain);
            let cut = played.cut.as_ref().map(|cut| run("cut", cut, false));
            if let Some(why) = &played.unblessed {
                document["unblessed"] = json!(why);
            }
            document["runs"] = std::iter::once(written).chain(cut).collect();
        }
        Err(failure) => document["error"] = json!(failure.to_string().trim_end()),
    }
    if !tested.blessed.is_empty() {
        document["blessed"] = tested.blessed.iter().map(change).collect();
    }
    document
}

fn run(name: &str, report: &Report, explain: bool) -> Value {
    let rounds = report.rounds.iter().map(|one| round(one, explain));
    json!({
        "run": name,
        "passed": report.passed(),
        "rounds": rounds.collect::<Vec<_>>(),
    })
}

fn round(round: &RoundReport, explain: bool) -> Value {
    let reason = round.found.as_ref().and_then(|found| found.reason.as_ref());
    let mut document = json!({
        "round": round.number,
        "line": round.line,
        "moment": round.at.map(|(moment, _)| moment.name()),
        "step": round.at.map(|(_, step)| step),
        "note": round.note,
        "passed": round.passed(),
        "reason": reason,
        "checks": round.checks.iter().map(check).collect::<Vec<_>>(),
    });
    if explain {
        document["calls"] = round.calls.iter().map(Call::to_json).collect();
    }
    document
}

fn check(check: &Check) -> Value {
    json!({
        "key": check.key,
        "expected": check.expected,
        "found": check.found,
        "passed": check.passed,
    })
}

fn change(change: &Change) -> Value {
    json!({
        "line": change.line,
        "round": change.round,
        "key": change.key,
        "before": change.before,
        "after": change.after,
    })
}

fn reached(policy: &PolicyCoverage) -> Value {
    let groups = policy.groups.iter().map(|group| {
        let items = group.items.iter();
        let items: Map<String, Value> = items
            .map(|item| (item.name.clone(), json!(item.count)))
            .collect();
        (group.name.to_owned(), Value::Object(items))
    });
    json!({
        "policy": policy.policy,
        "scenarios": policy.scenarios,
        "decisions": policy.decisions,
        "reached": groups.collect::<Map<_, _>>(),
    })
}
