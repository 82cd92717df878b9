//! The clusters that platforms make of machines: their stages, and the way back into them.

use std::{fs, io, sync::Arc};

use paas_core::{
    clock::SystemClock,
    driver::{ClusterAccess, Outputs},
    durable,
    error::{Class, Error},
    execute::Alone,
    installer::{
        addons::{
            AddonsDriver, Directory, GivenCloud, InsideCluster, Manifests as Source, Wants, Web,
            cloudnative_pg,
        },
        boot::NodeBoot,
        cluster::{ClusterDriver, ClusterStage, Parts},
        declared::DeclaredStage,
        login::PkiLogin,
    },
    ledger::{FileLedger, LedgerStore as _, Scope},
    owner::Owner,
    pipeline::{DriverStage, Pipeline, Stage},
    secrets::{SecretStore, SystemRandom},
    spec::{DatabaseInstanceSpec, Document, Object, PlatformSpec},
};
use paas_openstack::provider::{OpenStackDriver, ServerConsoles};
use paas_operator::install::{Manifests, Options};

use super::{Project, Session, Target};
use crate::{
    codes::{CLI_NO_PLATFORM, CLI_OPERATOR_OPTION},
    events::OWNER,
};

/// Where the operator's image is, unless a spec says it.
const OPERATOR_IMAGE: &str = "PAAS_OPERATOR_IMAGE";

/// A cluster that a Platform made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// How it is reached.
    pub(crate) access: ClusterAccess,
    /// How one logs in.
    pub(crate) login: Arc<PkiLogin>,
}

impl Session {
    fn secrets(&self) -> Arc<dyn SecretStore> {
        self.machine.secrets.clone()
    }

    fn login(&self, owner: &Owner) -> Arc<PkiLogin> {
        Arc::new(PkiLogin::new(
            owner.clone(),
            self.secrets(),
            Arc::new(SystemClock),
        ))
    }

    /// The stages of a platform on a cloud: machines alone, or a cluster on them and what belongs into it. `without` are machines that
    /// are left out for now.
    pub(super) fn on_machines(
        &self,
        project: &Project,
        owner: &Owner,
        spec: &PlatformSpec,
        without: &[String],
    ) -> Result<Pipeline, Error> {
        let secrets = self.secrets();
        let driver = OpenStackDriver::new(project.client.clone(), secrets.clone(), spec)
            .without(without.iter().cloned());
        if spec.installer().is_none() {
            let stage = DriverStage::new(driver, spec.clone());
            return Ok(Pipeline::new(vec![Box::new(stage)]));
        }
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let boot = Arc::new(NodeBoot::new(
            spec.clone(),
            secrets.clone(),
            random,
            clock.clone(),
        ));
        let login = self.login(owner);
        let parts = Parts::new(boot.clone(), login.clone(), secrets, clock)
            .hearing(Arc::new(ServerConsoles(project.client.clone())));
        let addons = AddonsDriver::new(
            owner.clone(),
            login.clone(),
            self.secrets(),
            Arc::new(SystemClock),
        )
        .cloud(Arc::new(GivenCloud));
        let addons = match operator(spec)? {
            Some(objects) => addons.operator(objects),
            None => addons,
        };
        let addons = match &project.release {
            Some(release) => addons.cloudnative_pg(release.clone()),
            None => addons,
        };
        let cluster = ClusterDriver::new(parts).without(without.iter().cloned());
        let mut stages: Vec<Box<dyn Stage>> = vec![
            Box::new(DriverStage::new(driver.booting(spec, boot), spec.clone())),
            Box::new(ClusterStage::new(cluster, spec.clone())),
        ];
        // Machines that are left out for now may be those that the addons' pods wait for.
        if without.is_empty() {
            stages.push(Box::new(InsideCluster::new(DriverStage::new(
                addons,
                spec.clone(),
            ))));
        }
        Ok(Pipeline::new(stages))
    }

    /// The stage of a database in the cluster of its platform.
    pub(super) fn declared(
        &self,
        platform: &Owner,
        object: &Object<DatabaseInstanceSpec>,
    ) -> Result<Pipeline, Error> {
        let written = serde_json::to_value(Document::DatabaseInstance(object.clone())).unwrap_or_default();
        let stage = DeclaredStage::new(self.login(platform), Arc::new(SystemClock), &written)?;
        Ok(Pipeline::new(vec![Box::new(stage)]))
    }

    /// A database in the cluster of a platform on a cloud.
    pub(super) fn database_in(
        &self,
        document: &Document,
        object: &Object<DatabaseInstanceSpec>,
        platform: &Object<PlatformSpec>,
    ) -> Result<Target, Error> {
        let project = self.project(platform)?;
        let (meta, platform) = (&object.metadata, project.owner(platform));
        Ok(Target {
            document: Some(document.clone()),
            owner: Owner::new(&project.identity, "DatabaseInstance", &meta.namespace, &meta.name),
            pipeline: self.declared(&platform, object)?,
            platform: Some(platform),
            instance: None,
            project: None,
            fence: Arc::new(Alone),
        })
    }

