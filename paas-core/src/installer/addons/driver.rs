//! The stage of addons: what a spec asks for, as objects, and hands in the cluster that earlier stages give.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;

use super::{
    cinder_csi,
    cloud::{self, CloudConfig, CloudFacts, NoCloud},
    cloud_controller, cloudnative_pg,
    facts::{Facts, Registry, cluster_name},
    flannel,
    hands::AddonsHands,
    kinds, local_storage, operator,
    pins::CLOUDNATIVE_PG,
    wanted::{self, Wants},
    wire::Objects,
};
use crate::{
    actuator::Actuator,
    clock::Clock,
    driver::{ClusterAccess, Driver, Outputs},
    error::{Class, Error, Result},
    graph::{Desired, Observed},
    installer::{codes::INS_MANIFEST, login::Login},
    kube::KubeObject,
    owner::Owner,
    preflight::{Ahead, Finding},
    secrets::SecretStore,
    spec::{CONTROL_PLANE, PlatformSpec},
};

/// The stage's name.
pub const STAGE: &str = "addons";

/// For so long a client serves before another login.
const LOGIN: Duration = Duration::from_secs(600);

/// The addons of one platform's cluster.
///
/// What is not a part of this crate is given before: the documents of CloudNativePG ([`cloudnative_pg::fetch`]) and of our operator, and
/// what is known of the cloud.
#[derive(Clone)]
pub struct AddonsDriver {
    owner: Owner,
    login: Arc<dyn Login>,
    secrets: Arc<dyn SecretStore>,
    clock: Arc<dyn Clock>,
    cloud: Arc<dyn CloudFacts>,
    cloudnative_pg: Option<Result<Arc<Vec<Value>>>>,
    operator: Option<Arc<Vec<Value>>>,
    hands: Arc<Mutex<Option<Known>>>,
}

/// Hands that were made, for which cluster, and when.
struct Known {
    access: ClusterAccess,
    at: Duration,
    hands: Arc<AddonsHands>,
}

impl fmt::Debug for AddonsDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddonsDriver")
            .field("owner", &self.owner)
            .field("login", &self.login)
            .field("cloud", &self.cloud)
            .finish_non_exhaustive()
    }
}

