//! The thread of a server: tests have a runtime each, so nothing of theirs can be kept for the next one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    thread,
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Options, TestDatabase, server::Server};
use crate::{
    database::{connection::Connection, session::Session},
    error::{Class, Error, Result},
    local::codes::LOC_START,
    secrets::{ExposeSecret, Generate, SecretString, SystemRandom},
};

/// Who waits for a database.
pub(super) type Answer = Box<dyn FnOnce(Result<TestDatabase>) + Send>;

/// The threads of this process. They end with it.
static WORKERS: Mutex<BTreeMap<Options, UnboundedSender<Answer>>> = Mutex::new(BTreeMap::new());

/// Asks the thread for these options for a database; the first one starts it.
pub(super) fn ask(options: Options, answer: Answer) {
    let mut workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = match workers.get(&options) {
        Some(worker) => match worker.send(answer) {
            Ok(()) => return,
            Err(back) => back.0,
        },
        None => answer,
    };
    let (makes, asked) = unbounded_channel();
    let _ = makes.send(answer);
    let wish = options.clone();
    // Where there can be no thread, `asked` is dropped with the answer in it, and who waits is told so.
    let started = thread::Builder::new()
        .name("postgres for tests".to_owned())
        .spawn(move || run(&wish, asked));
    if started.is_ok() {
        workers.insert(options, makes);
    }
}

/// What is said when nobody answers.
pub(super) fn gone() -> Error {
    Error::new(&LOC_START, Class::Internal)
        .attempted("make a database for a test")
        .happened("the thread for its server could not be started or ended early")
}

fn run(options: &Options, asked: UnboundedReceiver<Answer>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        runtime.block_on(serve(options, asked));
    }
}

async fn serve(options: &Options, mut asked: UnboundedReceiver<Answer>) {
    let mut worker = match Worker::start(options).await {
        Ok(worker) => worker,
        Err(e) => {
            // It would not go better a second time, and every test has to be told.
            while let Some(answer) = asked.recv().await {
                answer(Err(e.clone()));
            }
            return;
        }
    };
    let (drops, mut dropped) = unbounded_channel();
    loop {
        tokio::select! {
            // Somebody waits for a new one, and nobody for an old one's end.
            biased;
            Some(answer) = asked.recv() => {
                let made = worker.take().await;
                answer(made.map(|to| TestDatabase::new(to, &worker.server.folder, drops.clone())));
            }
            // The next test finds one that is there already.
            () = std::future::ready(()), if worker.spare.is_none() => worker.spare = Some(worker.make().await),
            Some(name) = dropped.recv() => worker.drop(&name).await,
            else => return,
        }
    }
}

struct Worker {
    server: Server,
    session: Session,
    made: u32,
    /// What became of making one ahead; a failure is not tried again before somebody asks.
    spare: Option<Result<Connection>>,
}

impl Worker {
    async fn start(options: &Options) -> Result<Self> {
        let server = Server::start(options).await?;
        if !options.extensions.is_empty() {
            let template = Session::open(&server.admin("template1")).await?;
            for name in &options.extensions {
                let sql = format!("CREATE EXTENSION IF NOT EXISTS {} CASCADE", quoted(name));
                template.run(&sql, &format!("create extension {name}")).await?;
            }
        }
        let session = Session::open(&server.admin("postgres")).await?;
        Ok(Self {
            server,
            session,
            made: 0,
            spare: None,
        })
    }

    async fn take(&mut self) -> Result<Connection> {
        match self.spare.take() {
            Some(Ok(spare)) => Ok(spare),
            _ => self.make().await,
        }
    }

    async fn make(&mut self) -> Result<Connection> {
        self.made += 1;
        let name = format!("test_{}", self.made);
        let password = SystemRandom.secret();
        let mut again = self.create(&name, &password).await;
        if again.as_ref().is_err_and(|e| e.class() == Class::Transient) {
            // A test may have ended all sessions, or the server came back from a crash.
            self.session = Session::open(&self.server.admin("postgres")).await?;
            self.drop(&name).await;
            again = self.create(&name, &password).await;
        }
        again?;
        Ok(Connection {
            database: name.clone(),
            user: name,
            password,
            ..self.server.admin("postgres")
        })
    }

    async fn create(&self, name: &str, password: &SecretString) -> Result<()> {
        let attempted = format!("make database {name} for a test");
        // Letters and digits. The server hashes it: here that would take long without optimization.
        let role = format!("CREATE ROLE {name} LOGIN PASSWORD '{}'", password.expose_secret());
        self.session.run(&role, &attempted).await?;
        // Copying files takes two thirds of the time of copying through the log, which is the default since there is a choice.
        let strategy = if self.server.major >= 15 {
            " STRATEGY file_copy"
        } else {
            ""
        };
        let database = format!("CREATE DATABASE {name} OWNER {name}{strategy}");
        self.session.run(&database, &attempted).await?;
        let close = format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC");
        self.session.run(&close, &attempted).await
    }

    async fn drop(&self, name: &str) {
        let attempted = format!("drop database {name} of a test");
        for what in [
            format!("DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("ROLE IF EXISTS {name}"),
        ] {
            // The whole server goes soon.
            let _ = self.session.run(&format!("DROP {what}"), &attempted).await;
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
