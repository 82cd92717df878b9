//! Our kinds as people see them with `kubectl`: short names, the category, columns, explanations, scale.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use paas_core::{
    clock::{Clock, SystemClock},
    crd,
    testing::kube::{self as harness, Namespace},
};
use serde_json::json;

const OBJECTS: &str = "
apiVersion: paas.rs/v1alpha1
kind: Platform
metadata: {name: cloud}
spec: {infrastructure: {type: OpenStack, openStack: {}}}
---
apiVersion: paas.rs/v1alpha1
kind: DatabaseInstance
metadata: {name: shop}
spec: {runtime: CloudNativePG, replicas: 3, plan: small, storage: {size: 10Gi}}
---
apiVersion: paas.rs/v1alpha1
kind: DatabaseInstance
metadata: {name: plain}
spec: {runtime: StatefulSet}
---
apiVersion: paas.rs/v1alpha1
kind: DatabaseBackup
metadata: {name: nightly}
spec: {instanceRef: {name: shop}}
";

/// A namespace with our objects, if there is a `kubectl` to look at them with.
async fn shop(sentence: &str) -> Option<Namespace> {
    let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
    if cluster.kubectl().is_none() {
        let all = std::env::var_os("PAAS_TEST_REQUIRE").is_some_and(|what| what == "all");
        assert!(!all, "there is no kubectl beside the API server");
        let _ = writeln!(std::io::stderr(), "did not run: {sentence}: there is no kubectl");
        return None;
    }
    cluster.define(&crd::all()).await.unwrap();
    let namespace = cluster.namespace(sentence).await.unwrap();
    let made = kubectl(&namespace, &["apply", "--server-side", "-f", "-"], OBJECTS);
    assert!(made.is_ok(), "{made:?}");
    Some(namespace)
}

/// What it prints, or its error.
fn kubectl(namespace: &Namespace, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new(namespace.cluster().kubectl().unwrap())
        .env("KUBECONFIG", namespace.cluster().kubeconfig())
        .args(["-n", namespace.name()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

fn said(namespace: &Namespace, arguments: &[&str]) -> String {
    kubectl(namespace, arguments, "").unwrap()
}

/// What `kubectl explain` tells. An API server publishes the schema of a new definition only a moment after it serves its objects.
async fn explained(namespace: &Namespace, arguments: &[&str]) -> String {
    let all = [&["explain"], arguments].concat();
    let mut tries = 300;
    loop {
        match kubectl(namespace, &all, "") {
            Err(why) if tries > 0 && why.contains("couldn't find resource") => tries -= 1,
            told => return told.unwrap(),
        }
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
}

/// The words of each line of a table.
fn table(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|l| !l.is_empty());
    lines.map(|l| l.split_whitespace().collect()).collect()
}

#[tokio::test]
async fn the_category_and_the_short_names_list_our_objects_with_what_people_ask_first() {
    let Some(shop) = shop("the category").await else {
        return;
    };
    let status = json!({"status": {
        "runtime": "CloudNativePG", "engineVersion": "17.11", "replicas": 3, "readyReplicas": 2, "binding": {"name": "shop-app"},
        "conditions": [{
            "type": "Ready", "status": "False", "reason": "Waiting", "message": "a server is not ready",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }});
    let status = status.to_string();
    said(
        &shop,
        &[
            "patch",
            "dbi",
            "shop",
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ],
    );
    let all = said(&shop, &["get", "paas"]);
    let all = table(&all);
    assert_eq!(all[0], ["NAME", "INSTANCE", "SIZE", "READY", "REASON", "AGE"]);
    assert_eq!(all[1][..2], ["databasebackup.paas.rs/nightly", "shop"]);
    assert_eq!(
        all[2],
        ["NAME", "RUNTIME", "VERSION", "REPLICAS", "READY", "REASON", "AGE"]
    );
    assert_eq!(
        all[4][..6],
        [
            "databaseinstance.paas.rs/shop",
            "CloudNativePG",
            "17.11",
            "3",
            "False",
            "Waiting"
        ]
    );
    assert_eq!(
        all[5],
        ["NAME", "INFRASTRUCTURE", "KUBERNETES", "READY", "REASON", "AGE"]
    );
    assert_eq!(all[6][..2], ["platform.paas.rs/cloud", "OpenStack"]);
    for (short, name) in [
        ("pf", "platform"),
        ("dbi", "databaseinstance"),
        ("dbb", "databasebackup"),
    ] {
        let listed = said(&shop, &["get", short, "-o", "name"]);
        assert!(listed.starts_with(&format!("{name}.paas.rs/")), "{listed}");
    }
    let wide = said(&shop, &["get", "dbi", "shop", "-o", "wide"]);
    assert!(
        wide.contains("2           10Gi      shop-app   a server is not ready"),
        "{wide}"
    );
}

#[tokio::test]
async fn status_is_written_apart_from_the_spec() {
    let Some(shop) = shop("status apart").await else {
        return;
    };
    let both = json!({"spec": {"replicas": 5}, "status": {"engineVersion": "17.11"}}).to_string();
    said(
        &shop,
        &[
            "patch",
            "dbi",
            "shop",
            "--subresource=status",
            "--type=merge",
            "-p",
            &both,
        ],
    );
    let path = "jsonpath={.spec.replicas} {.status.engineVersion} {.metadata.generation}";
    assert_eq!(said(&shop, &["get", "dbi", "shop", "-o", path]), "3 17.11 1");
    let both = json!({"spec": {"replicas": 5}, "status": {"engineVersion": "18.0"}}).to_string();
    said(&shop, &["patch", "dbi", "shop", "--type=merge", "-p", &both]);
    assert_eq!(said(&shop, &["get", "dbi", "shop", "-o", path]), "5 17.11 2");
}

#[tokio::test]
async fn scale_changes_the_replicas_and_keeps_to_the_rules() {
    let Some(shop) = shop("scale").await else { return };
    said(&shop, &["scale", "dbi/shop", "--replicas=2"]);
    let replicas = said(&shop, &["get", "dbi", "shop", "-o", "jsonpath={.spec.replicas}"]);
    assert_eq!(replicas, "2");
    let refused = kubectl(&shop, &["scale", "dbi/plain", "--replicas=2"], "").unwrap_err();
    assert!(
        refused.contains("the runtimes Process and StatefulSet run one server"),
        "{refused}"
    );
    let refused = kubectl(&shop, &["scale", "dbi/shop", "--replicas=0"], "").unwrap_err();
    assert!(refused.contains("spec.replicas"), "{refused}");
}

#[tokio::test]
async fn explain_tells_of_every_field_what_the_schema_tells() {
    let Some(shop) = shop("explain").await else { return };
    let tree = explained(&shop, &["dbi.spec", "--recursive"]).await;
    for field in [
        "sourceRanges\t<[]string> -required-",
        "replicas\t<integer>",
        "retention\t<string>",
    ] {
        assert!(tree.contains(field), "{field} is not in {tree}");
    }
    for (field, words) in [
        (
            "deletionProtection",
            "Refuse to delete this instance while true, whatever is confirmed",
        ),
        ("deletionPolicy", "Retain: The data stays where it is."),
    ] {
        let text = explained(&shop, &[&format!("dbi.spec.{field}")]).await;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "{text}");
    }
}
