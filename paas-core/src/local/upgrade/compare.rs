//! What two servers hold, in numbers that do not depend on order or version: the copy must have them all.

use std::collections::BTreeMap;

use crate::{
    database::{
        connection::Connection,
        session::{Session, column},
    },
    error::{Class, Error, Result},
    local::codes::LOC_COPY_DIFFERS,
};

/// How many differences are named.
const NAMED: usize = 5;

/// Values look the same in the output of every version with these.
const SETTINGS: &str = "SET extra_float_digits = 1; SET \"DateStyle\" = 'ISO'; SET \"TimeZone\" = 'UTC'; \
    SET \"IntervalStyle\" = 'postgres'; SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET search_path = pg_catalog; \
    SET default_transaction_read_only = on";

/// Roles with their verifiers (as digests), memberships, settings, databases.
const SERVER: &str = "\
    SELECT 'role ' || rolname AS what, md5(ROW(rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, \
        rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil, shobj_description(oid, 'pg_authid'))::text) AS value \
        FROM pg_authid WHERE rolname !~ '^pg_' \
    UNION ALL SELECT 'membership of ' || m.rolname || ' in ' || r.rolname, bool_or(a.admin_option)::text FROM pg_auth_members a \
        JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid GROUP BY m.rolname, r.rolname \
    UNION ALL SELECT 'settings of role ' || coalesce(r.rolname, '(all)') || ' in database ' || coalesce(d.datname, '(all)'), \
        array_to_string(ARRAY(SELECT unnest(s.setconfig) ORDER BY 1), ', ') FROM pg_db_role_setting s \
        LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase \
    UNION ALL SELECT 'database ' || d.datname, r.rolname || ' ' || pg_encoding_to_char(d.encoding) || ' ' || d.datconnlimit \
        || coalesce(' ' || shobj_description(d.oid, 'pg_database'), '') \
        FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE NOT d.datistemplate";

/// Objects of users by kind, schemas, extensions, sequences, large objects. What belongs to an extension is left out: it changes with
/// the extension's version. NOT NULL became constraints of their own in version 18.
const OBJECTS: &str = "\
    WITH ours AS (SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'), \
    members AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e') \
    SELECT 'relations of kind ' || relkind::text AS what, count(*)::text AS value FROM pg_class c JOIN ours n ON n.oid = relnamespace \
        WHERE NOT EXISTS (SELECT FROM members m WHERE m.objid = c.oid AND m.classid = 'pg_class'::regclass) GROUP BY relkind \
    UNION ALL SELECT 'functions', count(*)::text FROM pg_proc p JOIN ours n ON n.oid = pronamespace \
        WHERE NOT EXISTS (SELECT FROM members m WHERE m.objid = p.oid AND m.classid = 'pg_proc'::regclass) \
    UNION ALL SELECT 'types of kind ' || typtype::text, count(*)::text FROM pg_type t JOIN ours n ON n.oid = typnamespace \
        WHERE typtype IN ('d', 'e', 'r') \
        AND NOT EXISTS (SELECT FROM members m WHERE m.objid = t.oid AND m.classid = 'pg_type'::regclass) GROUP BY typtype \
    UNION ALL SELECT 'triggers', count(*)::text FROM pg_trigger WHERE NOT tgisinternal \
    UNION ALL SELECT 'constraints', count(*)::text FROM pg_constraint k JOIN ours n ON n.oid = connamespace WHERE contype <> 'n' \
        AND NOT EXISTS (SELECT FROM members m WHERE (m.objid = k.conrelid AND m.classid = 'pg_class'::regclass) \
        OR (m.objid = k.contypid AND m.classid = 'pg_type'::regclass)) \
    UNION ALL SELECT 'policies', count(*)::text FROM pg_policy \
    UNION ALL SELECT 'schema ' || nspname, r.rolname FROM ours JOIN pg_roles r ON r.oid = nspowner \
        WHERE nspowner <> 10 AND nspname <> 'public' \
    UNION ALL SELECT 'extension ' || extname, 'there' FROM pg_extension \
    UNION ALL SELECT 'sequence ' || quote_ident(schemaname) || '.' || quote_ident(sequencename), coalesce(last_value::text, 'unused') \
        FROM pg_sequences \
    UNION ALL SELECT 'large objects', count(*)::text FROM pg_largeobject_metadata";

/// Tables with rows of their own.
const TABLES: &str = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' \
    AND (c.relkind = 'r' OR c.relispopulated) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e') ORDER BY 1";

