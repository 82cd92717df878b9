//! What a machine does on its first boot: a recipe without any secret in it, and the same with them for the call that makes the machine.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{
    cloud_init::{CloudConfig, File, Mode},
    codes::INS_MACHINE,
    content::{Content, Part, Placeholder},
    k3s, kubeadm,
    pki::{self, Pki},
    script::{self, Phase},
    token::{self, BootstrapToken},
    validate,
    version::{self, Version},
};
use crate::{
    clock::Clock,
    driver::{Boot, NewMachine},
    error::{Class, Error, Result},
    owner::Owner,
    preflight::Finding,
    secrets::{Generate, SecretRef, SecretStore, SecretString},
    spec::{CONTROL_PLANE, Installer, Kubernetes, Packages, PlatformSpec},
};

/// The label by which a node says which pool it is of.
pub const POOL: &str = "paas.rs/pool";

/// The name of a Platform's cluster, which no other cluster of its cloud project has: load balancers and volumes are told apart by it.
pub fn cluster_name(owner: &Owner) -> String {
    format!("paas-{}", &owner.uid().simple().to_string()[..8])
}

/// The first boot of a machine, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What cloud-init is told.
    pub config: CloudConfig,
    /// The phases of the script that it runs, in their order.
    pub phases: Vec<Phase>,
}

impl Recipe {
    /// The secrets that it needs.
    pub fn secrets(&self) -> Vec<SecretRef> {
        let mut all: Vec<_> = self.config.places().map(|place| place.secret.clone()).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// What is asked, and what follows from it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) spec: &'a PlatformSpec,
    pub(super) owner: &'a Owner,
    pub(super) machine: &'a NewMachine,
    pub(super) kubernetes: Kubernetes,
    pub(super) version: Version,
}

impl Asked<'_> {
    pub(super) fn packages(&self) -> Packages {
        self.kubernetes.packages.unwrap_or_default()
    }

    pub(super) fn is_control_plane(&self) -> bool {
        self.machine.role == CONTROL_PLANE
    }

    /// The names of all machines that join.
    pub(super) fn workers(&self) -> Vec<String> {
        let roles = self
            .spec
            .roles()
            .into_iter()
            .filter(|role| !role.is_control_plane());
        roles
            .flat_map(|role| role.machines().collect::<Vec<_>>())
            .collect()
    }

    /// True where no machine joins: workloads run on the control plane's machine then.
    pub(super) fn is_alone(&self) -> bool {
        self.workers().is_empty()
    }

    /// True where the nodes wait for the cloud's controller manager before they take pods.
    pub(super) fn has_cloud_controller(&self) -> bool {
        let said = self
            .spec
            .addons
            .as_ref()
            .and_then(|addons| addons.cloud_controller);
        said.unwrap_or(true)
    }

    /// The labels that the kubelet gives its node: `name=value`.
    pub(super) fn labels(&self) -> Vec<String> {
        if self.is_control_plane() {
            return Vec::new();
        }
        let pools = self
            .kubernetes
            .pools
            .iter()
            .filter(|pool| pool.name == self.machine.role);
        let own = pools.flat_map(|pool| &pool.labels);
        let mut labels = vec![format!("{POOL}={}", self.machine.role)];
        labels.extend(own.map(|(name, value)| format!("{name}={value}")));
        labels
    }

    /// The address of the cluster's DNS: the tenth of those of Services, by custom.
    pub(super) fn dns_address(&self) -> String {
        let (first, _) = self.spec.service_cidr().split_once('/').unwrap_or_default();
        let first: std::net::Ipv4Addr = first.parse().unwrap_or(std::net::Ipv4Addr::UNSPECIFIED);
        std::net::Ipv4Addr::from_bits(u32::from(first).wrapping_add(10)).to_string()
    }
}

