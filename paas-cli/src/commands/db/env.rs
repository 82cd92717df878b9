//! `paas db env`.

use paas_core::{
    database::{
        connection::Connection,
        env::{self, Format},
    },
    error::{Class, Error},
};
use secrecy::ExposeSecret;

use crate::{
    app::App,
    args::{DbEnv, EnvFormat, Output},
    cluster,
    codes::CLI_BINDING,
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbEnv) -> Result<Exit, Failure> {
    let by_output = match app.printer.output() {
        Output::Json | Output::Yaml => EnvFormat::Json,
        Output::Table | Output::Wide | Output::Name => EnvFormat::Shell,
    };
    let form = args.format.unwrap_or(by_output);
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::env(app, &cluster, &args.at, form).await;
    }
    let session = Session::open(app)?;
    let target = super::named(&session, &args.at.name)?;
    let (user, to) = session
        .way_with_user(&target, args.at.user.as_deref(), args.at.database.as_deref())
        .await?;
    let (to, binding) = match target.instance() {
        // The published binding says nothing of TLS.
        Some(instance) if args.at.tls => (instance.with_tls(to)?, None),
        Some(instance) => (to, instance.binding(&user).await?),
        None => (to, None),
    };
    // One to another database would be read without a word.
    let binding = binding.filter(|(_, published)| published.entry("database") == to.database);
    let binding = binding.map(|(path, _)| path);
    let Some(form) = text(form) else {
        let path = binding.ok_or_else(|| unbound(&user, &to))?;
        app.printer.data(&path.display().to_string());
        return Ok(Exit::Done);
    };
    let text = env::render(&to, form, binding.as_deref());
    app.printer.data(text.expose_secret());
    Ok(Exit::Done)
}

/// The form of a text; none for the binding's own place.
pub(crate) fn text(form: EnvFormat) -> Option<Format> {
    Some(match form {
        EnvFormat::Shell => Format::Shell,
        EnvFormat::Dotenv => Format::Dotenv,
        EnvFormat::Json => Format::Json,
        EnvFormat::Direnv => Format::Direnv,
        EnvFormat::Jdbc => Format::Jdbc,
        EnvFormat::Pgpass => Format::Pgpass,
        EnvFormat::Binding => return None,
    })
}

fn unbound(user: &str, to: &Connection) -> Error {
    Error::new(&CLI_BINDING, Class::NotFound)
        .attempted(format!(
            "find the binding of {user} to the database {}",
            to.database
        ))
        .happened("no binding is published for them")
}
