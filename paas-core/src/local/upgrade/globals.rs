//! What belongs to a whole server and to no database: roles with their verifiers, memberships, settings, and the databases themselves.

use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio_postgres::Row;

use crate::{
    database::{
        connection::Connection,
        session::{Session, column},
    },
    error::{Error, Result},
    local::{codes::LOC_TRANSFER, data},
};

/// Roles; the one that initdb made is there already. Verifiers go over as they are, so every password stays what it was.
const ROLES: &str = "SELECT rolname::text AS name, rolsuper AS super, rolinherit AS inherit, rolcreaterole AS createrole, \
    rolcreatedb AS createdb, rolcanlogin AS login, rolreplication AS replication, rolbypassrls AS bypass, rolconnlimit AS limit, \
    rolpassword AS verifier, rolvaliduntil::text AS until, shobj_description(oid, 'pg_authid') AS comment \
    FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1";

const MEMBERS: &str = "SELECT r.rolname::text AS role, m.rolname::text AS member, bool_or(a.admin_option) AS admin \
    FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member \
    WHERE m.rolname !~ '^pg_' GROUP BY 1, 2 ORDER BY 1, 2";

/// Through `to_jsonb`, because columns of newer versions cannot be named to older ones: the provider came with 15, `datlocale` was
/// `daticulocale` in 15 and 16.
const DATABASES: &str = "SELECT d.datname::text AS name, r.rolname::text AS owner, pg_encoding_to_char(d.encoding)::text AS encoding, \
    d.datcollate::text AS collate, d.datctype::text AS ctype, d.datconnlimit AS limit, \
    coalesce(to_jsonb(d)->>'datlocprovider', 'c') AS provider, \
    coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale, \
    shobj_description(d.oid, 'pg_database') AS comment, d.datacl IS NOT NULL AS granted \
    FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE NOT d.datistemplate AND d.datallowconn ORDER BY 1";

const GRANTS: &str = "SELECT d.datname::text AS name, coalesce(r.rolname::text, '') AS grantee, a.privilege_type AS privilege, \
    a.is_grantable AS again FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
    WHERE NOT d.datistemplate AND d.datallowconn ORDER BY 1, 2, 3";

const SETTINGS: &str = "SELECT coalesce(d.datname::text, '') AS database, coalesce(r.rolname::text, '') AS role, s.setconfig AS settings \
    FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole";

/// Copies them from a server to a new one.
pub(super) async fn copy(from: &Connection, to: &Connection) -> Result<()> {
    let old = Session::open(from).await?;
    let new = Session::open(to).await?;
    let failed = |e: Error| {
        let words = e.words().to_owned();
        Error::new(&LOC_TRANSFER, e.class())
            .attempted(e.what().unwrap_or("copy roles and databases"))
            .happened(words)
    };
    for row in old.rows(ROLES, &[], "list roles").await? {
        run(&new, &role(&row)?, "copy a role").await.map_err(failed)?;
    }
    for row in old.rows(MEMBERS, &[], "list memberships").await? {
        let (role, member): (String, String) = (column(&row, "role")?, column(&row, "member")?);
        let admin = if column(&row, "admin")? {
            " WITH ADMIN OPTION"
        } else {
            ""
        };
        let sql = format!(
            "GRANT {} TO {}{admin}",
            escape_identifier(&role),
            escape_identifier(&member)
        );
        run(&new, &sql, "copy a membership").await.map_err(failed)?;
    }
    for row in old.rows(DATABASES, &[], "list databases").await? {
        for sql in database(&row)? {
            run(&new, &sql, "make a database").await.map_err(failed)?;
        }
    }
    for row in old.rows(GRANTS, &[], "list grants").await? {
        run(&new, &grant(&row)?, "copy a grant").await.map_err(failed)?;
    }
    for row in old.rows(SETTINGS, &[], "list settings").await? {
        let (database, role): (String, String) = (column(&row, "database")?, column(&row, "role")?);
        let settings: Vec<String> = column(&row, "settings")?;
        // Values are kept in the form that the server itself made of them, in which no statement takes them back.
        let sql = "INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig) SELECT \
            coalesce((SELECT oid FROM pg_database WHERE datname = $1), 0), coalesce((SELECT oid FROM pg_roles WHERE rolname = $2), 0), $3";
        new.rows(sql, &[&database, &role, &settings], "copy settings")
            .await
            .map_err(failed)?;
    }
    Ok(())
}