/// Where large objects have their bytes.
const LARGE_OBJECTS: &str = "pg_catalog.pg_largeobject";

/// Facts by what they are about: `app: table public.t` → `3 rows, checksum 1234`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Collects the facts of a whole server; `admin` may read everything, and nobody may write meanwhile.
    ///
    /// # Errors
    /// Those of [`Session`].
    pub async fn collect(admin: &Connection) -> Result<Self> {
        let mut facts = Self::default();
        let session = Session::open(admin).await?;
        facts.add("", &session, SERVER).await?;
        for database in databases(&session).await? {
            let session = Session::open(&Connection {
                database: database.clone(),
                ..admin.clone()
            })
            .await?;
            let of = format!("{database}: ");
            session.run(SETTINGS, "prepare for the comparison").await?;
            facts.add(&of, &session, OBJECTS).await?;
            let tables = session.rows(TABLES, &[], "list tables").await?;
            let tables: Result<Vec<String>> = tables.iter().map(|r| column(r, "name")).collect();
            for table in tables?.into_iter().chain([LARGE_OBJECTS.to_owned()]) {
                // The sum does not depend on the order of the rows; md5 is the same in every version.
                let sql = format!(
                    "SELECT 'table {}' AS what, count(*) || ' rows, checksum ' || \
                     coalesce(sum(('x' || substr(md5(compared::text), 1, 15))::bit(60)::bigint), 0) AS value FROM ONLY {table} AS compared",
                    table.replace('\'', "''")
                );
                facts.add(&of, &session, &sql).await?;
            }
        }
        Ok(facts)
    }

    async fn add(&mut self, of: &str, session: &Session, sql: &str) -> Result<()> {
        for row in session.rows(sql, &[], "collect what the server holds").await? {
            let (what, value): (String, String) = (column(&row, "what")?, column(&row, "value")?);
            self.0.insert(format!("{of}{what}"), value);
        }
        Ok(())
    }

    /// How many facts there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many of them are tables whose rows were compared.
    pub fn tables(&self) -> usize {
        let of_users = |k: &&String| k.contains(": table ") && !k.ends_with(LARGE_OBJECTS);
        self.0.keys().filter(of_users).count()
    }

    /// Holds a copy against this original.
    ///
    /// # Errors
    /// `PAAS-LOC-0031` naming what differs.
    pub fn same_as(&self, copy: &Self) -> Result<()> {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(copy.0.keys()).collect();
        let shown = |v: Option<&String>| v.cloned().unwrap_or_else(|| "missing".to_owned());
        let differing: Vec<String> = names
            .into_iter()
            .filter(|name| self.0.get(*name) != copy.0.get(*name))
            .map(|name| match name.strip_prefix("role ") {
                // A digest of a verifier is nobody's business.
                Some(_) => format!("{name} differs or is missing"),
                None => {
                    let (was, is) = (shown(self.0.get(name)), shown(copy.0.get(name)));
                    format!("{name}: {was}, in the copy {is}")
                }
            })
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        let more = differing.len().saturating_sub(NAMED);
        let mut words = differing
            .iter()
            .take(NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join("; ");
        if more > 0 {
            words.push_str(&format!("; and {more} more"));
        }
        Err(Error::new(&LOC_COPY_DIFFERS, Class::Blocked)
            .attempted("compare the upgraded data with the original")
            .happened(words))
    }
}

/// The databases that take connections, without templates.
pub(super) async fn databases(session: &Session) -> Result<Vec<String>> {
    let sql =
        "SELECT datname::text AS name FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1";
    let rows = session.rows(sql, &[], "list databases").await?;
    rows.iter().map(|r| column(r, "name")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_with_both_values_and_verifiers_are_not_shown() {
        let facts = |rows: &str, role: &str| {
            Facts(BTreeMap::from([
                ("app: table public.t".to_owned(), rows.to_owned()),
                ("role app".to_owned(), role.to_owned()),
            ]))
        };
        let old = facts("3 rows", "abc");
        old.same_as(&facts("3 rows", "abc")).unwrap();
        let e = old.same_as(&facts("2 rows", "xyz")).unwrap_err();
        assert_eq!(e.code().id, LOC_COPY_DIFFERS.id);
        assert_eq!(
            e.words(),
            "app: table public.t: 3 rows, in the copy 2 rows; role app differs or is missing"
        );
        let e = old.same_as(&Facts::default()).unwrap_err();
        assert!(e.words().contains("3 rows, in the copy missing"), "{e}");
        assert!(!e.words().contains("abc"), "{e}");
    }
}
