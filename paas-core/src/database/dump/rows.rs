//! The rows of tables and the values of sequences.

use std::pin::pin;

use futures::TryStreamExt;

use super::{catalog::Catalog, writer::Writer};
use crate::{
    database::session::{Session, column},
    error::Result,
};

/// How many tables or sequences one statement names.
const BATCH: usize = 200;

/// What is to be written between the tables and their indexes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    tables: Vec<Table>,
    sequences: Vec<String>,
    /// Tables whose rows no statement can write.
    pub(super) missing: Vec<String>,
}

#[derive(Debug)]
struct Table {
    name: String,
    columns: String,
    /// A `WHERE` that tells the user's rows from the extension's own.
    condition: String,
}

/// Keeps others from changing or dropping tables until the session ends; they may read and write.
pub(super) async fn lock(session: &Session) -> Result<()> {
    let sql = "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 \
               AND c.relpersistence <> 't' AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1";
    let rows = session.rows(sql, &[], "list tables").await?;
    let names: Result<Vec<String>> = rows.iter().map(|r| column(r, "name")).collect();
    for batch in names?.chunks(BATCH) {
        let sql = format!("LOCK TABLE {} IN ACCESS SHARE MODE", batch.join(", "));
        session
            .run(&sql, "lock tables against changes of their shape")
            .await?;
    }
    Ok(())
}

impl Rows {
    /// Which tables and sequences there are.
    pub(super) async fn read(session: &Session, catalog: &Catalog) -> Result<Self> {
        let mut it = Self::default();
        for row in session
            .rows(include_str!("sql/data.sql"), &[], "list tables")
            .await?
        {
            let (name, oid): (String, u32) = (column(&row, "name")?, column(&row, "oid")?);
            let extension: bool = column(&row, "extension")?;
            if !extension && (catalog.relation(oid).is_none() || catalog.member(oid)) {
                continue;
            }
            if column::<&str>(&row, "kind")? == "S" {
                it.sequences.push(name);
                continue;
            }
            let columns: Option<String> = column(&row, "columns")?;
            if columns.is_none() && column(&row, "generated")? {
                it.missing.push(format!(
                    "rows of table {name}, all of whose columns are generated"
                ));
                continue;
            }
            it.tables.push(Table {
                name,
                columns: columns.map(|c| format!(" ({c})")).unwrap_or_default(),
                condition: column::<Option<String>>(&row, "condition")?.unwrap_or_default(),
            });
        }
        Ok(it)
    }

    /// Writes them, and says how many rows each table had.
    pub(super) async fn write(
        &self,
        session: &Session,
        writer: &mut Writer<'_>,
    ) -> Result<Vec<(String, u64)>> {
        let mut counts = Vec::with_capacity(self.tables.len());
        for table in &self.tables {
            let attempted = format!("copy the rows of {}", table.name);
            let sql = if table.condition.is_empty() {
                format!("COPY {}{} TO STDOUT", table.name, table.columns)
            } else {
                let columns = table.columns.trim_start_matches(" (").trim_end_matches(')');
                format!(
                    "COPY (SELECT {columns} FROM {} {}) TO STDOUT",
                    table.name, table.condition
                )
            };
            writer
                .object(
                    &format!("rows of {}", table.name),
                    &format!("COPY {}{} FROM stdin;", table.name, table.columns),
                )
                .await?;
            let mut stream = pin!(session.copy_out(&sql, &attempted).await?);
            let mut rows = 0;
            while let Some(piece) = stream.try_next().await? {
                rows += writer.rows(piece.as_ref()).await?;
            }
            writer.raw("\\.\n\n").await?;
            counts.push((table.name.clone(), rows));
        }
        for batch in self.sequences.chunks(BATCH) {
            let asks: Vec<String> = batch
                .iter()
                .map(|s| {
                    let name = postgres_protocol::escape::escape_literal(s);
                    format!("SELECT format('SELECT pg_catalog.setval(%L, %s, %L);', {name}, last_value, is_called) AS sql FROM {s}")
                })
                .collect();
            for (row, name) in session
                .rows(&asks.join(" UNION ALL "), &[], "read sequences")
                .await?
                .iter()
                .zip(batch)
            {
                writer
                    .object(&format!("value of sequence {name}"), column(row, "sql")?)
                    .await?;
            }
        }
        Ok(counts)
    }
}
