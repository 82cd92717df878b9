//! `paas db load`.

use std::{io::IsTerminal, path::Path};

use paas_core::{
    database::{
        connection::Connection,
        load::{Options, load_with},
    },
    error::{Class, Error},
};
use tokio::io::{AsyncBufRead, BufReader};

use super::{amount, dump::failed};
use crate::{
    app::App,
    args::{DbAt, DbLoad, Output},
    codes::{CLI_DUMP_FILE, CLI_NOT_RUNNING},
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
};

/// How much is read at once.
const PIECE: usize = 64 << 10;

pub(crate) async fn run(app: &App, args: &DbLoad) -> Result<Exit, Failure> {
    let mut from = open(args.file.as_deref().filter(|p| *p != Path::new("-"))).await?;
    let at = DbAt::of(&args.name, args.database.as_deref());
    let open = match (args.admin, site::of(app).await?) {
        (true, Site::Machine) => None,
        (true, Site::Cluster(_)) => return Err(super::only_here("--admin").into()),
        (false, _) => Some(super::open::open(app, &at).await?),
    };
    let to = match &open {
        Some(open) => open.to.clone(),
        None => admin(app, args).await?,
    };
    let options = Options {
        into_existing: args.into_existing,
        ..Options::default()
    };
    let work = load_with(&to, &mut *from, &options);
    let attempted = format!("load into {}", args.name);
    let loaded = amount::watch(app, &options.progress, &attempted, work).await?;
    for what in &loaded.left_out {
        app.printer
            .talk(&format!("warning: the dump was made without: {what}"));
    }
    match app.printer.output() {
        Output::Json | Output::Yaml => app.printer.value(&serde_json::json!({
            "database": to.database, "statements": loaded.statements, "tables": loaded.tables,
            "rows": loaded.rows, "bytes": loaded.bytes, "leftOut": loaded.left_out,
        })),
        Output::Name => app.printer.data(&to.database),
        Output::Table | Output::Wide => app.printer.data(&format!(
            "Loaded into {}: {} statements, {}",
            to.database,
            loaded.statements,
            amount::amount(loaded.rows, loaded.bytes)
        )),
    }
    Ok(Exit::Done)
}

/// The way of this machine's administrator.
async fn admin(app: &App, args: &DbLoad) -> Result<Connection, Failure> {
    let session = Session::open(app)?;
    let target = super::named(&session, &args.name)?;
    let to = session
        .connection(&target, None, args.database.as_deref())
        .await?;
    let instance = target
        .instance()
        .ok_or_else(|| Error::new(&CLI_NOT_RUNNING, Class::Conflict))?;
    Ok(instance.admin(&to.database).await?)
}

async fn open(file: Option<&Path>) -> Result<Box<dyn AsyncBufRead + Unpin + Send>, Error> {
    let Some(path) = file else {
        if std::io::stdin().is_terminal() {
            return Err(Error::new(&CLI_DUMP_FILE, Class::Invalid)
                .attempted("read the dump")
                .happened("no file is named, and stdin is a terminal"));
        }
        return Ok(Box::new(BufReader::with_capacity(PIECE, tokio::io::stdin())));
    };
    let opened = tokio::fs::File::open(path).await;
    let opened = opened.map_err(|e| failed("read", path, &e))?;
    Ok(Box::new(BufReader::with_capacity(PIECE, opened)))
}
