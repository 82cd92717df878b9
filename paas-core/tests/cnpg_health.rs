//! How a Cluster and what is in it do, by the words of CloudNativePG and Kubernetes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use paas_core::{
    codes::Code,
    database::cnpg::{
        codes::{
            CNPG_BOOTSTRAP, CNPG_CONTENT, CNPG_IMAGE, CNPG_STUCK, CNPG_UNSCHEDULABLE, CNPG_VERSION,
            CNPG_VOLUME,
        },
        health::{self, of_cluster, of_content},
        worse,
        worse::last_words,
    },
    resource::Health,
};
use serde_json::{Value, json};

/// A Cluster of three as the operator leaves it when all is well; `change` makes it otherwise.
fn cluster(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({
        "metadata": {"name": "pg", "namespace": "shop", "generation": 1, "annotations": {}},
        "spec": {"instances": 3, "imageName": "images/postgresql:17.6"},
        "status": {
            "phase": "Cluster in healthy state", "instances": 3, "readyInstances": 3,
            "image": "images/postgresql:17.6", "currentPrimary": "pg-1", "targetPrimary": "pg-1",
            "instanceNames": ["pg-1", "pg-2", "pg-3"], "timelineID": 1, "writeService": "pg-rw",
            "instancesStatus": {"healthy": ["pg-1", "pg-2", "pg-3"]},
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "ClusterIsReady", "message": "Cluster is Ready"},
                {"type": "Initialized", "status": "True", "reason": "BootstrapCompleted"},
            ],
        },
    });
    change(&mut object);
    object
}

fn in_phase(phase: &str, reason: &str) -> Value {
    cluster(|c| {
        c["status"]["phase"] = phase.into();
        c["status"]["phaseReason"] = reason.into();
        c["status"]["readyInstances"] = 1.into();
    })
}

fn why(health: &Health) -> &str {
    match health {
        Health::Settling { why } | Health::Broken { why, .. } => why,
        Health::Ready | Health::Leaving => "",
    }
}

fn code(health: &Health) -> &'static str {
    match health {
        Health::Broken {
            code: Some(Code { id, .. }),
            ..
        } => id,
        Health::Broken { .. } | Health::Ready | Health::Leaving | Health::Settling { .. } => "",
    }
}

fn is_settling(health: &Health) -> bool {
    matches!(health, Health::Settling { .. })
}

#[test]
fn a_cluster_is_ready_when_its_phase_and_everything_beside_it_says_so() {
    assert_eq!(of_cluster(&cluster(|_| ())), Health::Ready);
    for (words, behind) in [
        (
            "2 of 3 servers",
            cluster(|c| c["status"]["readyInstances"] = 2.into()),
        ),
        ("3 of 5 servers", cluster(|c| c["spec"]["instances"] = 5.into())),
        (
            "is to run images/postgresql:17.7",
            cluster(|c| c["spec"]["imageName"] = "images/postgresql:17.7".into()),
        ),
        (
            "pg-2 takes over from pg-1",
            cluster(|c| c["status"]["targetPrimary"] = "pg-2".into()),
        ),
        ("has not looked at it yet", cluster(|c| c["status"] = Value::Null)),
    ] {
        let health = of_cluster(&behind);
        assert!(is_settling(&health) && why(&health).contains(words), "{health:?}");
    }
}

