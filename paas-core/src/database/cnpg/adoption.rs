//! Taking a Cluster that somebody else made, by its uid.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
};
use serde_json::Value;

use super::{
    adopt::{differs, is_seamless},
    health,
    kinds::CLUSTER,
};
use crate::{
    error::{Class, Error, Result},
    kube::{KubeObject, OWNER, Seen, codes::K8S_TAKEN, fault},
    resource::{Diff, Live, Origin},
};

/// The annotation of an instance that takes over a Cluster, with the Cluster's uid.
pub const ADOPT: &str = "paas.rs/adopt";

/// The Cluster of that name, if it is the one that was agreed to and nobody's.
///
/// # Errors
/// Its code is that of what is taken: if it is another one, or somebody's, or if what is wanted would restart its servers.
pub(super) async fn agreed(
    client: &Client,
    (namespace, name): (&str, &str),
    want: &KubeObject,
    uid: &str,
) -> Result<Live<KubeObject>> {
    let what = format!("take over the Cluster {namespace}/{name}");
    let there = look(client, (namespace, name), &what).await?;
    let refused = |why: String| {
        Error::new(&K8S_TAKEN, Class::Blocked)
            .attempted(&what)
            .happened(why)
            .remedy("Say in the spec what the Cluster has, or leave it out; and name the Cluster's own uid. Nothing was changed.")
    };
    let Some(there) = there else {
        return Err(refused("there is no Cluster of that name".to_owned()));
    };
    judge(want, &there, uid).map_err(refused)?;
    Ok(live(want, there, uid))
}

/// Refuses to make a Cluster where somebody else has one, and says how it would be taken over.
///
/// # Errors
/// That of what is taken.
pub(super) async fn vacant(client: &Client, (namespace, name): (&str, &str)) -> Result<()> {
    let what = format!("create the Cluster {namespace}/{name}");
    let there = look(client, (namespace, name), &what).await?;
    let Some(there) = there.filter(|t| t["metadata"]["labels"][OWNER].is_null()) else {
        return Ok(());
    };
    let uid = there["metadata"]["uid"].as_str().unwrap_or_default();
    Err(Error::new(&K8S_TAKEN, Class::Blocked)
        .attempted(what)
        .happened(format!(
            "there is one already, and it bears no mark of ours; the annotation {ADOPT} with its uid, {uid}, takes it over without a restart"
        )))
}

async fn look(client: &Client, (namespace, name): (&str, &str), what: &str) -> Result<Option<Value>> {
    let kind = ApiResource {
        group: CLUSTER.group.to_owned(),
        version: CLUSTER.version.to_owned(),
        api_version: CLUSTER.api_version(),
        kind: CLUSTER.kind.to_owned(),
        plural: CLUSTER.plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
    let there = api.get_opt(name).await.map_err(|e| fault::of(what, false, e))?;
    Ok(there.and_then(|t| serde_json::to_value(t).ok()))
}

/// Whether it may be taken.
fn judge(want: &KubeObject, there: &Value, uid: &str) -> Result<(), String> {
    let metadata = &there["metadata"];
    let found = metadata["uid"].as_str().unwrap_or_default();
    if found != uid {
        return Err(format!("its uid is {found}, and what was agreed to is {uid}"));
    }
    if let Some(mark) = metadata["labels"][OWNER].as_str() {
        return Err(format!(
            "it belongs to another instance already, with the uid {mark}"
        ));
    }
    let difference = differs(want, there);
    if is_seamless(&difference) {
        return Ok(());
    }
    let (Diff::Update(changes) | Diff::Replace(changes) | Diff::Refuse { changes, .. }) = difference else {
        return Ok(());
    };
    let told: Vec<String> = changes
        .iter()
        .map(|c| format!("{} is {} and would be {}", c.field, c.from, c.to))
        .collect();
    Err(format!("its servers would be restarted: {}", told.join("; ")))
}

fn live(want: &KubeObject, there: Value, uid: &str) -> Live<KubeObject> {
    let health = health::of_cluster(&there);
    let seen = Seen {
        object: there,
        ..Seen::default()
    };
    let found = KubeObject::found(&CLUSTER, want.namespace(), want.name(), Value::Null, seen);
    Live {
        id: uid.to_owned(),
        resource: found.holding_data(),
        health,
        origin: Origin::Adopted,
        was_ready: true,
        drifted: Vec::new(),
    }
}
