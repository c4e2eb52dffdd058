//! The summary: what a run came to under each policy, side by side.

use std::collections::BTreeSet;

use ckpt_policy_core::text::Printable;
use ckpt_policy_core::{Mode, PolicyInfo};

use super::number::short;
use super::tables::{self, Page};
use crate::summary::{Tally, Watch};

/// Returns the summary of a run.
pub(crate) fn summary(
    page: Page,
    tally: &Tally,
    policies: &[PolicyInfo],
    watches: &[Watch],
) -> String {
    let heads = [
        "policy",
        "mode",
        "asked",
        "saves",
        "deletions",
        "kept",
        "not finite",
        "best kept",
        "at step",
        "missed",
        "errors",
    ];
    let mut table = page.table(&heads, &[2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (info, watch) in policies.iter().zip(watches) {
        let count = tally.of(&info.name);
        let (best, at) = match count.best_kept(watch) {
            Some((score, step)) => (short(score), step.to_string()),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let row = [
            info.name.clone(),
            info.mode.to_string(),
            count.asked.to_string(),
            count.saves.to_string(),
            count.deletions.to_string(),
            count.kept().to_string(),
            count.kept_non_finite().to_string(),
            best,
            at,
            count.missed.to_string(),
            count.errors.to_string(),
        ];
        tables::add_row(&mut table, row);
    }
    format!(
        "{}\n{}{}{}",
        tables::lines(&table),
        heading(tally),
        disabled(tally, policies),
        legend(policies, watches)
    )
}

fn heading(tally: &Tally) -> String {
    let Tally {
        events,
        rounds,
        failed_saves,
        ..
    } = tally;
    let failed = match failed_saves {
        0 => String::new(),
        1 => ", 1 save failed".to_owned(),
        saves => format!(", {saves} saves failed"),
    };
    let stopped = if tally.stopped {
        ", ended by a stop"
    } else {
        ""
    };
    format!("{events} events, {rounds} rounds{failed}{stopped}\n")
}

/// Names the policies that failed too often.
fn disabled(tally: &Tally, policies: &[PolicyInfo]) -> String {
    let line = |info: &PolicyInfo| {
        let step = tally.of(&info.name).disabled?;
        let name = Printable(&info.name);
        Some(format!(
            "disabled: `{name}` failed too often in a row and was not asked after step {step}\n"
        ))
    };
    policies.iter().filter_map(line).collect()
}

fn legend(policies: &[PolicyInfo], watches: &[Watch]) -> String {
    let monitors: BTreeSet<String> = watches
        .iter()
        .filter_map(|watch| {
            let better = if watch.higher { "higher" } else { "lower" };
            Some(format!(
                "mean({}), {better} is better",
                watch.monitor.as_ref()?
            ))
        })
        .collect();
    let monitors = monitors.into_iter().collect::<Vec<_>>().join("; ");
    let mut text = String::new();
    if !monitors.is_empty() {
        text.push_str(&format!(
            "best kept: {}, of the checkpoints at which no rank was NaN or infinite\n\
             missed: events with a better mean than all before, at which nothing was saved\n",
            Printable(&monitors)
        ));
    }
    if policies.iter().any(|info| info.mode == Mode::Shadow) {
        text.push_str(
            "a shadow's (*) saves and deletions are what it would have done alone; nothing is written\n",
        );
    }
    text
}
