//! `paas up --foreground`: stays, and keeps databases running until it is told to stop.

use std::sync::Arc;

use paas_core::{
    error::{Error, ErrorView},
    local::{
        backup,
        instance::LocalInstance,
        log::LogLimit,
        supervise::{Accepted, Supervisor},
    },
    render,
    spec::{Document, Kind},
};

use crate::{
    app::App,
    args::Output,
    exit::{Exit, Failure},
    input,
    session::Session,
    ui::progress::Line,
};

/// Which of the accepted databases are kept running.
#[derive(Debug)]
pub(crate) enum Scope {
    /// All, also those that are made later.
    All,
    /// Those of a file.
    Only(Vec<Document>),
}

#[derive(Debug)]
struct Kept {
    session: Session,
    scope: Scope,
}

impl Accepted for Kept {
    fn instances(&self) -> Result<Vec<LocalInstance>, Error> {
        let mut documents = self.session.objects().all()?;
        documents.retain(|d| {
            d.kind() == Kind::DatabaseInstance
                && match &self.scope {
                    Scope::All => true,
                    Scope::Only(these) => these.iter().any(|t| input::same(t, d)),
                }
        });
        let targets = self.session.targets(&documents)?;
        Ok(targets.iter().filter_map(|t| t.instance().cloned()).collect())
    }
}

/// Keeps them running until Ctrl-C or SIGTERM, then stops them.
pub(crate) async fn run(app: &App, session: Session, scope: Scope) -> Result<Exit, Failure> {
    let clock = session.machine().clock.clone();
    let progress = session.progress.clone();
    let kept = Arc::new(Kept { session, scope });
    // What cannot be read now is a reason not to begin; later it is told, and nothing is let go.
    kept.instances()?;
    let _mode = app.interrupt.supervising();
    app.printer
        .talk("Keeping the databases running; Ctrl-C stops them and keeps their data.");
    let stopped = Supervisor::new(kept, clock)
        .chore(backup::Scheduled)
        .chore(LogLimit::default())
        .run(&app.interrupt.cancel)
        .await;
    progress.clear();
    let names: Vec<String> = stopped.stopped.iter().map(ToString::to_string).collect();
    match app.printer.output() {
        Output::Json => {
            let left: Vec<_> = stopped
                .left
                .iter()
                .map(|(o, e)| (o.to_string(), ErrorView::from(e)))
                .collect();
            app.printer.line(&Line::Result(
                serde_json::json!({ "stopped": names, "left": left }),
            ));
        }
        Output::Table | Output::Wide | Output::Yaml | Output::Name => {
            let paint = app.printer.talk_paint();
            for name in &names {
                app.printer
                    .talk(&format!("{}: stopped; its data is kept.", paint.strong(name)));
            }
            for (owner, error) in &stopped.left {
                app.printer
                    .talk(&format!("{}: still runs.", paint.strong(&owner.to_string())));
                app.printer.talk(&render::error(&ErrorView::from(error), paint));
            }
        }
    }
    Ok(match (stopped.left.is_empty(), app.interrupt.was_terminated()) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::Done,
        (true, false) => Exit::Interrupted,
    })
}
