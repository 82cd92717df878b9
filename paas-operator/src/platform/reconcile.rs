//! How a platform is carried out.

use async_trait::async_trait;
use paas_core::{
    error::{Class, Error},
    owner::Owner,
    policy::Policy,
    spec::{InfrastructureType, Kind, Object, PlatformSpec, PlatformStatus},
};

use super::status;
use crate::{
    codes,
    engines::{Engine, Engines, PlatformFacts},
    reconcile::Managed,
    status::Common,
};

/// The kind `Platform`.
#[derive(Debug)]
pub(crate) enum Platforms {}

#[async_trait]
impl Managed for Platforms {
    type Spec = PlatformSpec;
    type Status = PlatformStatus;
    type Facts = PlatformFacts;
    const KIND: Kind = Kind::Platform;
    const OWNS: bool = false;

    fn policy(spec: &PlatformSpec) -> Policy {
        spec.policy()
    }

    async fn engine(
        engines: &dyn Engines,
        object: &Object<PlatformSpec>,
        owner: &Owner,
        _status: &PlatformStatus,
    ) -> Result<Engine<PlatformFacts>, Error> {
        match object.spec.infrastructure.type_ {
            InfrastructureType::Local => Err(Error::new(&codes::OP_LOCAL, Class::Unsupported)
                .attempted("find the machine of a Local platform")
                .happened("an object in a cluster cannot be this machine")),
            InfrastructureType::OpenStack | InfrastructureType::Stackit => {
                engines.platform(object, owner).await
            }
        }
    }

    fn common(status: &PlatformStatus) -> Common {
        Common {
            observed_generation: status.observed_generation,
            conditions: status.conditions.clone(),
            blocked: status.blocked.clone(),
        }
    }

    fn status(old: &PlatformStatus, common: Common, facts: Option<PlatformFacts>) -> PlatformStatus {
        status::status(old, common, facts.unwrap_or_default())
    }
}
