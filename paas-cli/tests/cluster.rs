//! The commands for databases in a cluster, on a real API server whose pods nobody runs: the built `paas`, the real operator, and a
//! stand-in that says of CloudNativePG's objects that they do well.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    unreachable_pub,
    dead_code,
    reason = "a test may panic, and says why it did not run"
)]

#[path = "../../paas-operator/tests/support/cnpg.rs"]
mod cnpg;
#[path = "cluster/place.rs"]
mod place;

use paas_core::{crd, testing::kube as harness};
use place::{Place, operated, place};
use serde_json::{Value, json};

const SHOP: &str = "\
apiVersion: paas.rs/v1alpha1
kind: DatabaseInstance
metadata:
  name: shop
spec:
  runtime: CloudNativePG
  parameters:
    work_mem: 8MB
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_made_listed_shown_changed_rotated_and_deleted_with_its_data() {
    let Some(place) = operated("the life of a database by paas").await else {
        return;
    };
    let made = place
        .paas(&[
            "db",
            "create",
            "shop",
            "--runtime",
            "CloudNativePG",
            "--replicas",
            "2",
            "-o",
            "json",
        ])
        .await
        .exits(0);
    assert_eq!(made.result()["objects"][0]["outcome"]["state"], "converged");
    assert_eq!(
        made.result()["objects"][0]["connection"]["secret"],
        "shop.binding"
    );
    place
        .paas(&["db", "create", "shop"])
        .await
        .exits(0)
        .says("Nothing to do: DatabaseInstance/");
    let differs = ["db", "create", "shop", "--replicas", "3"];
    place
        .paas(&differs)
        .await
        .exits(1)
        .says("PAAS-CLI-0011")
        .says("db set shop");

    let rows = place.paas(&["db", "list", "-o", "json"]).await.exits(0).json();
    assert_eq!(rows["databases"][0]["state"], "Ready");
    assert_eq!(rows["databases"][0]["servers"], json!({"ready": 2, "wanted": 2}));
    place
        .paas(&["db", "list"])
        .await
        .exits(0)
        .says("SERVERS")
        .says("2/2");
    let everywhere = place.paas(&["db", "list", "-A", "-o", "name"]).await.exits(0);
    assert!(everywhere.out.contains(&format!("{}/shop", place.name())));
    let shown = place.paas(&["db", "show", "shop"]).await.exits(0);
    shown
        .says("2 of 2 servers ready, primary shop-1")
        .says("Cluster in healthy state");
    let yaml = place
        .paas(&["db", "show", "shop", "-o", "yaml"])
        .await
        .exits(0)
        .out;
    place.write("shown.yaml", &yaml);
    place
        .kubectl(&[
            "diff",
            "--server-side",
            "--field-manager=paas-cli",
            "-f",
            "shown.yaml",
        ])
        .await
        .exits(0);

    let set = ["db", "set", "shop", "--param", "work_mem=16MB", "--replicas", "3"];
    place.paas(&set).await.exits(0).says("3 of 3 servers ready");
    place.paas(&set).await.exits(0).says("Nothing to do");
    place
        .paas(&["db", "set", "shop", "--unset", "work_mem"])
        .await
        .exits(0);
    let object = place.object("shop").await.unwrap();
    assert_eq!(object["spec"]["replicas"], 3);
    assert!(object["spec"]["parameters"]["work_mem"].is_null());
    let smaller = place
        .paas(&["db", "set", "shop", "--storage", "1Mi"])
        .await
        .exits(2);
    smaller.says("storage cannot shrink");

    let rotated = place
        .paas(&["db", "rotate", "shop", "--overlap", "30s", "-o", "json"])
        .await
        .exits(0);
    assert_eq!(rotated.result()["secrets"], json!(["shop.binding"]));
    let bound = place
        .kubectl(&[
            "get",
            "secret",
            "shop.binding",
            "-o",
            "go-template={{.data.username|base64decode}}",
        ])
        .await;
    assert_eq!(bound.out, "app_b");
    place
        .paas(&["db", "rotate", "shop", "--now"])
        .await
        .exits(2)
        .says("PAAS-CLI-0050");

    place.paas(&["events", "shop"]).await.exits(0).says("cluster");
    place
        .paas(&["status"])
        .await
        .exits(0)
        .says("Ready")
        .says("3 of 3 servers ready");

    place
        .paas(&["db", "delete", "shop"])
        .await
        .exits(4)
        .says("PAAS-CLI-0004");
    place
        .paas(&["db", "delete", "shop", "--delete-data", "--yes"])
        .await
        .exits(4)
        .says("--confirm shop");
    assert!(place.object("shop").await.is_some());
    let gone = place
        .paas(&["db", "delete", "shop", "--delete-data", "--confirm", "shop"])
        .await
        .exits(0);
    gone.says("waits for your word").says("deleted");
    assert!(place.object("shop").await.is_none());
    place
        .paas(&["db", "show", "shop"])
        .await
        .exits(1)
        .says("PAAS-CLI-0003");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_up_applies_kubectl_applies_too_and_nothing_changes() {
    let Some(place) = operated("up and kubectl apply are equal").await else {
        return;
    };
    place.write("shop.yaml", SHOP);
    let plan = ["plan", "-f", "shop.yaml", "--detailed-exitcode"];
    place
        .paas(&plan)
        .await
        .exits(3)
        .says("+ create")
        .says("spec.parameters.work_mem: 8MB");
    assert!(place.object("shop").await.is_none(), "a plan changes nothing");
    place
        .paas(&["up", "-f", "shop.yaml"])
        .await
        .exits(0)
        .says("is ready");
    place.paas(&plan).await.exits(0).says("nothing to do");

    let before = place.object("shop").await.unwrap();
    let ours = "--field-manager=paas-cli";
    place
        .kubectl(&["diff", "--server-side", ours, "-f", "shop.yaml"])
        .await
        .exits(1)
        .says("applied-by");
    place
        .kubectl(&["diff", "--server-side", "-f", "shop.yaml"])
        .await
        .exits(0);
    place
        .kubectl(&["apply", "--server-side", "-f", "shop.yaml"])
        .await
        .exits(0);
    place.kubectl(&["apply", "-f", "shop.yaml"]).await.exits(0);
    let after = place.object("shop").await.unwrap();
    assert_eq!(before["spec"], after["spec"]);
    assert_eq!(before["metadata"]["generation"], after["metadata"]["generation"]);
    place
        .paas(&["up", "-f", "shop.yaml"])
        .await
        .exits(0)
        .says("Nothing to do");

    // A field that the file does not name is left to whoever manages it.
    place
        .kubectl(&[
            "patch",
            "dbi/shop",
            "--type=merge",
            "--field-manager=autoscaler",
            "-p",
            r#"{"spec":{"replicas":3}}"#,
        ])
        .await
        .exits(0);
    place.paas(&plan).await.exits(0);
    place.paas(&["up", "-f", "shop.yaml"]).await.exits(0);
    assert_eq!(place.object("shop").await.unwrap()["spec"]["replicas"], 3);
    // One that it names is not taken away by the way.
    place.write("shop.yaml", &format!("{SHOP}  replicas: 2\n"));
    place.paas(&plan).await.exits(1).says("PAAS-K8S-0031");
    place
        .paas(&["up", "-f", "shop.yaml"])
        .await
        .exits(1)
        .says("PAAS-K8S-0031")
        .says(".spec.replicas");
    place
        .paas(&["up", "-f", "shop.yaml", "--force-conflicts"])
        .await
        .exits(0);
    assert_eq!(place.object("shop").await.unwrap()["spec"]["replicas"], 2);
    // What our own `db set` changed is ours.
    place
        .paas(&["db", "set", "shop", "--replicas", "3"])
        .await
        .exits(0);
    place.paas(&["up", "-f", "shop.yaml"]).await.exits(0);
    assert_eq!(place.object("shop").await.unwrap()["spec"]["replicas"], 2);
}

/// True if its deletion has begun; how servers are stopped for good only a real CloudNativePG shows, on the lab.
async fn goes(place: &Place, name: &str) -> bool {
    let object = place.object(name).await;
    object.is_none_or(|o| o["metadata"]["deletionTimestamp"].is_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prune_and_down_touch_only_what_these_commands_applied() {
    let Some(place) = operated("prune and down").await else {
        return;
    };
    place.write("one.yaml", SHOP);
    place.write("two.yaml", &SHOP.replace("name: shop", "name: blog"));
    place.write("theirs.yaml", &SHOP.replace("name: shop", "name: theirs"));
    place.kubectl(&["apply", "-f", "theirs.yaml"]).await.exits(0);
    place
        .paas(&["up", "-f", "one.yaml", "-f", "two.yaml"])
        .await
        .exits(0);
    place
        .paas(&["up", "-f", "one.yaml", "--prune"])
        .await
        .exits(4)
        .says("blog");
    assert!(!goes(&place, "blog").await, "nobody was asked");
    let pruned = place
        .paas(&["up", "-f", "one.yaml", "--prune", "--yes", "--wait=false"])
        .await
        .exits(0);
    pruned.says("/blog: its deletion has begun");
    assert!(goes(&place, "blog").await && !goes(&place, "shop").await && !goes(&place, "theirs").await);

    let protect = |is: bool| format!(r#"{{"spec":{{"deletionProtection":{is}}}}}"#);
    place
        .kubectl(&["patch", "dbi/shop", "--type=merge", "-p", &protect(true)])
        .await
        .exits(0);
    place
        .paas(&["down", "shop", "--yes"])
        .await
        .exits(4)
        .says("deletionProtection");
    assert!(!goes(&place, "shop").await);
    place
        .kubectl(&["patch", "dbi/shop", "--type=merge", "-p", &protect(false)])
        .await
        .exits(0);
    place
        .paas(&["down", "--yes", "--wait=false"])
        .await
        .exits(0)
        .says("/shop: its deletion has begun");
    assert!(goes(&place, "shop").await && !goes(&place, "theirs").await);
    place
        .paas(&["down", "theirs", "--yes", "--wait=false"])
        .await
        .exits(0);
    assert!(goes(&place, "theirs").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_runs_it_as_a_plugin_with_its_own_flags() {
    let Some(place) = place("kubectl paas").await else {
        return;
    };
    place.write("shop.yaml", SHOP);
    place.kubectl(&["apply", "-f", "shop.yaml"]).await.exits(0);
    let kubectl = harness::control_plane().await.unwrap().kubectl().unwrap();
    let kubectl = kubectl.to_str().unwrap();
    let listed = place
        .run(kubectl, &["paas", "db", "list", "-n", place.name()])
        .await
        .exits(0);
    listed.says("shop").says("Progressing");
    let file = place.kubeconfig();
    let file = file.to_str().unwrap();
    let words = [
        "paas",
        "db",
        "list",
        "--kubeconfig",
        file,
        "--namespace",
        place.name(),
        "-o",
        "name",
    ];
    assert_eq!(place.run(kubectl, &words).await.exits(0).out, "shop\n");
    place
        .run(kubectl, &["paas", "db", "list", "--help"])
        .await
        .exits(0)
        .says("Usage: kubectl paas db list");
    place
        .run(kubectl, &["paas", "crds"])
        .await
        .exits(0)
        .says("databaseinstances.paas.rs");
    let nothing = place
        .run(kubectl, &["paas", "db", "list", "-n", "kube-system"])
        .await
        .exits(0);
    nothing.says("`kubectl paas db create NAME --namespace kube-system` makes one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_is_told_why_nothing_happens() {
    let Some(place) = place("no operator").await else {
        return;
    };
    let create = ["db", "create", "shop", "--timeout", "7s"];
    place
        .paas(&create)
        .await
        .exits(4)
        .says("PAAS-CLI-0047")
        .says("paas operator install");
    assert!(
        place.object("shop").await.is_some(),
        "it stays for an operator that comes"
    );
    place
        .paas(&["db", "create", "blog", "--wait=false"])
        .await
        .exits(0)
        .says("the operator goes on");
    place
        .paas(&["db", "create", "3rd", "--wait=false"])
        .await
        .exits(2)
        .says("PAAS-SPEC-");
    place
        .paas(&["db", "switchover", "shop", "--yes"])
        .await
        .exits(4)
        .says("only CloudNativePG");

    let said = json!({"type": "Stalled", "status": "True", "reason": "NotSupported", "lastTransitionTime": "2026-01-01T00:00:00Z",
        "message": "find an engine: there is none [PAAS-OP-0006]"});
    place
        .status("shop", json!({"observedGeneration": 1, "conditions": [said]}))
        .await;
    place
        .paas(&create)
        .await
        .exits(4)
        .says("PAAS-CLI-0049")
        .says("PAAS-OP-0006");
    let standing = place
        .paas(&["status", "shop", "-o", "json"])
        .await
        .exits(0)
        .json();
    assert_eq!(standing["objects"][0]["state"], "Blocked");
    assert_eq!(standing["objects"][0]["codes"], json!(["PAAS-OP-0006"]));
    place
        .paas(&["explain", "shop"])
        .await
        .exits(0)
        .says("is Blocked")
        .says("find an engine: there is none")
        .says("PAAS-OP-0006: an object in a cluster cannot be this machine");
    place
        .paas(&["explain", "nothing"])
        .await
        .exits(2)
        .says("no code of this build and no object");

    place.write(
        "elsewhere.yaml",
        &SHOP.replace("name: shop", "name: shop\n  namespace: other"),
    );
    place
        .paas(&["up", "-f", "elsewhere.yaml"])
        .await
        .exits(2)
        .says("PAAS-CLI-0052");
    place.paas(&["up"]).await.exits(2).says("PAAS-CLI-0048");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_and_who_cannot_reach_it_is_told_so() {
    let Some(place) = place("no rights").await else {
        return;
    };
    place
        .kubectl(&["create", "serviceaccount", "nobody"])
        .await
        .exits(0);
    let token = place.kubectl(&["create", "token", "nobody"]).await.exits(0).out;
    let text = std::fs::read_to_string(place.kubeconfig()).unwrap();
    let mut file: Value = serde_saphyr::from_str(&text).unwrap();
    file["users"][0]["user"] = json!({"token": token.trim()});
    place.write("nobody.yaml", &file.to_string());
    let denied = place
        .paas(&["--kubeconfig", "nobody.yaml", "db", "list"])
        .await
        .exits(1);
    denied.says("PAAS-K8S-0002").says("cannot list resource");
    file["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:9");
    place.write("nowhere.yaml", &file.to_string());
    let nowhere = place
        .paas(&["--kubeconfig", "nowhere.yaml", "db", "list"])
        .await
        .exits(1);
    nowhere.says("PAAS-K8S-0003");
    place
        .paas(&["--context", "elsewhere", "db", "list"])
        .await
        .says("PAAS-K8S-0009");
    let missing = place
        .run(
            env!("CARGO_BIN_EXE_paas"),
            &["--namespace", "missing", "db", "create", "x"],
        )
        .await;
    missing.exits(1).says("PAAS-K8S-0008");
}

/// Our definitions with a status of any form, so that the contract of requests is tested apart from its operator.
fn open_definitions()
-> Vec<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> {
    let mut all = serde_json::to_value(crd::all()).unwrap();
    for one in all.as_array_mut().unwrap() {
        one["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"] =
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    }
    serde_json::from_value(all).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_our_kinds_says_how_to_get_them_and_requests_are_answered_in_the_status() {
    let options = harness::Options {
        controllers: false,
        ..harness::Options::default()
    };
    let own = harness::unless_absent(harness::ControlPlane::start_own(options).await).unwrap();
    let Some(cluster) = own else { return };
    let place = Place::of(&cluster, "a cluster of its own").await;
    place
        .paas(&["db", "list"])
        .await
        .exits(1)
        .says("PAAS-K8S-0032")
        .says("paas operator install");
    place
        .paas(&["db", "create", "shop"])
        .await
        .exits(1)
        .says("PAAS-K8S-0032");

    cluster.define(&open_definitions()).await.unwrap();
    if !cnpg::define(&cluster, "requests are answered").await {
        return;
    }
    place
        .paas(&["db", "create", "shop", "--wait=false"])
        .await
        .exits(0);
    let ready = json!({"type": "Ready", "status": "True", "reason": "Converged", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let status = json!({"observedGeneration": 1, "runtime": "CloudNativePG", "conditions": [ready]});
    place.status("shop", status).await;
    place
        .paas(&["db", "restart", "shop"])
        .await
        .exits(4)
        .says("PAAS-CLI-0004");
    let asked =
        |annotation: &'static str| move |o: &Value| o["metadata"]["annotations"][annotation].is_string();
    let (restarted, ()) = tokio::join!(
        place.paas(&["db", "restart", "shop", "--yes", "-o", "json"]),
        async {
            let object = place.until("shop", "asked", asked("paas.rs/restart")).await;
            let word = &object["metadata"]["annotations"]["paas.rs/restart"];
            place.status("shop", json!({"requests": {"restart": word}})).await;
        }
    );
    assert_eq!(restarted.exits(0).result()["restarted"], "shop");

    make_servers(&place).await;
    let to = ["db", "switchover", "shop", "--to", "shop-1", "--yes"];
    place
        .paas(&to)
        .await
        .exits(4)
        .says("shop-1 is the primary already");
    let (switched, ()) = tokio::join!(
        place.paas(&["db", "switchover", "shop", "--yes", "-o", "json"]),
        async {
            let object = place.until("shop", "asked", asked("paas.rs/switchover")).await;
            let request = object["metadata"]["annotations"]["paas.rs/switchover"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(request.starts_with("shop-2 "), "{request}");
            servers(&place, "shop-2").await;
            place
                .status("shop", json!({"requests": {"switchover": request}}))
                .await;
        }
    );
    assert_eq!(switched.exits(0).result()["to"], "shop-2");

    let (refused, ()) = tokio::join!(place.paas(&["db", "restart", "shop", "--yes"]), async {
        let other = |o: &Value| {
            let word = &o["metadata"]["annotations"]["paas.rs/restart"];
            word.is_string() && *word != o["status"]["requests"]["restart"]
        };
        let object = place.until("shop", "asked again", other).await;
        let word = &object["metadata"]["annotations"]["paas.rs/restart"];
        let answer = json!({"requests": {"restart": word, "refused": "the servers are on holiday"}});
        place.status("shop", answer).await;
    });
    refused.exits(4).says("PAAS-CLI-0051").says("on holiday");
}

/// A Cluster of two servers that nobody runs.
async fn make_servers(place: &Place) {
    let object = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "shop"},
        "spec": {"instances": 2, "storage": {"size": "1Gi"}}});
    let api = cnpg::api(
        &place.client,
        place.name(),
        &paas_core::database::cnpg::kinds::CLUSTER,
    );
    let object = serde_json::from_value(object).unwrap();
    api.create(&Default::default(), &object).await.unwrap();
    servers(place, "shop-1").await;
}

async fn servers(place: &Place, primary: &str) {
    let status = json!({"status": {"currentPrimary": primary, "targetPrimary": primary, "readyInstances": 2, "instances": 2,
        "instancesStatus": {"healthy": ["shop-1", "shop-2"]}}});
    let api = cnpg::api(
        &place.client,
        place.name(),
        &paas_core::database::cnpg::kinds::CLUSTER,
    );
    api.patch_status("shop", &Default::default(), &kube::api::Patch::Merge(&status))
        .await
        .unwrap();
}

#[test]
fn on_this_machine_nothing_is_switched_over() {
    let home = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_paas"))
        .args(["db", "switchover", "demo"])
        .env("PAAS_HOME", home.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("PAAS-CLI-0050"));
}
