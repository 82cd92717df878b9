//! A spec for data whose object was lost: what its server says is in it.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    actuator::{Actuator, Reach},
    codes::CORE_BLOCKED,
    database::{
        actuator::ContentActuator,
        resource::{Content, Extension},
    },
    error::{Class, Error, Result},
    execute::Fence,
    ledger::Ledger,
    local::{config::Written, data, driver::ProcessDriver, instance::LocalInstance},
    pipeline::{DriverStage, Outcome, Pipeline, Wanted},
    spec::{Database, DatabaseInstanceSpec, ParameterValue, User},
};

/// Starts the server alone, with the parameters it had, and looks: the platform's own marks in it tell users, databases, owners and
/// extensions. What no server knows (a schedule, a deletion policy, protection) is as the default has it. The caller holds the lock.
pub(super) async fn look(instance: &LocalInstance, fence: Arc<dyn Fence>) -> Result<DatabaseInstanceSpec> {
    let mut spec = DatabaseInstanceSpec::default();
    let folder = instance.folder();
    let Some(major) = data::major(&folder)? else {
        return Ok(spec);
    };
    spec.engine.version = major.to_string().parse().ok();
    for (name, value) in Written::read(&folder)?.unwrap_or_default().parameters {
        let value = value
            .parse()
            .map_or_else(|_| ParameterValue::Text(value.clone()), ParameterValue::Integer);
        spec.parameters.insert(name, value);
    }
    start(instance, &spec, fence).await?;
    let (machine, owner) = (instance.machine(), instance.owner());
    let admin = instance.admin("postgres").await?;
    let endpoint = (admin.host.clone(), admin.port);
    let hands = ContentActuator::new(
        admin,
        endpoint,
        Arc::clone(&machine.secrets),
        Arc::clone(&machine.generate),
    );
    let seen = hands.observe(owner, &Ledger::default(), Reach::Own).await?;
    let found: Vec<Content> = seen.live.into_values().map(|live| live.resource).collect();
    describe(&found, &mut spec);
    Ok(spec)
}

async fn start(instance: &LocalInstance, spec: &DatabaseInstanceSpec, fence: Arc<dyn Fence>) -> Result<()> {
    let driver = ProcessDriver::new(instance.machine().clone(), instance.owner().clone(), spec);
    let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(driver, spec.clone()))]);
    let mut cx = instance.context(fence);
    let patience = Some(std::time::Duration::from_secs(600));
    match pipeline.run(&mut cx, Wanted::Spec, patience).await? {
        Outcome::Converged | Outcome::Progressing { .. } => Ok(()),
        Outcome::Blocked { because, .. } => {
            let lines: Vec<String> = because
                .iter()
                .map(|b| format!("{}: {} [{}]", b.key, b.why, b.code))
                .collect();
            Err(Error::new(&CORE_BLOCKED, Class::Blocked)
                .attempted(format!("look into the data of {}", instance.owner()))
                .happened(lines.join("; ")))
        }
    }
}

/// Users, databases and extensions as a spec declares them. Where nothing was made yet, the default stays.
fn describe(found: &[Content], spec: &mut DatabaseInstanceSpec) {
    let users: Vec<User> = found
        .iter()
        .filter_map(|content| match content {
            Content::Role(role) => Some(User {
                name: role.name.clone(),
                connection_limit: limit(found, &role.name),
            }),
            _ => None,
        })
        .collect();
    let databases: Vec<Database> = found
        .iter()
        .filter_map(|content| match content {
            Content::Database(database) => Some(Database {
                name: database.name.clone(),
                owner: Some(database.owner.clone()),
                extensions: extensions(found, &database.name),
            }),
            _ => None,
        })
        .collect();
    if !users.is_empty() {
        spec.users = users;
    }
    if !databases.is_empty() {
        spec.databases = databases;
    }
}

fn limit(found: &[Content], user: &str) -> Option<u32> {
    found.iter().find_map(|content| match content {
        Content::Login(login) if login.user == user => login.limit,
        _ => None,
    })
}

/// The extensions of a database, each after those that it depends on.
fn extensions(found: &[Content], database: &str) -> Vec<String> {
    let mut left: Vec<&Extension> = found
        .iter()
        .filter_map(|content| match content {
            Content::Extension(extension) if extension.database == database => Some(extension),
            _ => None,
        })
        .collect();
    let mut ordered: Vec<String> = Vec::new();
    while !left.is_empty() {
        let waiting: BTreeSet<String> = left.iter().map(|e| e.name.clone()).collect();
        let free = left
            .iter()
            .position(|e| e.after.iter().all(|a| !waiting.contains(a)));
        ordered.push(left.remove(free.unwrap_or(0)).name.clone());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{
        login::Login,
        resource::{self, Role},
    };

    #[test]
    fn a_spec_is_made_of_what_is_in_the_data() {
        let extension = |name: &str, after: &[&str]| {
            Content::Extension(Extension {
                database: "shop".into(),
                name: name.into(),
                after: after.iter().map(ToString::to_string).collect(),
            })
        };
        let found = [
            Content::Database(resource::Database {
                name: "shop".into(),
                owner: "web".into(),
            }),
            extension("earthdistance", &["cube"]),
            extension("cube", &[]),
            Content::Role(Role { name: "web".into() }),
            Content::Login(Login {
                user: "web".into(),
                limit: Some(3),
                roles: Vec::new(),
                binding: None,
            }),
        ];
        let mut spec = DatabaseInstanceSpec::default();
        describe(&[], &mut spec);
        assert_eq!(spec, DatabaseInstanceSpec::default());
        describe(&found, &mut spec);
        assert_eq!(
            (spec.users[0].name.as_str(), spec.users[0].connection_limit),
            ("web", Some(3))
        );
        assert_eq!(spec.databases[0].owner.as_deref(), Some("web"));
        assert_eq!(spec.databases[0].extensions, ["cube", "earthdistance"]);
    }
}
