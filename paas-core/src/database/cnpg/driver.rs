//! What a `DatabaseInstance` with the runtime `CloudNativePG` asks for.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    codes::CNPG_PARAMETER,
    health,
    images::Images,
    kinds, names,
    net::POSTGRES as PORT,
    rest,
    steps::{Rotation, Steps},
    turns::{Logins, Turns},
};
use crate::{
    actuator::Actuator,
    codes::CORE_UNSUPPORTED,
    database::driver::check,
    driver::{Binding, DatabaseEngine, Driver, Outputs},
    error::{Class, Error, Result},
    graph::{Desired, Observed},
    kube::KubeObject,
    owner::Owner,
    pipeline::Wanted,
    resource::Live,
    secrets::SecretRef,
    spec::{DatabaseInstanceSpec, Runtime},
};

/// The stage's name.
pub const STAGE: &str = "database";

/// Where CloudNativePG's own manifest puts its operator.
pub const OPERATOR_NAMESPACE: &str = "cnpg-system";

/// One instance as objects of CloudNativePG. Pure but for the hands, which are given.
#[derive(Debug, Clone)]
pub struct CnpgDriver {
    pub(super) owner: Owner,
    pub(super) images: Images,
    pub(super) logins: Logins,
    pub(super) operator_namespace: String,
    pub(super) administrator: Option<Administrator>,
    pub(super) authority: Option<Authority>,
    pub(super) rotation: Option<Rotation>,
    pub(super) adopting: bool,
    pub(super) steps: Steps,
    pub(super) monitored: bool,
    hands: Option<Arc<dyn Actuator<KubeObject>>>,
}

/// The superuser's login over the network, which a Cluster has only if it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Administrator {
    /// The Secret for CloudNativePG.
    pub secret: String,
    /// The password.
    pub password: SecretRef,
}

/// The authority that signs the servers' certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// Its certificate, PEM.
    pub certificate: String,
}

impl CnpgDriver {
    /// For one instance, with the images of CloudNativePG's makers.
    pub fn new(owner: Owner) -> Self {
        Self {
            owner,
            images: Images::default(),
            logins: Logins::default(),
            operator_namespace: OPERATOR_NAMESPACE.to_owned(),
            administrator: None,
            authority: None,
            rotation: None,
            adopting: false,
            steps: Steps::default(),
            monitored: false,
            hands: None,
        }
    }

    /// Acts with these hands; without any, plans only.
    #[must_use]
    pub fn hands(mut self, hands: Arc<dyn Actuator<KubeObject>>) -> Self {
        self.hands = Some(hands);
        self
    }

    /// Takes images from elsewhere.
    #[must_use]
    pub fn images(mut self, images: Images) -> Self {
        self.images = images;
        self
    }

    /// With these passwords and turns.
    #[must_use]
    pub fn logins(mut self, logins: Logins) -> Self {
        self.logins = logins;
        self
    }

    /// Gives every user another password, once for each word.
    #[must_use]
    pub fn rotate(mut self, rotation: Option<Rotation>) -> Self {
        self.rotation = rotation;
        self
    }

    /// The Cluster is one that somebody else made, so only what the spec speaks of is said of it. Once it is taken over it is known as such.
    #[must_use]
    pub fn adopting(mut self, adopting: bool) -> Self {
        self.adopting = adopting;
        self
    }

    /// Whose turn it is.
    pub(super) fn turns(&self, user: &str) -> Turns {
        let seen = self.steps.turns.get(user).copied();
        seen.unwrap_or_else(|| self.logins.turns(user))
    }

    /// CloudNativePG's operator is in another namespace.
    #[must_use]
    pub fn operator_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.operator_namespace = namespace.into();
        self
    }

    /// Lets `postgres` log in with this password, and gives its login to later stages ([`Outputs::server`]).
    ///
    /// # Errors
    /// As [`names::cluster`].
    pub fn administrator(mut self, password: SecretRef) -> Result<Self> {
        let secret = names::administrator(&names::cluster(&self.owner)?);
        self.administrator = Some(Administrator { secret, password });
        Ok(self)
    }

    /// Puts the authority's certificate (PEM) into bindings. It is known once the Cluster is: `ca.crt` of the Secret that
    /// `status.certificates.serverCASecret` names.
    #[must_use]
    pub fn authority(mut self, certificate: impl Into<String>) -> Self {
        let certificate = certificate.into();
        self.authority = Some(Authority { certificate });
        self
    }

    /// Has Prometheus read the servers' metrics, even if no look shows that the cluster has the kind `PodMonitor`.
    #[must_use]
    pub fn monitored(mut self, monitored: bool) -> Self {
        self.monitored = monitored;
        self
    }

    /// The same, knowing how far things are.
    pub(super) fn far(
        &self,
        spec: &DatabaseInstanceSpec,
        seen: &Observed<KubeObject>,
        now: Option<Timestamp>,
    ) -> Self {
        Self {
            steps: Steps::of(self, spec, seen, now),
            ..self.clone()
        }
    }

    /// Where programs in the cluster reach the primary.
    pub(super) fn endpoint(&self, cluster: &str, spec: &DatabaseInstanceSpec) -> (String, u16) {
        let namespace = self.owner.namespace();
        match spec.exposure.as_ref().and_then(|e| e.port) {
            Some(port) if port != PORT => (format!("{}.{namespace}.svc", names::exposed(cluster)), port),
            _ => (format!("{cluster}-rw.{namespace}.svc"), PORT),
        }
    }
}

