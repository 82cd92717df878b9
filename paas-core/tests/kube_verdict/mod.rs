//! What an API server says of a document, beside what the local evaluator says of it.
#![allow(dead_code, reason = "not every test needs all of it")]

use http::{Method, Request};
use kube::{Client, core::Status};
use paas_core::{
    crd,
    spec::{
        GROUP, Kind, VERSION,
        codes::{SPEC_CHANGE, SPEC_RULE, SPEC_UNKNOWN_FIELD},
        load,
    },
    testing::kube::{self as harness, ControlPlane, Namespace},
};

/// What an API server says when a first step of judging ended before the last one began.
const UNFINISHED: &str = "some validation rules were not checked";

/// Says of a file what it should not.
pub(crate) type Complaint = String;

/// A cluster with our definitions.
pub(crate) async fn cluster() -> Option<ControlPlane> {
    let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
    cluster.define(&crd::all()).await.unwrap();
    Some(cluster)
}

/// Sends a text as it is: no reader of ours comes between. Nothing but what a `wet` apply sends is kept.
pub(crate) async fn send(
    client: &Client,
    to: &Namespace,
    kind: Kind,
    name: Option<&str>,
    wet: bool,
    text: &str,
) -> Option<Status> {
    let (method, manner, at) = match name {
        None => (Method::POST, "application/yaml", String::new()),
        Some(name) => (Method::PATCH, "application/apply-patch+yaml", format!("/{name}")),
    };
    let uri = format!(
        "/apis/{GROUP}/{VERSION}/namespaces/{}/{}{at}?fieldValidation=Strict&fieldManager=corpus{}",
        to.name(),
        kind.plural(),
        if wet { "" } else { "&dryRun=All" }
    );
    let request = Request::builder().method(method).uri(uri);
    let request = request.header("content-type", manner);
    match client
        .request_text(request.body(text.as_bytes().to_vec()).unwrap())
        .await
    {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some(*status),
        Err(e) => panic!("{e}"),
    }
}

/// A judgement of ours: code, place, words.
pub(crate) type Ours = (&'static str, String, String);

/// The places that an API server speaks of, and its words there.
fn theirs(status: &Status) -> Vec<(String, String)> {
    let causes = status.details.iter().flat_map(|d| &d.causes);
    // The last words of an unfinished judgement have no place; an accessor's repeat that a type is wrong.
    causes
        .filter(|c| !c.message.contains(UNFINISHED) && !c.message.contains("accessor error"))
        .map(|c| (c.field.clone(), c.message.clone()))
        .collect()
}

/// The fields that it does not know; it looks for them first, and judges nothing else if there are any.
fn unknown(status: &Status) -> Vec<String> {
    let parts = status.message.split("unknown field \"").skip(1);
    parts
        .filter_map(|p| p.split('"').next().map(str::to_owned))
        .collect()
}

/// True if one place is the other, or lies in it.
fn within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Compares what both say of a text that both refuse.
pub(crate) fn compare(ours: &[Ours], status: &Status) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if status.code == 400 {
        let named = unknown(status);
        for (code, place, _) in ours {
            if *code == SPEC_UNKNOWN_FIELD.id && !named.contains(place) {
                complaints.push(format!("{place} is unknown to us alone"));
            }
        }
        for place in &named {
            if !ours.iter().any(|(_, our, _)| within(place, our)) {
                complaints.push(format!("{place} is unknown to the API server alone"));
            }
        }
        return complaints;
    }
    let theirs = theirs(status);
    for (code, place, words) in ours {
        let by_rule = [SPEC_RULE.id, SPEC_CHANGE.id].contains(code);
        let same = |(field, message): &(String, String)| match by_rule {
            true => field == place && message.strip_prefix("Invalid value: ") == Some(words),
            // It names the entry that is there twice, and the map with the odd label.
            false => within(place, field),
        };
        if !theirs.iter().any(same) {
            complaints.push(format!("{place}: {words}: the API server says {theirs:?}"));
        }
    }
    for (field, message) in &theirs {
        if !ours.iter().any(|(_, place, _)| within(place, field)) {
            complaints.push(format!("{field}: {message}: the API server alone says so"));
        }
    }
    complaints
}

/// What the local evaluator finds.
pub(crate) fn load_errors(text: &str) -> Vec<Ours> {
    let errors = load::load_text("corpus.yaml", text).unwrap_err().errors;
    errors
        .into_iter()
        .map(|e| (e.code.id, e.path.to_string(), e.message))
        .collect()
}
