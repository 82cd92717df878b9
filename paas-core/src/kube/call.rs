//! One exchange with an API server: a path, a deadline, an answer as JSON, and words for what went wrong.

use std::{fmt, time::Duration};

use http::{Method, Request, header};
use kube::{Client, client::Body};
use serde_json::{Value, json};

use super::{
    MANAGER, ObjectKind,
    codes::K8S_UNREACHABLE,
    fault::{self, Doing, Failed},
    hide::Hidden,
};
use crate::{
    codes,
    error::{Class, Error},
};

/// How long an answer may take before the call is given up.
const DEADLINE: Duration = Duration::from_secs(30);

/// Objects a page: what client-go asks for.
const PAGE: u32 = 500;

/// How often a list is begun anew because its pages got too old.
const RESTARTS: usize = 3;

/// Everything of an object, as JSON.
const WHOLE: &str = "application/json";
/// Only its metadata.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// Only the metadata of all.
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Where an object is, or all of a kind.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) kind: &'static ObjectKind,
    /// Empty for a kind without one, and for a list of all namespaces.
    pub(super) namespace: &'a str,
    /// Empty for a list.
    pub(super) name: &'a str,
}

impl Place<'_> {
    /// # Errors
    /// [`codes::CORE_NAME`] for what would be another path.
    fn path(&self) -> Result<String, Error> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        for part in [self.namespace, self.name] {
            if !part.chars().all(good) || matches!(part, "." | "..") {
                return Err(Error::new(&codes::CORE_NAME, Class::Invalid)
                    .attempted(format!("address {self}"))
                    .happened(format!("'{}' is no name in Kubernetes", part.escape_debug())));
            }
        }
        let ObjectKind {
            group,
            version,
            plural,
            ..
        } = self.kind;
        let mut path = match *group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        if self.kind.namespaced && !self.namespace.is_empty() {
            path += &format!("/namespaces/{}", self.namespace);
        }
        path += &format!("/{plural}");
        if !self.name.is_empty() {
            path += &format!("/{}", self.name);
        }
        Ok(path)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.kind)?;
        match (self.namespace, self.name) {
            ("", "") => f.write_str("s"),
            (namespace, "") => write!(f, "s in {namespace}"),
            ("", name) => write!(f, " {name}"),
            (namespace, name) => write!(f, " {namespace}/{name}"),
        }
    }
}

/// A call that is about to be made.
struct Call<'a> {
    what: String,
    method: Method,
    place: Place<'a>,
    query: Vec<(&'static str, String)>,
    accept: &'static str,
    body: Option<(&'static str, Value)>,
    hidden: Hidden,
}

/// Speaks to one API server.
#[derive(Clone)]
pub(super) struct Server(Client);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}

