//! What the tests of addons are made from: a spec, a cloud, a release of CloudNativePG in small, and our operator in small.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a module of several tests, each of which uses a part"
)]

use std::sync::Arc;

use async_trait::async_trait;
use kube::Client;
use paas_core::{
    clock::Clock,
    crd,
    driver::{ClusterAccess, Host, Outputs},
    error::{Class, Error, Result},
    installer::{
        addons::{AddonsDriver, CloudConfig, documents},
        codes::INS_CLOUD,
        login::Login,
    },
    owner::{Identity, Owner},
    secrets::{SecretRef, SecretStore, SecretString},
    spec::PlatformSpec,
};
use serde_json::{Value, json};

/// The credential that the cloud's addons get.
pub const CREDENTIAL: [(&str, &str); 2] = [
    ("cloud-credential-id", "0f4f6c1e9d2b4c0c8d5e7a9b3c1d2e3f"),
    (
        "cloud-credential-secret",
        "canary-Zk3vQ0m7Tj2Yx8Wc5Rb1Lp9Ns4Hd6Gf",
    ),
];

pub fn owner() -> Owner {
    Owner::new(
        &Identity::of(&["openstack", "test"]),
        "Platform",
        "default",
        "demo",
    )
}

pub fn spec(addons: Value) -> PlatformSpec {
    let infrastructure = json!({"type": "OpenStack", "openStack": {}});
    serde_json::from_value(
        json!({"infrastructure": infrastructure, "kubernetes": {"version": "1.36"}, "addons": addons}),
    )
    .unwrap()
}

/// Everything, as far as it does not exclude itself.
pub fn everything() -> PlatformSpec {
    spec(json!({"cni": true, "cloudController": true, "csi": true, "localStorage": true}))
}

/// What earlier stages give once there is a cluster.
pub fn outputs() -> Outputs {
    let host = |name: &str, role: &str, address: &str| Host {
        name: name.to_owned(),
        address: address.to_owned(),
        public_address: None,
        role: role.to_owned(),
        id: None,
        going: false,
    };
    Outputs {
        hosts: Some(vec![
            host("workers-1", "workers", "10.0.0.11"),
            host("control-plane-1", "control-plane", "10.0.0.10"),
        ]),
        cluster: Some(ClusterAccess {
            endpoint: "https://10.0.0.10:6443".to_owned(),
            server_name: None,
        }),
        ..Outputs::default()
    }
}

pub fn cloud() -> CloudConfig {
    let [id, secret] = CREDENTIAL.map(|(name, value)| SecretRef::to(name, &value.to_owned().into()));
    CloudConfig {
        auth_url: "https://keystone.example:5000/v3".to_owned(),
        region: "RegionOne".to_owned(),
        credential_id: id,
        credential_secret: secret,
        ca: Some("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".to_owned()),
        internal_network: Some("paas demo".to_owned()),
        floating_network: Some("3f1f7b1e-8a1d-4b0e-9d5c-1a2b3c4d5e6f".to_owned()),
        subnet: Some("5c0e0c0e-2b3c-4d5e-8f90-a1b2c3d4e5f6".to_owned()),
        load_balancer_provider: Some("ovn".to_owned()),
        ignore_volume_zone: false,
    }
}

/// A store with the credential in it.
pub async fn store(of: &dyn SecretStore) {
    for (name, value) in CREDENTIAL {
        of.put_if_absent(&owner(), name, value.to_owned().into())
            .await
            .unwrap();
    }
}

/// Opens one cluster.
pub struct Opened(pub Option<Client>);

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened")
    }
}

#[async_trait]
impl Login for Opened {
    async fn kubeconfig(&self, _: &ClusterAccess) -> Result<SecretString> {
        Ok(String::new().into())
    }

    async fn client(&self, access: &ClusterAccess) -> Result<Client> {
        self.0.clone().ok_or_else(|| {
            Error::new(&INS_CLOUD, Class::Denied)
                .attempted(format!("log in to {}", access.endpoint))
                .happened("closed")
        })
    }
}

