//! What a compile cache holds, as a table.

use bytesize::ByteSize;
use ckpt_policy_runtime::Freed;

use super::tables::{self, Page};
use crate::commands::cache::{Listing, state};

/// Returns the entries, and what they come to.
pub(crate) fn cache(page: Page, listing: &Listing) -> String {
    let heads = ["policy", "size", "last use", "wasmtime", "state"];
    let mut table = page.table(&heads, &[1, 2]);
    for entry in &listing.entries {
        let row = [
            entry.policy[..DIGITS].to_owned(),
            ByteSize(entry.size).to_string(),
            format!("{} ago", span(listing.age(entry))),
            entry.wasmtime.clone().unwrap_or_else(|| "-".to_owned()),
            state(entry.state).to_owned(),
        ];
        tables::add_row(&mut table, row);
    }
    let total = format!(
        "{}, {} of {}\n",
        count(listing.entries.len() as u64),
        ByteSize(listing.total()),
        ByteSize(listing.most),
    );
    match listing.entries.is_empty() {
        true => total,
        false => format!("{}\n{total}", tables::lines(&table)),
    }
}

/// Says how much has gone.
pub(crate) fn cache_freed(freed: Freed) -> String {
    format!(
        "removed {}, {}\n",
        count(freed.entries),
        ByteSize(freed.bytes)
    )
}

fn count(entries: u64) -> String {
    match entries {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    }
}

/// Returns a time as its largest unit.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Digits of a digest that tell policies apart.
const DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_time_is_shown_in_its_largest_unit() {
        let shown = [0, 59, 60, 7199, 7200, 86_399, 200_000].map(span);
        assert_eq!(shown, ["0 s", "59 s", "1 min", "1 h", "2 h", "23 h", "2 d"]);
    }
}
