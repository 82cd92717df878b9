//! `paas db backup`: making, verifying and removing backups.

use paas_core::{
    error::{Class, Error},
    local::{
        backup::{self, Backup, Cause, State, Store},
        disk::human,
        instance::LocalInstance,
    },
};

use super::backups::json;
use crate::{
    app::App,
    args::{DbBackup, DbBackupVerb, Output},
    codes::CLI_NOT_RUNNING,
    exit::{Exit, Failure},
    session::{Session, Target},
    ui::{ask, progress::Line},
};

pub(crate) async fn run(app: &App, args: &DbBackup) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let store = Store::new(&session.machine().home);
    match (&args.verb, &args.name) {
        (Some(DbBackupVerb::Verify { backup }), _) => {
            let found = proved(app, &session, store.find(backup)?).await?;
            print(app, &found, "restores well");
        }
        (Some(DbBackupVerb::Delete { backup, confirm }), _) => {
            let found = store.find(backup)?;
            agree(app, &found, confirm.as_deref())?;
            store.remove(&found)?;
            if !app.printer.for_programs() {
                app.printer.data(&format!("{} is removed.", found.id));
            }
        }
        (None, name) => {
            let target = super::named(&session, name.as_deref().unwrap_or_default())?;
            let made = backup::take(instance(&target)?, Cause::Asked).await;
            session.progress.clear();
            let mut made = made?;
            if args.verify {
                made = proved(app, &session, made).await?;
            }
            print(
                app,
                &made,
                if args.verify {
                    "made, and it restores well"
                } else {
                    "made"
                },
            );
        }
    }
    Ok(Exit::Done)
}

/// The instance of a target that is a database.
pub(super) fn instance(target: &Target) -> Result<&LocalInstance, Error> {
    target.instance().ok_or_else(|| {
        Error::new(&CLI_NOT_RUNNING, Class::Conflict).happened(format!("{} is not a database", target.owner))
    })
}

/// The backup with what its verification found.
async fn proved(app: &App, session: &Session, backup: Backup) -> Result<Backup, Failure> {
    if app.printer.verbose() {
        app.printer
            .talk(&format!("Restoring {} for a moment.", backup.id));
    }
    let verified = backup::verify(session.machine(), &backup, &app.interrupt.cancel).await?;
    let again = Store::new(&session.machine().home).find(&backup.id)?;
    Ok(Backup {
        verified: Some(verified),
        ..again
    })
}

fn print(app: &App, backup: &Backup, done: &str) {
    match app.printer.output() {
        // Events came before it.
        Output::Json => app.printer.line(&Line::Result(json(backup))),
        Output::Yaml => app.printer.value(&json(backup)),
        Output::Name => app.printer.data(&backup.id),
        Output::Table | Output::Wide => {
            let size = backup
                .manifest
                .as_ref()
                .map_or(String::new(), |m| human(m.size()));
            app.printer.data(&format!("{} is {done}: {size}", backup.id));
        }
    }
}

/// A backup goes only with its id, typed in full; what was never finished is nobody's loss.
fn agree(app: &App, backup: &Backup, confirm: Option<&str>) -> Result<(), Error> {
    if confirm == Some(&backup.id) || backup.state == State::Incomplete {
        return Ok(());
    }
    if confirm.is_some() || !ask::possible(app.global.no_input) {
        return Err(ask::nobody(&format!("remove the backup {}", backup.id))
            .happened("nothing was changed: a backup goes only with its id, typed in full")
            .remedy(format!("add --confirm {} if it may be lost for good", backup.id)));
    }
    let question = app.printer.talk_paint().bad(&format!(
        "The backup {0} is removed for good. Type {0} to agree:",
        backup.id
    ));
    ask::type_name(&app.printer, &app.interrupt, &question, &backup.id)
}