#[test]
fn every_phase_on_the_way_says_what_is_going_on() {
    for (phase, reason) in [
        ("Setting up primary", "Creating primary instance pg-1"),
        ("Creating a new replica", "Creating replica pg-2-join"),
        (
            "Waiting for the instances to become active",
            "Some instances are not yet active. Please wait.",
        ),
        ("Switchover in progress", "Switching over to pg-2"),
        ("Failing over", "Failing over from pg-1 to pg-2"),
        (
            "Upgrading cluster",
            "Restarting instance pg-3, because: configuration needs a restart to apply",
        ),
        (
            "Upgrading Postgres major version",
            "Upgrading Postgres from 16 to 17",
        ),
        (
            "Cluster upgrade delayed",
            "the operator is configured to delay the operation",
        ),
        (
            "Primary instance is being restarted in-place",
            "configuration needs a restart to apply",
        ),
        (
            "Primary instance is being restarted without a switchover",
            "the instance is using an old image",
        ),
        ("Online upgrade in progress", ""),
        ("Applying configuration", ""),
        ("Promoting to primary cluster", ""),
        (
            "Instance Status Extraction Error: HTTP communication issue",
            "Communication issue detected",
        ),
        ("A phase of a later version", ""),
    ] {
        let health = of_cluster(&in_phase(phase, reason));
        assert!(is_settling(&health), "{health:?}");
        assert!(
            why(&health).starts_with(phase) && why(&health).contains(reason),
            "{health:?}"
        );
        assert!(why(&health).contains("1 of 3 servers ready"), "{health:?}");
    }
}

#[test]
fn every_phase_that_a_person_must_end_is_broken_with_its_reason() {
    for (phase, reason, expected) in [
        (
            "Cluster is unrecoverable and needs manual intervention",
            "Instance creation failed for the following jobs: pg-1-initdb. Check the job logs",
            &CNPG_BOOTSTRAP,
        ),
        (
            "Cluster is unrecoverable and needs manual intervention",
            "One or more instances were previously created, but no PersistentVolumeClaims (PVCs) exist.",
            &CNPG_STUCK,
        ),
        (
            "Waiting for user action",
            "Cluster is waiting for a switchover",
            &CNPG_STUCK,
        ),
        (
            "Not enough disk space",
            "Insufficient disk space detected",
            &CNPG_STUCK,
        ),
        (
            "Invalid cluster definition",
            "spec.storage.size: Invalid value",
            &CNPG_STUCK,
        ),
        (
            "Unable to create required cluster objects",
            "services \"pg-rw\" is forbidden",
            &CNPG_STUCK,
        ),
        (
            "Cluster has incomplete or invalid image catalog",
            "selected major version is not available in the catalog",
            &CNPG_VERSION,
        ),
        (
            "Cluster cannot execute instance online upgrade due to missing architecture binary",
            "arm64",
            &CNPG_STUCK,
        ),
        (
            "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
            "Unknown plugin: 'barman-cloud.cloudnative-pg.io'",
            &CNPG_STUCK,
        ),
        (
            "Cluster cannot proceed to reconciliation due to an error while interacting with plugins",
            "connection refused",
            &CNPG_STUCK,
        ),
    ] {
        let health = of_cluster(&in_phase(phase, reason));
        assert_eq!(code(&health), expected.id, "{health:?}");
        assert!(why(&health).contains(reason), "{health:?}");
    }
}

#[test]
fn a_hibernated_cluster_is_ready_only_when_its_servers_are_gone() {
    let hibernating = |condition: Value| {
        cluster(|c| {
            c["metadata"]["annotations"]["cnpg.io/hibernation"] = "on".into();
            c["status"]["readyInstances"] = 0.into();
            c["status"]["conditions"] = json!([condition]);
        })
    };
    let condition = |status: &str, message: &str| json!({"type": "cnpg.io/hibernation", "status": status, "reason": "x", "message": message});
    let done = hibernating(condition("True", "Cluster has been hibernated"));
    assert_eq!(of_cluster(&done), Health::Ready);
    assert!(health::is_hibernated(&done));
    let waiting = of_cluster(&hibernating(condition("False", "Waiting for pg-1 to be deleted")));
    assert_eq!(why(&waiting), "Waiting for pg-1 to be deleted");
    let early = of_cluster(&hibernating(json!({"type": "Ready", "status": "True"})));
    assert!(why(&early).contains("has not begun"), "{early:?}");
}

