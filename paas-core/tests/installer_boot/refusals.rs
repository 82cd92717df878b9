//! What is refused, all at once and in the same words by plan and boot.

use std::sync::Arc;

use paas_core::{
    installer::{boot::recipe, validate::findings, version},
    spec::PlatformSpec,
};
use serde_json::{Value, json};

use super::shapes::{Kept, machine, owner, spec, user_data};

fn codes(spec: &PlatformSpec) -> Vec<String> {
    findings(spec)
        .into_iter()
        .map(|f| f.code.replace("PAAS-INS-", ""))
        .collect()
}

fn wrong(kubernetes: Value) -> Vec<String> {
    codes(&spec(kubernetes, json!({})))
}

#[test]
fn a_spec_that_can_be_installed_has_no_finding() {
    for (shape, spec, ..) in super::shapes::shapes() {
        let errors = findings(&spec).into_iter().filter(|f| f.is_error()).count();
        assert_eq!(errors, 0, "{shape}: {:?}", findings(&spec));
    }
}

#[test]
fn what_cannot_be_installed_is_told_with_its_code() {
    let label = |name: &str| json!({"pools": [{"name": "workers", "labels": {name: "x"}}]});
    let cases = [
        (json!({"version": "1.34"}), "0001"),
        (json!({"version": "1.99.1"}), "0001"),
        (json!({"podCidr": "10.20.128.0/17"}), "0004"),
        (json!({"serviceCidr": "10.244.0.0/20"}), "0004"),
        (
            json!({"podCidr": "10.244.0.0/24", "pools": [{"name": "a", "replicas": 3}]}),
            "0004",
        ),
        (json!({"controlPlane": {"replicas": 3}}), "0005"),
        (json!({"pools": [{"name": "a".repeat(70)}]}), "0006"),
        (label("kubernetes.io/role"), "0007"),
        (label("node-role.kubernetes.io/worker"), "0007"),
        (label("storage.k8s.io/x"), "0007"),
        (label("paas.rs/pool"), "0007"),
        (label("a=b,c"), "0007"),
        (json!({"pools": [{"name": "a", "replicas": 0}]}), "0008"),
        (json!({"pools": [{"name": "control-plane"}]}), "0009"),
        (json!({"pools": [{"name": "a"}, {"name": "a"}]}), "0009"),
        (
            json!({"packages": "Mirror", "mirror": "https://x/\n- evil"}),
            "0011",
        ),
        (json!({"apiNames": ["good.example", "not good"]}), "0011"),
        (
            json!({"installer": "K3s", "packages": "Mirror", "mirror": "https://x", "version": "1.37"}),
            "0013",
        ),
        (
            json!({"installer": "K3s", "imageRegistry": "registry.example/path"}),
            "0013",
        ),
    ];
    for (kubernetes, code) in cases {
        assert_eq!(wrong(kubernetes.clone()), [code], "{kubernetes}");
    }
    for good in [
        "topology.kubernetes.io/zone",
        "node.kubernetes.io/mine",
        "x.node.kubernetes.io/y",
        "example.com/a",
        "plain",
    ] {
        assert!(wrong(label(good)).is_empty(), "{good}");
    }
    let bare = spec(json!({"installer": "None"}), json!({"cni": true, "csi": false}));
    assert_eq!(codes(&bare), ["0013"]);
    assert!(codes(&spec(json!({"installer": "None", "version": "1.1"}), json!({}))).is_empty());
}

#[tokio::test]
async fn everything_is_told_at_once_and_whoever_asks_for_a_first_boot_is_told_the_same() {
    let kubernetes = json!({"version": "1.20", "podCidr": "10.20.0.0/16", "controlPlane": {"replicas": 3},
        "pools": [{"name": "control-plane", "labels": {"kubernetes.io/x": "y"}}]});
    let spec = spec(kubernetes, json!({}));
    assert_eq!(codes(&spec), ["0001", "0004", "0009", "0007", "0005"]);
    let store = Arc::new(Kept::default());
    let plane = machine("control-plane-1", "control-plane", true);
    let error = user_data(&spec, &store, &plane).await.unwrap_err();
    assert_eq!(error.code().id, "PAAS-INS-0001");
    for finding in findings(&spec) {
        assert!(error.words().contains(&finding.what), "{error}");
    }
    assert!(
        store.values.lock().unwrap().is_empty(),
        "nothing is made by a spec that is refused"
    );
    assert!(error.words().contains("1.35, 1.36, 1.37"), "{error}");
}

#[test]
fn a_machine_that_the_spec_does_not_have_has_no_first_boot() {
    let two = spec(json!({}), json!({}));
    let asked = |name: &str, role: &str| {
        recipe(&two, &owner(), &machine(name, role, true))
            .unwrap_err()
            .code()
            .id
    };
    assert_eq!(asked("other-1", "other"), "PAAS-INS-0012");
    assert_eq!(asked("Workers_1", "workers"), "PAAS-INS-0006");
    let bare = spec(json!({"installer": "None"}), json!({}));
    let error = recipe(&bare, &owner(), &machine("workers-1", "workers", true)).unwrap_err();
    assert_eq!(error.code().id, "PAAS-INS-0012");
}

#[test]
fn without_a_word_the_newest_version_is_chosen() {
    let chosen = version::chosen(&spec(json!({}), json!({}))).unwrap();
    assert_eq!((chosen.minor, chosen.patch), (37, None));
    let chosen = version::chosen(&spec(json!({"version": "1.36.1"}), json!({}))).unwrap();
    assert_eq!(chosen.to_string(), "1.36.1");
}

/// The table of codes, each of which a test here produces.
#[test]
fn every_code_has_a_test() {
    let told = [
        "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012",
        "0013",
    ];
    let ours = paas_core::installer::codes::ALL
        .iter()
        .map(|code| code.id.replace("PAAS-INS-", ""));
    let ours: Vec<String> = ours.filter(|id| id.as_str() < "0020").collect();
    assert_eq!(ours, told);
}
