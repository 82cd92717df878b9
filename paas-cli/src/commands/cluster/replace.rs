//! `paas cluster replace`: first everything but the machines' servers, then all of it.

use paas_core::{
    error::{Class, Error},
    pipeline::{Outcome, Wanted},
    spec::{CONTROL_PLANE, Document},
};

use super::{meant, open};
use crate::{
    app::App,
    args::ClusterReplace,
    codes::CLI_MEANT,
    exit::{Exit, Failure},
    input,
    reconcile::{self, Request},
};

pub(crate) async fn run(app: &App, args: &ClusterReplace) -> Result<Exit, Failure> {
    let mut session = open(app)?;
    let meta = meant(&session, Some(&args.name))?;
    let accepted = session.objects().all()?;
    let found = accepted.into_iter().find_map(|d| match &d {
        Document::Platform(p) if p.metadata.name == meta.name && p.metadata.namespace == meta.namespace => {
            Some((d.clone(), p.clone()))
        }
        _ => None,
    });
    let Some((document, platform)) = found else {
        return Err(input::among(&args.name, &[]).into());
    };
    let names: Vec<String> = platform.spec.roles().iter().flat_map(|r| r.machines()).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    for machine in &args.machines {
        if !known.contains(&machine.as_str()) {
            return Err(input::among(machine, &known).into());
        }
    }
    session
        .connect(app, std::slice::from_ref(&document), args.calls.trace.as_deref())
        .await;
    let is_plane = |m: &&String| m.starts_with(CONTROL_PLANE);
    if let Some(plane) = args.machines.iter().find(is_plane)
        && session.made(&meta.namespace, &meta.name).await.is_ok()
    {
        return Err(Error::new(&CLI_MEANT, Class::Blocked)
            .attempted(format!("make {plane} anew"))
            .happened("it is the only machine of the control plane, and everything that the cluster knows is on it")
            .remedy("repair the machine; or take the platform down and bring it up again, if what is in it may be lost")
            .into());
    }
    let request = |what| Request {
        wanted: Wanted::Spec,
        delete_data: false,
        act: &args.act,
        what,
    };
    let mut exit = Exit::Done;
    for without in [args.machines.as_slice(), &[]] {
        let what = if without.is_empty() {
            "make them anew"
        } else {
            "empty and remove them"
        };
        let mut targets = vec![session.platform(&document, &platform, without)?];
        session
            .lock(&mut targets, "paas cluster replace", &args.act)
            .await?;
        let done = reconcile::run(app, &session, targets, &request(what), || Ok(())).await?;
        exit = exit.max(reconcile::tell(&app.printer, &done));
        if !done.iter().all(|d| matches!(d.result, Ok(Outcome::Converged))) {
            break;
        }
    }
    if exit == Exit::Done {
        app.printer
            .data(&format!("{} made anew.", args.machines.join(", ")));
    }
    Ok(exit)
}
