//! What a PostgreSQL is doing now: connections, transactions, sizes, what runs, who blocks whom, and what is slow.
//!
//! Asked with an administrator's session, of majors 14 to 18, from the server's own views ("The Cumulative Statistics System" in
//! PostgreSQL's manual). Sessions of the platform itself are not counted.

mod statement;

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use tokio_postgres::Row;

pub use statement::brief;

use super::{
    connection::Connection,
    session::{Session, column},
};
use crate::error::Result;

/// How many of the longest running, of the blocked, and of the slowest are given.
const MANY: usize = 20;

const ATTEMPT: &str = "ask the server what it does";

/// What a server does, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    /// The server's version: `17.2`.
    pub version: String,
    /// For how long it runs.
    pub up_seconds: f64,
    /// Its connections.
    pub connections: Connections,
    /// Transactions that ended a second, since the last look; none at the first. The server tells of them once a second or so.
    pub transactions_per_second: Option<f64>,
    /// The share of blocks that were found in the server's cache since its statistics began, 0 to 1; none if nothing was read.
    pub cache_hit_ratio: Option<f64>,
    /// The databases, the largest first; `postgres`, which the platform itself uses, is left out.
    pub databases: Vec<Database>,
    /// What runs or holds a transaction open, the longest first.
    pub running: Vec<Running>,
    /// What waits for a lock that another session holds, the longest first.
    pub blocked: Vec<Blocked>,
    /// The statements that took the most time together.
    pub slowest: Slowest,
}

/// The connections of clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// How many there are.
    pub total: i64,
    /// How many there can be.
    pub max: i32,
    /// How many are in each state: `active`, `idle`, `idle in transaction`, …
    pub by_state: BTreeMap<String, i64>,
}

/// One database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its size on disk; none if it was dropped meanwhile.
    pub bytes: Option<i64>,
    /// Its connections.
    pub connections: i64,
    /// Transactions that ended since its statistics began.
    pub transactions: i64,
    /// The same a second, since the last look.
    pub transactions_per_second: Option<f64>,
}

/// A session that does something, or holds a transaction open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Running {
    /// Its process.
    pub pid: i32,
    /// Its login role.
    pub user: String,
    /// Its database.
    pub database: String,
    /// What it called itself.
    pub application: String,
    /// `active`, `idle in transaction`, …
    pub state: String,
    /// For how long the statement runs, or where none does, the transaction is open.
    pub seconds: f64,
    /// What it waits for: `Lock:transactionid`.
    pub wait: Option<String>,
    /// The beginning of its statement, or of its last one; see [`brief`].
    pub statement: String,
    /// Whom it waits for; 0 is a prepared transaction.
    pub blocked_by: Vec<i32>,
}

/// A session that waits for others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocked {
    /// Who waits.
    pub waits: Running,
    /// Whom it waits for, as far as they are sessions of clients.
    pub by: Vec<Running>,
}

/// The statements that took the most time together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slowest {
    /// By `pg_stat_statements`, since its statistics began.
    Statements(Vec<Slow>),
    /// Why that is not known.
    Unknown(String),
}

/// A statement that was run, with its constants left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slow {
    /// The beginning of it.
    pub statement: String,
    /// In which database.
    pub database: String,
    /// How often.
    pub calls: i64,
    /// How long it took in the mean.
    pub mean_milliseconds: f64,
    /// How long all calls took together.
    pub total_milliseconds: f64,
}

/// Looks at one server again and again over one session.
#[derive(Debug)]
pub struct Watch {
    to: Connection,
    session: Session,
    /// A session in a database that has the extension, and the extension's schema.
    statements: Option<(Session, String)>,
    /// The server's clock at the last look, and the transactions of each database.
    last: Option<(f64, BTreeMap<String, i64>)>,
}

