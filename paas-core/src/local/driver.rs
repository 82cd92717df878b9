//! What a `DatabaseInstance` with the runtime `Process` asks for on this machine, and this machine as infrastructure.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    actuator::LocalActuator,
    build::Version,
    machine::LocalMachine,
    resource::{Data, Folder, LocalResource, STAGE, Server},
};
use crate::{
    actuator::Actuator,
    codes::CORE_UNSUPPORTED,
    database::parameters,
    driver::{Driver, InfrastructureProvider, Machine, Outputs},
    error::{Class, Error, Result},
    graph::{Desired, Observed},
    owner::Owner,
    spec::{DatabaseInstanceSpec, EngineVersion, InfrastructureType, PlatformSpec, Runtime},
};

/// One server as a process of this machine.
#[derive(Debug, Clone)]
pub struct ProcessDriver {
    machine: LocalMachine,
    owner: Owner,
    wish: Option<EngineVersion>,
}

impl ProcessDriver {
    /// For one instance.
    pub fn new(machine: LocalMachine, owner: Owner, spec: &DatabaseInstanceSpec) -> Self {
        Self {
            machine,
            owner,
            wish: spec.engine.version.clone(),
        }
    }
}

/// The version that runs if major and minor are declared; a major alone leaves the choice to the next start.
pub(super) fn exact(version: &EngineVersion) -> Option<Version> {
    let major = version.major();
    version.minor().map(|minor| Version { major, minor })
}

#[async_trait]
impl Driver for ProcessDriver {
    type Spec = DatabaseInstanceSpec;
    type Resource = LocalResource;

    fn stage(&self) -> &'static str {
        STAGE
    }

    fn desired(&self, spec: &DatabaseInstanceSpec, _from: &Outputs) -> Result<Desired<LocalResource>> {
        let refused = |what: String, remedy: &str| {
            Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("run {} on this machine", self.owner))
                .happened(what)
                .remedy(format!("{remedy}, or use a Platform with a cluster")))
        };
        if spec.exposure.as_ref().is_some_and(|e| e.load_balancer.is_some()) {
            return refused(
                "a load balancer was asked for".to_owned(),
                "remove exposure.loadBalancer",
            );
        }
        if spec.pooler.is_some() {
            return refused("a pooler was asked for".to_owned(), "remove pooler");
        }
        if spec.stopped {
            return refused(
                "it is to rest (stopped: true)".to_owned(),
                "remove stopped (`paas down` stops the server and keeps the data)",
            );
        }
        if !matches!(spec.runtime, Runtime::Auto | Runtime::Process) || spec.replicas != 1 {
            let what = format!(
                "runtime {:?} with {} servers was asked for",
                spec.runtime, spec.replicas
            );
            return refused(what, "use the runtime Process (or Auto) with replicas: 1");
        }
        let major = spec.engine.version.as_ref().map(EngineVersion::major);
        let port = spec.exposure.as_ref().and_then(|e| e.port);
        let server = Server {
            port,
            version: spec.engine.version.as_ref().and_then(exact),
            parameters: Some(parameters::of(spec)?),
            ..Server::default()
        };
        let mut builder = Desired::builder();
        for wanted in [
            LocalResource::Folder(Folder {
                path: self.machine.folder(&self.owner),
            }),
            LocalResource::Data(Data { major }),
            LocalResource::Server(Box::new(server)),
        ] {
            builder.add(wanted.key()?, wanted);
        }
        builder.build()
    }

    fn gives(&self, _spec: &DatabaseInstanceSpec, seen: &Observed<LocalResource>) -> Outputs {
        let ready = seen.live.values().filter(|l| l.is_ready());
        let server = ready.into_iter().find_map(|live| match &live.resource {
            LocalResource::Server(server) => server.seen.admin.clone(),
            LocalResource::Folder(_) | LocalResource::Data(_) => None,
        });
        Outputs {
            server,
            ..Outputs::default()
        }
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<LocalResource>>>> {
        Ok(Some(Arc::new(LocalActuator::new(
            self.machine.clone(),
            self.wish.clone(),
        ))))
    }
}

/// This machine as infrastructure: it is there already, so nothing is made, and later stages get the folder of instances.
#[derive(Debug, Clone)]
pub struct LocalInfrastructure {
    machine: LocalMachine,
}

impl LocalInfrastructure {
    /// This machine.
    pub fn new(machine: LocalMachine) -> Self {
        Self { machine }
    }
}

#[async_trait]
impl Driver for LocalInfrastructure {
    type Spec = PlatformSpec;
    type Resource = LocalResource;

    fn stage(&self) -> &'static str {
        "machine"
    }

    fn desired(&self, spec: &PlatformSpec, _from: &Outputs) -> Result<Desired<LocalResource>> {
        if spec.infrastructure.type_ != InfrastructureType::Local {
            return Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                .attempted("use this machine as infrastructure")
                .happened(format!(
                    "infrastructure {:?} was asked for",
                    spec.infrastructure.type_
                )));
        }
        Ok(Desired::nothing())
    }

    fn gives(&self, _spec: &PlatformSpec, _seen: &Observed<LocalResource>) -> Outputs {
        Outputs {
            machine: Some(Machine {
                instances: self.machine.home.instances(),
            }),
            ..Outputs::default()
        }
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<LocalResource>>>> {
        Ok(Some(Arc::new(LocalActuator::new(self.machine.clone(), None))))
    }
}

impl InfrastructureProvider for LocalInfrastructure {}
