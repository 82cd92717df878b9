//! Writing objects of our kinds: server-side apply of what a person declared, small changes, words for the operator, deletion.
//!
//! Every write is one call. What changes or deletes an object that was looked at is bound to its uid, so that another object of the same
//! name is never meant.

use kube::{
    Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::Status,
};
use serde_json::{Map, Value, json};

use super::{
    codes::{K8S_ANOTHER, K8S_CONFLICT, K8S_MANAGED, K8S_NOT_FOUND},
    declared::{Declared, api, refused},
};
use crate::{
    codes::CORE_NAME,
    error::{Class, Error, Result},
    spec::{API_VERSION, Kind},
};

/// The field manager of what a person declares by the command line.
pub const FIELD_MANAGER: &str = "paas-cli";

/// The label of what was applied by the command line, so that what left a file can be found again. Its value is [`FIELD_MANAGER`].
pub const APPLIED_BY: &str = "paas.rs/applied-by";

/// How something is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct How {
    /// Nothing is written; the answer is the object as it would be.
    pub dry_run: bool,
    /// Fields that others manage are taken over.
    pub force: bool,
}

/// Applies a document of one of our kinds as [`FIELD_MANAGER`], labelled with [`APPLIED_BY`]: the object as it is then. `written` has
/// `kind`, `metadata.name`, `metadata.namespace` and `spec`; fields that it leaves out are left to their managers.
///
/// What this very manager changed by another way ([`change`]) is not somebody else's: it is taken back without `force`.
///
/// # Errors
/// [`K8S_MANAGED`] for fields of other managers; the API server's.
pub async fn apply(client: &Client, written: &Value, how: How) -> Result<Declared> {
    let kind: Kind = written["kind"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|e| {
            Error::new(&CORE_NAME, Class::Invalid)
                .attempted("apply an object")
                .happened(format!("{e}"))
        })?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (
        text(&written["metadata"]["namespace"]),
        text(&written["metadata"]["name"]),
    );
    let mut body = written.clone();
    body["apiVersion"] = API_VERSION.into();
    body["metadata"]["labels"][APPLIED_BY] = FIELD_MANAGER.into();
    let api = api(client, kind, Some(&namespace));
    let params = PatchParams {
        dry_run: how.dry_run,
        force: how.force,
        ..PatchParams::apply(FIELD_MANAGER)
    };
    let mut sent = api.patch(&name, &params, &Patch::Apply(&body)).await;
    if let Err(kube::Error::Api(status)) = &sent
        && managers(status).is_some_and(|all| all.iter().all(|m| m == FIELD_MANAGER))
    {
        sent = api.patch(&name, &params.force(), &Patch::Apply(&body)).await;
    }
    let what = format!("apply {kind}/{namespace}/{name}");
    let object = sent.map_err(|error| match &error {
        kube::Error::Api(status) if managers(status).is_some() => Error::new(&K8S_MANAGED, Class::Conflict)
            .attempted(&what)
            .happened(status.message.clone()),
        _ => refused(&what, !how.dry_run, error),
    })?;
    Ok(Declared { kind, object })
}

/// The managers of the fields that an apply was refused for; `None` for any other refusal.
fn managers(status: &Status) -> Option<Vec<String>> {
    let causes = status.details.as_ref().map_or(&[][..], |d| &d.causes);
    let of = |message: &str| message.split('"').nth(1).map(str::to_owned);
    let all: Vec<String> = causes
        .iter()
        .filter(|c| c.reason == "FieldManagerConflict")
        .map(|c| of(&c.message).unwrap_or_default())
        .collect();
    (!all.is_empty()).then_some(all)
}

/// Changes an object by a JSON merge patch, bound to its uid: the object as it is then.
///
/// # Errors
/// [`K8S_ANOTHER`] if it is not there any more; the API server's.
pub async fn change(client: &Client, declared: &Declared, patch: Value) -> Result<Declared> {
    let mut patch = patch;
    patch["metadata"]["uid"] = declared.uid().into();
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let what = format!("change {}", declared.title());
    let api = api(client, declared.kind, Some(declared.namespace()));
    let sent = api.patch(declared.name(), &params, &Patch::Merge(&patch)).await;
    let object = sent.map_err(|e| another(declared, &what, refused(&what, true, e)))?;
    Ok(Declared {
        kind: declared.kind,
        object,
    })
}

/// Sets annotations, the words by which an operator is asked for something; `None` takes one away.
///
/// # Errors
/// Those of [`change`].
pub async fn annotate(
    client: &Client,
    declared: &Declared,
    words: &[(&str, Option<&str>)],
) -> Result<Declared> {
    let word = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), json!(value));
    let annotations: Map<String, Value> = words.iter().map(word).collect();
    change(
        client,
        declared,
        json!({"metadata": {"annotations": annotations}}),
    )
    .await
}

/// Begins the deletion of an object; what belongs to it is the operator's. One that is gone already is no error.
///
/// # Errors
/// [`K8S_ANOTHER`] if another object has its name by now; the API server's: a policy may refuse it.
pub async fn delete(client: &Client, declared: &Declared) -> Result<()> {
    let what = format!("delete {}", declared.title());
    let only = Preconditions {
        uid: Some(declared.uid().to_owned()),
        resource_version: None,
    };
    let params = DeleteParams::background().preconditions(only);
    let api = api(client, declared.kind, Some(declared.namespace()));
    match api.delete(declared.name(), &params).await {
        Ok(_) => Ok(()),
        Err(error) => match refused(&what, true, error) {
            gone if gone.code() == &K8S_NOT_FOUND => Ok(()),
            error => Err(another(declared, &what, error)),
        },
    }
}

/// A refusal because the object of that name is not the one that was looked at.
fn another(declared: &Declared, what: &str, error: Error) -> Error {
    if error.code() != &K8S_NOT_FOUND && error.code() != &K8S_CONFLICT {
        return error;
    }
    Error::new(&K8S_ANOTHER, Class::Conflict)
        .attempted(what)
        .happened(format!(
            "{} with the uid {}: {}",
            declared.title(),
            declared.uid(),
            error.words()
        ))
}

/// The JSON merge patch that makes `new` of `old`. Lists are replaced as a whole. Pure.
///
/// ```
/// use serde_json::json;
/// let patch = paas_core::kube::declare::merge_patch(&json!({"a": 1, "b": {"c": 2, "d": 3}}), &json!({"b": {"c": 2}, "e": 4}));
/// assert_eq!(patch, json!({"a": null, "b": {"d": null}, "e": 4}));
/// ```
pub fn merge_patch(old: &Value, new: &Value) -> Value {
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        return new.clone();
    };
    let mut patch = Map::new();
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in after {
        match before.get(name) {
            Some(was) if was == value => {}
            Some(was) => {
                patch.insert(name.clone(), merge_patch(was, value));
            }
            None => {
                patch.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(patch)
}
