//! What a policy costs, as tables.

use bytesize::ByteSize;
use ckpt_policy_core::text::Printable;

use super::number::short;
use super::tables::{self, Page};
use crate::commands::bench::{Change, Figures};

/// Returns the figures as text, and what has changed where there is something to compare with.
pub(crate) fn bench(page: Page, figures: &Figures, changes: &[Change]) -> String {
    let load = &figures.load;
    let mut text = format!(
        "{} {}, {} bytes, under {}\nload  compile {:.1} ms, from a cache {:.2} ms ({} of native code)\n\n",
        Printable(&figures.name),
        Printable(&figures.version),
        figures.size,
        Printable(&figures.config.to_string()),
        load.compile_ms,
        load.reload_ms,
        ByteSize(load.native_bytes),
    );
    text.push_str(&calls(page, figures));
    if !changes.is_empty() {
        text.push('\n');
        text.push_str(&compared(page, changes));
    }
    text
}

fn calls(page: Page, figures: &Figures) -> String {
    let heads = [
        "call", "instance", "calls", "p50 µs", "p95 µs", "fuel", "start", "memory",
    ];
    let mut table = page.table(&heads, &[2, 3, 4, 5, 6, 7]);
    for calls in &figures.calls {
        let row = [
            calls.function.clone(),
            calls.instances.clone(),
            calls.calls.to_string(),
            format!("{:.1}", calls.p50_us),
            format!("{:.1}", calls.p95_us),
            calls.fuel.to_string(),
            calls.start_fuel.to_string(),
            ByteSize(calls.memory).to_string(),
        ];
        tables::add_row(&mut table, row);
    }
    tables::lines(&table)
}

fn compared(page: Page, changes: &[Change]) -> String {
    let heads = ["figure", "before", "now", "ratio", ""];
    let mut table = page.table(&heads, &[1, 2, 3]);
    for change in changes {
        let ratio = change.ratio.map(|ratio| format!("{ratio:.2}"));
        let mark = if change.regressed { "regressed" } else { "" };
        let row = [
            change.figure.clone(),
            short(change.before),
            short(change.now),
            ratio.unwrap_or_else(|| "-".to_owned()),
            mark.to_owned(),
        ];
        tables::add_row(&mut table, row);
    }
    tables::lines(&table)
}
