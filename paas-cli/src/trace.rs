//! The calls of a client, shown: on stderr with `-v`, as lines of JSON in a file with `--trace`.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use paas_core::{
    error::{Class, Error},
    render::clean,
};
use paas_openstack::client::{
    Trace,
    trace::{Exchange, JsonLines},
};

use crate::{codes, ui::printer::Printer};

/// What is told of calls; nobody where nobody asked.
pub(crate) fn trace(printer: &Arc<Printer>, file: Option<&Path>) -> Result<Option<Arc<dyn Trace>>, Error> {
    let file = file.map(open).transpose()?.map(JsonLines::new);
    let talk = printer.verbose().then(|| printer.clone());
    if file.is_none() && talk.is_none() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Told { talk, file })))
}

/// The file is appended to, so that several commands can write one story; where it is made, only its owner may read it.
fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| {
            Error::new(&codes::CLI_TRACE, Class::Invalid)
                .attempted("write the trace")
                .happened(format!("{}: {e}", path.display()))
        })
}

#[derive(Debug)]
struct Told {
    talk: Option<Arc<Printer>>,
    file: Option<JsonLines<File>>,
}

impl Trace for Told {
    fn exchanged(&self, exchange: &Exchange) {
        if let Some(file) = &self.file {
            file.exchanged(exchange);
        }
        if let Some(printer) = &self.talk {
            printer.talk(&printer.talk_paint().dim(&clean(&line(exchange))));
        }
    }
}

/// `GET 200 12 ms http://… req-…  Nova: list servers`
fn line(of: &Exchange) -> String {
    let outcome = match (of.status, &of.failure) {
        (Some(status), _) => status.to_string(),
        (None, Some(why)) => why.clone(),
        (None, None) => "no answer".to_owned(),
    };
    let request = of
        .request_id
        .as_ref()
        .map_or(String::new(), |id| format!(" {id}"));
    let again = if of.attempt > 1 {
        format!(" (attempt {})", of.attempt)
    } else {
        String::new()
    };
    format!(
        "{}: {}: {} {} {outcome} {} ms{request}{again}",
        of.service, of.operation, of.method, of.url, of.ms
    )
}
