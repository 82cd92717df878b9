//! The label of namespaces that must not be deleted by the way: [`PROTECTED`], which the policies of `paas crds --policies` look at.
//!
//! What the label is to say is a function of our objects and of what holds data under our mark ([`wanted`]), and whether it is to be written one of the
//! namespace as it is ([`due`]). Caches are asked, never the API server, so an object that changes nothing costs nothing. Nothing is
//! decided before all objects are listed: half a list would take the label off.
//!
//! An operator whose role is of its namespaces alone can watch none, for they belong to the cluster: it looks at its own ([`asked`]).
//!
//! The label is applied under our own field manager and taken off only where we own it: a label that a person put there stays. Needed are
//! the verbs `list`, `watch` and `patch` on namespaces; without them objects are carried out as ever, and the log says what is missing.

mod asked;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    core::PartialObjectMeta,
    runtime::reflector::{Store, store::WriterDropped},
};
use paas_core::{
    crd::policies::{BY_DATA, BY_OBJECTS, PROTECTED},
    error::{Class, Error},
    spec::Kind,
};
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    FIELD_MANAGER, codes,
    context::Context,
    holdings::Holdings,
    object::has_finalizer,
    refusal::{is_absent, is_conflict},
    watch::Place,
};

/// So long after a label that could not be written it is tried again.
const AGAIN: Duration = Duration::from_secs(15);

/// The kinds whose objects can protect a namespace.
pub(crate) const KINDS: [Kind; 2] = [Kind::DatabaseInstance, Kind::Platform];

type Meta = PartialObjectMeta<Namespace>;

/// What the watches of one place show.
pub(crate) struct Shown {
    /// The objects of [`KINDS`].
    pub(crate) objects: Vec<(Kind, Store<DynamicObject>)>,
    /// What holds data.
    pub(crate) holdings: Arc<Holdings>,
    /// Told of each change of both.
    pub(crate) changed: Arc<Notify>,
}

/// Keeps the label right until `stop`.
pub(crate) async fn guard(cx: Arc<Context>, place: Place, shown: Shown, stop: CancellationToken) {
    match place {
        Some(namespace) if cx.asks_own_namespaces_alone => asked::guard(&cx, &namespace, shown, stop).await,
        place => watched::guard(cx, place, shown, stop).await,
    }
}

impl Shown {
    /// The label of each namespace that is to have one; `None` as long as not everything is listed.
    fn wanted(&self) -> Option<BTreeMap<String, Ward>> {
        let holding = self.holdings.namespaces()?;
        let objects = self.objects.iter();
        let objects = objects.flat_map(|(kind, store)| store.state().into_iter().map(|o| (*kind, o)));
        Some(wanted(objects, holding))
    }

    /// Waits until the objects are listed.
    async fn listed(&self) -> Result<(), WriterDropped> {
        for (_, store) in &self.objects {
            store.wait_until_ready().await?;
        }
        Ok(())
    }
}

/// What came of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// Its label is right, or will be seen to be.
    Done,
    /// It could not be written.
    Failed,
    /// We do not lead any more.
    NotOurs,
}

/// Writes what is due about one namespace.
async fn settle(cx: &Context, namespace: &Meta, want: Option<Ward>) -> Settled {
    let (uid, seen) = (namespace.uid(), namespace.resource_version());
    let is_stale = cx
        .own
        .is_stale(&uid.unwrap_or_default(), &seen.unwrap_or_default());
    let Some(label) = due(namespace, want).filter(|_| !is_stale) else {
        return Settled::Done;
    };
    if !cx.may_write().await {
        return Settled::NotOurs;
    }
    match write(&cx.client, namespace, label).await {
        Ok(written) => {
            if let Some((uid, revision)) = written.and_then(|w| w.uid().zip(w.resource_version())) {
                cx.own.wrote(&uid, &revision);
            }
            Settled::Done
        }
        Err(error) => {
            tracing::warn!(%error, advice = %error.advice(), "a namespace is not labelled");
            Settled::Failed
        }
    }
}