impl Watch {
    /// Opens the session; `to` is an administrator's way in.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub async fn open(to: Connection) -> Result<Self> {
        Ok(Self {
            session: Session::open(&to).await?,
            to,
            statements: None,
            last: None,
        })
    }

    /// One look.
    ///
    /// # Errors
    /// Those of [`Session::rows`].
    pub async fn look(&mut self) -> Result<Activity> {
        let server = self.session.rows(SERVER, &[], ATTEMPT).await?;
        let now: f64 = first(&server, "now")?.unwrap_or_default();
        let rows = self.session.rows(DATABASES, &[], ATTEMPT).await?;
        let hit: i64 = rows.iter().map(|r| column::<i64>(r, "hit")).sum::<Result<_>>()?;
        let read: i64 = rows.iter().map(|r| column::<i64>(r, "read")).sum::<Result<_>>()?;
        let mut databases = rows.iter().map(database).collect::<Result<Vec<_>>>()?;
        let rate = self.rates(now, &mut databases);
        let mut by_state = BTreeMap::new();
        for row in self.session.rows(STATES, &[], ATTEMPT).await? {
            by_state.insert(column(&row, "state")?, column(&row, "many")?);
        }
        let rows = self.session.rows(RUNNING, &[], ATTEMPT).await?;
        let mut running = rows.iter().map(running).collect::<Result<Vec<_>>>()?;
        let blocked = blocked(&running);
        running.truncate(MANY);
        Ok(Activity {
            version: first(&server, "version")?.unwrap_or_default(),
            up_seconds: first(&server, "up")?.unwrap_or_default(),
            connections: Connections {
                total: by_state.values().sum(),
                max: first(&server, "max")?.unwrap_or_default(),
                by_state,
            },
            transactions_per_second: rate,
            #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
            cache_hit_ratio: (hit + read > 0).then(|| hit as f64 / (hit + read) as f64),
            databases,
            running,
            blocked,
            slowest: self.slowest(first(&server, "preloaded")?.flatten()).await?,
        })
    }

    /// How many transactions ended a second, in each database and together.
    fn rates(&mut self, now: f64, databases: &mut [Database]) -> Option<f64> {
        let counts = databases
            .iter()
            .map(|d| (d.name.clone(), d.transactions))
            .collect();
        let (then, before) = self.last.replace((now, counts))?;
        let seconds = now - then;
        // The server's clock can be set back.
        if seconds <= 0.0 {
            return None;
        }
        let mut all = 0.0;
        for one in databases {
            let Some(last) = before.get(&one.name) else {
                continue;
            };
            // Statistics can be reset.
            let ended = one.transactions.saturating_sub(*last).max(0);
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = ended as f64 / seconds;
            one.transactions_per_second = Some(rate);
            all += rate;
        }
        Some(all)
    }

    /// `preloaded` is none where the role may not ask.
    async fn slowest(&mut self, preloaded: Option<bool>) -> Result<Slowest> {
        let why = match preloaded {
            Some(true) => None,
            Some(false) => Some("pg_stat_statements is not in shared_preload_libraries"),
            None => Some("this user may not see the statements of others"),
        };
        if let Some(why) = why {
            return Ok(Slowest::Unknown(why.to_owned()));
        }
        if self.statements.is_none() {
            self.statements = self.find_extension().await?;
        }
        let Some((session, schema)) = &self.statements else {
            return Ok(Slowest::Unknown(
                "no database has the extension pg_stat_statements".to_owned(),
            ));
        };
        let sql = format!(
            "SELECT left(query, 2000) AS statement, coalesce(datname, '') AS datname, calls, mean_exec_time, total_exec_time \
             FROM {schema}.pg_stat_statements s LEFT JOIN pg_database d ON d.oid = s.dbid \
             WHERE s.userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user) \
             ORDER BY total_exec_time DESC LIMIT {MANY}"
        );
        match session.rows(&sql, &[], ATTEMPT).await {
            Ok(rows) => Ok(Slowest::Statements(rows.iter().map(slow).collect::<Result<_>>()?)),
            // The extension or its database was dropped since; the next look seeks another.
            Err(e) => {
                self.statements = None;
                Ok(Slowest::Unknown(e.words().to_owned()))
            }
        }
    }

    /// The first database with the extension: it shows the statements of all.
    async fn find_extension(&self) -> Result<Option<(Session, String)>> {
        let names =
            "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname";
        for row in self.session.rows(names, &[], ATTEMPT).await? {
            let to = Connection {
                database: column(&row, "datname")?,
                ..self.to.clone()
            };
            let Ok(session) = Session::open(&to).await else {
                continue;
            };
            let sql = "SELECT quote_ident(nspname) AS schema FROM pg_extension e JOIN pg_namespace n \
                       ON n.oid = e.extnamespace WHERE extname = 'pg_stat_statements'";
            let rows = session.rows(sql, &[], ATTEMPT).await?;
            if let Some(schema) = first(&rows, "schema")? {
                return Ok(Some((session, schema)));
            }
        }
        Ok(None)
    }
}