#[test]
fn a_fence_around_the_primary_is_told_and_one_around_a_standby_harms_nobody() {
    let fenced = |names: &str| {
        of_cluster(&cluster(|c| {
            c["metadata"]["annotations"]["cnpg.io/fencedInstances"] = names.into();
        }))
    };
    assert_eq!(code(&fenced("[\"*\"]")), CNPG_STUCK.id);
    assert!(why(&fenced("[\"pg-1\"]")).starts_with("pg-1 is fenced"));
    assert_eq!(fenced("[\"pg-2\"]"), Health::Ready);
    assert_eq!(fenced("not json"), Health::Ready);
}

fn content(status: Value) -> Health {
    of_content(
        &json!({"metadata": {"name": "pg.app", "generation": 3}, "spec": {"name": "app"}, "status": status}),
    )
}

#[test]
fn a_role_or_a_database_is_ready_when_its_newest_wish_is_applied() {
    assert_eq!(
        content(json!({"applied": true, "observedGeneration": 3})),
        Health::Ready
    );
    for status in [
        Value::Null,
        json!({"applied": true, "observedGeneration": 2}),
        json!({"message": "waiting for the cluster to become primary"}),
        json!({"applied": false, "message": "role \"app\" does not exist (SQLSTATE 42704)"}),
        json!({"applied": false, "message": "Secret \"pg.login.app-a\" not found"}),
        json!({"applied": true, "observedGeneration": 3, "secretResourceVersion": "17", "conditions": [
            {"type": "PasswordSecretChange", "status": "True", "reason": "ChangeDetected", "message": "18"}]}),
    ] {
        let health = content(status);
        assert!(is_settling(&health) && !why(&health).is_empty(), "{health:?}");
    }
    let taken = json!({"applied": true, "observedGeneration": 3, "secretResourceVersion": "18", "conditions": [
        {"type": "PasswordSecretChange", "status": "True", "reason": "ChangeDetected", "message": "18"}]});
    assert_eq!(content(taken), Health::Ready);
}

#[test]
fn what_postgresql_refuses_is_told_in_its_own_words() {
    let managed = "database role is already managed by the CNPG cluster";
    let health = content(json!({"applied": false, "message": managed}));
    assert_eq!((code(&health), why(&health)), (CNPG_CONTENT.id, managed));
    let health = content(json!({
        "applied": false, "message": "while reconciling extensions",
        "extensions": [
            {"name": "pg_trgm", "applied": true},
            {"name": "postgis", "applied": false, "message": "extension \"postgis\" is not available"},
        ],
    }));
    assert_eq!(
        why(&health),
        "while reconciling extensions; postgis: extension \"postgis\" is not available"
    );
}

#[test]
fn a_pooler_is_as_it_says_of_itself() {
    let health = |status: Value| health::of_pooler(&json!({"spec": {"instances": 2}, "status": status}));
    assert_eq!(health(json!({"phase": "active", "instances": 2})), Health::Ready);
    assert!(is_settling(&health(json!({"phase": "active", "instances": 1}))));
    assert!(is_settling(&health(json!({}))));
    let waits = health(json!({"phase": "inactive", "phaseReason": "no Cluster shop"}));
    assert_eq!(why(&waits), "inactive: no Cluster shop");
    let failed = health(json!({"phase": "failed", "phaseReason": "no such image"}));
    assert_eq!((why(&failed), code(&failed)), ("no such image", CNPG_IMAGE.id));
}

fn pod(status: Value) -> Value {
    json!({"metadata": {"name": "pg-1-initdb-x7b2k", "labels": {
        "cnpg.io/cluster": "pg", "batch.kubernetes.io/job-name": "pg-1-initdb"}}, "status": status})
}

fn job(conditions: Value) -> Value {
    json!({"metadata": {"name": "pg-1-initdb"}, "status": {"conditions": conditions}})
}