impl AddonsDriver {
    /// For the cluster of `owner`, which `login` opens; `secrets` has the credential for its cloud.
    pub fn new(
        owner: Owner,
        login: Arc<dyn Login>,
        secrets: Arc<dyn SecretStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            owner,
            login,
            secrets,
            clock,
            cloud: Arc::new(NoCloud),
            cloudnative_pg: None,
            operator: None,
            hands: Arc::default(),
        }
    }

    /// With what is known of the cloud; without, a cluster has no access to one.
    #[must_use]
    pub fn cloud(mut self, cloud: Arc<dyn CloudFacts>) -> Self {
        self.cloud = cloud;
        self
    }

    /// With the release of CloudNativePG, or why it could not be read: then nothing is done to a cluster that is to have it.
    #[must_use]
    pub fn cloudnative_pg(mut self, release: Result<Vec<Value>>) -> Self {
        self.cloudnative_pg = Some(release.map(Arc::new));
        self
    }

    /// With the objects of our operator, in the image that the spec names or the crate's own.
    #[must_use]
    pub fn operator(mut self, rendered: Vec<Value>) -> Self {
        self.operator = Some(Arc::new(rendered));
        self
    }

    /// What is known of the cluster. Before there is one, what is not known stands as `unknown`: the plan shows keys alone then.
    fn facts(&self, spec: &PlatformSpec, from: &Outputs, wants: Wants) -> Result<Facts> {
        let cloud = match wants.cloud() {
            true => Some(self.known_cloud(spec, from)?),
            false => None,
        };
        let hosts = from.hosts.iter().flatten();
        let mut planes: Vec<_> = hosts.filter(|h| h.role == CONTROL_PLANE).collect();
        planes.sort_by(|a, b| a.name.cmp(&b.name));
        let control_plane = planes.first().map_or("unknown", |h| h.address.as_str());
        let registry = spec.addons.as_ref().and_then(|a| a.image_registry.as_deref());
        Ok(Facts {
            cluster: cluster_name(&self.owner),
            control_plane: control_plane.to_owned(),
            pod_cidr: spec.pod_cidr().to_owned(),
            minor: wanted::minor(spec),
            registry: Registry::new(registry),
            cloud,
            cloud_volumes: wants.csi,
        })
    }

    fn known_cloud(&self, spec: &PlatformSpec, from: &Outputs) -> Result<CloudConfig> {
        let known = self.cloud.cloud(spec, from)?;
        match (known, &from.cluster) {
            (Some(known), _) => {
                known.check()?;
                Ok(known)
            }
            (None, None) => Ok(CloudConfig::unknown()),
            (None, Some(_)) => Err(cloud::missing("its network or its credential is not known yet")),
        }
    }

    /// All objects of a spec.
    ///
    /// # Errors
    /// What an addon needs is not there, or is not what it should be.
    pub fn objects(&self, spec: &PlatformSpec, from: &Outputs) -> Result<Objects> {
        let wants = Wants::of(spec);
        let facts = self.facts(spec, from, wants)?;
        let mut all = Objects::new();
        if wants.cni {
            all.extend(flannel::objects(&facts)?);
        }
        if wants.cloud() {
            all.extend(cloud::objects(&facts)?);
        }
        if wants.cloud_controller {
            all.extend(cloud_controller::objects(&facts)?);
        }
        if wants.csi {
            all.extend(cinder_csi::objects(&facts)?);
        }
        if wants.local_storage {
            all.extend(local_storage::objects(&facts)?);
        }
        if wants.cloud_native_pg {
            let release = match &self.cloudnative_pg {
                Some(release) => Arc::clone(release.as_ref().map_err(Error::clone)?),
                None => return Err(not_given(CLOUDNATIVE_PG.name)),
            };
            all.extend(cloudnative_pg::objects(&facts, &release)?);
        }
        if wants.operator {
            let rendered = self.operator.as_ref().ok_or_else(|| not_given(operator::NAME))?;
            let own_image = spec.addons.as_ref().is_some_and(|a| a.operator_image.is_some());
            all.extend(operator::objects(&facts, rendered, own_image)?);
        }
        Ok(all)
    }

    fn known(&self, access: &ClusterAccess) -> Option<Arc<AddonsHands>> {
        let known = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |k: &&Known| k.access == *access && self.clock.elapsed().saturating_sub(k.at) < LOGIN;
        known.as_ref().filter(fresh).map(|k| Arc::clone(&k.hands))
    }
}

fn not_given(what: &str) -> Error {
    Error::new(&INS_MANIFEST, Class::Internal)
        .attempted(format!("install {what}"))
        .happened("the program that runs the platform did not say what it consists of")
}

#[async_trait]
impl Driver for AddonsDriver {
    type Spec = PlatformSpec;
    type Resource = KubeObject;

    fn stage(&self) -> &'static str {
        STAGE
    }

    fn kinds(&self) -> &'static [&'static str] {
        kinds::WORDS
    }

    fn desired(&self, spec: &PlatformSpec, from: &Outputs) -> Result<Desired<KubeObject>> {
        let mut builder = Desired::builder();
        for (key, object) in self.objects(spec, from)? {
            builder.add(key, object);
        }
        builder.build()
    }

    fn gives(&self, _spec: &PlatformSpec, _seen: &Observed<KubeObject>) -> Outputs {
        Outputs::default()
    }

    async fn actuator(&self, from: &Outputs) -> Result<Option<Arc<dyn Actuator<KubeObject>>>> {
        let Some(access) = &from.cluster else {
            return Ok(None);
        };
        if let Some(hands) = self.known(access) {
            return Ok(Some(hands));
        }
        let client = self.login.client(access).await?;
        let hands = Arc::new(AddonsHands::new(
            client,
            Arc::clone(&self.secrets),
            Arc::clone(&self.clock),
        ));
        *self.hands.lock().unwrap_or_else(PoisonError::into_inner) = Some(Known {
            access: access.clone(),
            at: self.clock.elapsed(),
            hands: Arc::clone(&hands),
        });
        Ok(Some(hands))
    }

    fn foresees(&self, spec: &PlatformSpec) -> Vec<Finding> {
        wanted::findings(spec)
    }

    async fn preflight(&self, spec: &PlatformSpec, _ahead: Ahead<'_, KubeObject>) -> Result<Vec<Finding>> {
        Ok(wanted::findings(spec))
    }
}
