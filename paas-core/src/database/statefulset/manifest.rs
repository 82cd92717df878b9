//! The objects of one server.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ADMIN, Image, admin_password, health};
use crate::{
    database::parameters::quote,
    error::Result,
    kube::{
        KubeObject, ObjectKind,
        kind::{CONFIG_MAP, SECRET, SERVICE},
        names::{LABEL, child},
    },
    owner::Owner,
    resource::{Key, Need},
    spec::DatabaseInstanceSpec,
};

/// The server's port in the pod, and of its service where no other is asked for.
pub const PORT: u16 = 5432;

/// The label of the pods with the major version of their data.
pub(super) const MAJOR: &str = "paas.rs/major";

/// The label that the service and the StatefulSet know the pod by.
pub const INSTANCE: &str = "paas.rs/instance";

/// Stands for the administrator's password.
const PASSWORD: &str = "${admin}";

/// The files of the database, in the pod.
const DATA: &str = "/var/lib/paas/data";

/// The volume of the data, in the pod.
const VOLUME: &str = "data";

/// StatefulSets.
pub static STATEFUL_SET: ObjectKind = ObjectKind::core("StatefulSet", "statefulsets", "statefulSet")
    .of("apps", "v1")
    .making_others()
    .judged_by(health::stateful_set)
    .changed_by(health::judge_server);

/// Claims of volumes.
pub static CLAIM: ObjectKind = ObjectKind::core(
    "PersistentVolumeClaim",
    "persistentvolumeclaims",
    "persistentVolumeClaim",
)
.judged_by(health::claim)
.changed_by(health::judge_claim);

/// Makes the files of the database once. They are complete under another name before they get their own, so a pod that is killed on the
/// way leaves nothing that looks like a database.
const INIT: &str = r#"set -eu
if [ -s "$PGDATA/PG_VERSION" ]; then
  if [ "$(cat "$PGDATA/PG_VERSION")" = "$MAJOR" ]; then exit 0; fi
  echo "paas: the data was made by PostgreSQL $(cat "$PGDATA/PG_VERSION"), and this is PostgreSQL $MAJOR" >&2
  exit 1
fi
rm -rf "$PGDATA.new"
initdb --pgdata="$PGDATA.new" --username="$PGUSER" --pwfile=/run/paas/admin/password --auth=scram-sha-256 \
  --encoding=UTF8 --locale=C.UTF-8 --data-checksums
mv "$PGDATA.new" "$PGDATA"
sync
"#;

/// Who gets in: everybody with a password, and nobody without one.
const HBA: &str = "local all all scram-sha-256\nhost all all all scram-sha-256\n";

/// The name of the StatefulSet: a pod's name is that and a number, and a label of ten characters more tells its revision.
pub(super) fn server_name(owner: &Owner, key: &Key) -> String {
    child(owner, key, "", LABEL - 11)
}

/// The port of the service.
pub(super) fn port(spec: &DatabaseInstanceSpec) -> u16 {
    spec.exposure.as_ref().and_then(|e| e.port).unwrap_or(PORT)
}

/// What the objects are made of.
pub(super) struct Shape<'a> {
    pub(super) owner: &'a Owner,
    pub(super) spec: &'a DatabaseInstanceSpec,
    pub(super) image: &'a Image,
    pub(super) version: &'a str,
    pub(super) parameters: &'a BTreeMap<String, String>,
}

