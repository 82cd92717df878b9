//! The manifests of what is inside the servers: roles, their passwords, databases; and what programs are bound by.

use std::collections::BTreeMap;

use postgres_protocol::escape::{escape_identifier, escape_literal};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    Authority, CnpgDriver, kinds, names, pooler,
    steps::{NUDGE, ROTATED, SESSION},
    turns::TURNS,
};
use crate::{
    database::{
        binding,
        connection::{Connection, SslMode},
        driver::service_binding,
        login::{LoginState, Turn},
    },
    error::Result,
    kube::{KubeObject, kind},
    secrets::SecretRef,
    spec::{self, DatabaseInstanceSpec, DeletionPolicy},
};

/// The type of a Secret by the Service Binding specification.
pub const BINDING_TYPE: &str = "servicebinding.io/postgresql";

/// The label of a Secret whose changes CloudNativePG takes over at once.
const RELOAD: &str = "cnpg.io/reload";

/// What stands in a manifest for a secret. Its characters are the ones that need no quoting in a URL, nor do those of our passwords, so
/// that a form of a connection may be written with the one and then hold the other.
fn placeholder(secret: &SecretRef) -> String {
    format!("__secret.{}__", secret.name)
}

/// A statement that makes a login role's sessions begin as its owner role, so that what they make belongs to the owner.
///
/// A `DatabaseRole` has no word for it. For the users that an instance begins with, it is said when the first server is set
/// up. For one that comes later it takes this statement, which the login role itself may send, after `SET ROLE NONE`: a role sets its own
/// defaults.
pub fn session_role(user: &str, turn: Turn) -> String {
    format!(
        "ALTER ROLE {} SET role = {}",
        escape_identifier(&turn.login(user)),
        escape_literal(user)
    )
}

/// The statements that make a user's roles in a new instance, without passwords; their `DatabaseRole`s take them over. The owner of the
/// first database (`there`) has its owner role: CloudNativePG makes it before, with a login that is taken away here.
///
/// They reach the server as arguments of a container, where Kubernetes reads `$$` and `$(…)` as its own; no name of ours has a `$`.
pub(super) fn first_roles(user: &spec::User, there: bool) -> Vec<String> {
    let role = escape_identifier(&user.name);
    let verb = if there { "ALTER" } else { "CREATE" };
    let mut all = vec![format!("{verb} ROLE {role} NOLOGIN")];
    for turn in [Turn::A, Turn::B] {
        let login = turn.login(&user.name);
        all.push(format!(
            "CREATE ROLE {} INHERIT IN ROLE {role}",
            escape_identifier(&login)
        ));
        all.push(session_role(&user.name, turn));
    }
    all
}

/// The owner role: it cannot log in, unless it is one of a Cluster that was taken over, whose programs do. It stays in the servers when its object goes, because it may own what holds data.
pub(super) fn owner_role(driver: &CnpgDriver, cluster: &str, user: &spec::User) -> KubeObject {
    let turns = driver.turns(&user.name);
    let mut annotations = json!({TURNS: turns.to_string()});
    if let Some(rotated) = driver.steps.rotated.get(&user.name) {
        annotations[ROTATED] = rotated.as_str().into();
    }
    if let Some(nudge) = driver.steps.nudges.get(&format!("role/{}", user.name)) {
        annotations[NUDGE] = nudge.as_str().into();
    }
    let mut spec = json!({
        "cluster": {"name": cluster}, "name": user.name, "databaseRoleReclaimPolicy": "retain",
    });
    if driver.steps.adopted {
        spec["login"] = true.into();
    }
    let manifest = json!({"metadata": {"annotations": annotations}, "spec": spec});
    object(driver, &kinds::ROLE, names::role(cluster, &user.name), manifest)
}

