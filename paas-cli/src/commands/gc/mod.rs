//! `paas gc`.

mod choose;
mod print;
mod proof;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use paas_core::{
    clock::SystemClock,
    error::{Class, Error, ErrorView},
    execute::{Alone, Tools},
    ledger::MemoryLedger,
    owner::Owner,
    pipeline::Outcome,
    render,
};
use paas_openstack::{
    client::Client,
    config::Choice,
    gc::{self, Chosen, Collected, Findings},
};
use uuid::Uuid;

use crate::{
    app::App,
    args::Gc,
    cloud,
    exit::{self, Exit, Failure},
    objects::Objects,
    session,
    ui::{
        ask,
        progress::{Progress, TICK},
    },
};

use choose::Selection;

/// How long one call may take, with its repetitions.
const CALL: Duration = Duration::from_secs(30);

pub(crate) async fn run(app: &App, args: &Gc) -> Result<Exit, Failure> {
    let choice = Choice {
        cloud: args.cloud.clone(),
        region: args.region.clone(),
    };
    let client = cloud::connect(app, &choice, CALL, args.trace.as_deref())?;
    let looking = app.interrupt.nothing_under_way();
    let findings = gc::survey(&client).await?;
    drop(looking);
    let known = known_here(app, &findings);
    let mut selection = choose::among(&findings, args, &known, jiff::Timestamp::now())?;
    if args.yes {
        consent(app, args, &findings, &mut selection)?;
        return delete(app, args, &client, &findings, selection).await;
    }
    if args.delete_data {
        selection.chosen.data.clone_from(&selection.chosen.owners);
    }
    let outlook = gc::outlook(&findings, &selection.chosen)?;
    print::findings(app, args, client.cloud(), &findings, &selection, &outlook);
    let something = args.detailed_exitcode && !outlook.goes.is_empty();
    Ok(if something { Exit::Changes } else { Exit::Done })
}

/// The owners that this home has objects or ledgers of. A home that there is not, or that is closed, knows nobody.
fn known_here(app: &App, findings: &Findings) -> BTreeSet<Uuid> {
    let Ok(home) = session::home(app) else {
        return BTreeSet::new();
    };
    let uid = |document: &paas_core::spec::Document| {
        let kind = document.kind().as_str();
        Owner::new(&findings.identity, kind, document.namespace(), document.name()).uid()
    };
    let accepted = Objects::new(home.join("objects")).look().unwrap_or_default();
    let mut known: BTreeSet<Uuid> = accepted.documents.iter().map(uid).collect();
    let owners = home.join("owners");
    let remembered = findings.owners.iter().map(|it| it.uid);
    known.extend(remembered.filter(|uid| owners.join(uid.to_string()).is_dir()));
    known
}

/// Data goes only with its owner's name, typed in full.
fn consent(app: &App, args: &Gc, findings: &Findings, selection: &mut Selection) -> Result<(), Error> {
    if !args.delete_data {
        return Ok(());
    }
    let chosen = findings
        .owners
        .iter()
        .filter(|it| selection.chosen.owners.contains(&it.uid) && it.data().next().is_some());
    let open: Vec<String> = chosen
        .filter(|it| !selection.chosen.data.contains(&it.uid))
        .map(gc::Remains::short)
        .collect();
    if !open.is_empty() && !ask::possible(app.global.no_input) {
        let names = open.join(",");
        return Err(ask::nobody(&format!("delete the data of {names}"))
            .happened("nothing was changed: data goes only with its owner's name, typed in full")
            .remedy(format!("add --confirm {names} if it may be lost for good")));
    }
    for name in open {
        let paint = app.printer.talk_paint();
        let question = paint.bad(&format!(
            "All data of {name} is deleted for good. Type {name} to agree:"
        ));
        ask::type_name(&app.printer, &app.interrupt, &question, &name)?;
        let agreed = findings.owners.iter().filter(|it| it.is_called(&name));
        selection.chosen.data.extend(agreed.map(|it| it.uid));
    }
    Ok(())
}

async fn delete(
    app: &App,
    args: &Gc,
    client: &Client,
    findings: &Findings,
    selection: Selection,
) -> Result<Exit, Failure> {
    let Selection { chosen, .. } = selection;
    if chosen.owners.is_empty() {
        proof::nothing_chosen(app, findings, args);
        return Ok(Exit::Done);
    }
    let progress = Arc::new(Progress::new(app.printer.clone()));
    let collected = sweep(app, args, client, findings, &chosen, progress.clone()).await?;
    progress.clear();
    proof::collected(app, findings, &chosen, &collected);
    Ok(tell(app, collected))
}

async fn sweep(
    app: &App,
    args: &Gc,
    client: &Client,
    findings: &Findings,
    chosen: &Chosen,
    progress: Arc<Progress>,
) -> Result<Collected, Error> {
    let tools = Tools {
        ledger: Arc::new(MemoryLedger::default()),
        fence: Arc::new(Alone),
        clock: Arc::new(SystemClock),
        events: progress.clone(),
        cancel: app.interrupt.cancel.clone(),
    };
    let moving = async {
        loop {
            tokio::time::sleep(TICK).await;
            progress.tick();
        }
    };
    tokio::select! {
        collected = gc::collect(client, findings, chosen.clone(), tools, args.timeout) => collected,
        () = moving => Err(Error::new(&paas_core::codes::CORE_CANCELLED, Class::Cancelled)),
    }
}

/// Why it is not over, on stderr, and the exit code.
fn tell(app: &App, collected: Collected) -> Exit {
    let shortfall = collected.shortfall();
    let (error, exit) = match (collected.outcome, shortfall) {
        (Ok(Outcome::Converged), None) => return Exit::Done,
        // The time was over, or somebody stopped it: that says more than what is left.
        (Err(error), _) => {
            let exit = exit::of(&error);
            (error, exit)
        }
        (Ok(_), Some(error)) => (error, Exit::Blocked),
        (Ok(_), None) => return Exit::Done,
    };
    let paint = app.printer.talk_paint();
    app.printer.talk(&render::error(&ErrorView::from(&error), paint));
    exit
}
