//! What is in a database, as its catalogs tell it: objects with the SQL that makes them, and who needs whom.
//!
//! The server itself writes the SQL (its `pg_get_…def` functions and `format`), one query a kind, so names and values are quoted by the
//! one who reads them again. With an empty `search_path` every name comes out with its schema.

use std::collections::{BTreeMap, BTreeSet};

use super::order::Node;
use crate::{
    database::session::{Session, column},
    error::Result,
};

/// The parts of a dump, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// What the rows need.
    Before,
    /// The rows themselves.
    Rows,
    /// What is quicker, or only possible, when the rows are there.
    After,
    /// What could forbid the statements before it.
    Rights,
    /// What is computed of all the rest, or watches it.
    Last,
}

/// The kinds of objects: where each stands, and the query that tells them. What a row lists as its needs is of an earlier kind.
const KINDS: [(Section, &str); 24] = [
    (Section::Before, include_str!("sql/schemas.sql")),
    (Section::Before, include_str!("sql/extensions.sql")),
    (Section::Before, include_str!("sql/types.sql")),
    (Section::Before, include_str!("sql/domain_constraints.sql")),
    (Section::Before, include_str!("sql/functions.sql")),
    (Section::Before, include_str!("sql/aggregates.sql")),
    (Section::Before, include_str!("sql/sequences.sql")),
    (Section::Before, include_str!("sql/tables.sql")),
    (Section::Before, include_str!("sql/views.sql")),
    (Section::Before, include_str!("sql/identities.sql")),
    (Section::Before, include_str!("sql/defaults.sql")),
    (Section::Before, include_str!("sql/columns.sql")),
    (Section::After, include_str!("sql/keys.sql")),
    (Section::After, include_str!("sql/indexes.sql")),
    (Section::After, include_str!("sql/index_partitions.sql")),
    (Section::After, include_str!("sql/checks.sql")),
    (Section::After, include_str!("sql/foreign_keys.sql")),
    (Section::After, include_str!("sql/statistics.sql")),
    (Section::After, include_str!("sql/rules.sql")),
    (Section::After, include_str!("sql/triggers.sql")),
    (Section::After, include_str!("sql/row_security.sql")),
    (Section::Rights, include_str!("sql/default_privileges.sql")),
    (Section::Last, include_str!("sql/refresh.sql")),
    (Section::Last, include_str!("sql/event_triggers.sql")),
];

/// An object's catalog and its number in it.
pub(super) type Id = (u32, u32);

/// Something that statements make.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// `table public.t`, for people.
    pub(super) name: String,
    /// The statements.
    pub(super) sql: String,
    /// What the order depends on.
    pub(super) node: Node,
}

/// All objects that statements make, and what there are no statements for.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    /// Those made by statements.
    pub(super) objects: Vec<Object>,
    /// Names of what is there and not covered.
    pub(super) missing: Vec<String>,
    index: BTreeMap<Id, usize>,
    /// Parts of another object: made with it.
    part_of: BTreeMap<Id, Id>,
    members: BTreeSet<Id>,
    temporary: BTreeSet<u32>,
    class: u32,
}

impl Catalog {
    /// Reads all catalogs within the session's transaction.
    ///
    /// # Errors
    /// Those of [`Session::rows`].
    pub(super) async fn read(session: &Session) -> Result<Self> {
        let mut it = Self::default();
        let rows = session
            .rows(
                "SELECT 'pg_class'::regclass::oid AS class",
                &[],
                "look up catalogs",
            )
            .await?;
        if let Some(row) = rows.first() {
            it.class = column(row, "class")?;
        }
        let sql = "SELECT oid FROM pg_class WHERE relpersistence = 't'";
        for row in session.rows(sql, &[], "look for temporary tables").await? {
            it.temporary.insert(column(&row, "oid")?);
        }
        let edges = it.depends(session).await?;
        for (rank, (section, sql)) in KINDS.iter().enumerate() {
            it.kind(session, rank, *section, sql).await?;
        }
        for (from, to) in edges {
            if let (Some(from), Some(to)) = (it.find(from), it.find(to))
                && from != to
            {
                it.objects[from].node.needs.insert(to);
            }
        }
        it.refresh_in_order();
        it.rights(session).await?;
        it.comments(session).await?;
        it.missing(session).await?;
        Ok(it)
    }

    /// The object that a catalog entry is, or is a part of.
    pub(super) fn find(&self, mut id: Id) -> Option<usize> {
        // An array of the type of a table's rows is three steps from the table.
        for _ in 0..8 {
            if let Some(index) = self.index.get(&id) {
                return Some(*index);
            }
            id = *self.part_of.get(&id)?;
        }
        None
    }