/// The driver with all its parts, on this cluster.
pub fn driver(client: Option<Client>, secrets: Arc<dyn SecretStore>, clock: Arc<dyn Clock>) -> AddonsDriver {
    AddonsDriver::new(owner(), Arc::new(Opened(client)), secrets, clock)
        .cloud(Arc::new(cloud()))
        .cloudnative_pg(documents::read(RELEASE))
        .operator(operator())
}

/// Our operator in small: its own definitions and policies, and pods.
pub fn operator() -> Vec<Value> {
    let metadata = json!({"name": "paas-operator", "namespace": "paas-system"});
    let chosen = json!({"app.kubernetes.io/name": "paas-operator"});
    let rbac = "rbac.authorization.k8s.io";
    let who = json!([{"kind": "ServiceAccount", "name": "paas-operator", "namespace": "paas-system"}]);
    let mut all: Vec<Value> = crd::all().iter().map(|d| json!(d)).collect();
    all.extend(
        crd::policies::all()
            .iter()
            .flat_map(|p| [json!(p.policy), json!(p.binding)]),
    );
    all.extend([
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "paas-system"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": {"name": "paas-operator"},
            "rules": [{"apiGroups": ["paas.rs"], "resources": ["*"], "verbs": ["*"]}]}),
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": "paas-operator"},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "paas-operator"}, "subjects": who}),
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": chosen}}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "replicas": 1, "selector": {"matchLabels": chosen},
            "template": {"metadata": {"labels": chosen}, "spec": {
                "serviceAccountName": "paas-operator",
                "containers": [{"name": "operator", "image": "ghcr.io/paas-rs/paas-operator:0.1.0"}],
            }},
        }}),
    ]);
    all
}

/// A release like CloudNativePG's, in small: a definition, rights, a webhook without the authority that its operator writes into it, and
/// an image that is named a second time.
pub const RELEASE: &str = r#"
apiVersion: v1
kind: Namespace
metadata:
  name: cnpg-system
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: imagecatalogs.postgresql.cnpg.io
  creationTimestamp: null
spec:
  group: postgresql.cnpg.io
  scope: Namespaced
  names: {kind: ImageCatalog, listKind: ImageCatalogList, plural: imagecatalogs, singular: imagecatalog}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            properties:
              images:
                type: array
                maxItems: 8
                items:
                  type: object
                  required: [image, major]
                  properties:
                    image: {type: string}
                    major: {type: integer, minimum: 10}
                x-kubernetes-validations:
                - rule: self.all(e, self.filter(f, f.major==e.major).size() == 1)
                  message: majors must be unique
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cnpg-manager
  namespace: cnpg-system
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: cnpg-manager
rules:
- apiGroups: [postgresql.cnpg.io]
  resources: [imagecatalogs]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: cnpg-manager-rolebinding
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cnpg-manager}
subjects:
- {kind: ServiceAccount, name: cnpg-manager, namespace: cnpg-system}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: cnpg-default-monitoring
  namespace: cnpg-system
data:
  queries: "pg_locks: {}\n"
---
apiVersion: v1
kind: Service
metadata:
  name: cnpg-webhook-service
  namespace: cnpg-system
spec:
  ports:
  - port: 443
    targetPort: 9443
  selector: {app.kubernetes.io/name: cloudnative-pg}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cnpg-controller-manager
  namespace: cnpg-system
spec:
  replicas: 1
  selector:
    matchLabels: {app.kubernetes.io/name: cloudnative-pg}
  template:
    metadata:
      labels: {app.kubernetes.io/name: cloudnative-pg}
    spec:
      serviceAccountName: cnpg-manager
      containers:
      - name: manager
        image: ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0
        imagePullPolicy: Always
        command: [/manager]
        env:
        - name: OPERATOR_IMAGE_NAME
          value: ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: cnpg-validating-webhook-configuration
webhooks:
- name: vcluster.cnpg.io
  admissionReviewVersions: [v1]
  clientConfig:
    service: {name: cnpg-webhook-service, namespace: cnpg-system, path: /validate}
  failurePolicy: Ignore
  sideEffects: None
  rules:
  - apiGroups: [postgresql.cnpg.io]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [clusters]
"#;
