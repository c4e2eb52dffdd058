//! A conformance run as people read it: the checks, what was measured, and what is wrong.

use ckpt_policy_conformance::conform::{CheckReport, Conformance, Finding, Status};
use ckpt_policy_core::text::Printable;

use super::tables::{self, Page};

/// Returns a conformance run as text.
pub(crate) fn conformance(page: Page, policy: &str, conformance: &Conformance) -> String {
    let mut text = head(policy, conformance);
    text.push_str(&checks(page, &conformance.checks));
    text.push_str(&figures(page, &conformance.checks));
    let judged = conformance.checks.iter().filter(|check| is_run(check));
    for check in judged {
        for finding in &check.findings {
            text.push_str(&told(check, finding));
        }
    }
    text.push_str(&not_run(&conformance.checks));
    text.push_str(&closing(conformance));
    text
}

fn head(policy: &str, conformance: &Conformance) -> String {
    let depth = conformance.depth;
    let name = match conformance.policy.as_str() {
        "" => policy.to_owned(),
        name => format!("{policy}: {name}"),
    };
    let mut text = format!(
        "{}\nseed {}, depth {}: {} cases, {} rounds\n",
        Printable(&name),
        conformance.seed,
        depth.name,
        depth.cases,
        depth.rounds,
    );
    for config in &conformance.configurations {
        text.push_str(&format!("under {}\n", Printable(config)));
    }
    text.push('\n');
    text
}

fn checks(page: Page, checks: &[CheckReport]) -> String {
    let mut table = page.table(&["check", "result", "cases", "what holds"], &[2]);
    for check in checks.iter().filter(|check| is_run(check)) {
        let row = [
            check.id.to_owned(),
            result(check.status).to_owned(),
            check.cases.to_string(),
            check.meaning.to_owned(),
        ];
        tables::add_row(&mut table, row);
    }
    tables::lines(&table)
}

fn figures(page: Page, checks: &[CheckReport]) -> String {
    let mut table = page.table(&["check", "figure", "measured"], &[]);
    for check in checks {
        for (name, value) in &check.figures {
            tables::add_row(
                &mut table,
                [check.id.to_owned(), name.clone(), value.clone()],
            );
        }
    }
    match table.is_empty() {
        true => String::new(),
        false => format!("\n{}", tables::lines(&table)),
    }
}

/// Shows one finding: what, under which configuration, for which input, and how to mend it.
fn told(check: &CheckReport, finding: &Finding) -> String {
    let word = result(check.status);
    let mut text = format!("\n{} {word}: {}\n", check.id, lines(&finding.what));
    let parts = [
        ("under", &finding.config),
        ("input", &finding.input),
        ("mend", &finding.mend),
    ];
    for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
        text.push_str(&format!("  {name:6} {}\n", lines(part)));
    }
    text
}

/// Text of several lines, each made safe, those after the first set below it.
fn lines(text: &str) -> String {
    let safe = text
        .trim_end()
        .lines()
        .map(|line| Printable(line).to_string());
    safe.collect::<Vec<_>>().join("\n         ")
}

/// Names the checks that were not run, those of one reason together.
fn not_run(checks: &[CheckReport]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for check in checks.iter().filter(|check| !is_run(check)) {
        let why = check.findings.first().map_or("", |first| &first.what);
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, ids)) => ids.push(check.id),
            None => reasons.push((why, vec![check.id])),
        }
    }
    let told = reasons.into_iter().map(|(why, ids)| {
        let mut text = format!("\nnot run: {}\n", Printable(why));
        for ids in ids.chunks(IN_A_LINE) {
            text.push_str(&format!("  {}\n", ids.join(", ")));
        }
        text
    });
    told.collect()
}

fn closing(conformance: &Conformance) -> String {
    let count = |status| {
        let checks = conformance.checks.iter();
        checks.filter(|check| check.status == status).count()
    };
    let run = conformance
        .checks
        .iter()
        .filter(|check| is_run(check))
        .count();
    let (failed, warned) = (
        count(Status::Failed),
        many(count(Status::Warned), "warning"),
    );
    match conformance.conforms() {
        true => format!("\nconforms: {}, {warned}\n", many(run, "check")),
        false => format!(
            "\ndoes not conform: {failed} of {} failed, {warned}\n",
            many(run, "check")
        ),
    }
}

fn many(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

fn is_run(check: &CheckReport) -> bool {
    check.status != Status::NotRun
}

fn result(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Warned => "warned",
        Status::Failed => "FAILED",
        Status::NotRun => "not run",
    }
}

/// Ids of checks that stand in one line.
const IN_A_LINE: usize = 5;
