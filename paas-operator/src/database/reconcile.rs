//! How a database is carried out.

use async_trait::async_trait;
use paas_core::{
    error::{Class, Error},
    owner::Owner,
    policy::{Policy, Retention},
    spec::{DatabaseInstanceSpec, DatabaseInstanceStatus, DeletionPolicy, Kind, Object, Runtime},
};

use super::{requests, status};
use crate::{
    codes,
    engines::{DatabaseFacts, Engine, Engines},
    reconcile::Managed,
    status::{Common, Note},
};

/// The kind `DatabaseInstance`.
#[derive(Debug)]
pub(crate) enum Databases {}

#[async_trait]
impl Managed for Databases {
    type Spec = DatabaseInstanceSpec;
    type Status = DatabaseInstanceStatus;
    type Facts = DatabaseFacts;
    const KIND: Kind = Kind::DatabaseInstance;
    const OWNS: bool = true;

    fn policy(spec: &DatabaseInstanceSpec) -> Policy {
        let why = "its spec says deletionProtection: true".to_owned();
        Policy {
            protected: spec.deletion_protection.then_some(why),
            retention: match spec.deletion_policy {
                DeletionPolicy::Retain => Retention::Retain,
                DeletionPolicy::Delete => Retention::Delete,
            },
            ..Policy::default()
        }
    }

    async fn engine(
        engines: &dyn Engines,
        object: &Object<DatabaseInstanceSpec>,
        owner: &Owner,
        status: &DatabaseInstanceStatus,
    ) -> Result<Engine<DatabaseFacts>, Error> {
        if object.spec.runtime == Runtime::Process {
            return Err(Error::new(&codes::OP_NO_ENGINE, Class::Unsupported)
                .attempted("find an engine for the runtime Process")
                .happened("processes run on the machine of `paas up`; a cluster runs databases as CloudNativePG or StatefulSet")
                .remedy("set spec.runtime to Auto, CloudNativePG or StatefulSet"));
        }
        engines.database(object, owner, status.runtime).await
    }

    async fn asked(
        engine: &Engine<DatabaseFacts>,
        object: &Object<DatabaseInstanceSpec>,
        status: &DatabaseInstanceStatus,
    ) -> Result<Option<(DatabaseFacts, Note)>, Error> {
        let answer = requests::answer(engine.acts(), &object.metadata.annotations, status).await?;
        Ok(answer.map(|(requests, note)| {
            let facts = DatabaseFacts {
                requests: Some(requests),
                ..DatabaseFacts::default()
            };
            (facts, note)
        }))
    }

    fn answered(facts: DatabaseFacts, asked: DatabaseFacts) -> DatabaseFacts {
        DatabaseFacts {
            requests: asked.requests,
            ..facts
        }
    }

    fn common(status: &DatabaseInstanceStatus) -> Common {
        Common {
            observed_generation: status.observed_generation,
            conditions: status.conditions.clone(),
            blocked: status.blocked.clone(),
        }
    }

    fn status(
        old: &DatabaseInstanceStatus,
        common: Common,
        facts: Option<DatabaseFacts>,
    ) -> DatabaseInstanceStatus {
        status::status(old, common, facts.unwrap_or_default())
    }
}
