//! The servers of a control plane: etcd, the API server, the controllers.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use http::Request;
use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};
use uuid::Uuid;

use super::{
    Options, Part,
    assets::{Assets, myself},
    codes::{TEST_KUBE_ABSENT, TEST_KUBE_START},
    guard::{self, Guard},
    pki::Pki,
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Class, Error, Result},
    local::{
        codes::LOC_PORT,
        files::{self, io_error},
        port,
    },
    testing::place::{self, Place},
};

/// How long the API server may take to be ready on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often it is asked.
const LOOK: Duration = Duration::from_millis(50);

/// How often other ports are tried.
const ATTEMPTS: usize = 8;

/// What is audited, without bodies of secrets: every write with what was sent and answered, reads by their heads.
const AUDIT_POLICY: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
  {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets", "serviceaccounts/token"]}]},
  {"level": "RequestResponse", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
  {"level": "Metadata"}
]}
"#;

/// Running servers; they go with this value, and with this process.
pub(super) struct Servers {
    folder: PathBuf,
    pki: Pki,
    guard: Guard,
    assets: Assets,
    options: Options,
    ports: Ports,
}

/// Where they listen, on the loopback.
#[derive(Debug, Clone, Copy)]
struct Ports {
    api: u16,
    etcd: u16,
    peers: u16,
    controllers: u16,
}

