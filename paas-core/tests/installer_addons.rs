//! Addons as objects: what is rendered, what is fetched, and what a driver does without a cluster.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod addons_parts;

use std::{fs, sync::Arc, time::Duration};

use addons_parts::{CREDENTIAL, RELEASE, cloud, driver, everything, operator, outputs, owner, spec};
use paas_core::{
    clock::{Clock, SystemClock},
    codes::Code,
    driver::{Driver, Outputs},
    error::{Class, Error},
    installer::{
        addons::{
            AddonsDriver, CloudFacts, Directory, Facts, InsideCluster, Manifests, NoCloud, Registry, Web,
            cinder_csi, cloud as secret, cloud_controller, cloudnative_pg, cluster_name, documents, flannel,
            local_storage, pins::CLOUDNATIVE_PG, wire::Objects,
        },
        codes::{ALL, INS_CHECKSUM, INS_CLOUD, INS_CONTENT, INS_MANIFEST, INS_MIRROR},
    },
    kube::KubeObject,
    ledger::{LedgerStore, MemoryLedger, Scope},
    pipeline::{Context, DriverStage, Outcome, Pipeline},
    policy::Policy,
    resource::{Need, Resource},
    secrets::FileSecrets,
    spec::PlatformSpec,
    testing::tools,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

fn facts() -> Facts {
    Facts {
        cluster: cluster_name(&owner()),
        control_plane: "10.0.0.10".to_owned(),
        pod_cidr: "10.244.0.0/16".to_owned(),
        minor: 36,
        registry: Registry::default(),
        cloud: Some(cloud()),
        cloud_volumes: true,
    }
}

/// Every object whole.
fn documents_of(objects: &Objects) -> String {
    let one = |(key, object): &(paas_core::resource::Key, KubeObject)| {
        let kind = object.object_kind();
        let mut whole =
            json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": {"name": object.name()}});
        if !object.namespace().is_empty() {
            whole["metadata"]["namespace"] = object.namespace().into();
        }
        for (name, value) in object.manifest().as_object().unwrap() {
            match (name.as_str(), value) {
                ("metadata", Value::Object(more)) => {
                    whole["metadata"].as_object_mut().unwrap().extend(more.clone());
                }
                _ => whole[name] = value.clone(),
            }
        }
        let needs = match object.needs_text() {
            none if none.is_empty() => none,
            some => format!(" needs {some}"),
        };
        let data = if object.precious() { " (holds data)" } else { "" };
        format!(
            "# {key}{data}{needs}\n{}",
            serde_saphyr::to_string(&whole).unwrap()
        )
    };
    objects.iter().map(one).collect::<Vec<_>>().join("---\n")
}

fn idle_driver() -> AddonsDriver {
    // Nothing is stored there.
    driver(
        None,
        Arc::new(FileSecrets::new("secrets-of-nobody")),
        Arc::new(SystemClock),
    )
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code().id
}

#[test]
fn flannel_is_what_was_reviewed() {
    insta::assert_snapshot!(documents_of(&flannel::objects(&facts()).unwrap()));
}

#[test]
fn the_clouds_secret_is_what_was_reviewed() {
    insta::assert_snapshot!(documents_of(&secret::objects(&facts()).unwrap()));
}

#[test]
fn the_clouds_controller_is_what_was_reviewed() {
    insta::assert_snapshot!(documents_of(&cloud_controller::objects(&facts()).unwrap()));
}

#[test]
fn the_clouds_volumes_are_what_was_reviewed() {
    insta::assert_snapshot!(documents_of(&cinder_csi::objects(&facts()).unwrap()));
}

#[test]
fn local_volumes_are_what_was_reviewed() {
    insta::assert_snapshot!(documents_of(&local_storage::objects(&facts()).unwrap()));
}

#[test]
fn a_release_of_cloudnative_pg_keeps_its_words_but_for_what_a_machine_has_already() {
    let release = documents::read(RELEASE).unwrap();
    insta::assert_snapshot!(documents_of(
        &cloudnative_pg::objects(&facts(), &release).unwrap()
    ));
}

#[test]
fn the_order_of_everything_is_what_was_reviewed() {
    let desired = idle_driver().desired(&everything(), &outputs()).unwrap();
    let line = |key: &paas_core::resource::Key| {
        let needs: Vec<String> = desired.wanted()[key]
            .needs()
            .iter()
            .map(|n| match n {
                Need::Built(k) => k.to_string(),
                Need::Order(k) => format!("~{k}"),
            })
            .collect();
        format!("{key} <- {}", needs.join(" "))
    };
    let lines: Vec<String> = desired.order().iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn images_come_from_the_registry_of_the_spec_and_the_operators_own_word_stands() {
    let images = |spec: &PlatformSpec| {
        let all = idle_driver().objects(spec, &outputs()).unwrap();
        let text = json!(all.iter().map(|(_, o)| o.manifest().clone()).collect::<Vec<_>>()).to_string();
        let words = text.split(['"', '\\']).map(str::to_owned);
        let mut images: Vec<String> = words
            .filter(|w| w.contains('/') && w.rsplit('/').next().is_some_and(|n| n.contains(':')))
            .filter(|w| {
                !w.contains("//") && !w.contains('=') && !w.contains(' ') && !w.starts_with("system:")
            })
            .collect();
        images.sort();
        images.dedup();
        images
    };
    let mirrored = spec(json!({"localStorage": true, "imageRegistry": "registry.example/all"}));
    for image in images(&mirrored) {
        assert!(image.starts_with("registry.example/all/"), "{image}");
    }
    let own = spec(
        json!({"localStorage": true, "imageRegistry": "registry.example/all", "operatorImage": "mine.example/op:1"}),
    );
    assert!(
        images(&own).contains(&"ghcr.io/paas-rs/paas-operator:0.1.0".to_owned()),
        "{:?}",
        images(&own)
    );
    insta::assert_snapshot!(images(&everything()).join("\n"));
}

#[test]
fn the_keys_are_the_same_before_anything_of_the_cluster_is_known() {
    #[derive(Debug)]
    struct Later;
    impl CloudFacts for Later {
        fn cloud(
            &self,
            _: &PlatformSpec,
            from: &Outputs,
        ) -> Result<Option<paas_core::installer::addons::CloudConfig>, Error> {
            Ok(from.cluster.as_ref().map(|_| cloud()))
        }
    }
    let driver = idle_driver().cloud(Arc::new(Later));
    let early = driver.desired(&everything(), &Outputs::default()).unwrap();
    let late = driver.desired(&everything(), &outputs()).unwrap();
    assert_eq!(early.order(), late.order());
    assert_ne!(early, late);
}

#[test]
fn a_cluster_without_access_to_its_cloud_is_told_before_anything_is_made() {
    let none = idle_driver().cloud(Arc::new(NoCloud));
    let error = none.desired(&everything(), &Outputs::default()).unwrap_err();
    assert_eq!((error.code().id, error.class()), (INS_CLOUD.id, Class::Blocked));
    let without = spec(json!({"cloudController": false, "csi": false}));
    none.desired(&without, &Outputs::default()).unwrap();
    #[derive(Debug)]
    struct Never;
    impl CloudFacts for Never {
        fn cloud(
            &self,
            _: &PlatformSpec,
            _: &Outputs,
        ) -> Result<Option<paas_core::installer::addons::CloudConfig>, Error> {
            Ok(None)
        }
    }
    let late = idle_driver().cloud(Arc::new(Never));
    assert_eq!(code(late.desired(&everything(), &outputs())), INS_CLOUD.id);
}

#[test]
fn what_could_not_be_read_stops_whoever_wants_it_and_nobody_else() {
    let failed = Error::new(&INS_MANIFEST, Class::Blocked).happened("no line");
    let driver = idle_driver().cloudnative_pg(Err(failed));
    assert_eq!(
        code(driver.desired(&everything(), &Outputs::default())),
        INS_MANIFEST.id
    );
    let without = spec(json!({"cloudNativePg": false}));
    driver.desired(&without, &Outputs::default()).unwrap();
}

#[test]
fn no_secret_is_in_what_is_wanted_shown_or_printed() {
    let driver = idle_driver();
    let desired = driver.desired(&everything(), &outputs()).unwrap();
    let views: Vec<Value> = desired
        .wanted()
        .values()
        .map(|o| Value::Object(o.view()))
        .collect();
    let all = format!("{driver:?} {desired:?} {}", json!(views));
    for (_, value) in CREDENTIAL {
        assert!(!all.contains(value));
    }
    // Large manifests are shown by their fingerprint alone.
    let largest = views.iter().map(|v| v.to_string().len()).max().unwrap();
    assert!(largest < 16 * 1024, "{largest}");
}

#[test]
fn the_codes_of_addons_are_in_the_table() {
    let ids: Vec<&str> = ALL.iter().map(|c: &&Code| c.id).collect();
    for n in 40..=46 {
        assert!(ids.contains(&format!("PAAS-INS-{n:04}").as_str()));
    }
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[tokio::test]
async fn a_mirror_in_a_folder_answers_for_its_files_by_a_list_of_sums() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Directory::new(folder.path());
    let error = cloudnative_pg::fetch(&mirror).await.unwrap_err();
    assert_eq!(error.code().id, INS_MANIFEST.id);
    assert!(error.to_string().contains("cnpg-1.30.0.yaml"), "{error}");

    fs::write(folder.path().join("cnpg-1.30.0.yaml"), RELEASE).unwrap();
    let error = cloudnative_pg::fetch(&mirror).await.unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (INS_CHECKSUM.id, Class::Invalid)
    );
    for sum in [sha256(RELEASE), CLOUDNATIVE_PG.release.unwrap().sha256.to_owned()] {
        assert!(error.to_string().contains(&sum), "{error}");
    }

    let sums = format!("{}  cnpg-1.30.0.yaml\n", sha256(RELEASE));
    fs::write(folder.path().join("SHA256SUMS"), &sums).unwrap();
    assert_eq!(
        cloudnative_pg::fetch(&mirror).await.unwrap(),
        documents::read(RELEASE).unwrap()
    );
    fs::write(
        folder.path().join("SHA256SUMS"),
        sums.replace(&sha256(RELEASE), &sha256("other")),
    )
    .unwrap();
    let error = cloudnative_pg::fetch(&mirror).await.unwrap_err();
    assert!(error.to_string().contains("SHA256SUMS"), "{error}");

    let nowhere = Directory::new(folder.path().join("nowhere"));
    assert_eq!(code(cloudnative_pg::fetch(&nowhere).await), INS_MANIFEST.id);
}

#[tokio::test]
async fn a_manifest_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |content: &[u8]| {
        let sum: String = Sha256::digest(content)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        fs::write(folder.path().join("cnpg-1.30.0.yaml"), content).unwrap();
        fs::write(
            folder.path().join("SHA256SUMS"),
            format!("{sum}  cnpg-1.30.0.yaml"),
        )
        .unwrap();
    };
    for content in [&b"a: ["[..], &[0xff, 0xfe][..]] {
        write(content);
        assert_eq!(
            code(cloudnative_pg::fetch(&Directory::new(folder.path())).await),
            INS_CONTENT.id
        );
    }
    let unknown = documents::read("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}").unwrap();
    let error = cloudnative_pg::objects(&facts(), &unknown).unwrap_err();
    assert_eq!(error.code().id, INS_CONTENT.id);
    assert!(error.to_string().contains("Pod"), "{error}");
    write(&vec![b'#'; 17 * 1024 * 1024]);
    let error = cloudnative_pg::fetch(&Directory::new(folder.path()))
        .await
        .unwrap_err();
    assert!(
        error.code().id == INS_MANIFEST.id && error.to_string().contains("larger"),
        "{error}"
    );
}