impl Server {
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }

    /// The object, or `None`; only its metadata unless `whole`.
    pub(super) async fn get(&self, place: Place<'_>, whole: bool) -> Result<Option<Value>, Failed> {
        let call = Call {
            what: format!("look at {place}"),
            method: Method::GET,
            place,
            query: Vec::new(),
            accept: if whole { WHOLE } else { METADATA },
            body: None,
            hidden: Hidden::nothing(),
        };
        match self.send(call).await {
            Ok(object) => Ok(Some(object)),
            // A kind that the cluster lacks is no object that is absent.
            Err(failed) if failed.error.class() == Class::NotFound => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// All that the label selector fits, from all pages.
    pub(super) async fn list(
        &self,
        place: Place<'_>,
        selector: &str,
        whole: bool,
    ) -> Result<Vec<Value>, Failed> {
        self.restarting(place, ("labelSelector", selector), whole).await
    }

    /// All events about objects of that name; `place` is that of events.
    pub(super) async fn about(&self, place: Place<'_>, name: &str) -> Result<Vec<Value>, Failed> {
        let of = format!("involvedObject.name={name}");
        self.restarting(place, ("fieldSelector", &of), true).await
    }

    async fn restarting(
        &self,
        place: Place<'_>,
        selector: (&'static str, &str),
        whole: bool,
    ) -> Result<Vec<Value>, Failed> {
        let mut restarts = 0;
        loop {
            match self.pages(place, selector, whole).await {
                Err(failed) if failed.status == Some(410) && restarts < RESTARTS => restarts += 1,
                ended => return ended,
            }
        }
    }

    async fn pages(
        &self,
        place: Place<'_>,
        selector: (&'static str, &str),
        whole: bool,
    ) -> Result<Vec<Value>, Failed> {
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let mut query = vec![(selector.0, selector.1.to_owned()), ("limit", PAGE.to_string())];
            if !next.is_empty() {
                query.push(("continue", next));
            }
            let call = Call {
                what: format!("list {place}"),
                method: Method::GET,
                place,
                query,
                accept: if whole { WHOLE } else { METADATA_LIST },
                body: None,
                hidden: Hidden::nothing(),
            };
            let what = call.what.clone();
            let mut page = self.send(call).await?;
            let is_list = page["kind"].as_str().is_some_and(|k| k.ends_with("List"));
            match page.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) if is_list && items.iter().all(is_object) => all.extend(items),
                // How an empty list of metadata is written.
                None | Some(Value::Null) if is_list => {}
                _ => return Err(garbled(&what, "the answer is no list of objects")),
            }
            next = page["metadata"]["continue"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if next.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Server-side apply with our field manager; the answer is the object, only its metadata unless `whole`.
    pub(super) async fn apply(
        &self,
        what: String,
        place: Place<'_>,
        body: Value,
        force: bool,
        whole: bool,
        hidden: Hidden,
    ) -> Result<Value, Failed> {
        let query = vec![("fieldManager", MANAGER.to_owned()), ("force", force.to_string())];
        let call = Call {
            what,
            method: Method::PATCH,
            place,
            query,
            accept: if whole { WHOLE } else { METADATA },
            body: Some(("application/apply-patch+yaml", body)),
            hidden,
        };
        self.send(call).await
    }

    /// A JSON merge patch; with `metadata.resourceVersion` in it, only of that very version.
    pub(super) async fn merge(&self, what: String, place: Place<'_>, body: Value) -> Result<Value, Failed> {
        let call = Call {
            what,
            method: Method::PATCH,
            place,
            query: vec![("fieldManager", MANAGER.to_owned())],
            accept: METADATA,
            body: Some(("application/merge-patch+json", body)),
            hidden: Hidden::nothing(),
        };
        self.send(call).await
    }

    /// Makes an object, or fails with 409 if there is one of that name; `place` has no name.
    pub(super) async fn create(
        &self,
        what: String,
        place: Place<'_>,
        body: Value,
        hidden: Hidden,
    ) -> Result<Value, Failed> {
        let call = Call {
            what,
            method: Method::POST,
            place,
            query: vec![("fieldManager", MANAGER.to_owned())],
            accept: METADATA,
            body: Some(("application/json", body)),
            hidden,
        };
        self.send(call).await
    }

    /// Deletes the object with that uid, in that version if one is given. What is gone, and what is another object by now, is `Ok`.
    pub(super) async fn delete(
        &self,
        place: Place<'_>,
        uid: &str,
        version: Option<&str>,
        propagation: &str,
    ) -> Result<(), Failed> {
        let mut preconditions = json!({"uid": uid});
        if let Some(version) = version {
            preconditions["resourceVersion"] = version.into();
        }
        let body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation, "preconditions": preconditions,
        });
        let call = Call {
            what: format!("delete {place}"),
            method: Method::DELETE,
            place,
            query: Vec::new(),
            accept: METADATA,
            body: Some(("application/json", body)),
            hidden: Hidden::nothing(),
        };
        match self.send(call).await {
            Ok(_) => Ok(()),
            Err(failed) if failed.error.class() == Class::NotFound => Ok(()),
            Err(failed) if failed.status == Some(409) => match self.get(place, false).await? {
                Some(there) if there["metadata"]["uid"] == uid => Err(failed),
                _ => Ok(()),
            },
            Err(failed) => Err(failed),
        }
    }

    async fn send(&self, call: Call<'_>) -> Result<Value, Failed> {
        let Call {
            what,
            method,
            place,
            query,
            accept,
            body,
            hidden,
        } = call;
        let mutating = method != Method::GET;
        let doing = Doing {
            what: &what,
            mutating,
        };
        let mut target = place.path().map_err(unanswered)?;
        if !query.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .finish();
            target += &format!("?{query}");
        }
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::ACCEPT, accept);
        let body = body.map(|(form, body)| {
            request = std::mem::take(&mut request).header(header::CONTENT_TYPE, form);
            body.to_string().into_bytes()
        });
        let request = request
            .body(Body::from(body.unwrap_or_default()))
            .map_err(|e| unanswered(fault::unanswered(doing, &kube::Error::HttpError(e))))?;
        let exchange = async {
            let answer = self.0.send(request).await?;
            let (head, body) = answer.into_parts();
            Ok::<_, kube::Error>((head, body.collect_bytes().await?))
        };
        let ended = tokio::time::timeout(DEADLINE, exchange).await;
        let (head, body) = match ended {
            Ok(Ok(answer)) => answer,
            // A layer of the client may have made an error of the answer.
            Ok(Err(kube::Error::Api(status))) => {
                return Err(fault::answered(
                    doing,
                    status.code,
                    &hidden.within(*status),
                    None,
                    None,
                ));
            }
            Ok(Err(error)) => return Err(unanswered(fault::unanswered(doing, &error))),
            Err(_) => return Err(unanswered(fault::overdue(doing, DEADLINE))),
        };
        if head.status.is_success() {
            return match serde_json::from_slice(&body) {
                Ok(answer) if is_object(&answer) => Ok(answer),
                _ if mutating => Err(unanswered(
                    garbled(&what, "the answer is no object").error.effect_unknown(),
                )),
                _ => Err(garbled(&what, "the answer is no object")),
            };
        }
        let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
        let status = hidden.within(fault::status(&body));
        Err(fault::answered(
            doing,
            head.status.as_u16(),
            &status,
            text("audit-id"),
            text("retry-after"),
        ))
    }
}

/// An object of Kubernetes, a list of them, or a `Status`: all have metadata.
fn is_object(value: &Value) -> bool {
    value.get("metadata").is_some_and(Value::is_object)
}

/// A failure without an answer.
fn unanswered(error: Error) -> Failed {
    Failed {
        status: None,
        managed_by_another: false,
        error,
    }
}

fn garbled(what: &str, words: &str) -> Failed {
    unanswered(
        Error::new(&K8S_UNREACHABLE, Class::Transient)
            .attempted(what)
            .happened(format!("{words}: is that an API server?")),
    )
}
