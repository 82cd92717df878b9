//! `paas crds`.

use crate::{app::App, args::Output, exit::Exit};

pub(crate) fn run(app: &App) -> Exit {
    match app.printer.output() {
        Output::Json => {
            let list =
                serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": paas_core::crd::all() });
            app.printer.value(&list);
        }
        Output::Name => {
            for kind in paas_core::spec::Kind::ALL {
                app.printer
                    .data(&format!("{}.{}", kind.plural(), paas_core::spec::GROUP));
            }
        }
        Output::Table | Output::Wide | Output::Yaml => app.printer.data(&paas_core::crd::to_yaml()),
    }
    Exit::Done
}
