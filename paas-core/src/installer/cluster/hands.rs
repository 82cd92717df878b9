//! The calls that a cluster stage makes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node as KubeNode, PersistentVolume, Secret};
use kube::{
    Api, Client, Resource as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;

use super::seen::LABELS_ANNOTATION;
use crate::{
    error::{Class, Error, Result},
    installer::token::BootstrapToken,
    kube::{MANAGER, OWNER, STORE, fault},
    owner::Owner,
};

/// Where tokens lie.
const SYSTEM: &str = "kube-system";

/// By this they are no addons: those are whatever else bears the owner's mark.
const TOKENS: &str = "tokens";

/// How many objects one page of a list has.
const PAGE: u32 = 500;

/// Everything that a look sees.
pub(super) struct World {
    pub(super) nodes: Vec<KubeNode>,
    pub(super) tokens: Vec<Secret>,
    pub(super) volumes: Vec<PersistentVolume>,
}

/// All nodes, tokens and volumes.
pub(super) async fn look(client: &Client) -> Result<World> {
    let tokens = ListParams::default().fields("type=bootstrap.kubernetes.io/token");
    let (nodes, tokens, volumes) = futures::future::try_join3(
        all::<KubeNode>(Api::all(client.clone()), ListParams::default(), "list nodes"),
        all::<Secret>(Api::namespaced(client.clone(), SYSTEM), tokens, "list tokens"),
        all::<PersistentVolume>(Api::all(client.clone()), ListParams::default(), "list volumes"),
    )
    .await?;
    Ok(World {
        nodes,
        tokens,
        volumes,
    })
}

async fn all<K>(api: Api<K>, params: ListParams, doing: &str) -> Result<Vec<K>>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut params = params.limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = api.list(&params).await.map_err(|e| fault::of(doing, false, e))?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}

/// Lets a machine join by its token until `ends`.
pub(super) async fn invite(
    client: &Client,
    owner: &Owner,
    token: &BootstrapToken,
    ends: jiff::Timestamp,
) -> Result<Secret> {
    let name = token.secret_name();
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SYSTEM, "labels": {OWNER: owner.uid().to_string(), STORE: TOKENS}},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": token.data(ends),
    });
    let api: Api<Secret> = Api::namespaced(client.clone(), SYSTEM);
    let params = PatchParams::apply(MANAGER).force();
    let made = api.patch(&name, &params, &Patch::Apply(&secret)).await;
    made.map_err(|e| fault::of("let a machine join by its token", true, e))
}

/// Lets nobody join by this token any more.
pub(super) async fn uninvite(client: &Client, token: &str) -> Result<()> {
    let api: Api<Secret> = Api::namespaced(client.clone(), SYSTEM);
    let gone = api.delete(token, &DeleteParams::default()).await;
    missing_is_fine(gone.map(drop), "end a token")
}

/// Gives a node the labels of its pool, and takes those away that the pool does not have any more.
pub(super) async fn label(client: &Client, node: &str, labels: &BTreeMap<String, String>) -> Result<()> {
    let names: Vec<&str> = labels.keys().map(String::as_str).collect();
    let patch = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node, "labels": labels, "annotations": {LABELS_ANNOTATION: names.join(",")}},
    });
    let api: Api<KubeNode> = Api::all(client.clone());
    let params = PatchParams::apply(MANAGER).force();
    let done = api.patch(node, &params, &Patch::Apply(&patch)).await;
    done.map(drop)
        .map_err(|e| fault::of(&format!("label the node {node}"), true, e))
}

/// Takes a node out of the list of members, if it is still the one that was seen.
pub(super) async fn remove(client: &Client, node: &KubeNode) -> Result<()> {
    let name = node.meta().name.as_deref().unwrap_or_default();
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: node.meta().uid.clone(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let api: Api<KubeNode> = Api::all(client.clone());
    let gone = api.delete(name, &params).await;
    missing_is_fine(gone.map(drop), &format!("remove the node {name}"))
}

pub(super) fn missing_is_fine(done: kube::Result<()>, doing: &str) -> Result<()> {
    match done.map_err(|e| fault::of(doing, true, e)) {
        Err(error) if error.class() == Class::NotFound => Ok(()),
        other => other,
    }
}

/// True for an answer that no wait will change: somebody else answers there.
pub(super) fn is_stranger(error: &Error) -> bool {
    error.words().contains("invalid peer certificate")
}
