//! The way into a database of a cluster as far as an API server alone knows it: bindings, what is missing, and which hop is named. Pods
//! and what runs in them are judged on the Kubernetes lab.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use common::{Home, Said};
use k8s_openapi::api::{
    core::v1::{Pod, Secret, Service, ServiceAccount},
    discovery::v1::EndpointSlice,
};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use paas_core::{
    crd,
    kube::declared,
    spec::Kind,
    testing::kube::{self as harness, Namespace},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A namespace with a database that its operator has looked at, and its binding.
struct Shop {
    home: Home,
    namespace: Namespace,
    client: Client,
}

impl Shop {
    async fn new(sentence: &str) -> Option<Self> {
        let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
        cluster.define(&crd::all()).await.unwrap();
        let namespace = cluster.namespace(sentence).await.unwrap();
        let client = namespace.client().await.unwrap();
        let this = Self {
            home: Home::new(),
            namespace,
            client,
        };
        let databases = json!([{"name": "shop", "owner": "web"}, {"name": "more", "owner": "web"}]);
        this.dbi(
            "demo",
            json!({"users": [{"name": "web"}, {"name": "report"}], "databases": databases}),
        )
        .await;
        let status =
            json!({"status": {"binding": {"name": "demo.binding"}, "selector": "paas.rs/instance=demo"}});
        let all = declared::api(&this.client, Kind::DatabaseInstance, Some(this.namespace.name()));
        all.patch_status("demo", &PatchParams::default(), &Patch::Merge(&status))
            .await
            .unwrap();
        this.bind("demo.binding", "web_a", "x", None).await;
        Some(this)
    }

    async fn dbi(&self, name: &str, spec: Value) {
        let all = declared::api(&self.client, Kind::DatabaseInstance, Some(self.namespace.name()));
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "paas.rs/v1alpha1", "kind": "DatabaseInstance", "metadata": {"name": name}, "spec": spec,
        }))
        .unwrap();
        all.create(&PostParams::default(), &object).await.unwrap();
    }

    async fn make<K>(&self, object: Value)
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + serde::Serialize
            + std::fmt::Debug
            + Send
            + Sync,
        K::DynamicType: Default,
    {
        let all: Api<K> = Api::default_namespaced(self.client.clone());
        let object: K = serde_json::from_value(object).unwrap();
        all.create(&PostParams::default(), &object).await.unwrap();
    }

    async fn bind(&self, name: &str, user: &str, password: &str, authority: Option<&str>) {
        let host = format!("demo-rw.{}.svc", self.namespace.name());
        let mut entries = json!({"host": host, "port": "5432", "database": "shop", "username": user, "password": password, "sslmode": "require"});
        if let Some(authority) = authority {
            entries["ca.crt"] = authority.into();
        }
        self.make::<Secret>(json!({"metadata": {"name": name}, "stringData": entries}))
            .await;
    }

    /// `paas` with this cluster and namespace named, off the runtime that serves nothing meanwhile.
    fn paas(&self, args: &[&str]) -> Said {
        let kubeconfig = self.namespace.cluster().kubeconfig().display().to_string();
        let mut all = args.to_vec();
        let at = all.iter().position(|a| *a == "--").unwrap_or(all.len());
        let there = [
            "--kubeconfig",
            kubeconfig.as_str(),
            "--namespace",
            self.namespace.name(),
        ];
        all.splice(at..at, there);
        self.home.paas(&all)
    }

    /// The hop that is named, with its code.
    fn broken(&self, name: &str) -> (String, String) {
        let report = self.paas(&["db", "check", name, "-o", "json"]).exits(1).json();
        let hops = report["hops"].as_array().unwrap();
        let broken = hops.iter().find(|h| h["hop"] == report["broken"]).unwrap();
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        assert!(!text(&broken["remedy"]).is_empty(), "{broken}");
        (text(&report["broken"]), text(&broken["code"]))
    }
}

