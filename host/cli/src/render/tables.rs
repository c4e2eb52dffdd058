//! How all tables look: no frame, a line below the heads, and nothing wrapped but on a terminal.

use ckpt_policy_core::text::Printable;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// Where a table goes: a terminal wraps long cells, a file does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Characters in a line; `None` for a file or a pipe, where a row is a line.
    pub(crate) width: Option<u16>,
}

const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

impl Page {
    /// Starts a table; the columns named in `right` hold numbers.
    pub(crate) fn table(self, heads: &[&str], right: &[usize]) -> Table {
        let mut table = Table::new();
        table
            .load_style(STYLE)
            .force_no_tty()
            .set_header(heads.to_vec());
        match self.width {
            Some(width) => {
                table
                    .set_content_arrangement(ContentArrangement::Dynamic)
                    .set_width(width);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        table.discover_columns();
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

/// Adds a row of text that may come from a policy or a file.
pub(crate) fn add_row(table: &mut Table, cells: impl IntoIterator<Item = String>) {
    table.add_row(
        cells
            .into_iter()
            .map(|cell| Printable(&cell).to_string())
            .collect::<Vec<_>>(),
    );
}

/// Returns the table's lines, without blanks at their ends.
pub(crate) fn lines(table: &Table) -> String {
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}
