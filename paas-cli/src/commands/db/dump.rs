//! `paas db dump`.

use std::{
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use paas_core::{
    database::{
        connection::Connection,
        dump::{Dumped, Options, dump_with},
    },
    error::{Class, Error},
};
use tokio::fs::File;

use super::{amount, pg_dump};
use crate::{
    app::App,
    args::{DbAt, DbDump, Output},
    codes::{CLI_DUMP_FILE, CLI_NOT_RUNNING},
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbDump) -> Result<Exit, Failure> {
    if let Site::Cluster(_) = site::of(app).await? {
        if args.pg_dump {
            return Err(super::only_here("--pg-dump").into());
        }
        let at = DbAt::of(&args.name, args.database.as_deref());
        let open = super::open::open(app, &at).await?;
        return write(app, args, &open.to, None).await;
    }
    let session = Session::open(app)?;
    let target = super::named(&session, &args.name)?;
    // The owner's way says whether the database is declared and runs; the administrator's sees all that is in it.
    let owner = session
        .connection(&target, None, args.database.as_deref())
        .await?;
    let instance = target
        .instance()
        .ok_or_else(|| Error::new(&CLI_NOT_RUNNING, Class::Conflict))?;
    let from = instance.admin(&owner.database).await?;
    let with = if args.native || args.allow_missing {
        None
    } else {
        pg_dump::find(instance, args.pg_dump).await?
    };
    let with = with.as_deref().map(|program| (program, &session));
    write(app, args, &from, with).await
}

/// Writes the dump, with `pg_dump` where there is one, and a session for its files.
async fn write(
    app: &App,
    args: &DbDump,
    from: &Connection,
    with: Option<(&Path, &Session)>,
) -> Result<Exit, Failure> {
    let how = with.map_or("with the server alone".to_owned(), |(program, _)| {
        format!("with {}", program.display())
    });
    app.printer.talk(
        &app.printer
            .talk_paint()
            .dim(&format!("Dumping {} {how}.", from.database)),
    );
    let file = args.file.as_deref().filter(|p| *p != Path::new("-"));
    let attempted = format!("dump {}", args.name);
    let options = Options {
        allow_missing: args.allow_missing,
        ..Options::default()
    };
    let Some(path) = file else {
        match with {
            Some((program, session)) => {
                let work = pg_dump::run(program, session, from, None);
                amount::watch(app, &options.progress, &attempted, work).await?;
            }
            None => {
                let mut out = tokio::io::stdout();
                let work = dump_with(from, &mut out, &options);
                warn(
                    app,
                    &amount::watch(app, &options.progress, &attempted, work).await?,
                );
            }
        }
        return Ok(Exit::Done);
    };
    let mut half = Half::beside(path)?;
    let dumped = match with {
        Some((program, session)) => {
            let out = half
                .file
                .try_clone()
                .await
                .map_err(|e| failed("write", path, &e))?;
            let out = out.into_std().await;
            let work = pg_dump::run(program, session, from, Some(out));
            amount::watch(app, &options.progress, &attempted, work).await?;
            None
        }
        None => {
            let work = dump_with(from, &mut half.file, &options);
            Some(amount::watch(app, &options.progress, &attempted, work).await?)
        }
    };
    let bytes = half.finish(path).await?;
    if let Some(dumped) = &dumped {
        warn(app, dumped);
    }
    tell(app, path, bytes, dumped.as_ref());
    Ok(Exit::Done)
}

fn warn(app: &App, dumped: &Dumped) {
    for what in &dumped.left_out {
        app.printer.talk(&format!("warning: left out: {what}"));
    }
}

fn tell(app: &App, path: &Path, bytes: u64, dumped: Option<&Dumped>) {
    match app.printer.output() {
        Output::Json | Output::Yaml => {
            let mut value = serde_json::json!({ "file": path.display().to_string(), "bytes": bytes });
            if let Some(d) = dumped {
                let tables = d
                    .tables
                    .iter()
                    .map(|(n, rows)| serde_json::json!({ "name": n, "rows": rows }));
                value["rows"] = d.rows.into();
                value["tables"] = tables.collect();
                value["leftOut"] = d.left_out.clone().into();
            }
            app.printer.value(&value);
        }
        Output::Name => app.printer.data(&path.display().to_string()),
        Output::Table | Output::Wide => {
            let much = match dumped {
                Some(d) => format!("{} tables, {}", d.tables.len(), amount::amount(d.rows, bytes)),
                None => format!("{bytes} bytes"),
            };
            app.printer.data(&format!("{}: {much}", path.display()));
        }
    }
}

/// A file that is not there yet; removed when dropped before it is finished.
struct Half {
    file: File,
    path: PathBuf,
}

impl Half {
    /// Beside the file that it is to become, for us alone.
    fn beside(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().ok_or_else(|| {
            let e = io::Error::from(io::ErrorKind::IsADirectory);
            failed("write", path, &e)
        })?;
        let half = path.with_file_name(format!(".{}.paas-{}", name.to_string_lossy(), std::process::id()));
        let _ = std::fs::remove_file(&half);
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&half)
            .map_err(|e| failed("write", path, &e))?;
        Ok(Self {
            file: File::from_std(file),
            path: half,
        })
    }

    /// Makes it durable and gives it its name; how many bytes it has.
    async fn finish(self, path: &Path) -> Result<u64, Error> {
        let finish = async {
            self.file.sync_all().await?;
            let bytes = self.file.metadata().await?.len();
            std::fs::rename(&self.path, path)?;
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(bytes)
        };
        finish.await.map_err(|e: io::Error| failed("write", path, &e))
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        // Gone already if it was finished.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The system's words about the file of a dump.
pub(super) fn failed(verb: &str, path: &Path, e: &io::Error) -> Error {
    Error::new(&CLI_DUMP_FILE, Class::Invalid)
        .attempted(format!("{verb} {}", path.display()))
        .happened(e.to_string())
}