fn refused(said: &Said, code: &str) {
    assert!(said.err.contains(code), "no {code} in {}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_and_the_variables_are_those_of_the_binding_of_whoever_is_meant() {
    let Some(shop) = Shop::new("the way of programs in the cluster").await else {
        return;
    };
    shop.bind("demo.binding.report", "report_b", "y", Some("PEM"))
        .await;
    let host = format!("demo-rw.{}.svc", shop.namespace.name());
    let url = |words: &[&str]| shop.paas(&[&["db", "url", "demo"], words].concat()).exits(0).out;
    assert_eq!(
        url(&[]),
        format!("postgresql://web_a:x@{host}:5432/shop?sslmode=require\n")
    );
    assert!(url(&["--database", "more"]).contains("/more?"));
    assert!(url(&["--user", "report"]).contains("report_b:y@"));
    let verified = url(&["--user", "report", "--tls"]);
    let file = verified
        .trim()
        .rsplit_once("sslrootcert=")
        .unwrap()
        .1
        .replace("%2F", "/");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "PEM");
    let env = shop.paas(&["db", "env", "demo", "-o", "json"]).exits(0).json();
    assert_eq!((&env["PGUSER"], &env["PGHOST"]), (&"web_a".into(), &host.into()));
    let named = shop.paas(&["db", "env", "demo", "--format", "binding", "--user", "report"]);
    assert_eq!(named.exits(0).out, "demo.binding.report\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_declared_or_not_published_is_told_by_its_code() {
    let Some(shop) = Shop::new("what is missing").await else {
        return;
    };
    refused(&shop.paas(&["db", "url", "nothing"]).exits(1), "PAAS-CLI-0003");
    refused(
        &shop.paas(&["db", "url", "demo", "--user", "eve"]).exits(1),
        "PAAS-CLI-0008",
    );
    let said = shop.paas(&["db", "env", "demo", "--database", "none"]).exits(1);
    refused(&said, "PAAS-CLI-0008");
    refused(
        &shop.paas(&["db", "url", "demo", "--user", "report"]).exits(1),
        "PAAS-K8S-0028",
    );
    refused(
        &shop.paas(&["db", "url", "demo", "--tls"]).exits(1),
        "PAAS-PG-0014",
    );
    refused(
        &shop.paas(&["db", "forward", "demo", "--pooler"]).exits(1),
        "PAAS-CLI-0043",
    );
    let said = shop
        .paas(&["db", "forward", "demo", "--", "no-such-program-of-ours"])
        .exits(2);
    refused(&said, "PAAS-CLI-0044");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refused(
        &shop.paas(&["db", "forward", "demo", "--port", &port]).exits(1),
        "PAAS-K8S-0030",
    );
    let dump = ["db", "dump", "demo", "--pg-dump"];
    refused(&shop.paas(&dump).exits(1), "PAAS-CLI-0046");
    refused(&shop.paas(&["db", "logs", "demo"]).exits(1), "PAAS-CLI-0020");
    // On this machine there is nothing to forward.
    refused(
        &shop.home.paas(&["db", "forward", "demo"]).exits(2),
        "PAAS-CLI-0042",
    );
    std::fs::remove_dir_all(shop.home.path().join("cluster")).unwrap();
    std::fs::write(shop.home.path().join("cluster"), "no folder").unwrap();
    refused(&shop.paas(&["db", "check", "demo"]).exits(4), "PAAS-CLI-0045");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_a_forwarded_port_finds_the_way_and_no_password_in_its_environment() {
    let Some(shop) = Shop::new("a command beside a forwarded port").await else {
        return;
    };
    let show = r#"echo "$PGHOST $PGUSER $PGDATABASE $PGSSLMODE ${PGPASSWORD-none}"; cat "$PGPASSFILE"; echo "$DATABASE_URL"; exit 7"#;
    let said = shop
        .paas(&["db", "forward", "demo", "--", "sh", "-c", show])
        .exits(1);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[0], "127.0.0.1 web_a shop require none");
    let port = lines[1]
        .strip_prefix("127.0.0.1:")
        .unwrap()
        .split(':')
        .next()
        .unwrap();
    assert_eq!(lines[1], format!("127.0.0.1:{port}:shop:web_a:x"));
    assert_eq!(
        lines[2],
        format!("postgresql://web_a@127.0.0.1:{port}/shop?sslmode=require")
    );
    let given = r#"echo "$PGPASSWORD $DATABASE_URL""#;
    let said = shop.paas(&[
        "db",
        "forward",
        "demo",
        "--with-password",
        "--",
        "sh",
        "-c",
        given,
    ]);
    assert!(said.exits(0).out.starts_with("x postgresql://web_a:x@127.0.0.1:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_names_the_first_hop_that_is_broken_from_the_server_of_the_cluster_to_the_pod() {
    let Some(shop) = Shop::new("the hops that an API server knows").await else {
        return;
    };
    let hop = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    assert_eq!(shop.broken("nothing"), hop("object", "PAAS-CLI-0003"));
    shop.dbi("new", json!({})).await;
    assert_eq!(shop.broken("new"), hop("binding", "PAAS-K8S-0028"));
    assert_eq!(shop.broken("demo"), hop("pod", "PAAS-K8S-0029"));
    let labels = json!({"paas.rs/instance": "demo"});
    let container = json!([{"name": "postgres", "image": "x"}]);
    // The one that each namespace gets may be there only later.
    shop.make::<ServiceAccount>(json!({"metadata": {"name": "servers"}}))
        .await;
    shop.make::<Pod>(
        json!({"metadata": {"name": "demo-1", "labels": labels}, "spec": {"containers": container, "serviceAccountName": "servers"}}),
    )
    .await;
    assert_eq!(shop.broken("demo"), hop("pod", "PAAS-K8S-0029"));
    let pods: Api<Pod> = Api::default_namespaced(shop.client.clone());
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status("demo-1", &PatchParams::default(), &Patch::Merge(&ready))
        .await
        .unwrap();
    assert_eq!(shop.broken("demo"), hop("service", "PAAS-K8S-0029"));
    let port = |port: u16| json!([{"name": "postgres", "port": port, "targetPort": 5432}]);
    let other = json!({"metadata": {"name": "demo-rw"}, "spec": {"ports": port(6000), "selector": labels}});
    shop.make::<Service>(other).await;
    assert_eq!(shop.broken("demo"), hop("service", "PAAS-K8S-0029"));
    let services: Api<Service> = Api::default_namespaced(shop.client.clone());
    services
        .delete("demo-rw", &DeleteParams::default())
        .await
        .unwrap();
    let right =
        json!({"metadata": {"name": "demo-rw"}, "spec": {"ports": port(5432), "selector": {"of": "nobody"}}});
    shop.make::<Service>(right).await;
    // A pod without a node runs nothing, so nobody can be asked for a name: that hop is passed over.
    assert_eq!(shop.broken("demo"), hop("endpoints", "PAAS-K8S-0029"));
    let endpoint = json!({"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "demo-1"}});
    let slice = json!({
        "metadata": {"name": "demo-by-hand", "labels": {"kubernetes.io/service-name": "demo-rw"}}, "addressType": "IPv4",
        "ports": [{"name": "postgres", "port": 5432}], "endpoints": [endpoint],
    });
    shop.make::<EndpointSlice>(slice).await;
    assert_eq!(shop.broken("demo"), hop("forward", "PAAS-PG-0001"));
}