    /// The object that a relation is, or is a part of.
    pub(super) fn relation(&self, oid: u32) -> Option<usize> {
        self.find((self.class, oid))
    }

    /// True if the relation is made by an extension.
    pub(super) fn member(&self, oid: u32) -> bool {
        self.members.contains(&(self.class, oid))
    }

    async fn depends(&mut self, session: &Session) -> Result<Vec<(Id, Id)>> {
        let sql = include_str!("sql/depends.sql");
        let mut edges = Vec::new();
        for row in session.rows(sql, &[], "read dependencies").await? {
            let from = (column(&row, "classid")?, column(&row, "objid")?);
            let to = (column(&row, "refclassid")?, column(&row, "refobjid")?);
            match column::<&str>(&row, "how")? {
                "e" => {
                    self.members.insert(from);
                    self.part_of.insert(from, to);
                }
                "i" => {
                    self.part_of.entry(from).or_insert(to);
                }
                _ => {}
            }
            edges.push((from, to));
        }
        Ok(edges)
    }

    async fn kind(&mut self, session: &Session, rank: usize, section: Section, sql: &str) -> Result<()> {
        for row in session.rows(sql, &[], "read the catalogs").await? {
            let id: Id = (column(&row, "class")?, column(&row, "oid")?);
            let needs: Vec<u32> = column(&row, "needs")?;
            let text: Option<String> = column(&row, "sql")?;
            let Some(text) = text.filter(|t| !t.is_empty() && !self.members.contains(&id)) else {
                continue;
            };
            // A part of what an extension made comes with the extension.
            if needs.iter().any(|oid| self.members.contains(&(self.class, *oid))) {
                continue;
            }
            // What belongs to a temporary table goes with it.
            if needs.iter().any(|oid| self.temporary.contains(oid)) {
                continue;
            }
            let name: String = column(&row, "name")?;
            let Some(needs) = needs.iter().map(|oid| self.relation(*oid)).collect() else {
                self.missing.push(name);
                continue;
            };
            if id.0 != 0 {
                self.index.insert(id, self.objects.len());
            }
            let node = Node { section, rank, needs };
            self.objects.push(Object {
                name,
                sql: text,
                node,
            });
        }
        Ok(())
    }

    /// A materialized view is filled after those that it reads, through whatever views.
    fn refresh_in_order(&mut self) {
        let last: Vec<(usize, usize)> = (0..self.objects.len())
            .filter(|i| self.objects[*i].node.section == Section::Last)
            .filter_map(|i| Some((i, *self.objects[i].node.needs.first()?)))
            .collect();
        for (refresh, view) in &last {
            let reached = self.reached(*view);
            let before = last
                .iter()
                .filter(|(r, v)| r != refresh && v != view && reached.contains(v));
            let before: Vec<usize> = before.map(|(r, _)| *r).collect();
            self.objects[*refresh].node.needs.extend(before);
        }
    }

    fn reached(&self, from: usize) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                open.extend(&self.objects[at].node.needs);
            }
        }
        seen
    }

    async fn rights(&mut self, session: &Session) -> Result<()> {
        let sql = include_str!("sql/privileges.sql");
        for row in session.rows(sql, &[], "read privileges").await? {
            let id = (column(&row, "class")?, column(&row, "oid")?);
            let Some(of) = self.index.get(&id).copied() else {
                continue;
            };
            let node = Node {
                section: Section::Rights,
                rank: 0,
                needs: [of].into(),
            };
            self.objects.push(Object {
                name: column(&row, "name")?,
                sql: column(&row, "sql")?,
                node,
            });
        }
        Ok(())
    }

    async fn comments(&mut self, session: &Session) -> Result<()> {
        let sql = include_str!("sql/comments.sql");
        for row in session.rows(sql, &[], "read comments").await? {
            let id = (column(&row, "class")?, column(&row, "oid")?);
            if self.members.contains(&id) {
                continue;
            }
            if let Some(object) = self.find(id).and_then(|of| self.objects.get_mut(of)) {
                object.sql.push('\n');
                object.sql.push_str(column(&row, "sql")?);
            }
        }
        Ok(())
    }

    async fn missing(&mut self, session: &Session) -> Result<()> {
        let sql = include_str!("sql/missing.sql");
        for row in session.rows(sql, &[], "look for what is not covered").await? {
            let id = (column(&row, "class")?, column(&row, "oid")?);
            let covered =
                self.members.contains(&id) || (!self.index.contains_key(&id) && self.find(id).is_some());
            if !covered {
                self.missing.push(column(&row, "name")?);
            }
        }
        Ok(())
    }
}
