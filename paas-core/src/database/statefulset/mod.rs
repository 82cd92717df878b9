//! One PostgreSQL server as a StatefulSet of a stock image, with no other operator beneath it.
//!
//! The stage gives a server with an administrator; users and databases in it are the next stage's ([`super::driver`]). The claim of the
//! data is an object of its own and no template of the StatefulSet's: so it bears our marks, can grow, stays when the StatefulSet goes,
//! and is never made anew behind our back.

mod acts;
pub mod codes;
mod hands;
mod health;
mod manifest;
mod stages;
mod words;

use std::sync::Arc;

use async_trait::async_trait;

use self::manifest::Shape;
pub use self::{
    acts::ServerActs,
    hands::ServerHands,
    manifest::{CLAIM, INSTANCE, PORT, STATEFUL_SET},
    stages::{Stores, stages},
};
use super::parameters;
use crate::{
    actuator::Actuator,
    codes::CORE_UNSUPPORTED,
    driver::{Binding, DatabaseEngine, Driver, Outputs},
    error::{Class, Error, Result},
    graph::{Desired, Observed},
    kube::{
        KubeObject, ObjectKind,
        kind::{CONFIG_MAP, SECRET, SERVICE},
        names::{LABEL, child},
    },
    owner::Owner,
    resource::{Key, Resource},
    secrets::SecretRef,
    spec::{DatabaseInstanceSpec, EngineVersion, Runtime},
};

/// The name of the administrator's password among the owner's secrets.
pub const ADMIN_SECRET: &str = "admin";

/// The administrator.
const ADMIN: &str = "paas_admin";

/// The version where none is declared.
const NEWEST: &str = "18";

/// The majors that are known to run from this image.
const MAJORS: std::ops::RangeInclusive<u32> = 14..=18;

/// Where the servers' image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The repository, to which `:<version>` is added: it has `initdb`, `postgres`, `pg_ctl`, `pg_isready` and a shell in its path.
    pub repository: String,
    /// The number of the user `postgres` in it.
    pub user: i64,
}

impl Default for Image {
    /// The official image, in its Debian variant.
    fn default() -> Self {
        Self {
            repository: "postgres".to_owned(),
            user: 999,
        }
    }
}

/// All kinds that an instance may have objects of.
pub static KINDS: [&ObjectKind; 5] = [&CLAIM, &SECRET, &CONFIG_MAP, &SERVICE, &STATEFUL_SET];

/// One server in a namespace of a cluster.
#[derive(Debug, Clone)]
pub struct StatefulSetDriver {
    owner: Owner,
    hands: Arc<dyn Actuator<KubeObject>>,
    image: Image,
    endpoint: Option<(String, u16)>,
}

impl StatefulSetDriver {
    /// The stage's name.
    pub const STAGE: &'static str = "server";

    /// For one instance, which lies in the namespace of its object.
    pub fn new(owner: Owner, hands: Arc<dyn Actuator<KubeObject>>) -> Self {
        Self {
            owner,
            hands,
            image: Image::default(),
            endpoint: None,
        }
    }

    /// Runs another image.
    #[must_use]
    pub fn image(mut self, image: Image) -> Self {
        self.image = image;
        self
    }

    /// Reaches the server there instead of by its service: for a program outside the cluster, which forwards a port.
    #[must_use]
    pub fn endpoint(mut self, host: impl Into<String>, port: u16) -> Self {
        self.endpoint = Some((host.into(), port));
        self
    }

    /// The host that programs in the cluster use.
    ///
    /// # Errors
    /// None that can happen: the key is a constant.
    pub fn host(&self) -> Result<String> {
        let name = child(&self.owner, &Key::new("service")?, "", LABEL);
        Ok(format!("{name}.{}.svc", self.owner.namespace()))
    }

    /// The name of the StatefulSet, which its pod bears as the label [`INSTANCE`].
    ///
    /// # Errors
    /// As [`StatefulSetDriver::host`].
    pub fn server(owner: &Owner) -> Result<String> {
        Ok(manifest::server_name(owner, &Key::new("server")?))
    }

    /// The name of its one pod.
    ///
    /// # Errors
    /// As [`StatefulSetDriver::host`].
    pub fn pod(owner: &Owner) -> Result<String> {
        Ok(format!("{}-0", Self::server(owner)?))
    }

