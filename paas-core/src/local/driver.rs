//! What a `DatabaseInstance` with the runtime `Process` asks for on this machine, and this machine as infrastructure.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{
    actuator::LocalActuator,
    config,
    machine::LocalMachine,
    resource::{Data, Folder, LocalResource, STAGE, Server},
};
use crate::{
    actuator::Actuator,
    codes::CORE_UNSUPPORTED,
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

/// The declared parameters as the server gets them, with what the declared size stands for.
fn parameters(spec: &DatabaseInstanceSpec) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    if let Some(memory) = spec
        .sized()
        .memory
        .filter(|_| spec.plan.is_some() || spec.resources.is_some())
    {
        // A quarter of the memory, as PostgreSQL's manual suggests for shared_buffers; in kilobytes, which it shows as it is given.
        all.insert(
            "shared_buffers".to_owned(),
            format!("{}kB", (memory.bytes() / 4 / 1024).max(1024)),
        );
        all.insert(
            "effective_cache_size".to_owned(),
            format!("{}kB", memory.bytes() / 4 * 3 / 1024),
        );
    }
    all.extend(config::declared(
        spec.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_string())),
    )?);
    Ok(all)
}

#[async_trait]
impl Driver for ProcessDriver {
    type Spec = DatabaseInstanceSpec;
    type Resource = LocalResource;

    fn stage(&self) -> &'static str {
        STAGE
    }

    fn desired(&self, spec: &DatabaseInstanceSpec, _from: &Outputs) -> Result<Desired<LocalResource>> {
        if !matches!(spec.runtime, Runtime::Auto | Runtime::Process) || spec.replicas != 1 {
            return Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("run {} on this machine", self.owner))
                .happened(format!(
                    "runtime {:?} with {} servers was asked for",
                    spec.runtime, spec.replicas
                ))
                .remedy("use the runtime Process (or Auto) with replicas: 1, or a Platform with a cluster"));
        }
        let major = spec.engine.version.as_ref().map(EngineVersion::major);
        let port = spec.exposure.as_ref().and_then(|e| e.port);
        let server = Server {
            port,
            parameters: Some(parameters(spec)?),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Plan, Resources};

    #[test]
    fn a_declared_size_becomes_memory_settings_and_a_declared_parameter_wins() {
        let mut spec = DatabaseInstanceSpec::default();
        assert!(parameters(&spec).unwrap().is_empty());
        spec.plan = Some(Plan::Small);
        assert_eq!(parameters(&spec).unwrap()["shared_buffers"], "524288kB");
        spec.parameters.insert(
            "Shared_Buffers".into(),
            crate::spec::ParameterValue::Text("64MB".into()),
        );
        assert_eq!(parameters(&spec).unwrap()["shared_buffers"], "64MB");
        spec.plan = None;
        spec.resources = Some(Resources {
            cpu: None,
            memory: None,
        });
        assert_eq!(parameters(&spec).unwrap().len(), 1);
    }
}