impl Servers {
    /// Starts them, and comes back when the API server is ready.
    ///
    /// # Errors
    /// `PAAS-TEST-0003` with the last words of a server that ended; those of the folder.
    pub(super) async fn start(assets: Assets, options: Options) -> Result<Self> {
        let account = myself();
        let parents = place::parents(options.folder.as_deref(), "paas-test-kubernetes", &account)?;
        for parent in &parents.all {
            guard::sweep(parent);
        }
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            let attempt = Self::attempt(&parents.chosen, assets.clone(), options.clone());
            match attempt.await {
                Err(e) if e.code() == &LOC_PORT && left > 0 => {}
                started => return started,
            }
        }
    }

    async fn attempt(parent: &Path, assets: Assets, options: Options) -> Result<Self> {
        let account = myself();
        let place = Place::new(parent, &account)?;
        let folder = place.folder().to_path_buf();
        let ports = Ports::choose(&folder)?;
        let server = format!("https://127.0.0.1:{}", ports.api);
        let pki = Pki::make(&folder, &server, options.authorities.as_ref(), &account)?;
        files::write_new(
            &folder.join("audit.json"),
            AUDIT_POLICY.as_bytes(),
            0o600,
            &account,
        )?;
        let mut servers = Self {
            guard: Guard::new(place, &account)?,
            folder,
            pki,
            assets,
            options,
            ports,
        };
        for part in Part::ALL {
            if part != Part::Controllers || servers.has_controllers() {
                servers.start_part(part).await?;
            }
        }
        Ok(servers)
    }

    /// The folder of logs.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the API server listens.
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.api).into()
    }

    /// The administrator's way in.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.pki.file("admin.kubeconfig")
    }

    /// Whether there are controllers, as wished and as far as their program is here.
    pub(super) fn has_controllers(&self) -> bool {
        self.options.controllers && self.assets.program(Part::Controllers.program()).is_some()
    }

    /// Starts one; the API server is ready then.
    pub(super) async fn start_part(&mut self, part: Part) -> Result<()> {
        let Some(program) = self.assets.program(part.program()) else {
            return Err(Error::new(&TEST_KUBE_ABSENT, Class::Unsupported)
                .attempted(format!("start {}", part.program()))
                .happened("this program is not there"));
        };
        let mut words = vec![program.display().to_string()];
        words.extend(match part {
            Part::Etcd => self.etcd(),
            Part::ApiServer => self.api_server(),
            Part::Controllers => self.controllers(),
        });
        self.guard.start(part.name(), &words, &myself()).await?;
        if part == Part::ApiServer {
            self.until_ready().await?;
        }
        Ok(())
    }

    /// Kills one, as a crash would.
    pub(super) async fn kill_part(&mut self, part: Part) -> Result<()> {
        self.guard.kill(part.name()).await
    }

    /// Waits for the API server. It is ready after its roles are there, without which the controllers would end.
    async fn until_ready(&self) -> Result<()> {
        let client = client(&self.kubeconfig(), None).await?;
        let deadline = SystemClock.elapsed().saturating_add(PATIENCE);
        loop {
            let why = match ready(&client).await {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            for part in [Part::Etcd, Part::ApiServer] {
                if !self.guard.is_alive(part.name()) {
                    return Err(self.ended(part));
                }
            }
            if SystemClock.elapsed() > deadline {
                let late = format!("it is not ready within {} s: {why}", PATIENCE.as_secs());
                return Err(refused(Part::ApiServer, late));
            }
            SystemClock.sleep(LOOK).await;
        }
    }

    /// Another program may have taken a port since it was chosen.
    fn ended(&self, part: Part) -> Error {
        let words = guard::last_words(&self.folder, part.name());
        if words.contains("address already in use") {
            return Error::new(&LOC_PORT, Class::Conflict)
                .attempted(format!("start {}", part.program()))
                .happened(words);
        }
        refused(part, format!("it ended: {words}"))
    }

    fn etcd(&self) -> Vec<String> {
        let (client, peers) = (local(self.ports.etcd), local(self.ports.peers));
        let file = |name| self.pki.file(name).display().to_string();
        vec![
            "--name=test".to_owned(),
            format!("--data-dir={}", self.folder.join("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=test={peers}"),
            format!("--cert-file={}", file("etcd.crt")),
            format!("--key-file={}", file("etcd.key")),
            format!("--trusted-ca-file={}", file("etcd-ca.crt")),
            "--client-cert-auth".to_owned(),
            format!("--peer-cert-file={}", file("etcd.crt")),
            format!("--peer-key-file={}", file("etcd.key")),
            format!("--peer-trusted-ca-file={}", file("etcd-ca.crt")),
            "--peer-client-cert-auth".to_owned(),
            // What it wrote outlives its own crash, not the machine's.
            "--unsafe-no-fsync".to_owned(),
        ]
    }

    fn api_server(&self) -> Vec<String> {
        let file = |name| self.pki.file(name).display().to_string();
        let mut words = vec![
            format!("--etcd-servers={}", local(self.ports.etcd)),
            format!("--etcd-cafile={}", file("etcd-ca.crt")),
            format!("--etcd-certfile={}", file("etcd.crt")),
            format!("--etcd-keyfile={}", file("etcd.key")),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.api),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            format!("--client-ca-file={}", file("ca.crt")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("tokens.pub")),
            format!("--service-account-signing-key-file={}", file("tokens.key")),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            // The default wants to publish an address that others can reach.
            "--endpoint-reconciler-type=none".to_owned(),
        ];
        if let Some(log) = &self.options.audit_log {
            words.push(format!(
                "--audit-policy-file={}",
                self.folder.join("audit.json").display()
            ));
            words.push(format!("--audit-log-path={}", log.display()));
        }
        words.extend(self.options.api_server_arguments.iter().cloned());
        words
    }

    fn controllers(&self) -> Vec<String> {
        let file = |name| self.pki.file(name).display().to_string();
        let config = file("controllers.kubeconfig");
        let mut words = vec![
            format!("--kubeconfig={config}"),
            format!("--authentication-kubeconfig={config}"),
            format!("--authorization-kubeconfig={config}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.controllers),
            // It would make one of its own elsewhere.
            format!("--cert-dir={}", self.folder.display()),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials".to_owned(),
            format!("--service-account-private-key-file={}", file("tokens.key")),
            format!("--root-ca-file={}", file("ca.crt")),
        ];
        if self.options.authorities.is_some() {
            words.push(format!("--cluster-signing-cert-file={}", file("ca.crt")));
            words.push(format!("--cluster-signing-key-file={}", file("ca.key")));
        }
        words.extend(self.options.controller_arguments.iter().cloned());
        words
    }
}

impl Ports {
    /// Four that are free now, scattered by the name of the folder.
    fn choose(folder: &Path) -> Result<Self> {
        let chance = Uuid::new_v5(&Uuid::NAMESPACE_OID, folder.as_os_str().as_encoded_bytes());
        let mut taken = BTreeSet::new();
        let mut next = || -> Result<u16> {
            let port = port::choose(chance, &taken)?;
            taken.insert(port);
            Ok(port)
        };
        Ok(Self {
            api: next()?,
            etcd: next()?,
            peers: next()?,
            controllers: next()?,
        })
    }
}

fn local(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

fn refused(part: Part, why: String) -> Error {
    Error::new(&TEST_KUBE_START, Class::Transient)
        .attempted(format!("start {} for tests", part.program()))
        .happened(why)
}

async fn ready(client: &Client) -> Result<(), String> {
    let request = Request::get("/readyz")
        .body(Vec::new())
        .map_err(|e| e.to_string())?;
    // Anything but success is an error here.
    let answer = client.request_text(request).await;
    answer.map(|_| ()).map_err(|e| e.to_string())
}

/// A client with the rights that a kubeconfig gives, whose default namespace is this one.
pub(super) async fn client(kubeconfig: &Path, namespace: Option<&str>) -> Result<Client> {
    let refused = |why: String| {
        Error::new(&TEST_KUBE_START, Class::Blocked)
            .attempted(format!("make a client of {}", kubeconfig.display()))
            .happened(why)
    };
    let told = |e: std::io::Error| io_error("read", kubeconfig, e);
    std::fs::metadata(kubeconfig).map_err(told)?;
    let file = Kubeconfig::read_from(kubeconfig).map_err(|e| refused(e.to_string()))?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(|e| refused(e.to_string()))?;
    if let Some(namespace) = namespace {
        namespace.clone_into(&mut config.default_namespace);
    }
    Client::try_from(config).map_err(|e| refused(e.to_string()))
}
