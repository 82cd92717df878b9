//! Plain tables in kubectl's manner: a heading, columns, no lines.

use comfy_table::{ContentArrangement, Table, presets};

/// A table of rows; cells with nothing in them are shown as `-`.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.to_vec());
    for row in rows {
        table.add_row(
            row.into_iter()
                .map(|cell| if cell.is_empty() { "-".to_owned() } else { cell }),
        );
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let mut out = String::new();
    for line in table.to_string().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_is_plain_columns() {
        let rows = vec![
            vec!["demo".into(), "Ready".into()],
            vec!["a-long-name".into(), String::new()],
        ];
        assert_eq!(
            super::table(&["NAME", "STATE"], rows),
            "NAME          STATE\ndemo          Ready\na-long-name   -\n"
        );
    }
}
