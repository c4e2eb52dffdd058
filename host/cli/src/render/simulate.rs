//! What a decision takes in worlds of several sizes, as a table.

use bytesize::ByteSize;
use ckpt_policy_core::text::Printable;

use super::tables::{self, Page};
use crate::commands::simulate::{Basis, Figures};

/// Returns the figures as text.
pub(crate) fn simulate(page: Page, figures: &Figures) -> String {
    let mut text = format!(
        "{}: one exchange of a decision, without the network (seed {})\n\n",
        Printable(&figures.policy),
        figures.seed
    );
    let heads = [
        "encoding",
        "ranks",
        "a rank brings",
        "and gets",
        "all bring",
        "begin µs",
        "complete µs",
        "",
    ];
    let mut table = page.table(&heads, &[1, 2, 3, 4, 5, 6]);
    for row in &figures.rows {
        let basis = match row.basis {
            Basis::AllRanks => format!("measured, {} exchanges", row.exchanges),
            Basis::SomeRanks => "measured, on some of the ranks".to_owned(),
            Basis::Extrapolated => "extrapolated from the row above".to_owned(),
        };
        let cells = [
            row.encoding.to_string(),
            row.ranks.to_string(),
            ByteSize(row.brings).to_string(),
            ByteSize(row.gets).to_string(),
            ByteSize(row.total()).to_string(),
            format!("{:.1}", row.begin_us),
            format!("{:.1}", row.complete_us),
            basis,
        ];
        tables::add_row(&mut table, cells);
    }
    text.push_str(&tables::lines(&table));
    if figures.compared > 0 {
        text.push_str(&format!(
            "\nthe same bits in {} trees ({}), in each of {} exchanges\n",
            figures.trees.len(),
            figures.trees.join(", "),
            figures.compared
        ));
    }
    text.push_str(&format!(
        "{} reduced values are those of a fold over the numbers of all ranks\n",
        figures.folded
    ));
    text
}