async fn serve(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(answer)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_mirror_by_url_is_checked_the_same_way_and_what_it_gave_is_kept() {
    let server = MockServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let web = Web::mirror(&format!("{}/addons/", server.uri())).cached(folder.path().join("kept"));
    assert_eq!(code(web.read(&CLOUDNATIVE_PG).await), INS_MANIFEST.id, "404");

    serve(
        &server,
        "/addons/cnpg-1.30.0.yaml",
        ResponseTemplate::new(200).set_body_string(RELEASE),
    )
    .await;
    assert_eq!(code(web.read(&CLOUDNATIVE_PG).await), INS_CHECKSUM.id);
    let sums = format!("{} *cnpg-1.30.0.yaml\n", sha256(RELEASE));
    serve(
        &server,
        "/addons/SHA256SUMS",
        ResponseTemplate::new(200).set_body_string(sums),
    )
    .await;
    assert_eq!(web.read(&CLOUDNATIVE_PG).await.unwrap(), RELEASE.as_bytes());

    let asked = || async {
        let all = server.received_requests().await.unwrap();
        all.iter().filter(|r| r.url.path().ends_with(".yaml")).count()
    };
    let before = asked().await;
    assert_eq!(web.read(&CLOUDNATIVE_PG).await.unwrap(), RELEASE.as_bytes());
    assert_eq!(asked().await, before, "it was kept");
    // A line that is down takes nothing away.
    drop(server);
    assert_eq!(web.read(&CLOUDNATIVE_PG).await.unwrap(), RELEASE.as_bytes());
    let fresh = Web::mirror("http://127.0.0.1:9/addons");
    assert_eq!(code(fresh.read(&CLOUDNATIVE_PG).await), INS_MANIFEST.id);
}

#[tokio::test]
async fn an_address_that_leads_elsewhere_is_followed_and_one_that_never_answers_given_up() {
    let server = MockServer::start().await;
    let to = format!("{}/elsewhere/x", server.uri());
    let moved = ResponseTemplate::new(302).insert_header("location", to.as_str());
    serve(&server, "/m/cnpg-1.30.0.yaml", moved).await;
    serve(
        &server,
        "/elsewhere/x",
        ResponseTemplate::new(200).set_body_string(RELEASE),
    )
    .await;
    let web = Web::mirror(&format!("{}/m", server.uri()));
    assert_eq!(
        code(web.read(&CLOUDNATIVE_PG).await),
        INS_CHECKSUM.id,
        "it came through"
    );

    let circle = format!("{}/c/cnpg-1.30.0.yaml", server.uri());
    let moved = ResponseTemplate::new(301).insert_header("location", circle.as_str());
    serve(&server, "/c/cnpg-1.30.0.yaml", moved).await;
    let error = Web::mirror(&format!("{}/c", server.uri()))
        .read(&CLOUDNATIVE_PG)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");

    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    serve(&server, "/s/SHA256SUMS", slow).await;
    let web = Web::mirror(&format!("{}/s", server.uri())).within(Duration::from_millis(200));
    let error = web.read(&CLOUDNATIVE_PG).await.unwrap_err();
    assert!(
        error.code().id == INS_MANIFEST.id && error.to_string().contains("no answer"),
        "{error}"
    );

    let refused = ResponseTemplate::new(403);
    serve(&server, "/f/SHA256SUMS", refused).await;
    let error = Web::mirror(&format!("{}/f", server.uri()))
        .read(&CLOUDNATIVE_PG)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("403"), "{error}");
}

