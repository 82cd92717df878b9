//! `paas db rotate` in a cluster: asked for by annotation, answered by what programs are bound to.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams},
    core::ApiResource,
};
use paas_core::{
    database::cnpg::steps::ROTATED,
    error::Error,
    kube::{Declared, OBJECT, OWNER, declare, fault, standing::Stand},
    spec::DatabaseInstanceStatus,
};
use serde_json::json;

use super::{
    Cluster,
    follow::{Watch, moving, stalled, vanished},
    only_here,
    requests::word,
    spec,
};
use crate::{
    app::App,
    args::{DbRotate, Output},
    exit::{Exit, Failure},
    ui::progress::{Line, Progress},
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &DbRotate) -> Result<Exit, Failure> {
    only_here(&[
        ("--user", args.user.is_some()),
        ("--disconnect", args.disconnect),
        ("--now", args.now),
        ("--wait", args.wait),
    ])?;
    let declared = cluster.database(&args.name).await?;
    let users: Vec<String> = spec(&declared)?.users.into_iter().map(|u| u.name).collect();
    let before = bindings(cluster, &declared).await?;
    let word = word();
    let overlap = args.overlap.as_secs().to_string();
    let asked = [
        (paas_operator::ROTATE_OVERLAP, Some(overlap.as_str())),
        (paas_operator::ROTATE, Some(word.as_str())),
    ];
    let declared = declare::annotate(&cluster.client, &declared, &asked).await?;
    let progress = Progress::new(app.printer.clone());
    let mut watch = Watch::begin(app, cluster, &progress, declared.clone()).await;
    let waits = watch.until(
        PATIENCE,
        || Err(vanished(&declared)),
        async |seen, said, _| {
            if matches!(said.stand, Stand::Stalled | Stand::Paused) {
                return Err(stalled(seen, said));
            }
            let answered = answers(cluster, seen).await?;
            let now = bindings(cluster, seen).await?;
            let all = users.iter().all(|u| answered.get(u) == Some(&word));
            let renewed = now
                .iter()
                .all(|(name, version)| before.get(name) != Some(version));
            Ok(match all && renewed && said.stand == Stand::Ready {
                true => ControlFlow::Break(now),
                false => ControlFlow::Continue(()),
            })
        },
    );
    let secrets = moving(&progress, waits).await?;
    tell(app, args, &users, secrets.keys());
    Ok(Exit::Done)
}

/// The Secrets that programs are bound by, with their versions; what is in them is not asked for.
async fn bindings(cluster: &Cluster, declared: &Declared) -> Result<BTreeMap<String, String>, Error> {
    let status: DatabaseInstanceStatus = declared.status()?;
    let Some(main) = status.binding.map(|b| b.name) else {
        return Ok(BTreeMap::new());
    };
    let all: Api<Secret> = Api::namespaced(cluster.client.clone(), declared.namespace());
    let marked = all.list_metadata(&ListParams::default().labels(OWNER)).await;
    let marked = marked.map_err(|e| fault::of("list the secrets of databases", false, e))?;
    let version =
        |s: &kube::core::PartialObjectMeta<Secret>| (s.name_any(), s.resource_version().unwrap_or_default());
    let is = |name: &str| {
        name.strip_prefix(&main)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    Ok(marked
        .items
        .iter()
        .map(version)
        .filter(|(name, _)| is(name))
        .collect())
}

/// The last word that was answered for each user: at its role by CloudNativePG, at its binding by a StatefulSet.
async fn answers(cluster: &Cluster, declared: &Declared) -> Result<BTreeMap<String, String>, Error> {
    let title = declared.title();
    let mut all = BTreeMap::new();
    let mut note = |annotations: &BTreeMap<String, String>, user: Option<&str>| {
        if let (Some(word), Some(user)) = (annotations.get(ROTATED), user)
            && annotations.get(OBJECT) == Some(&title)
        {
            all.insert(user.to_owned(), word.clone());
        }
    };
    let ours = ListParams::default().labels(OWNER);
    if declared.object.data["status"]["runtime"] == "CloudNativePG" {
        let resource = ApiResource {
            group: "postgresql.cnpg.io".to_owned(),
            version: "v1".to_owned(),
            api_version: "postgresql.cnpg.io/v1".to_owned(),
            kind: "DatabaseRole".to_owned(),
            plural: "databaseroles".to_owned(),
        };
        let roles: Api<DynamicObject> =
            Api::namespaced_with(cluster.client.clone(), declared.namespace(), &resource);
        let roles = roles.list(&ours).await;
        for role in roles.map_err(|e| fault::of("list the roles of databases", false, e))? {
            note(role.annotations(), role.data["spec"]["name"].as_str());
        }
        return Ok(all);
    }
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), declared.namespace());
    let secrets = secrets.list_metadata(&ours).await;
    for secret in secrets
        .map_err(|e| fault::of("list the secrets of databases", false, e))?
        .items
    {
        note(
            secret.annotations(),
            secret.annotations().get("paas.rs/user").map(String::as_str),
        );
    }
    Ok(all)
}

fn tell<'a>(app: &App, args: &DbRotate, users: &[String], secrets: impl Iterator<Item = &'a String>) {
    let printer = &app.printer;
    let secrets: Vec<&String> = secrets.collect();
    let value = json!({
        "rotated": users.iter().map(|u| json!({"user": u})).collect::<Vec<_>>(), "secrets": secrets,
        "overlapSeconds": args.overlap.as_secs(),
    });
    match printer.output() {
        Output::Json => printer.line(&Line::Result(value)),
        Output::Yaml => printer.value(&value),
        Output::Name => users.iter().for_each(|u| printer.data(u)),
        Output::Table | Output::Wide => {
            let until = args.overlap.as_secs();
            for user in users {
                printer.data(&format!(
                    "{user}: it has another password now; the former one works for {until} seconds more"
                ));
            }
            let names: Vec<&str> = secrets.iter().map(|s| s.as_str()).collect();
            printer.data(&format!("It is in: {}", names.join(", ")));
        }
    }
}