/// Why a namespace is not to be deleted. The stronger reason is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ward {
    /// A database has data, or something that a database left has.
    Data,
    /// An object is protected by its spec.
    Objects,
}

impl Ward {
    fn value(self) -> &'static str {
        match self {
            Self::Data => BY_DATA,
            Self::Objects => BY_OBJECTS,
        }
    }
}

/// The label of each namespace that is to have one.
fn wanted(
    objects: impl Iterator<Item = (Kind, Arc<DynamicObject>)>,
    holding: BTreeSet<String>,
) -> BTreeMap<String, Ward> {
    let mut all: BTreeMap<_, _> = holding.into_iter().map(|name| (name, Ward::Data)).collect();
    for (kind, object) in objects {
        let Some(ward) = ward(kind, &object) else { continue };
        let of = all.entry(object.namespace().unwrap_or_default()).or_insert(ward);
        *of = ward.max(*of);
    }
    all
}

/// What one object asks for. It is read as it is: also one that our types cannot read is protected.
fn ward(kind: Kind, object: &DynamicObject) -> Option<Ward> {
    if object.data["spec"]["deletionProtection"] == true {
        return Some(Ward::Objects);
    }
    // The finalizer is set before the first effect and goes after the last one.
    (kind == Kind::DatabaseInstance && has_finalizer(object)).then_some(Ward::Data)
}

/// What is to be written: a value, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Set(&'static str),
    Off,
}

/// What is to be done about a namespace. One that is going is left alone, and so is a label of somebody else.
fn due(namespace: &Meta, want: Option<Ward>) -> Option<Label> {
    if namespace.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let has = namespace.labels().get(PROTECTED).map(String::as_str);
    let is_ours = is_ours(namespace);
    match (want, has) {
        (Some(want), None) => Some(Label::Set(want.value())),
        (Some(want), Some(has)) => (is_ours && has != want.value()).then_some(Label::Set(want.value())),
        (None, Some(_)) => is_ours.then_some(Label::Off),
        (None, None) => None,
    }
}

/// True if the label is one that we applied.
fn is_ours(namespace: &Meta) -> bool {
    let field = format!("f:{PROTECTED}");
    namespace.managed_fields().iter().any(|entry| {
        entry.manager.as_deref() == Some(FIELD_MANAGER)
            && entry
                .fields_v1
                .as_ref()
                .is_some_and(|f| !f.0["f:metadata"]["f:labels"][&field].is_null())
    })
}

/// Writes the label; the namespace as it is then, or `None` if it is gone.
///
/// # Errors
/// [`codes::OP_NAMESPACE`].
async fn write(client: &Client, namespace: &Meta, label: Label) -> Result<Option<Meta>, Error> {
    let name = namespace.name_any();
    let labels = match label {
        Label::Set(value) => json!({ PROTECTED: value }),
        Label::Off => json!({}),
    };
    // With its uid, a namespace that is gone is not made anew.
    let patch = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": name, "uid": namespace.uid(), "labels": labels },
    });
    let api: Api<Namespace> = Api::all(client.clone());
    let manner = PatchParams::apply(FIELD_MANAGER).force();
    match api.patch_metadata(&name, &manner, &Patch::Apply(&patch)).await {
        Ok(written) => {
            tracing::info!(namespace = name, ?label, "the label {PROTECTED} is written");
            Ok(Some(written))
        }
        Err(e) if is_absent(&e) || is_conflict(&e) => Ok(None),
        Err(e) => Err(Error::new(&codes::OP_NAMESPACE, Class::Denied)
            .attempted(format!("label namespace {name} with {PROTECTED}"))
            .happened(e.to_string())
            .source_error(e)),
    }
}

#[cfg(test)]
mod tests {
    use kube::client::Body;
    use paas_core::spec::API_VERSION;
    use serde_json::Value;

    use super::*;
    use crate::FINALIZER;

