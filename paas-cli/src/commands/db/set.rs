//! `paas db set`.

use paas_core::{
    error::{Class, Error},
    local::{codes::LOC_UPGRADE, data},
    pipeline::Wanted,
    spec::{DatabaseInstanceSpec, Document, validate},
};

use crate::{
    app::App,
    args::DbSet,
    cluster,
    codes::CLI_UNSET,
    commands::up,
    exit::{Exit, Failure},
    reconcile::{self, Request},
    session::Session,
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbSet) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::set::run(app, &cluster, args).await;
    }
    let session = Session::open(app)?;
    let old = super::named(&session, &args.name)?;
    let Some(mut document) = old.document.clone() else {
        return Ok(Exit::Done);
    };
    let Document::DatabaseInstance(object) = &mut document else {
        return Ok(Exit::Done);
    };
    change(&mut object.spec, args)?;
    let folder = session.machine().folder(&old.owner);
    follow(args, data::major(&folder)?)?;
    let attempt = |e: validate::Violations| Error::from(e).attempted(format!("change {}", args.name));
    validate::document(&document).map_err(attempt)?;
    let documents = [document];
    session.check_changes(&documents)?;
    // A setting that the server refuses must not stay in the accepted object.
    for target in session.targets(&documents)? {
        if let Some(instance) = target.instance() {
            instance.check_parameters().await?;
        }
    }
    let request = Request {
        wanted: Wanted::Spec,
        delete_data: false,
        act: &args.act,
        what: "change it",
    };
    let mut targets = session.targets(&documents)?;
    session.lock(&mut targets, "paas db set", &args.act).await?;
    let accept = || session.objects().keep_all(&documents);
    let done = reconcile::run(app, &session, targets, &request, accept).await?;
    let exit = reconcile::tell(&app.printer, &done);
    up::finish(app, &session, &done).await;
    Ok(exit)
}

/// Makes the changes that the flags ask for.
pub(crate) fn change(spec: &mut DatabaseInstanceSpec, args: &DbSet) -> Result<(), Error> {
    for key in &args.unset {
        // PostgreSQL takes any case.
        let before = spec.parameters.len();
        spec.parameters.retain(|name, _| !name.eq_ignore_ascii_case(key));
        if spec.parameters.len() == before {
            let declared: Vec<&str> = spec.parameters.keys().map(String::as_str).collect();
            return Err(Error::new(&CLI_UNSET, Class::NotFound)
                .attempted(format!("take {key} back from {}", args.name))
                .happened(if declared.is_empty() {
                    "no setting is declared".to_owned()
                } else {
                    format!("declared are: {}", declared.join(", "))
                }));
        }
    }
    for (key, value) in &args.params {
        spec.parameters.retain(|name, _| !name.eq_ignore_ascii_case(key));
        spec.parameters
            .insert(key.clone(), super::create::parameter(value));
    }
    if let Some(plan) = args.plan {
        spec.plan = Some(plan);
        // A spec has one of the two.
        spec.resources = None;
    }
    super::create::room(spec, &args.room);
    if let Some(version) = &args.version {
        spec.engine.version = Some(version.clone());
    }
    Ok(())
}

/// Another major is not accepted: what was said would stand in the way of every later `up`.
fn follow(args: &DbSet, is: Option<u32>) -> Result<(), Error> {
    match (args.version.as_ref().map(|v| v.major()), is) {
        (Some(want), Some(is)) if want != is => Err(Error::new(&LOC_UPGRADE, Class::Blocked)
            .attempted(format!("run {} with PostgreSQL {want}", args.name))
            .happened(format!("its data is of version {is}; nothing was changed"))
            .remedy(if want > is {
                format!("upgrade the data: `paas db upgrade {} --to {want}`", args.name)
            } else {
                format!("no older version reads this data; choose a version of {is}, such as {is}.1")
            })),
        _ => Ok(()),
    }
}