    /// Notes whose folder it is.
    pub(super) fn remember(&self, owner: &Owner) -> Result<(), Error> {
        let folder = self.owner_folder(owner);
        let failed = |e: io::Error| unreadable(&folder, &e);
        if folder.join(OWNER).is_file() {
            return Ok(());
        }
        fs::create_dir_all(&folder).map_err(failed)?;
        let text = serde_json::to_vec(owner).unwrap_or_default();
        durable::write(&folder.join(OWNER), &text).map_err(failed)
    }

    /// The cluster that a Platform of that name made, by what is remembered here; nothing is asked of its cloud.
    ///
    /// # Errors
    /// `PAAS-CLI-…` if there is none, or it has never answered.
    pub(crate) async fn made(&self, namespace: &str, name: &str) -> Result<Made, Error> {
        let absent = |why: &str| {
            Error::new(&CLI_NO_PLATFORM, Class::NotFound)
                .attempted(format!("find the cluster of the platform {name}"))
                .happened(why)
        };
        let owner = self
            .remembered()
            .into_iter()
            .find(|o| (o.kind(), o.namespace(), o.name()) == ("Platform", namespace, name))
            .ok_or_else(|| absent("it was not brought up from here"))?;
        let scope = Scope {
            owner: owner.clone(),
            stage: ClusterDriver::STAGE.to_owned(),
        };
        let ledger = FileLedger::new(self.machine.home.owners()).load(&scope).await?;
        let outputs = ledger
            .outputs
            .and_then(|o| serde_json::from_value::<Outputs>(o).ok());
        let access = outputs
            .and_then(|o| o.cluster)
            .ok_or_else(|| absent("its API has never answered: `paas up` goes on with it"))?;
        Ok(Made {
            login: self.login(&owner),
            access,
        })
    }

    /// The platforms on clouds that were brought up from this home.
    pub(crate) fn remembered(&self) -> Vec<Owner> {
        let folders = fs::read_dir(self.machine.home.owners())
            .into_iter()
            .flatten()
            .flatten();
        let read = |folder: fs::DirEntry| {
            let text = fs::read(folder.path().join(OWNER)).ok()?;
            serde_json::from_slice(&text).ok()
        };
        folders.filter_map(read).collect()
    }
}

/// The objects of our operator in the image that the spec or the environment names; `None` where the cluster is to have none.
fn operator(spec: &PlatformSpec) -> Result<Option<Vec<serde_json::Value>>, Error> {
    if !Wants::of(spec).operator {
        return Ok(None);
    }
    let said = spec.addons.as_ref().and_then(|a| a.operator_image.clone());
    let image = said.or_else(|| std::env::var(OPERATOR_IMAGE).ok().filter(|v| !v.is_empty()));
    let image = image.ok_or_else(|| {
        Error::new(&CLI_OPERATOR_OPTION, Class::Invalid)
            .attempted("choose the image of the operator")
            .happened("neither the spec nor the environment says where the cluster finds it")
            .remedy(format!(
                "set spec.addons.operatorImage or {OPERATOR_IMAGE}, or spec.addons.operator to false"
            ))
    })?;
    // Its pods keep apart, and one that finds no node of its own would never be there.
    let workers: u16 = spec
        .roles()
        .iter()
        .filter(|r| !r.is_control_plane())
        .map(|r| r.replicas)
        .sum();
    let options = Options {
        replicas: workers.clamp(1, 2),
        ..Options::new(image)
    };
    Ok(Some(Manifests::of(&options).documents()))
}

/// What a cluster of this platform is to have of CloudNativePG, read once a command: `None` where it is to have none.
pub(super) async fn release(
    spec: &PlatformSpec,
    cache: &std::path::Path,
) -> Option<Result<Vec<serde_json::Value>, Error>> {
    if spec.installer().is_none() || !Wants::of(spec).cloud_native_pg {
        return None;
    }
    let mirror = spec.addons.as_ref().and_then(|a| a.mirror.as_deref());
    let from: Box<dyn Source> = match mirror {
        None => Box::new(Web::upstream().cached(cache)),
        Some(url) if url.contains("://") => Box::new(Web::mirror(url).cached(cache)),
        Some(folder) => Box::new(Directory::new(folder)),
    };
    Some(cloudnative_pg::fetch(&*from).await)
}

fn unreadable(folder: &std::path::Path, e: &io::Error) -> Error {
    Error::new(&paas_core::codes::CORE_LEDGER, Class::Internal)
        .attempted(format!("write to {}", folder.display()))
        .happened(e.to_string())
}