    fn check(&self, spec: &DatabaseInstanceSpec) -> Result<String> {
        let refused = |what: String, remedy: &str| {
            Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("run {} as a StatefulSet", self.owner))
                .happened(what)
                .remedy(remedy.to_owned()))
        };
        if !matches!(spec.runtime, Runtime::Auto | Runtime::StatefulSet) {
            let what = format!("the runtime {:?} was asked for", spec.runtime);
            return refused(what, "choose the runtime StatefulSet, or Auto");
        }
        if spec.replicas != 1 {
            let what = format!("{} servers were asked for, and it runs one", spec.replicas);
            return refused(
                what,
                "set replicas to 1; or install CloudNativePG and choose the runtime CloudNativePG",
            );
        }
        if spec.exposure.as_ref().is_some_and(|e| e.load_balancer.is_some()) {
            return refused(
                "a load balancer was asked for".to_owned(),
                "remove exposure.loadBalancer; or install CloudNativePG and choose the runtime CloudNativePG",
            );
        }
        if spec.pooler.is_some() {
            return refused(
                "a pooler was asked for".to_owned(),
                "remove pooler; or install CloudNativePG and choose the runtime CloudNativePG",
            );
        }
        if spec.stopped {
            return refused(
                "it is to rest (stopped: true)".to_owned(),
                "remove stopped; or install CloudNativePG and choose the runtime CloudNativePG",
            );
        }
        if spec.backup.is_some() {
            return refused(
                "backups were asked for".to_owned(),
                "remove backup; or install CloudNativePG and choose the runtime CloudNativePG",
            );
        }
        let version = spec.engine.version.as_ref();
        let major = version.map(EngineVersion::major);
        if let Some(major) = major.filter(|m| !MAJORS.contains(m)) {
            let known = format!("{} to {}", MAJORS.start(), MAJORS.end());
            return refused(
                format!("PostgreSQL {major} was asked for, and {known} are known"),
                "choose a known version",
            );
        }
        Ok(version.map_or_else(|| NEWEST.to_owned(), |v| v.as_str().to_owned()))
    }
}

#[async_trait]
impl Driver for StatefulSetDriver {
    type Spec = DatabaseInstanceSpec;
    type Resource = KubeObject;

    fn stage(&self) -> &'static str {
        Self::STAGE
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[
            "persistentVolumeClaim",
            "secret",
            "configMap",
            "service",
            "statefulSet",
        ]
    }

    fn desired(&self, spec: &DatabaseInstanceSpec, _from: &Outputs) -> Result<Desired<KubeObject>> {
        let version = self.check(spec)?;
        let parameters = parameters::of(spec)?;
        let shape = Shape {
            owner: &self.owner,
            spec,
            image: &self.image,
            version: &version,
            parameters: &parameters,
        };
        let mut builder = Desired::builder();
        for (key, object) in shape.objects()? {
            builder.add(key, object);
        }
        builder.build()
    }

    fn gives(&self, spec: &DatabaseInstanceSpec, seen: &Observed<KubeObject>) -> Outputs {
        let up = seen
            .live
            .values()
            .any(|l| l.resource.kind() == STATEFUL_SET.word && l.is_ready());
        let server = self.host().ok().filter(|_| up).map(|inside| {
            let (host, port) = self.endpoint.clone().unwrap_or((inside, manifest::port(spec)));
            Binding {
                host,
                port,
                database: "postgres".to_owned(),
                username: ADMIN.to_owned(),
                password: admin_password(),
            }
        });
        Outputs {
            server,
            ..Outputs::default()
        }
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<KubeObject>>>> {
        Ok(Some(Arc::clone(&self.hands)))
    }
}

impl DatabaseEngine for StatefulSetDriver {
    fn binding(&self, spec: &DatabaseInstanceSpec, seen: &Observed<KubeObject>) -> Option<Binding> {
        self.gives(spec, seen).server
    }
}

/// The reference to the administrator's password, whatever it is: it is generated when the first object that holds it is made.
fn admin_password() -> SecretRef {
    SecretRef {
        name: ADMIN_SECRET.to_owned(),
        fingerprint: String::new(),
    }
}
