//! `paas crds`.

use paas_core::{
    crd::{self, policies},
    spec::{GROUP, Kind},
};
use serde_json::{Value, json};

use crate::{app::App, args::Output, exit::Exit};

/// Prints the definitions, and then the policies if they are asked for: an apply of all of it in this order is right.
pub(crate) fn run(app: &App, with_policies: bool) -> Exit {
    let policies = if with_policies {
        policies::all()
    } else {
        Vec::new()
    };
    match app.printer.output() {
        Output::Json => {
            let of = |objects: Vec<Value>| json!({ "apiVersion": "v1", "kind": "List", "items": objects });
            let definitions = crd::all().into_iter().map(|d| json!(d));
            let policies = policies.iter().flat_map(|p| [json!(p.policy), json!(p.binding)]);
            app.printer.value(&of(definitions.chain(policies).collect()));
        }
        Output::Name => {
            for kind in Kind::ALL {
                app.printer.data(&format!("{}.{GROUP}", kind.plural()));
            }
            for policy in &policies {
                app.printer.data(policy.name());
            }
        }
        Output::Table | Output::Wide | Output::Yaml => {
            let policies = if with_policies {
                policies::to_yaml()
            } else {
                String::new()
            };
            app.printer.data(&(crd::to_yaml() + &policies));
        }
    }
    Exit::Done
}
