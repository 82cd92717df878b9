//! `paas db check`.

use paas_core::{
    database::check::{Finding, Hops, Report},
    local,
};

use crate::{
    app::App,
    args::{DbCheck, Output},
    cluster,
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
    ui::{failure, table::table},
};

pub(crate) async fn run(app: &App, args: &DbCheck) -> Result<Exit, Failure> {
    if let Site::Cluster(at) = site::of(app).await? {
        return told(app, &args.name, &cluster::check(app, &at, args).await?);
    }
    let session = Session::open(app)?;
    let report = match super::named(&session, &args.name) {
        Ok(target) => {
            let (user, database) = (args.user.as_deref(), args.database.as_deref());
            session.check(&target, user, database).await
        }
        Err(Failure::One(unknown)) => local::check::Report::unknown(*unknown),
        Err(other) => return Err(other),
    };
    told(app, &args.name, &report)
}

fn told<H: Hops>(app: &App, name: &str, report: &Report<H>) -> Result<Exit, Failure> {
    print(app, name, report);
    Ok(if report.holds() { Exit::Done } else { Exit::Failed })
}

fn print<H: Hops>(app: &App, name: &str, report: &Report<H>) {
    let printer = &app.printer;
    let broken = report.broken();
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::json!({
            "name": name, "ok": broken.is_none(), "broken": broken.map(|(hop, _)| hop), "hops": report.hops,
        })),
        Output::Name => printer.data(broken.map_or("", |(hop, _)| hop.as_str())),
        Output::Table | Output::Wide => {
            let rows = report.hops.iter().map(|step| {
                let (state, words) = match &step.finding {
                    Finding::Ok(words) => ("ok", words.clone()),
                    Finding::Failed(e) => ("FAILED", e.words().to_owned()),
                    Finding::Skipped(why) => ("skipped", why.clone()),
                };
                let time = match &step.finding {
                    Finding::Skipped(_) => String::new(),
                    Finding::Ok(_) | Finding::Failed(_) => format!("{:.1} ms", step.took.as_secs_f64() * 1e3),
                };
                let words = paas_core::render::clean(&words).replace('\n', " ");
                vec![step.hop.as_str().to_owned(), state.to_owned(), time, words]
            });
            printer.data(&table(&["HOP", "STATE", "TIME", "WHAT WAS SEEN"], rows));
        }
    }
    if let Some((hop, e)) = broken {
        printer.talk(&format!("The way into {name} is broken at: {}", hop.as_str()));
        failure::print(printer, &e.clone().into());
    }
}
