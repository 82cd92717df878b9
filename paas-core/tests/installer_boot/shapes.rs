//! Specs and their machines, with a store of their own.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use paas_core::{
    driver::{Boot, NewMachine},
    error::{Error, Result},
    installer::boot::NodeBoot,
    owner::{Identity, Owner},
    secrets::{Generate, SecretStore, SecretString},
    spec::PlatformSpec,
    testing::ManualClock,
};
use serde_json::{Value, json};

/// The address of every control plane here.
pub(crate) const ADDRESS: &str = "10.20.0.10";

/// What Nova takes, before base64.
pub(crate) const LIMIT: usize = 49_149;

pub(crate) fn owner() -> Owner {
    Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo")
}

pub(crate) fn spec(kubernetes: Value, addons: Value) -> PlatformSpec {
    serde_json::from_value(json!({
        "infrastructure": {"type": "OpenStack", "openStack": {}},
        "kubernetes": kubernetes,
        "addons": addons,
    }))
    .unwrap()
}

/// The shapes whose goldens are kept: name, spec, machine, role.
pub(crate) fn shapes() -> Vec<(&'static str, PlatformSpec, &'static str, &'static str)> {
    let alone = spec(
        json!({"version": "1.37", "packages": "Preinstalled", "pools": [{"name": "workers", "replicas": 0}]}),
        json!({"cloudController": false, "csi": false}),
    );
    let two = spec(json!({}), json!({}));
    let labelled = spec(
        json!({"version": "1.37.2", "packages": "Preinstalled", "pools": [
            {"name": "fast", "replicas": 2, "labels": {"example.com/disk": "nvme", "tier": "gold", "on": "off"}},
            {"name": "spare", "replicas": 1},
        ]}),
        json!({"cloudController": false, "csi": false}),
    );
    let mirror = spec(
        json!({
            "version": "1.36.1", "packages": "Mirror", "mirror": "https://mirror.example/kubernetes/",
            "imageRegistry": "registry.example/k8s", "podCidr": "10.128.0.0/14", "serviceCidr": "10.96.0.0/20",
            "apiNames": ["api.demo.example", "203.0.113.20"],
        }),
        json!({}),
    );
    let k3s = spec(
        json!({"version": "1.36.4", "installer": "K3s", "apiNames": ["api.demo.example"],
            "pools": [{"name": "workers", "replicas": 2, "labels": {"tier": "gold"}}]}),
        json!({}),
    );
    let plane = "control-plane";
    vec![
        ("single_control_plane", alone, "control-plane-1", plane),
        ("two_control_plane", two.clone(), "control-plane-1", plane),
        ("two_worker", two, "workers-1", "workers"),
        (
            "labelled_control_plane",
            labelled.clone(),
            "control-plane-1",
            plane,
        ),
        ("labelled_worker", labelled, "fast-2", "fast"),
        ("mirror_control_plane", mirror.clone(), "control-plane-1", plane),
        ("mirror_worker", mirror, "workers-1", "workers"),
        ("k3s_server", k3s.clone(), "control-plane-1", plane),
        ("k3s_agent", k3s, "workers-2", "workers"),
    ]
}

pub(crate) fn machine(name: &str, role: &str, first: bool) -> NewMachine {
    NewMachine {
        name: name.to_owned(),
        role: role.to_owned(),
        control_plane: ADDRESS.to_owned(),
        first,
        limit: LIMIT,
    }
}

/// Secrets in memory, and how often it was asked.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub values: Mutex<BTreeMap<String, String>>,
    pub asked: AtomicUsize,
}

#[async_trait]
impl SecretStore for Kept {
    async fn get(&self, _: &Owner, name: &str) -> Result<Option<SecretString>, Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let values = self.values.lock().unwrap();
        Ok(values.get(name).cloned().map(SecretString::from))
    }

    async fn put_if_absent(&self, _: &Owner, name: &str, value: SecretString) -> Result<SecretString, Error> {
        use paas_core::secrets::ExposeSecret;
        let mut values = self.values.lock().unwrap();
        let value = values
            .entry(name.to_owned())
            .or_insert(value.expose_secret().to_owned());
        Ok(value.clone().into())
    }

    async fn delete(&self, _: &Owner, name: &str) -> Result<(), Error> {
        self.values.lock().unwrap().remove(name);
        Ok(())
    }

    async fn list(&self, _: &Owner) -> Result<Vec<String>, Error> {
        Ok(self.values.lock().unwrap().keys().cloned().collect())
    }

    async fn forget(&self, _: &Owner) -> Result<(), Error> {
        self.values.lock().unwrap().clear();
        Ok(())
    }
}

/// Chance that is counted.
#[derive(Debug, Default)]
pub(crate) struct Counted(AtomicUsize);

impl Generate for Counted {
    fn secret(&self) -> SecretString {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        format!("aCanaryThatMustNeverBeSung{n:06}").into()
    }
}

pub(crate) fn boot(spec: &PlatformSpec, store: &Arc<Kept>) -> NodeBoot {
    let clock = Arc::new(ManualClock::default());
    NodeBoot::new(spec.clone(), store.clone(), Arc::new(Counted::default()), clock)
}

pub(crate) async fn user_data(
    spec: &PlatformSpec,
    store: &Arc<Kept>,
    machine: &NewMachine,
) -> Result<String> {
    use paas_core::secrets::ExposeSecret;
    let text = boot(spec, store).user_data(&owner(), machine).await?;
    Ok(text.expose_secret().to_owned())
}

/// The files of a `#cloud-config`, decoded: path, mode, text.
pub(crate) fn files(user_data: &str) -> Vec<(String, String, String)> {
    use std::io::Read as _;

    use base64::Engine as _;
    let document: Value = serde_saphyr::from_str(user_data).unwrap();
    let files = document["write_files"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |file: &Value| {
        assert_eq!(file["owner"], "root:root");
        let content = text(&file["content"]);
        let content = match file.get("encoding") {
            None => content,
            Some(encoding) => {
                assert_eq!(encoding, "gz+b64");
                let packed = base64::engine::general_purpose::STANDARD.decode(content).unwrap();
                let mut plain = String::new();
                flate2::read::GzDecoder::new(packed.as_slice())
                    .read_to_string(&mut plain)
                    .unwrap();
                plain
            }
        };
        (text(&file["path"]), text(&file["permissions"]), content)
    };
    files.iter().map(read).collect()
}
