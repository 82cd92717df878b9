//! Failures at the edge: as text on stderr, or as JSON or YAML there with `-o json` or `-o yaml`.

use paas_core::{
    error::ErrorView,
    render::{self, Paint},
};
use serde::Serialize;

use super::printer::{Printer, yaml};
use crate::{args::Output, exit::Failure};

/// Prints a failure.
pub(crate) fn print(printer: &Printer, failure: &Failure) {
    let programs = matches!(printer.output(), Output::Json | Output::Yaml);
    match failure {
        Failure::One(error) if programs => data(printer, &[ErrorView::from(&**error)]),
        Failure::One(error) => printer.talk(&render::error(&ErrorView::from(&**error), printer.talk_paint())),
        Failure::Files(errors) if programs => data(printer, &errors.errors),
        Failure::Files(errors) => {
            printer.talk(&colored(&errors.to_string(), printer.talk_paint()));
            if let Some(first) = errors.errors.first() {
                let hint = format!("paas explain {}", first.code.id);
                printer.talk(&printer.talk_paint().dim(&hint));
            }
        }
    }
}

fn data(printer: &Printer, errors: &[impl Serialize]) {
    if printer.output() == Output::Yaml {
        let value = serde_json::json!({ "errors": errors });
        printer.talk(&yaml(&value));
    } else {
        json(printer, errors);
    }
}

/// Prints failures as one line of JSON on stderr.
pub(crate) fn json(printer: &Printer, errors: &[impl Serialize]) {
    let value = serde_json::json!({ "errors": errors });
    printer.talk(&value.to_string());
}

/// Gives the loader's text its colors: the head of each error, its place, and the carets.
fn colored(text: &str, paint: Paint) -> String {
    let line = |line: &str| {
        let start = line.trim_start();
        match line.split_once(": ") {
            Some((head, rest)) if head.starts_with("error[") => format!("{}: {rest}", paint.bad(head)),
            _ if start.starts_with("--> ") => paint.name(line),
            _ if start.starts_with("| ") && start.ends_with('^') => paint.bad(line),
            _ if start.starts_with("= help") => paint.good(line),
            _ => line.to_owned(),
        }
    };
    text.lines().map(|l| line(l) + "\n").collect()
}
