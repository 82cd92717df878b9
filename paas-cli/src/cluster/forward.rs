//! `paas db forward`: a port of this machine that leads to a database of a cluster, for a while or for a command.

use std::{ffi::OsStr, net::Ipv4Addr, path::Path, process::ExitStatus};

use paas_core::{
    database::{connection::Connection, env},
    error::{Class, Error},
};
use secrecy::ExposeSecret;

use super::{Cluster, Database, Folder, way::behind};
use crate::{
    app::App,
    args::{DbForward, Output},
    codes::{CLI_COMMAND, CLI_FOLDER, CLI_NO_POOLER},
    commands::db::connect::Passfile,
    exit::{Exit, Failure},
};

/// Listens until Ctrl-C, or as long as the command runs.
pub(crate) async fn forward(app: &App, cluster: &Cluster, args: &DbForward) -> Result<Exit, Failure> {
    let _mode = app.interrupt.watching();
    let database = Database::find(cluster, &args.at.name).await?;
    let (bound, mut to) = database.bound(&args.at).await?;
    let service = if args.pooler {
        let (host, service) = bound.pooler()?.ok_or_else(|| {
            Error::new(&CLI_NO_POOLER, Class::NotFound)
                .attempted(format!("forward a port to the pooler of {}", args.at.name))
                .happened(format!("the binding {} names none", bound.secret()))
        })?;
        to.host = host;
        service
    } else {
        bound.server()?
    };
    let folder = Folder::open(app)?;
    let listener = database.listen(app, &service, args.port).await?;
    let to = if args.at.tls {
        behind(database.verified(&bound, to, &folder)?, &listener)
    } else {
        // Every driver can do with this one. That the name is not the certificate's is not looked at then.
        Connection {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: listener.address().port(),
            ..to
        }
    };
    if let Some((program, rest)) = args.command.split_first() {
        let serving = listener.spawn();
        let status = run(app, program, rest, &to, folder.path(), args.with_password).await?;
        drop(serving);
        return Ok(if status.success() {
            Exit::Done
        } else {
            Exit::Failed
        });
    }
    tell(app, &to, args.with_password);
    app.printer.talk(&app.printer.talk_paint().dim(&format!(
        "{} leads to the service {} in {}; Ctrl-C ends it.",
        listener.address(),
        service.name,
        cluster.name()
    )));
    listener.serve(app.interrupt.cancel.clone()).await;
    Ok(Exit::Interrupted)
}

/// The URL; its password only where somebody asks for it.
fn url(to: &Connection, with_password: bool) -> String {
    if with_password {
        return to.url().expose_secret().to_owned();
    }
    // No password of ours is empty, and libpq takes an empty one for none.
    let without = Connection {
        password: String::new().into(),
        ..to.clone()
    };
    without.url().expose_secret().replacen(":@", "@", 1)
}

fn tell(app: &App, to: &Connection, with_password: bool) {
    let url = url(to, with_password);
    match app.printer.output() {
        Output::Json | Output::Yaml => {
            let mut value = serde_json::json!({
                "host": to.host, "port": to.port, "database": to.database, "username": to.user,
                "uri": url, "sslmode": to.sslmode.as_str(), "hostaddr": to.address, "sslrootcert": to.ca,
            });
            if with_password {
                value["password"] = to.password.expose_secret().into();
            }
            match app.printer.output() {
                // One line, so that it can be read while the command stays.
                Output::Json => app.printer.line(&value),
                _ => app.printer.value(&value),
            }
        }
        Output::Table | Output::Wide | Output::Name => app.printer.data(&url),
    }
}

/// Runs a command that finds the way in its environment. The password goes through a file of mode 0600 that is removed afterwards: an
/// environment can be read by others.
async fn run(
    app: &App,
    program: &OsStr,
    rest: &[std::ffi::OsString],
    to: &Connection,
    folder: &Path,
    with_password: bool,
) -> Result<ExitStatus, Error> {
    let passfile = Passfile::write(folder, to).map_err(|e| {
        Error::new(&CLI_FOLDER, Class::Blocked)
            .attempted(format!("write a password file into {}", folder.display()))
            .happened(e.to_string())
    })?;
    let mut command = tokio::process::Command::new(program);
    command.args(rest);
    // What is there already would lead elsewhere.
    for name in ["PGHOSTADDR", "PGPASSWORD", "PGSSLROOTCERT", "PGSERVICE"] {
        command.env_remove(name);
    }
    for (name, value) in env::variables(to) {
        match name {
            "PGPASSWORD" if !with_password => {}
            "DATABASE_URL" => {
                command.env(name, url(to, with_password));
            }
            _ => {
                command.env(name, value.expose_secret());
            }
        }
    }
    command.env("PGPASSFILE", &passfile.0);
    let _mode = app.interrupt.child_has_terminal();
    command.status().await.map_err(|e| {
        Error::new(&CLI_COMMAND, Class::Invalid)
            .attempted(format!("run {}", program.display()))
            .happened(e.to_string())
    })
}

#[cfg(test)]
mod tests {
    use paas_core::database::connection::SslMode;

    use super::*;

    #[test]
    fn a_url_without_its_password_is_one_that_clients_read() {
        let to = Connection {
            host: "127.0.0.1".into(),
            address: None,
            port: 15432,
            database: "app".into(),
            user: "app_a".into(),
            password: "s3cret".to_owned().into(),
            sslmode: SslMode::Require,
            ca: None,
        };
        assert_eq!(
            url(&to, false),
            "postgresql://app_a@127.0.0.1:15432/app?sslmode=require"
        );
        assert_eq!(
            url(&to, true),
            "postgresql://app_a:s3cret@127.0.0.1:15432/app?sslmode=require"
        );
        let read: tokio_postgres::Config = url(&to, false).parse().unwrap();
        assert_eq!((read.get_user(), read.get_password()), (Some("app_a"), None));
    }
}