fn context(ledger: &Arc<MemoryLedger>) -> Context {
    Context::new(
        owner(),
        Policy::default(),
        tools(ledger.clone(), Arc::new(SystemClock)),
    )
}

fn stage(driver: AddonsDriver, spec: PlatformSpec) -> Pipeline {
    Pipeline::new(vec![Box::new(InsideCluster::new(DriverStage::new(driver, spec)))])
}

#[tokio::test]
async fn before_there_is_a_cluster_a_plan_shows_what_will_come() {
    let ledger = Arc::new(MemoryLedger::default());
    let pipeline = stage(idle_driver(), everything());
    let plan = pipeline
        .plan(&mut context(&ledger), paas_core::pipeline::Wanted::Spec)
        .await
        .unwrap();
    let keys: Vec<String> = plan.stages[0].steps.iter().map(|s| s.key.to_string()).collect();
    assert!(plan.stages[0].unknown.is_some());
    for key in [
        "flannel/daemonSet/kube-flannel-ds",
        "csi/storageClass/cinder",
        "operator/deployment/paas-operator",
    ] {
        assert!(keys.iter().any(|k| k == key), "{keys:?}");
    }
    let outcome = pipeline.advance(&mut context(&ledger)).await.unwrap();
    assert!(matches!(outcome, Outcome::Progressing { .. }), "{outcome:?}");
}