/// How long it is worth to wait between two looks: the server's statistics are not newer.
pub const PAUSE: Duration = Duration::from_secs(1);

const SERVER: &str = "SELECT split_part(current_setting('server_version'), ' ', 1) AS version, \
     current_setting('max_connections')::int4 AS max, \
     extract(epoch FROM clock_timestamp())::float8 AS now, \
     extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS up, \
     CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') \
       THEN current_setting('shared_preload_libraries') ~ '\\mpg_stat_statements\\M' END AS preloaded";

/// `postgres` is left out: the platform asks there, and asking is a transaction.
const DATABASES: &str = "SELECT d.datname, pg_database_size(d.oid) AS bytes, \
     coalesce(s.xact_commit + s.xact_rollback, 0) AS transactions, \
     coalesce(s.blks_hit, 0) AS hit, coalesce(s.blks_read, 0) AS read, \
     (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.backend_type = 'client backend' \
      AND NOT (a.usename = current_user AND a.application_name = 'paas')) AS connections \
     FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid \
     WHERE d.datallowconn AND NOT d.datistemplate AND d.datname <> 'postgres' ORDER BY bytes DESC NULLS LAST, 1";

const STATES: &str = "SELECT coalesce(state, 'starting') AS state, count(*) AS many FROM pg_stat_activity \
     WHERE backend_type = 'client backend' AND NOT (usename = current_user AND application_name = 'paas') \
     GROUP BY 1";

const RUNNING: &str = "SELECT pid, coalesce(usename, '') AS usename, coalesce(datname, '') AS datname, \
     coalesce(application_name, '') AS application, coalesce(state, 'starting') AS state, \
     greatest(extract(epoch FROM clock_timestamp() - CASE WHEN state = 'active' THEN query_start \
       ELSE coalesce(xact_start, query_start, backend_start) END), 0)::float8 AS seconds, \
     CASE WHEN state = 'active' THEN wait_event_type || ':' || wait_event END AS wait, left(query, 2000) AS statement, \
     CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END AS blocked_by \
     FROM pg_stat_activity WHERE backend_type = 'client backend' AND state IS DISTINCT FROM 'idle' \
     AND NOT (usename = current_user AND application_name = 'paas') ORDER BY seconds DESC, pid";

fn first<'r, T: tokio_postgres::types::FromSql<'r>>(rows: &'r [Row], name: &str) -> Result<Option<T>> {
    rows.first().map(|r| column(r, name)).transpose()
}

fn database(row: &Row) -> Result<Database> {
    Ok(Database {
        name: column(row, "datname")?,
        bytes: column(row, "bytes")?,
        connections: column(row, "connections")?,
        transactions: column(row, "transactions")?,
        transactions_per_second: None,
    })
}

fn running(row: &Row) -> Result<Running> {
    Ok(Running {
        pid: column(row, "pid")?,
        user: column(row, "usename")?,
        database: column(row, "datname")?,
        application: column(row, "application")?,
        state: column(row, "state")?,
        seconds: column(row, "seconds")?,
        wait: column(row, "wait")?,
        statement: brief(column(row, "statement")?),
        blocked_by: column(row, "blocked_by")?,
    })
}

fn blocked(running: &[Running]) -> Vec<Blocked> {
    let of = |waits: &Running| Blocked {
        waits: waits.clone(),
        by: running
            .iter()
            .filter(|r| waits.blocked_by.contains(&r.pid))
            .cloned()
            .collect(),
    };
    running
        .iter()
        .filter(|r| !r.blocked_by.is_empty())
        .take(MANY)
        .map(of)
        .collect()
}

fn slow(row: &Row) -> Result<Slow> {
    Ok(Slow {
        statement: brief(column(row, "statement")?),
        database: column(row, "datname")?,
        calls: column(row, "calls")?,
        mean_milliseconds: column(row, "mean_exec_time")?,
        total_milliseconds: column(row, "total_exec_time")?,
    })
}
