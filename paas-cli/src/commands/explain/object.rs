//! `paas explain NAME`: how an object is doing, what the codes in that mean, and what went wrong last.

use paas_core::{
    codes::{Code, find},
    event::{Event, State},
};
use serde_json::json;

use super::wrapped;
use crate::{
    app::App,
    args::{Files, Output},
    cluster,
    codes::TABLES,
    commands::{
        events::{is_of, print},
        status::{self, Standing, State as Stands},
    },
    events,
    exit::{Exit, Failure},
    input::{self, From},
    session::{self, Session},
    site::{self, Site},
};

/// Events that are told.
const LAST: usize = 5;

/// Tells of every object of that name; `None` if there is none.
pub(super) async fn run(app: &App, name: &str) -> Result<Option<Exit>, Failure> {
    let (standings, mut happened) = match site::of(app).await? {
        Site::Cluster(cluster) => cluster::explain::look(&cluster, name).await?,
        Site::Machine => here(app, name).await?,
    };
    if standings.is_empty() {
        return Ok(None);
    }
    let goes_on = standings.iter().any(|s| s.state == Stands::Progressing);
    happened.retain(|e| {
        matches!(e.state, State::Failed | State::Blocked) || (goes_on && e.state == State::Waiting)
    });
    happened.drain(..happened.len().saturating_sub(LAST));
    tell(app, &standings, &happened);
    Ok(Some(Exit::Done))
}

/// The objects of that name on this machine, and what happened to them.
async fn here(app: &App, name: &str) -> Result<(Vec<Standing>, Vec<Event>), Failure> {
    let mut session = Session::open(app)?;
    let input = input::meant(&Files::default(), session.objects())?;
    let mut documents = input.documents;
    // The quick start is of nobody before it was made.
    documents.retain(|d| d.name() == name && input.origin != From::QuickStart);
    if documents.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    session.connect(app, &documents, None).await;
    let standings = status::all(&session, documents, false).await?;
    let mut happened = events::read(&session::owners(app)?)?;
    happened.retain(|e| is_of(e, &[name.to_owned()]));
    Ok((standings, happened))
}

fn tell(app: &App, standings: &[Standing], happened: &[Event]) {
    let printer = &app.printer;
    let mut named: Vec<&Code> = Vec::new();
    for id in standings.iter().flat_map(|s| &s.codes) {
        named.extend(find(TABLES, id).filter(|code| !named.contains(code)));
    }
    match printer.output() {
        Output::Json | Output::Yaml => {
            printer.value(&json!({"objects": standings, "codes": named, "events": happened}));
        }
        Output::Name => named.iter().for_each(|code| printer.data(code.id)),
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            for one in standings {
                let title = format!("{}/{}/{}", one.kind, one.namespace, one.name);
                let since = one.since.map_or(String::new(), |at| format!(" since {at:.0}"));
                printer.data(&format!("{} is {:?}{since}", paint.strong(&title), one.state));
                printer.data(&wrapped(&one.sentence()));
            }
            for code in named {
                printer.data(&format!("{}: {}", paint.name(code.id), code.title));
                let words = [wrapped(code.cause), wrapped(&format!("→ {}", code.remedy))];
                printer.data(&words.concat());
            }
            if !happened.is_empty() {
                printer.data(&paint.strong("What went wrong last"));
                print(app, happened, false);
            }
        }
    }
}