/// Names that CloudNativePG keeps for itself.
fn reserved(spec: &DatabaseInstanceSpec) -> Result<()> {
    let taken = |name: &str| name == "streaming_replica" || name.starts_with("cnpg_");
    match spec.users.iter().find(|u| taken(&u.name)) {
        Some(user) => Err(Error::new(&CNPG_PARAMETER, Class::Invalid)
            .attempted(format!("make the user {}", user.name))
            .happened("streaming_replica and names that begin with cnpg_ are CloudNativePG's own")),
        None => Ok(()),
    }
}

#[async_trait]
impl Driver for CnpgDriver {
    type Spec = DatabaseInstanceSpec;
    type Resource = KubeObject;

    fn stage(&self) -> &'static str {
        STAGE
    }

    fn kinds(&self) -> &'static [&'static str] {
        kinds::WORDS
    }

    /// It goes at the same time as its Cluster: the finalizer of what is inside is taken away by a server, or, when the Cluster goes, by
    /// CloudNativePG itself.
    fn desired(&self, spec: &DatabaseInstanceSpec, _from: &Outputs) -> Result<Desired<KubeObject>> {
        if !matches!(spec.runtime, Runtime::Auto | Runtime::CloudNativePG) {
            return Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("run {} by CloudNativePG", self.owner))
                .happened(format!("the runtime {:?} was asked for", spec.runtime)));
        }
        check(spec)?;
        reserved(spec)?;
        self.far(spec, &Observed::default(), None).everything(spec)
    }

    fn next(
        &self,
        spec: &DatabaseInstanceSpec,
        wanted: Wanted,
        desired: Desired<KubeObject>,
        _from: &Outputs,
        seen: &Observed<KubeObject>,
        now: Timestamp,
    ) -> Result<Desired<KubeObject>> {
        match wanted {
            Wanted::Spec => self.far(spec, seen, Some(now)).everything(spec),
            Wanted::Nothing => rest::next(self, spec, desired, seen),
        }
    }

    fn gives(&self, spec: &DatabaseInstanceSpec, seen: &Observed<KubeObject>) -> Outputs {
        let server = self.administrator.as_ref().and_then(|administrator| {
            let cluster = running(seen)?;
            Some(Binding {
                host: format!("{}-rw.{}.svc", cluster.resource.name(), self.owner.namespace()),
                port: PORT,
                database: "postgres".to_owned(),
                username: "postgres".to_owned(),
                password: administrator.password.clone(),
            })
        });
        Outputs {
            server,
            binding: self.binding(spec, seen),
            ..Outputs::default()
        }
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<KubeObject>>>> {
        Ok(self.hands.clone())
    }
}

impl DatabaseEngine for CnpgDriver {
    fn binding(&self, spec: &DatabaseInstanceSpec, seen: &Observed<KubeObject>) -> Option<Binding> {
        let cluster = running(seen)?;
        let database = spec.databases.first()?;
        let user = spec.owner_of(database);
        let username = self.far(spec, seen, None).turns(user).active.login(user);
        let ready = |key: String| {
            let found = seen.live.iter().find(|(k, _)| k.as_str() == key);
            found.filter(|(_, live)| live.is_ready()).map(|_| ())
        };
        ready(format!("login/{username}"))?;
        ready(format!("database/{}", database.name))?;
        let (host, port) = self.endpoint(cluster.resource.name(), spec);
        Some(Binding {
            host,
            port,
            database: database.name.clone(),
            password: self.logins.password(&username),
            username,
        })
    }
}

/// The Cluster, if it is ready and has servers.
fn running(seen: &Observed<KubeObject>) -> Option<&Live<KubeObject>> {
    let mut clusters = seen
        .live
        .values()
        .filter(|l| *l.resource.object_kind() == kinds::CLUSTER);
    let cluster = clusters.next()?;
    let object = &cluster.resource.seen()?.object;
    (cluster.is_ready() && !health::is_hibernated(object)).then_some(cluster)
}
