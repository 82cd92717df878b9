//! The proof of what went.

use paas_core::{error::ErrorView, render::clean};
use paas_openstack::gc::{Chosen, Collected, Findings, Left, Remains};
use serde_json::{Value, json};

use super::print::{counted, owner};
use crate::{
    app::App,
    args::{Gc, Output},
    ui::progress::Line,
};

/// Nothing is to be deleted.
pub(super) fn nothing_chosen(app: &App, findings: &Findings, args: &Gc) {
    let printer = &app.printer;
    if printer.for_programs() {
        match printer.output() {
            Output::Json => printer.line(&Line::Result(json!({ "gone": 0, "owners": [], "left": [] }))),
            Output::Yaml => printer.value(&json!({ "gone": 0, "owners": [], "left": [] })),
            Output::Table | Output::Wide | Output::Name => {}
        }
        return;
    }
    let of = match args.owner.as_slice() {
        [] => String::new(),
        names => format!(" of {}", clean(&names.join(", "))),
    };
    printer.talk(&format!(
        "Nothing{of} is left over in project {} that may be deleted.",
        clean(&findings.project)
    ));
}

/// The proof: what the last look lists of the owners that were chosen.
pub(super) fn collected(app: &App, findings: &Findings, chosen: &Chosen, done: &Collected) {
    let printer = &app.printer;
    let owners = || {
        findings
            .owners
            .iter()
            .filter(|it| chosen.owners.contains(&it.uid))
    };
    let of = |it: &Remains| {
        done.left
            .iter()
            .flatten()
            .filter(|left| left.owner == it.uid)
            .collect::<Vec<&Left>>()
    };
    match printer.output() {
        Output::Json | Output::Yaml => {
            let value = outcome(findings, chosen, done);
            if printer.output() == Output::Json {
                printer.line(&Line::Result(value));
            } else {
                printer.value(&value);
            }
        }
        Output::Name => {
            let gone = owners().filter(|it| done.left.is_some() && of(it).is_empty());
            gone.for_each(|it| printer.data(&it.uid.to_string()));
        }
        Output::Table | Output::Wide if done.left.is_none() => {
            printer.talk(&format!("{} deleted; the same command goes on.", done.gone));
        }
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            for it in owners() {
                let left = of(it);
                let name = paint.strong(&owner(it));
                if left.is_empty() {
                    let all = counted(it.leftovers.len(), "thing").unwrap_or_default();
                    printer.data(&format!("{name}: nothing is left ({all} deleted)."));
                    continue;
                }
                let count = format!("{} of {}", left.len(), it.leftovers.len());
                printer.data(&format!("{name}: {count} left."));
                for left in left {
                    printer.data(&format!(
                        "  {}: {}",
                        clean(&left.leftover.said()),
                        clean(&left.why)
                    ));
                }
            }
        }
    }
}

fn outcome(findings: &Findings, chosen: &Chosen, done: &Collected) -> Value {
    let owners = findings
        .owners
        .iter()
        .filter(|it| chosen.owners.contains(&it.uid));
    let owners: Vec<Value> = owners
        .map(|it| json!({ "uid": it.uid, "name": it.name }))
        .collect();
    let left = done.left.as_ref().map(|left| {
        let one = |it: &Left| json!({ "owner": it.owner, "it": it.leftover, "why": it.why, "kept": it.kept });
        left.iter().map(one).collect::<Vec<Value>>()
    });
    let mut value = json!({ "gone": done.gone, "owners": owners, "left": left });
    if let Err(error) = &done.outcome {
        value["error"] = json!(ErrorView::from(error));
    } else if let Some(error) = done.shortfall() {
        value["error"] = json!(ErrorView::from(&error));
    }
    value
}