async fn run(session: &Session, sql: &str, what: &str) -> Result<()> {
    session.run(sql, what).await
}

fn role(row: &Row) -> Result<String> {
    let plain: String = column(row, "name")?;
    let name = escape_identifier(&plain);
    let verb = if plain == data::ADMIN { "ALTER" } else { "CREATE" };
    let mut sql = format!("{verb} ROLE {name} WITH");
    for (flag, word) in [
        ("super", "SUPERUSER"),
        ("inherit", "INHERIT"),
        ("createrole", "CREATEROLE"),
        ("createdb", "CREATEDB"),
        ("login", "LOGIN"),
        ("replication", "REPLICATION"),
        ("bypass", "BYPASSRLS"),
    ] {
        let no = if column(row, flag)? { "" } else { "NO" };
        sql.push_str(&format!(" {no}{word}"));
    }
    sql.push_str(&format!(" CONNECTION LIMIT {}", column::<i32>(row, "limit")?));
    if let Some(verifier) = column::<Option<String>>(row, "verifier")? {
        sql.push_str(&format!(" PASSWORD {}", escape_literal(&verifier)));
    }
    if let Some(until) = column::<Option<String>>(row, "until")? {
        sql.push_str(&format!(" VALID UNTIL {}", escape_literal(&until)));
    }
    if let Some(comment) = column::<Option<String>>(row, "comment")? {
        sql.push_str(&format!(
            "; COMMENT ON ROLE {name} IS {}",
            escape_literal(&comment)
        ));
    }
    Ok(sql)
}

/// One statement an entry: a database is made outside of transactions.
fn database(row: &Row) -> Result<Vec<String>> {
    let plain: String = column(row, "name")?;
    let name = escape_identifier(&plain);
    let text = |column_name| column::<String>(row, column_name).map(|t| escape_literal(&t));
    let mut statements = Vec::new();
    if plain == "postgres" {
        // initdb made it, and it is the one that we are in.
        let owner: String = column(row, "owner")?;
        if owner != data::ADMIN {
            statements.push(format!(
                "ALTER DATABASE {name} OWNER TO {}",
                escape_identifier(&owner)
            ));
        }
    } else {
        let owner = escape_identifier(&column::<String>(row, "owner")?);
        let mut sql = format!(
            "CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            text("encoding")?,
            text("collate")?,
            text("ctype")?
        );
        let locale: Option<String> = column(row, "locale")?;
        match (column::<String>(row, "provider")?.as_str(), locale) {
            ("i", Some(locale)) => sql.push_str(&format!(
                " LOCALE_PROVIDER icu ICU_LOCALE {}",
                escape_literal(&locale)
            )),
            ("b", Some(locale)) => sql.push_str(&format!(
                " LOCALE_PROVIDER builtin BUILTIN_LOCALE {}",
                escape_literal(&locale)
            )),
            // Version 14 has no providers to choose from, and its newer neighbours take another one by default.
            _ => sql.push_str(" LOCALE_PROVIDER libc"),
        }
        statements.push(sql);
    }
    let limit: i32 = column(row, "limit")?;
    if limit != -1 {
        statements.push(format!("ALTER DATABASE {name} CONNECTION LIMIT {limit}"));
    }
    if let Some(comment) = column::<Option<String>>(row, "comment")? {
        statements.push(format!(
            "COMMENT ON DATABASE {name} IS {}",
            escape_literal(&comment)
        ));
    }
    if column(row, "granted")? {
        let owner = escape_identifier(&column::<String>(row, "owner")?);
        statements.push(format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC, {owner}"));
    }
    Ok(statements)
}

fn grant(row: &Row) -> Result<String> {
    let name: String = column(row, "name")?;
    let grantee: String = column(row, "grantee")?;
    let to = if grantee.is_empty() {
        "PUBLIC".to_owned()
    } else {
        escape_identifier(&grantee)
    };
    let again = if column(row, "again")? {
        " WITH GRANT OPTION"
    } else {
        ""
    };
    // One of the server's own words.
    let privilege: String = column(row, "privilege")?;
    Ok(format!(
        "GRANT {privilege} ON DATABASE {} TO {to}{again}",
        escape_identifier(&name)
    ))
}
