//! `paas explain`: what a code means, or why an object is as it is.

mod object;

use paas_core::{
    codes::{Code, find},
    error::{Class, Error},
};

use crate::{
    app::App,
    args::{Explain, Output},
    codes::{CLI_NO_CODE, TABLES},
    exit::{Exit, Failure},
    ui::table::table,
};

pub(crate) fn run(app: &App, args: &Explain) -> Result<Exit, Failure> {
    let all = || TABLES.iter().flat_map(|t| t.iter().copied());
    let Some(what) = &args.what else {
        list(app, all().collect());
        return Ok(Exit::Done);
    };
    let short = |c: &&Code| c.id.trim_start_matches("PAAS-").eq_ignore_ascii_case(what.trim());
    if let Some(code) = find(TABLES, what).or_else(|| all().find(short)) {
        one(app, code);
        return Ok(Exit::Done);
    }
    let unknown = |words: &str| {
        let error = Error::new(&CLI_NO_CODE, Class::Invalid);
        Failure::from(error.attempted(format!("explain {what:?}")).happened(words))
    };
    // No object is called so: names are in lower case.
    if what.starts_with("PAAS-") {
        return Err(unknown("no code of this build has that name"));
    }
    let found = app.block_on(object::run(app, what))?;
    found.ok_or_else(|| unknown("no code of this build and no object has that name"))
}

fn one(app: &App, code: &Code) {
    match app.printer.output() {
        Output::Json | Output::Yaml => app.printer.value(&serde_json::to_value(code).unwrap_or_default()),
        Output::Name => app.printer.data(code.id),
        Output::Table | Output::Wide => {
            let paint = app.printer.paint();
            let field = |name: &str, text: &str| format!("\n{}\n{}", paint.strong(name), wrapped(text));
            app.printer.data(&format!(
                "{}: {}\n{}{}",
                paint.name(code.id),
                code.title,
                field("What leads to it", code.cause),
                field("What to do", code.remedy)
            ));
        }
    }
}

fn list(app: &App, codes: Vec<&Code>) {
    match app.printer.output() {
        Output::Json | Output::Yaml => app
            .printer
            .value(&serde_json::to_value(&codes).unwrap_or_default()),
        Output::Name => codes.iter().for_each(|c| app.printer.data(c.id)),
        Output::Table | Output::Wide => {
            let rows = codes.iter().map(|c| vec![c.id.to_owned(), c.title.to_owned()]);
            app.printer.data(&table(&["CODE", "WHAT IT IS"], rows));
        }
    }
}

/// Lines of at most 90 characters, indented.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width == 0 || width + 1 + length > 90 {
            out.push_str(if width == 0 { "  " } else { "\n  " });
            width = 0;
        } else {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
    out
}