/// A login role: open with its password, or closed. It owns nothing, so it goes with its object, and nobody logs in as it any more.
pub(super) fn login_role(driver: &CnpgDriver, cluster: &str, user: &spec::User, turn: Turn) -> KubeObject {
    let login = turn.login(&user.name);
    let state = driver.turns(&user.name).state(turn);
    let mut spec = json!({
        "cluster": {"name": cluster}, "name": login, "inRoles": [user.name],
        "connectionLimit": user.connection_limit.map_or(-1, i64::from),
        "databaseRoleReclaimPolicy": "delete",
    });
    match state {
        // `login: false` would be lost: CloudNativePG writes the object again with its finalizer, and leaves out what is false.
        LoginState::Locked => spec["disablePassword"] = true.into(),
        LoginState::Active | LoginState::Retiring { .. } => {
            spec["login"] = true.into();
            spec["passwordSecret"] = json!({"name": names::password(cluster, &login)});
        }
    }
    if let LoginState::Retiring { until, .. } = state {
        spec["validUntil"] = until.to_string().into();
    }
    let mut manifest = json!({"spec": spec});
    if driver.steps.sessions.contains(&login) {
        manifest["metadata"]["annotations"][SESSION] = user.name.as_str().into();
    }
    if let Some(nudge) = driver.steps.nudges.get(&format!("login/{login}")) {
        manifest["metadata"]["annotations"][NUDGE] = nudge.as_str().into();
    }
    object(driver, &kinds::ROLE, names::role(cluster, &login), manifest)
}

/// The Secret from which CloudNativePG takes a role's password.
pub(super) fn password(driver: &CnpgDriver, name: String, role: &str, secret: SecretRef) -> KubeObject {
    let at = placeholder(&secret);
    let manifest = json!({
        "metadata": {"labels": {RELOAD: "true"}},
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": role, "password": at},
    });
    object(driver, &kind::SECRET, name, manifest).secret(at, secret)
}

/// A database with its extensions, in their order.
pub(super) fn database(
    driver: &CnpgDriver,
    cluster: &str,
    spec: &DatabaseInstanceSpec,
    database: &spec::Database,
) -> KubeObject {
    let gone = spec.deletion_policy == DeletionPolicy::Delete;
    let mut of = json!({
        "cluster": {"name": cluster}, "name": database.name, "owner": spec.owner_of(database),
        "databaseReclaimPolicy": if gone { "delete" } else { "retain" },
    });
    if !database.extensions.is_empty() {
        let extensions: Vec<Value> = database.extensions.iter().map(|e| json!({"name": e})).collect();
        of["extensions"] = extensions.into();
    }
    let name = names::database(cluster, &database.name);
    let mut manifest = json!({"spec": of});
    if let Some(nudge) = driver.steps.nudges.get(&format!("database/{}", database.name)) {
        manifest["metadata"]["annotations"][NUDGE] = nudge.as_str().into();
    }
    let made = object(driver, &kinds::DATABASE, name, manifest);
    // With the policy to retain, the object goes and the database stays.
    if gone { made.holding_data() } else { made }
}

/// The Secret that programs are bound by, in the shape of every runtime ([`binding::entries`]).
///
/// # Errors
/// Those of [`binding::entries`].
pub(super) fn binding(
    driver: &CnpgDriver,
    cluster: &str,
    spec: &DatabaseInstanceSpec,
    user: &str,
) -> Result<Option<KubeObject>> {
    let Some(wanted) = service_binding(spec, user) else {
        return Ok(None);
    };
    let login = driver.turns(user).active.login(user);
    let secret = driver.logins.password(&login);
    let at = placeholder(&secret);
    let (host, port) = driver.endpoint(cluster, spec);
    let to = Connection {
        host,
        port,
        database: wanted.database,
        user: login,
        password: SecretString::from(at.clone()),
        sslmode: SslMode::Require,
        address: None,
        ca: None,
    };
    let mut entries: BTreeMap<String, String> = binding::entries(&to)?
        .into_iter()
        .map(|(key, value)| (key, value.expose_secret().to_owned()))
        .collect();
    entries.extend(pooler::entries(driver, cluster, spec, &to)?);
    if let Some(Authority { certificate }) = &driver.authority {
        entries.insert("ca.crt".to_owned(), certificate.clone());
    }
    let main = wanted.slots.contains(&binding::Slot::Main);
    let name = names::binding(cluster, (!main).then_some(user));
    let manifest = json!({"type": BINDING_TYPE, "stringData": entries});
    Ok(Some(
        object(driver, &kind::SECRET, name, manifest).secret(at, secret),
    ))
}

pub(super) fn object(
    driver: &CnpgDriver,
    kind: &'static crate::kube::ObjectKind,
    name: String,
    manifest: Value,
) -> KubeObject {
    KubeObject::new(kind, driver.owner.namespace(), name, manifest)
}