#[tokio::test]
async fn what_is_in_a_cluster_goes_with_it_and_is_forgotten_without_a_call() {
    let ledger = Arc::new(MemoryLedger::default());
    let scope = Scope {
        owner: owner(),
        stage: "addons".to_owned(),
    };
    let cx = &mut context(&ledger);
    // The login would fail: nobody logs in on the way down.
    cx.outputs = outputs();
    let pipeline = stage(idle_driver(), everything());
    pipeline.advance(cx).await.unwrap_err();
    let waits = [(
        paas_core::resource::Key::new("x").unwrap(),
        paas_core::ledger::Since {
            why: "y".to_owned(),
            since: SystemClock.now(),
        },
    )];
    ledger
        .settle(&scope, &[paas_core::ledger::Settled::Waits(waits.into())])
        .await
        .unwrap();
    let plan = pipeline
        .plan(cx, paas_core::pipeline::Wanted::Nothing)
        .await
        .unwrap();
    assert!(plan.stages[0].steps.is_empty());
    assert_eq!(pipeline.retire(cx).await.unwrap(), Outcome::Converged);
    assert!(ledger.load(&scope).await.unwrap().waits.is_empty());
}

#[tokio::test]
async fn the_words_of_a_spec_are_judged_before_the_first_write() {
    let found =
        paas_core::installer::addons::wanted::findings(&spec(json!({"csi": false, "localStorage": false})));
    assert_eq!(found[0].code, INS_MIRROR.id);
    assert!(!operator().is_empty());
}