/// The first boot of a machine, by the spec alone.
///
/// # Errors
/// Those of [`validate::refuse`]; [`INS_MACHINE`] for a machine that the spec does not have.
pub fn recipe(spec: &PlatformSpec, owner: &Owner, machine: &NewMachine) -> Result<Recipe> {
    validate::refuse(spec)?;
    let unknown = |why: &str| {
        Error::new(&INS_MACHINE, Class::Internal)
            .attempted(format!("write down the first boot of {}", machine.name))
            .happened(why)
    };
    let installer = spec
        .installer()
        .ok_or_else(|| unknown("the spec's machines stay bare"))?;
    validate::node_name(&machine.name)?;
    if !spec.roles().iter().any(|role| role.name == machine.role) {
        return Err(unknown(&format!("the spec has no pool '{}'", machine.role)));
    }
    let asked = Asked {
        spec,
        owner,
        machine,
        kubernetes: spec.kubernetes.clone().unwrap_or_default(),
        version: version::chosen(spec)?,
    };
    let (mut files, phases) = match installer {
        Installer::Kubeadm => kubeadm::boot(&asked)?,
        Installer::K3s => k3s::boot(&asked)?,
        Installer::None => return Err(unknown("the spec's machines stay bare")),
    };
    files.push(File {
        path: script::PATH.to_owned(),
        mode: Mode::Program,
        content: Content::text(script::render(&machine.name, &phases)),
    });
    let config = CloudConfig {
        hostname: machine.name.clone(),
        files,
        commands: vec![vec!["sh".to_owned(), script::PATH.to_owned()]],
    };
    Ok(Recipe { config, phases })
}

/// [`Boot`] by kubeadm or k3s.
///
/// A machine of the control plane always begins a cluster, also where workers are there already: whether one may be made in the place of
/// one that was lost is decided by who asks, since its etcd is gone with it.
#[derive(Debug, Clone)]
pub struct NodeBoot {
    spec: PlatformSpec,
    secrets: Arc<dyn SecretStore>,
    random: Arc<dyn Generate>,
    clock: Arc<dyn Clock>,
}

impl NodeBoot {
    /// First boots by `spec`, with secrets kept in `secrets`.
    pub fn new(
        spec: PlatformSpec,
        secrets: Arc<dyn SecretStore>,
        random: Arc<dyn Generate>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            spec,
            secrets,
            random,
            clock,
        }
    }

    /// The tokens that a recipe holds, made now where there are none.
    async fn tokens(&self, owner: &Owner, recipe: &Recipe) -> Result<BTreeMap<String, BootstrapToken>> {
        let mut tokens = BTreeMap::new();
        for secret in recipe.secrets() {
            if let Some(machine) = secret.name.strip_prefix(token::PREFIX) {
                let token = token::ensure(&*self.secrets, owner, machine, &*self.random).await?;
                tokens.insert(secret.name.clone(), token);
            }
        }
        Ok(tokens)
    }
}

#[async_trait]
impl Boot for NodeBoot {
    fn findings(&self) -> Vec<Finding> {
        validate::findings(&self.spec)
    }

    async fn user_data(&self, owner: &Owner, machine: &NewMachine) -> Result<SecretString> {
        let recipe = recipe(&self.spec, owner, machine)?;
        let installer = self.spec.installer().unwrap_or(Installer::None);
        let (random, clock) = (&*self.random, &*self.clock);
        let pki = Pki::ensure(&*self.secrets, owner, installer, machine.first, random, clock).await?;
        let tokens = self.tokens(owner, &recipe).await?;
        let resolve = |place: &Placeholder| {
            let name = &place.secret.name;
            if let Some(token) = tokens.get(name) {
                return Ok(match place.part {
                    Part::TokenId => token.id().to_owned().into(),
                    Part::TokenSecret => token.secret().clone(),
                    _ => token.text(),
                });
            }
            pki.part(name, place.part)?
                .ok_or_else(|| pki::missing(owner, name))
        };
        recipe.config.render(machine.limit, &resolve)
    }
}
