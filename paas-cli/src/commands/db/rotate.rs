//! `paas db rotate`.

use paas_core::{
    codes::CORE_CANCELLED,
    database::rotate::{Rotated, Rotation},
    error::{Class, Error},
    local::instance::LocalInstance,
};

use crate::{
    app::App,
    args::{DbRotate, Output},
    cluster,
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbRotate) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::rotate::run(app, &cluster, args).await;
    }
    let session = Session::open(app)?;
    let target = super::named(&session, &args.name)?;
    // Says in the usual words that the user is unknown or that nothing runs.
    session.connection(&target, args.user.as_deref(), None).await?;
    let Some(instance) = target.instance() else {
        return Ok(Exit::Done);
    };
    let instance = instance.clone().doing("paas db rotate");
    let how = Rotation {
        overlap: args.overlap,
        disconnect: args.disconnect,
        now: args.now,
    };
    let mut done = instance.rotate(args.user.as_deref(), &how).await?;
    if args.wait {
        wait(app, &instance, &mut done).await?;
    }
    tell(app, &args.name, &done);
    Ok(Exit::Done)
}

/// Waits until the former logins are over, and locks them.
async fn wait(app: &App, instance: &LocalInstance, done: &mut [Rotated]) -> Result<(), Failure> {
    let clock = instance.machine().clock.clone();
    let cancel = &app.interrupt.cancel;
    let open = done.iter().filter(|r| !r.locked);
    let Some(until) = open.map(|r| r.until).max() else {
        return Ok(());
    };
    let left = std::time::Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
    app.printer
        .talk(&format!("Waiting until {until} to lock the former login."));
    tokio::select! {
        () = clock.sleep(left) => {}
        () = cancel.cancelled() => {
            let error = Error::new(&CORE_CANCELLED, Class::Cancelled)
                .attempted("wait for the end of the former login")
                .happened("the new login is handed out; a later `paas up` locks the former one");
            return Err(error.into());
        }
    }
    let locked = instance.lock_former().await?;
    for one in done {
        one.locked |= locked.contains(&one.former);
    }
    Ok(())
}

fn tell(app: &App, name: &str, done: &[Rotated]) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => {
            printer.value(&serde_json::json!({ "rotated": done }));
        }
        Output::Name => {
            let logins: Vec<&str> = done.iter().map(|r| r.login.as_str()).collect();
            printer.data(&logins.join("\n"));
        }
        Output::Table | Output::Wide => {
            for one in done {
                let begun = if one.resumed {
                    "finished what was begun: it"
                } else {
                    "it"
                };
                let former = if one.locked {
                    format!("{} is locked", one.former)
                } else {
                    format!("{} works until {}", one.former, one.until)
                };
                printer.data(&format!(
                    "{}: {begun} logs in as {} now; {former}",
                    one.user, one.login
                ));
            }
            if done.iter().any(|r| !r.locked) {
                printer.talk(&format!(
                    "Afterwards any `paas up` locks the former login. See: paas db env {name}"
                ));
            }
        }
    }
}