fn event(kind: &str, name: &str, reason: &str, message: &str) -> Value {
    json!({"type": "Warning", "reason": reason, "message": message, "involvedObject": {"kind": kind, "name": name}})
}

fn claim(phase: &str) -> Value {
    json!({"metadata": {"name": "pg-1"}, "status": {"phase": phase}})
}

#[test]
fn an_image_that_does_not_exist_is_told_with_the_nodes_words() {
    let waiting = |list: &str, reason: &str| {
        pod(
            json!({"phase": "Pending", list: [{"name": "x", "image": "images/postgresql:99", "state":
            {"waiting": {"reason": reason, "message": "failed to resolve reference: not found"}}}]}),
        )
    };
    for (list, reason) in [
        ("initContainerStatuses", "ErrImagePull"),
        ("containerStatuses", "ImagePullBackOff"),
        ("containerStatuses", "InvalidImageName"),
    ] {
        let health = worse(&[waiting(list, reason)], &[], &[], &[]).unwrap();
        assert_eq!(code(&health), CNPG_IMAGE.id);
        for words in ["images/postgresql:99", reason, "not found"] {
            assert!(why(&health).contains(words), "{health:?}");
        }
    }
    let calm = waiting("containerStatuses", "ContainerCreating");
    assert_eq!(worse(&[calm], &[], &[], &[]), None);
}

#[test]
fn a_pod_that_no_node_takes_is_told_with_the_schedulers_words() {
    let words = "0/1 nodes are available: 1 Insufficient memory.";
    let pending = pod(json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}]}));
    let health = worse(&[pending], &[], &[], &[]).unwrap();
    assert_eq!(code(&health), CNPG_UNSCHEDULABLE.id);
    assert!(why(&health).ends_with(words));
}

#[test]
fn a_scheduler_that_has_not_heard_of_a_claim_yet_is_not_in_the_way() {
    let pending = pod(json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
         "message": "0/2 nodes are available: persistentvolumeclaim \"pg-2\" not found. not found"}]}));
    let claim = |name: &str| json!({"metadata": {"name": name}, "status": {"phase": "Pending"}});
    let all = std::slice::from_ref(&pending);
    assert_eq!(worse(all, &[], &[claim("pg-2")], &[]), None);
    let health = worse(all, &[], &[claim("pg-1")], &[]).unwrap();
    assert_eq!(code(&health), CNPG_UNSCHEDULABLE.id, "it is there no more");
}

#[test]
fn a_volume_that_is_not_made_is_the_cause_and_the_pod_that_waits_for_it_is_not() {
    let words = "storageclass.storage.k8s.io \"fast\" not found";
    let pending = pod(
        json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "pod has unbound immediate PersistentVolumeClaims"}]}),
    );
    let events = [event(
        "PersistentVolumeClaim",
        "pg-1",
        "ProvisioningFailed",
        words,
    )];
    let health = worse(&[pending], &[], &[claim("Pending")], &events).unwrap();
    assert_eq!(code(&health), CNPG_VOLUME.id);
    assert!(why(&health).contains(words), "{health:?}");
    // What was said before it was bound is over.
    assert_eq!(worse(&[], &[], &[claim("Bound")], &events), None);
    let first = [event(
        "PersistentVolumeClaim",
        "pg-1",
        "WaitForFirstConsumer",
        "waiting for first consumer",
    )];
    assert_eq!(worse(&[], &[], &[claim("Pending")], &first), None);
}