    fn object(namespace: &str, is_held: bool, spec: Value) -> Arc<DynamicObject> {
        let finalizers = if is_held { vec![FINALIZER] } else { Vec::new() };
        let object = json!({
            "apiVersion": API_VERSION, "kind": "DatabaseInstance",
            "metadata": { "name": "x", "namespace": namespace, "finalizers": finalizers }, "spec": spec,
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn namespace(label: Option<&str>, manager: &str, going: bool) -> Meta {
        let labels = label.map(|l| json!({ PROTECTED: l }));
        let going = going.then_some("2026-01-01T00:00:00Z");
        let field = format!("f:{PROTECTED}");
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": "shop", "labels": labels, "deletionTimestamp": going,
                "managedFields": [{"manager": manager, "fieldsV1": {"f:metadata": {"f:labels": {field: {}}}}}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_strongest_reason_in_a_namespace_is_the_one_that_counts() {
        let protected = json!({"deletionProtection": true});
        let objects = [
            (Kind::DatabaseInstance, object("both", true, json!({}))),
            (Kind::DatabaseInstance, object("both", false, protected.clone())),
            (Kind::DatabaseInstance, object("data", true, json!({}))),
            (Kind::DatabaseInstance, object("nothing-made", false, json!({}))),
            (Kind::Platform, object("cloud", true, json!({}))),
            (Kind::Platform, object("platform", true, protected)),
            (
                Kind::DatabaseInstance,
                object(
                    "broken",
                    false,
                    json!({"replicas": "many", "deletionProtection": true}),
                ),
            ),
        ];
        let left = ["both", "left"].map(str::to_owned);
        let all = wanted(objects.into_iter(), left.into());
        let expected = [
            ("both", Ward::Objects),
            ("broken", Ward::Objects),
            ("data", Ward::Data),
            ("left", Ward::Data),
            ("platform", Ward::Objects),
        ];
        assert_eq!(all, expected.map(|(n, w)| (n.to_owned(), w)).into());
    }

    #[test]
    fn the_word_for_consent_is_the_same_everywhere() {
        assert_eq!(crate::CONSENT, paas_core::crd::policies::CONSENT);
    }

    /// A client of an API server that answers everything so.
    fn answering(code: u16) -> Client {
        let answer = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "it said no", "reason": "Reason", "code": code,
        });
        let service = tower::service_fn(move |_: http::Request<Body>| {
            let answer = Body::from(answer.to_string().into_bytes());
            let answer = http::Response::builder().status(code).body(answer);
            std::future::ready(answer)
        });
        Client::new(service, "default")
    }

    #[tokio::test]
    async fn a_label_that_may_not_be_written_is_told_and_one_of_a_namespace_that_is_gone_is_not() {
        let shop = namespace(None, FIELD_MANAGER, false);
        let label = Label::Set(BY_DATA);
        let error = write(&answering(403), &shop, label).await.unwrap_err();
        assert_eq!(error.code().id, codes::OP_NAMESPACE.id);
        assert!(error.to_string().contains("it said no"), "{error}");
        for gone in [404, 409] {
            assert!(write(&answering(gone), &shop, label).await.unwrap().is_none());
        }
    }

    #[test]
    fn only_what_differs_is_written_and_never_over_a_label_of_somebody_else() {
        let (ours, theirs) = (FIELD_MANAGER, "kubectl-label");
        let table = [
            (namespace(None, ours, false), None, None),
            (
                namespace(None, ours, false),
                Some(Ward::Data),
                Some(Label::Set(BY_DATA)),
            ),
            (namespace(Some(BY_DATA), ours, false), Some(Ward::Data), None),
            (
                namespace(Some(BY_DATA), ours, false),
                Some(Ward::Objects),
                Some(Label::Set(BY_OBJECTS)),
            ),
            (namespace(Some(BY_OBJECTS), ours, false), None, Some(Label::Off)),
            (namespace(Some("true"), theirs, false), None, None),
            (namespace(Some("true"), theirs, false), Some(Ward::Objects), None),
            (namespace(None, ours, true), Some(Ward::Objects), None),
        ];
        for (namespace, want, expected) in table {
            assert_eq!(due(&namespace, want), expected, "{namespace:?} {want:?}");
        }
    }
}
