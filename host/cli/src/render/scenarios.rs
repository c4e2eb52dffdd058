//! What scenarios came to: a line each, what differs as tables, what was reached, and the count.

use std::fmt::Display;

use ckpt_policy_conformance::{Change, Coverage, PolicyCoverage};
use ckpt_policy_core::text::Printable;

use super::tables::{self, Page};
use crate::commands::test::{Outcome, Tested};

/// Returns the line of one scenario, and below it what was written into its file.
pub(crate) fn scenario_line(tested: &Tested) -> String {
    let mark = match tested.result() {
        "passed" => "ok",
        "failed" => "FAILED",
        _ => "ERROR",
    };
    let title = title(tested);
    let mut text = format!("{mark:6}  {}\n", Printable(&title));
    for change in &tested.blessed {
        text.push_str(&blessed(change));
    }
    let unblessed = tested.played.as_ref().ok();
    if let Some(why) = unblessed.and_then(|played| played.unblessed.as_ref()) {
        text.push_str(&format!("        not blessed: {}\n", Printable(why)));
    }
    text
}

/// Returns all rounds that did not come as they are written.
pub(crate) fn failed_scenarios(outcome: &Outcome) -> String {
    let mut text = String::new();
    for played in outcome
        .tested
        .iter()
        .filter_map(|tested| tested.played.as_ref().ok())
    {
        if !played.written.passed() {
            text.push_str(&format!("\n{}", escaped(&played.written)));
        }
        if let Some(cut) = played.cut.as_ref().filter(|cut| !cut.passed()) {
            text.push_str(&format!("\n{CUT}\n{}", escaped(cut)));
        }
    }
    text
}

/// Returns what the scenarios reached, a table for each policy.
pub(crate) fn coverage(page: Page, coverage: &Coverage) -> String {
    let policies = coverage.policies();
    policies.map(|policy| reached(page, policy)).collect()
}

/// Returns the line that counts.
pub(crate) fn closing_line(outcome: &Outcome) -> String {
    let [passed, failed, errors] = ["passed", "failed", "error"].map(|how| outcome.count(how));
    let word = if failed + errors == 0 { "ok" } else { "FAILED" };
    let mut text = format!("\ntest result: {word}. {passed} passed; {failed} failed");
    if errors > 0 {
        text.push_str(&format!("; {errors} could not be played"));
    }
    if outcome.left_out > 0 {
        text.push_str(&format!("; {} left out", outcome.left_out));
    }
    text.push('\n');
    text
}

/// Above a report of a run that only fails when it is cut.
const CUT: &str = "cut and resumed before each round, which must change nothing:";

/// Returns a scenario's file, and what it shows.
pub(super) fn title(tested: &Tested) -> String {
    let path = tested.path.display();
    match &tested.about {
        Some(about) => format!("{path}: {about}"),
        None => path.to_string(),
    }
}

fn blessed(change: &Change) -> String {
    let Change {
        line, round, key, ..
    } = change;
    let before = change.before.as_deref().unwrap_or("nothing");
    let after = change.after.as_deref().unwrap_or("nothing");
    let what = format!("blessed line {line}, round {round}: `{key}` was {before}, is {after}");
    format!("        {}\n", Printable(&what))
}

/// Returns text of several lines, each safe for a terminal.
fn escaped(text: &impl Display) -> String {
    let text = text.to_string();
    let lines = text.lines().map(|line| format!("{}\n", Printable(line)));
    lines.collect()
}

fn reached(page: Page, policy: &PolicyCoverage) -> String {
    let PolicyCoverage {
        scenarios,
        decisions,
        ..
    } = policy;
    let name = Printable(&policy.policy);
    let mut text =
        format!("\nreached in {name}, {scenarios} scenarios and {decisions} decisions\n\n");
    let mut table = page.table(&["kind", "reached", "never"], &[]);
    for group in &policy.groups {
        let reached = group.items.iter().filter(|item| item.count > 0);
        let reached = reached.map(|item| format!("{} {}", item.name, item.count));
        let row = [
            group.name.to_owned(),
            reached.collect::<Vec<_>>().join(", "),
            group.never().collect::<Vec<_>>().join(", "),
        ];
        tables::add_row(&mut table, row);
    }
    text.push_str(&tables::lines(&table));
    text
}
