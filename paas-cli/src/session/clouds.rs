//! The projects that platforms stand on, logged in.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use paas_core::{
    error::{Class, Error},
    execute::Alone,
    owner::{Identity, Owner},
    spec::{Document, InfrastructureType, Object, PlatformSpec},
};
use paas_openstack::{
    client::Client,
    config::Choice,
    provider,
    vm::{self, VmSpec},
};

use super::{Session, Target, cluster};
use crate::{app::App, cloud, codes::CLI_NOT_CONNECTED};

/// How long one call may take, with its repetitions.
const CALL: Duration = Duration::from_secs(30);

/// A project of a cloud.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// Speaks to the cloud, for the project.
    pub(crate) client: Client,
    /// What tells the project from others.
    pub(crate) identity: Identity,
    /// The release of CloudNativePG for the platform's cluster, if it is to have it, or why it cannot be read.
    pub(crate) release: Option<Result<Vec<serde_json::Value>, Error>>,
}

impl Project {
    /// Logs in to the cloud that is meant.
    pub(crate) async fn enter(app: &App, choice: &Choice, trace: Option<&Path>) -> Result<Self, Error> {
        let client = cloud::connect(app, choice, CALL, trace)?;
        let identity = provider::identity(&client).await?;
        Ok(Self {
            client,
            identity,
            release: None,
        })
    }

    /// Who owns what a platform has here.
    pub(crate) fn owner(&self, platform: &Object<PlatformSpec>) -> Owner {
        let meta = &platform.metadata;
        Owner::new(&self.identity, "Platform", &meta.namespace, &meta.name)
    }
}

/// The project of each platform, or why it cannot be reached.
pub(super) type Projects = BTreeMap<(String, String), Result<Project, Error>>;

impl Session {
    /// Logs in for each platform that is on a cloud. That one cannot be reached is told where its stages are asked for.
    pub(crate) async fn connect(&mut self, app: &App, documents: &[Document], trace: Option<&Path>) {
        for platform in self.meant(documents) {
            let infrastructure = &platform.spec.infrastructure;
            if infrastructure.type_ != InfrastructureType::OpenStack {
                continue;
            }
            let spec = infrastructure.open_stack.as_deref();
            let choice = Choice {
                cloud: spec.and_then(|s| s.cloud.clone()),
                region: spec.and_then(|s| s.region.clone()),
            };
            let cache = self.machine.home.root().join("manifests");
            let enter = async {
                let mut project = Project::enter(app, &choice, trace).await?;
                project.release = cluster::release(&platform.spec, &cache).await;
                Ok(project)
            };
            let entered = tokio::select! {
                entered = enter => entered,
                () = self.cancel.cancelled() => {
                    Err(Error::new(&paas_core::codes::CORE_CANCELLED, Class::Cancelled))
                }
            };
            self.projects.insert(key(&platform), entered);
        }
    }

    /// The platforms of these objects: those among them, and those that databases among them run on.
    fn meant(&self, documents: &[Document]) -> Vec<Object<PlatformSpec>> {
        let platforms = |all: &[Document]| -> Vec<Object<PlatformSpec>> {
            let one = |d: &Document| match d {
                Document::Platform(p) => Some(p.clone()),
                Document::DatabaseInstance(_) | Document::DatabaseBackup(_) => None,
            };
            all.iter().filter_map(one).collect()
        };
        let mut meant = platforms(documents);
        // What cannot be read is told where it is needed.
        for accepted in platforms(&self.objects.all().unwrap_or_default()) {
            let known = meant.iter().any(|p| key(p) == key(&accepted));
            let has = documents.iter().any(|d| match d {
                Document::DatabaseInstance(o) => {
                    let named = o.spec.platform_ref.as_ref().map(|r| r.name.as_str());
                    named.is_none_or(|name| name == accepted.metadata.name)
                }
                Document::Platform(_) | Document::DatabaseBackup(_) => false,
            });
            if has && !known {
                meant.push(accepted);
            }
        }
        meant
    }

    /// The object's cloud could not be entered, and why.
    pub(crate) fn unreachable(&self, document: &Document) -> Option<&Error> {
        match document {
            Document::Platform(platform) => self.projects.get(&key(platform))?.as_ref().err(),
            _ => None,
        }
    }

    /// A virtual machine and its stages.
    pub(crate) fn vm(&self, project: &Project, spec: VmSpec) -> Target {
        let secrets = self.machine.secrets.clone();
        Target {
            document: None,
            owner: vm::owner(&project.identity, &spec.name),
            platform: None,
            pipeline: vm::pipeline(project.client.clone(), secrets, spec),
            instance: None,
            project: Some(project.clone()),
            fence: Arc::new(Alone),
        }
    }

    /// The project of a platform on OpenStack.
    pub(super) fn project(&self, platform: &Object<PlatformSpec>) -> Result<&Project, Error> {
        match self.projects.get(&key(platform)) {
            Some(Ok(project)) => Ok(project),
            Some(Err(error)) => Err(error.clone()),
            None => Err(Error::new(&CLI_NOT_CONNECTED, Class::Internal)
                .attempted(format!("use the platform {}", platform.metadata.name))
                .happened("nobody logged in to its cloud")),
        }
    }
}

fn key(platform: &Object<PlatformSpec>) -> (String, String) {
    let meta = &platform.metadata;
    (meta.namespace.clone(), meta.name.clone())
}
