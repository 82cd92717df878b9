//! Our resolution of a configuration equals openstacksdk's. The cases are in `tests/config/*.yaml`, what openstacksdk makes of them in
//! `openstacksdk.json` there; `.ci/openstack-config` runs the real openstacksdk and holds that file to it. A case says its difference
//! where there is one, and why.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use paas_openstack::{
    Cloud,
    client::service::Kind,
    cloud::{Credential, Domain, Identity, Named, Scope},
    config::{Choice, Sources, resolve},
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    choose: BTreeMap<String, String>,
    /// Our error, where openstacksdk has one too.
    ours: Option<Value>,
    differs: Option<Differs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Differs {
    reason: String,
    /// The fields that are different, or our error.
    ours: Value,
}

#[test]
fn every_case_is_resolved_as_by_openstacksdk_or_says_why_not() {
    let golden = fs::read_to_string(folder().join("openstacksdk.json")).unwrap();
    let golden: BTreeMap<String, Value> = serde_json::from_str(&golden).unwrap();
    let cases = cases();
    assert_eq!(cases.len(), golden.len(), "run .ci/openstack-config --write");
    let mut wrong = Vec::new();
    let mut same = 0;
    for case in &cases {
        let theirs = golden.get(&case.name).expect("run .ci/openstack-config --write");
        let expected = expected(case, theirs);
        let seen = seen(case);
        if seen != expected {
            wrong.push(format!(
                "{}\n  expected: {expected}\n  seen:     {seen}",
                case.name
            ));
        }
        same += usize::from(case.differs.is_none());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= 30, "only {same} cases are the same");
}

fn expected(case: &Case, theirs: &Value) -> Value {
    let failed = theirs.get("error").is_some();
    match (&case.ours, &case.differs) {
        (Some(ours), None) => {
            assert!(
                failed && ours.get("error").is_some(),
                "{}: openstacksdk has no error",
                case.name
            );
            ours.clone()
        }
        (None, Some(Differs { reason, ours })) => {
            assert!(!reason.is_empty());
            let mut expected = theirs.clone();
            if failed || ours.get("error").is_some() {
                expected = ours.clone();
            } else {
                for (key, value) in ours.as_object().unwrap() {
                    expected[key] = value.clone();
                }
            }
            assert_ne!(&expected, theirs, "{}: this is no difference", case.name);
            expected
        }
        (None, None) => {
            assert!(!failed, "{}: say which error is ours", case.name);
            theirs.clone()
        }
        (Some(_), Some(_)) => panic!("{}: ours is there twice", case.name),
    }
}

fn seen(case: &Case) -> Value {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let place = |text: &str| text.replace("$ROOT", root.to_str().unwrap());
    for (name, text) in &case.files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, place(text)).unwrap();
    }
    let mut environment: BTreeMap<String, String> = case
        .environment
        .iter()
        .map(|(k, v)| (k.clone(), place(v)))
        .collect();
    environment.insert("HOME".to_owned(), place("$ROOT/home"));
    environment
        .entry("XDG_CONFIG_DIRS".to_owned())
        .or_insert_with(|| place("$ROOT/xdg"));
    let mut sources = Sources::new(environment, root.join("work"));
    sources.system = root.join("etc");
    let choice = Choice {
        cloud: case.choose.get("cloud").cloned(),
        region: case.choose.get("region").cloned(),
    };
    match resolve(&sources, &choice) {
        Ok(resolved) => {
            let text = projection(&resolved.cloud).to_string();
            serde_json::from_str(&text.replace(root.to_str().unwrap(), "$ROOT")).unwrap()
        }
        Err(error) => json!({ "error": error.code().id }),
    }
}

/// A cloud in the form that both sides are compared in.
fn projection(cloud: &Cloud) -> Value {
    let Cloud {
        name,
        auth_url,
        identity,
        scope,
        region,
        interfaces,
        tls,
        services,
        timeout,
    } = cloud;
    let services: BTreeMap<&str, Value> = services
        .iter()
        .map(|(kind, said)| (official(*kind), service(said)))
        .collect();
    let mut auth = json!({ "identity": asked_with(identity) });
    if let Some(scope) = asked_for(scope) {
        auth["scope"] = scope;
    }
    json!({
        "cloud": name,
        "auth_url": auth_url.as_str().trim_end_matches('/'),
        "auth": auth,
        "region": region,
        "interfaces": interfaces,
        "verify": match (&tls.ca, tls.verify) {
            (Some(ca), true) => json!(ca),
            (_, verify) => json!(verify),
        },
        "cert": tls.client.as_ref().map(|(cert, key)| json!([cert, key])),
        "timeout": timeout.map(|timeout| timeout.as_secs_f64()),
        "services": services,
    })
}

fn official(kind: Kind) -> &'static str {
    kind.types()[0]
}

fn service(said: &paas_openstack::cloud::ServiceOptions) -> Value {
    let mut value = json!({});
    if let Some(endpoint) = &said.endpoint {
        value["endpoint"] = json!(endpoint.as_str().trim_end_matches('/'));
    }
    if let Some(region) = &said.region {
        value["region"] = json!(region);
    }
    if !said.interfaces.is_empty() {
        value["interfaces"] = json!(said.interfaces);
    }
    if let Some(microversion) = &said.microversion {
        value["microversion"] = json!(microversion);
    }
    value
}

fn asked_with(identity: &Identity) -> Value {
    match identity {
        Identity::Password { user, password } => {
            let mut user = named(user);
            user["password"] = json!(password.expose_secret());
            json!({ "methods": ["password"], "password": { "user": user } })
        }
        Identity::ApplicationCredential { credential, secret } => {
            let mut said = match credential {
                Credential::Id(id) => json!({ "id": id }),
                Credential::Name { name, user } => json!({ "name": name, "user": named(user) }),
            };
            said["secret"] = json!(secret.expose_secret());
            json!({ "methods": ["application_credential"], "application_credential": said })
        }
        Identity::Token(token) => json!({ "methods": ["token"], "token": { "id": token.expose_secret() } }),
        other => panic!("{other:?}"),
    }
}

fn asked_for(scope: &Scope) -> Option<Value> {
    match scope {
        Scope::Project(project) => Some(json!({ "project": named(project) })),
        Scope::Domain(of) => Some(json!({ "domain": domain(of) })),
        Scope::System => Some(json!({ "system": { "all": true } })),
        Scope::Unspecified => None,
        other => panic!("{other:?}"),
    }
}

fn named(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({ "id": id }),
        Named::Name { name, domain: of } => json!({ "name": name, "domain": domain(of) }),
    }
}

fn domain(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let read = |file: &PathBuf| -> Vec<Case> {
        serde_saphyr::from_str(&fs::read_to_string(file).unwrap())
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    };
    files.iter().flat_map(read).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}