impl Shape<'_> {
    pub(super) fn objects(&self) -> Result<Vec<(Key, KubeObject)>> {
        let [claim, admin, config, pods, service, server] =
            ["claim", "admin", "config", "pods", "service", "server"].map(Key::new);
        let (claim, admin, config, pods, service, server) =
            (claim?, admin?, config?, pods?, service?, server?);
        let name = server_name(self.owner, &server);
        let [volume, secret_name, config_name] = [(&claim, VOLUME), (&admin, "admin"), (&config, "config")]
            .map(|(key, word)| child(self.owner, key, word, LABEL));
        let pods_name = child(self.owner, &pods, "pods", LABEL);
        let service_name = child(self.owner, &service, "", LABEL);
        let text = self.configuration()?;
        let settings = json!({"data": {"postgresql.conf": text, "pg_hba.conf": HBA}});
        let digest: String = Sha256::digest(settings.to_string())
            .iter()
            .take(8)
            .map(|b| format!("{b:02x}"))
            .collect();
        let template = self.template(&name, [&volume, &secret_name, &config_name], &digest);
        let stateful_set = json!({
            "metadata": {"labels": {INSTANCE: name}},
            "spec": {
                "serviceName": pods_name,
                "replicas": 1,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": {INSTANCE: name}},
                "template": template,
            },
        });
        let ports = |port: u16| json!([{"name": "postgresql", "port": port, "targetPort": "postgresql"}]);
        let object =
            |kind, name: &str, manifest| KubeObject::new(kind, self.owner.namespace(), name, manifest);
        Ok(vec![
            (
                claim.clone(),
                object(
                    &CLAIM,
                    &volume,
                    json!({"metadata": {"labels": {INSTANCE: name}}, "spec": self.volume()}),
                )
                .holding_data(),
            ),
            (
                admin.clone(),
                object(
                    &SECRET,
                    &secret_name,
                    json!({"type": "Opaque", "stringData": {"password": PASSWORD}}),
                )
                .secret(PASSWORD, admin_password()),
            ),
            (config.clone(), object(&CONFIG_MAP, &config_name, settings)),
            (
                pods.clone(),
                object(
                    &SERVICE,
                    &pods_name,
                    json!({"spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "selector": {INSTANCE: name}, "ports": ports(PORT)}}),
                ),
            ),
            (
                service,
                object(
                    &SERVICE,
                    &service_name,
                    json!({"spec": {"type": "ClusterIP", "selector": {INSTANCE: name}, "ports": ports(port(self.spec))}}),
                ),
            ),
            (
                server,
                [claim, admin, config, pods]
                    .into_iter()
                    .fold(object(&STATEFUL_SET, &name, stateful_set), |o, key| {
                        o.need(Need::Order(key))
                    })
                    .within(Duration::from_secs(900)),
            ),
        ])
    }

    /// What the volume is to be.
    fn volume(&self) -> Value {
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self.spec.storage.size.as_str()}},
        });
        if let Some(class) = &self.spec.storage.class {
            spec["storageClassName"] = class.as_str().into();
        }
        spec
    }

    fn configuration(&self) -> Result<String> {
        let port = PORT.to_string();
        let own = [
            ("listen_addresses", "*"),
            ("port", &port),
            ("unix_socket_directories", "/run/postgresql"),
            ("hba_file", "/etc/paas/pg_hba.conf"),
            ("password_encryption", "scram-sha-256"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("log_destination", "stderr"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
            ("lc_messages", "C"),
        ];
        let declared = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let mut text = String::new();
        for (name, value) in own.into_iter().chain(declared) {
            let _ = writeln!(text, "{name} = {}", quote(name, value)?);
        }
        Ok(text)
    }

    fn template(&self, name: &str, [volume, secret, config]: [&str; 3], digest: &str) -> Value {
        let image = format!("{}:{}", self.image.repository, self.version);
        let major = self.version.split('.').next().unwrap_or(self.version);
        let environment = json!([
            {"name": "PGDATA", "value": DATA},
            {"name": "PGUSER", "value": ADMIN},
        ]);
        let locked = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        });
        let data = json!({"name": VOLUME, "mountPath": "/var/lib/paas"});
        let sized = self.spec.sized();
        let mut resources = json!({"requests": {}});
        if let Some(cpu) = &sized.cpu {
            resources["requests"]["cpu"] = cpu.as_str().into();
        }
        if let Some(memory) = &sized.memory {
            resources["requests"]["memory"] = memory.as_str().into();
            resources["limits"] = json!({"memory": memory.as_str()});
        }
        let ready = json!({"command": ["pg_isready", "--quiet", "--host=127.0.0.1", "--dbname=postgres"]});
        json!({
            "metadata": {
                "labels": {INSTANCE: name, MAJOR: major},
                "annotations": {"paas.rs/configuration": digest},
            },
            "spec": {
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 120,
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": self.image.user,
                    "runAsGroup": self.image.user,
                    "fsGroup": self.image.user,
                    // Modes of the files of a database are checked by PostgreSQL and must not be widened at each start.
                    "fsGroupChangePolicy": "OnRootMismatch",
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "initContainers": [{
                    "name": "init",
                    "image": image,
                    "command": ["sh", "-c", INIT],
                    "env": [{"name": "PGDATA", "value": DATA}, {"name": "PGUSER", "value": ADMIN}, {"name": "MAJOR", "value": major}],
                    "resources": resources,
                    "securityContext": locked,
                    // The last words of what fails are in the pod's status then.
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "volumeMounts": [
                        data,
                        {"name": "admin", "mountPath": "/run/paas/admin", "readOnly": true},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }],
                "containers": [{
                    "name": "postgresql",
                    "image": image,
                    "command": ["postgres", "--config-file=/etc/paas/postgresql.conf"],
                    "env": environment,
                    "ports": [{"name": "postgresql", "containerPort": PORT}],
                    "resources": resources,
                    "securityContext": locked,
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    // What a signal asks for is to wait for all sessions, which programs with a pool never end.
                    "lifecycle": {"preStop": {"exec": {"command": ["pg_ctl", "stop", "--mode=fast", "--timeout=100"]}}},
                    // Recovery after a crash takes its time.
                    "startupProbe": {"exec": ready, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 3600},
                    "readinessProbe": {"exec": ready, "periodSeconds": 5, "timeoutSeconds": 5},
                    "livenessProbe": {"tcpSocket": {"port": "postgresql"}, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
                    "volumeMounts": [
                        data,
                        {"name": "config", "mountPath": "/etc/paas", "readOnly": true},
                        {"name": "sockets", "mountPath": "/run/postgresql"},
                        {"name": "shared", "mountPath": "/dev/shm"},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }],
                "volumes": [
                    {"name": VOLUME, "persistentVolumeClaim": {"claimName": volume}},
                    {"name": "admin", "secret": {"secretName": secret, "defaultMode": 0o440}},
                    {"name": "config", "configMap": {"name": config}},
                    {"name": "sockets", "emptyDir": {"medium": "Memory"}},
                    {"name": "shared", "emptyDir": {"medium": "Memory"}},
                    {"name": "tmp", "emptyDir": {}},
                ],
            },
        })
    }
}