#[test]
fn a_failed_job_is_told_with_the_last_words_of_its_pod() {
    let failed = job(
        json!([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit"}]),
    );
    let ended = pod(
        json!({"containerStatuses": [{"name": "initdb", "state": {"terminated": {"exitCode": 1,
        "message": "initdb: error: invalid locale settings\n"}}}]}),
    );
    let health = worse(&[ended], &[failed], &[], &[]).unwrap();
    assert_eq!(code(&health), CNPG_BOOTSTRAP.id);
    assert!(why(&health).contains("pg-1-initdb failed") && why(&health).ends_with("invalid locale settings"));
    let done = job(json!([{"type": "Complete", "status": "True"}]));
    assert_eq!(worse(&[], &[done], &[], &[]), None);
}

#[test]
fn a_job_that_fails_again_and_again_is_told_before_it_gives_up() {
    let tried =
        |times: u64| json!({"metadata": {"name": "pg-1-initdb"}, "status": {"failed": times, "ready": 0}});
    assert_eq!(worse(&[], &[tried(1)], &[], &[]), None);
    let health = worse(&[], &[tried(2)], &[], &[]).unwrap();
    assert_eq!(why(&health), "the job pg-1-initdb failed 2 times");
    let mut done = tried(2);
    done["status"]["succeeded"] = 1.into();
    assert_eq!(worse(&[], &[done], &[], &[]), None);
}

#[test]
fn the_last_error_of_a_log_is_what_the_job_has_to_say() {
    let refused = "while configuring new instance: ERROR: syntax error at or near \"$\" (SQLSTATE 42601)";
    let error =
        json!({"level": "error", "msg": "Error while bootstrapping data directory", "error": refused});
    let log = format!("{}\n{error}\n", json!({"level": "info", "msg": "server stopped"}));
    assert_eq!(last_words(&log).as_deref(), Some(refused));
    assert_eq!(
        last_words(&format!("{log}Error: at last\n")).as_deref(),
        Some("at last")
    );
    assert_eq!(last_words("{\"level\":\"info\"}\nno json"), None);
}

#[test]
fn a_server_that_does_not_start_is_told_in_the_words_of_postgresql() {
    let log = [
        r#"{"level":"info","logger":"pg_ctl","msg":"waiting for server to start....2026-11-23 20:16:13.583 UTC [30] LOG:  invalid value for parameter \"work_mem\": \"plenty\""}"#,
        r#"{"level":"info","logger":"pg_ctl","msg":"2026-11-23 20:16:13.583 UTC [30] FATAL:  configuration file \"custom.conf\" contains errors"}"#,
        r#"{"level":"error","msg":"Error while bootstrapping data directory","error":"exit status 1"}"#,
    ];
    let words = r#"exit status 1: invalid value for parameter "work_mem": "plenty""#;
    assert_eq!(last_words(&log.join("\n")).as_deref(), Some(words));
    let other = log[1].replace(
        r#"configuration file \"custom.conf\" contains errors"#,
        "could not load library",
    );
    let words = "exit status 1: could not load library";
    assert_eq!(
        last_words(&[log[0], &other, log[2]].join("\n")).as_deref(),
        Some(words)
    );
}

#[test]
fn a_quota_and_a_container_that_ends_again_and_again_are_told_too() {
    let words = "pods \"pg-1-initdb-\" is forbidden: exceeded quota: small";
    let events = [event("Job", "pg-1-initdb", "FailedCreate", words)];
    let health = worse(&[], &[job(json!([]))], &[], &events).unwrap();
    assert!(why(&health).ends_with(words), "{health:?}");
    let crashing = pod(json!({"containerStatuses": [{"name": "postgres",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]}));
    let health = worse(&[crashing], &[], &[], &[]).unwrap();
    assert_eq!(code(&health), CNPG_STUCK.id);
    assert!(why(&health).ends_with("OOMKilled"), "{health:?}");
}

#[test]
fn a_password_that_the_server_may_not_read_yet_is_waited_for() {
    let role = json!({
        "metadata": {"generation": 1},
        "status": {
            "observedGeneration": 1,
            "applied": false,
            "message": "secrets \"shop.login.app-a\" is forbidden: User \"system:serviceaccount:shop:shop\" cannot get resource \"secrets\" in API group \"\" in the namespace \"shop\"",
        },
    });
    assert!(
        matches!(of_content(&role), Health::Settling { .. }),
        "{:?}",
        of_content(&role)
    );
}
