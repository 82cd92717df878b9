//! `paas db connect`.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::open::Open;
use paas_core::{
    database::connection::Connection,
    error::{Class, Error},
};
use rustyline::{DefaultEditor, error::ReadlineError};
use secrecy::ExposeSecret;

use crate::{
    app::App,
    args::DbConnect,
    codes::CLI_PSQL,
    exit::{Exit, Failure},
    sql::{Answer, Prompt},
    ui::failure,
};

pub(crate) async fn run(app: &App, args: &DbConnect) -> Result<Exit, Failure> {
    let open = super::open::open(app, &args.at).await?;
    match find("psql") {
        Some(psql) => exec(app, &open, &psql, &args.psql).await,
        None => {
            app.printer.talk("There is no psql here; this is a small SQL prompt. End a statement with ; and leave with \\q.");
            prompt(app, &open.to).await
        }
    }
}

/// The program in the search path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|p| p.join(program))
        .find(|p| p.is_file())
}

/// Runs psql. The password goes through a file of mode 0600 that is removed afterwards: an environment can be read by others.
async fn exec(app: &App, open: &Open, psql: &Path, more: &[OsString]) -> Result<Exit, Failure> {
    let to = &open.to;
    let passfile = Passfile::write(&open.scratch, to).map_err(|e| failed(psql, &e))?;
    let mut command = tokio::process::Command::new(psql);
    for (name, value) in to.env().into_iter().filter(|(name, _)| *name != "PGPASSWORD") {
        command.env(name, value.expose_secret());
    }
    command
        .env_remove("PGPASSWORD")
        .env("PGPASSFILE", &passfile.0)
        .args(more);
    let _mode = app.interrupt.child_has_terminal();
    // A way into a cluster goes on moving bytes meanwhile.
    let status = command.status().await.map_err(|e| failed(psql, &e))?;
    Ok(if status.success() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn failed(psql: &Path, e: &std::io::Error) -> Error {
    Error::new(&CLI_PSQL, Class::Internal)
        .attempted(format!("run {}", psql.display()))
        .happened(e.to_string())
}

/// A password file that is gone when this is dropped.
pub(crate) struct Passfile(pub(crate) PathBuf);

impl Passfile {
    pub(crate) fn write(folder: &Path, to: &Connection) -> std::io::Result<Self> {
        let path = folder.join(format!(".pgpass-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let this = Self(path);
        file.write_all(to.pgpass().expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        Ok(this)
    }
}

impl Drop for Passfile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn prompt(app: &App, to: &Connection) -> Result<Exit, Failure> {
    let mut session = Prompt::open(to).await?;
    let _mode = app.interrupt.child_has_terminal();
    let broken = |e: ReadlineError| {
        Error::new(&CLI_PSQL, Class::Internal)
            .attempted("read from the terminal")
            .happened(e.to_string())
    };
    let mut editor = DefaultEditor::new().map_err(broken)?;
    let mut text = String::new();
    loop {
        let sign = if text.is_empty() {
            format!("{}=> ", to.database)
        } else {
            format!("{}-> ", to.database)
        };
        // On a thread of its own, so that a way into a cluster goes on moving bytes meanwhile.
        let asked = tokio::task::spawn_blocking(move || {
            let line = editor.readline(&sign);
            (editor, line)
        });
        let line;
        (editor, line) = asked.await.map_err(|e| broken(ReadlineError::Io(e.into())))?;
        let line = match line {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                text.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(Exit::Done),
            Err(e) => return Err(broken(e).into()),
        };
        if text.is_empty() && matches!(line.trim(), "\\q" | "quit" | "exit") {
            return Ok(Exit::Done);
        }
        text.push_str(&line);
        text.push('\n');
        if !line.trim_end().ends_with(';') {
            if text.trim().is_empty() {
                text.clear();
            }
            continue;
        }
        let _ = editor.add_history_entry(text.trim());
        let answers = answer(app, &session, &text).await;
        super::sql::notices(&app.printer, &mut session);
        match answers {
            Ok(answers) => super::sql::print(&app.printer, &answers),
            Err(error) => failure::print(&app.printer, &error.into()),
        }
        text.clear();
    }
}

/// Asks the server; Ctrl-C stops the statement, not the prompt.
async fn answer(app: &App, session: &Prompt, text: &str) -> Result<Vec<Answer>, Error> {
    let asked = session.ask(text);
    tokio::pin!(asked);
    tokio::select! {
        answers = &mut asked => return answers,
        () = app.interrupt.pressed.notified() => session.cancel().await,
    }
    asked.await
}
