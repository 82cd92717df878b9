//! `paas init`.

use std::{
    fs::OpenOptions,
    io::{self, Write},
};

use paas_core::{
    error::{Class, Error},
    spec,
};

use crate::{
    app::App,
    args::Init,
    codes::{CLI_EXISTS, CLI_OBJECTS},
    exit::{Exit, Failure},
};

pub(crate) fn run(app: &App, args: &Init) -> Result<Exit, Failure> {
    let template = spec::template();
    if args.path.as_os_str() == "-" {
        app.printer.data(template);
        return Ok(Exit::Done);
    }
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(!args.force)
        .create(args.force)
        .truncate(args.force);
    let written = options
        .open(&args.path)
        .and_then(|mut file| file.write_all(template.as_bytes()));
    let path = args.path.display();
    written.map_err(|e| {
        let error = match e.kind() {
            io::ErrorKind::AlreadyExists => Error::new(&CLI_EXISTS, Class::Conflict),
            _ => Error::new(&CLI_OBJECTS, Class::Denied).remedy("write it somewhere else: paas init PATH"),
        };
        error.attempted(format!("write {path}")).happened(e.to_string())
    })?;
    let paint = app.printer.talk_paint();
    let up = if path.to_string() == "paas.yaml" {
        "paas up".to_owned()
    } else {
        format!("paas up -f {path}")
    };
    app.printer
        .talk(&format!("Wrote {path}. Change it, then run {}.", paint.name(&up)));
    Ok(Exit::Done)
}
