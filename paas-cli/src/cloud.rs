//! The cloud that is meant: what this process was started with, and a client made from it.

use std::{collections::BTreeMap, env, path::Path, time::Duration};

use paas_core::{error::Error, render::clean};
use paas_openstack::{
    client::{Client, Options, Rate},
    config::{self, Choice, Sources, Warning},
};

use crate::{app::App, trace};

/// One command makes all its calls within seconds and is gone: only the bound on calls at once slows the first few hundred.
const RATE: Rate = Rate {
    per_second: 20.0,
    burst: 300.0,
};

/// A snapshot of the environment and of where we are. A folder that is gone leaves relative paths as they are.
pub(crate) fn sources() -> Sources {
    let text = |(name, value): (_, std::ffi::OsString)| -> Option<(String, String)> {
        let name: std::ffi::OsString = name;
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let environment: BTreeMap<_, _> = env::vars_os().filter_map(text).collect();
    let mut sources = Sources::new(environment, env::current_dir().unwrap_or_default());
    sources.home = env::home_dir().or(sources.home);
    sources
}

/// A client of the cloud that is meant. Nobody is asked yet; what is dangerous is said at once.
///
/// `deadline` bounds one call with its repetitions; `file` gets a line for every call.
pub(crate) fn connect(
    app: &App,
    choice: &Choice,
    deadline: Duration,
    file: Option<&Path>,
) -> Result<Client, Error> {
    let resolved = config::resolve(&sources(), choice)?;
    let warn = |what: &str| {
        let paint = app.printer.talk_paint();
        app.printer
            .talk(&format!("{} {}", paint.bad("warning:"), clean(what)));
    };
    // The client says the one about certificates, louder.
    let said = resolved
        .warnings
        .iter()
        .filter(|w| !matches!(w, Warning::Unverified { .. }));
    said.for_each(|w| warn(&w.to_string()));
    let options = Options {
        trace: trace::trace(&app.printer, file)?,
        deadline,
        rate: RATE,
        system_proxy: true,
        user_agent: concat!("paas/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..Options::default()
    };
    let client = Client::new(resolved.cloud, options)?;
    client.warnings().iter().for_each(|w| warn(&w.to_string()));
    Ok(client)
}
