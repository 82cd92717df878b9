//! Passwords that are no longer where they are kept, found again where CloudNativePG reads them.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use secrecy::SecretString;

use super::names;
use crate::{
    codes::CORE_SECRET_MISSING,
    database::resource::password_name,
    error::{Class, Error, Result},
    kube::{KubeObject, fault},
    owner::Owner,
    secrets::SecretStore,
};

/// Has the store keep again what an object names and the store has lost. PostgreSQL has this password and programs may hold it, so none
/// is ever made in its place: what is handed out must log in.
///
/// # Errors
/// [`CORE_SECRET_MISSING`] if it stands nowhere any more.
pub(super) async fn recall(
    client: &Client,
    store: &dyn SecretStore,
    owner: &Owner,
    cluster: &str,
    object: &KubeObject,
) -> Result<()> {
    for wanted in object.secrets().values() {
        let Some(login) = wanted.name.strip_prefix(&password_name("")) else {
            continue;
        };
        if store.get(owner, &wanted.name).await?.is_some() {
            continue;
        }
        let name = names::password(cluster, login);
        let found = read(client, owner.namespace(), &name).await?;
        let found = found.ok_or_else(|| lost(owner, login, &name))?;
        store.put_if_absent(owner, &wanted.name, found).await?;
    }
    Ok(())
}

async fn read(client: &Client, namespace: &str, name: &str) -> Result<Option<SecretString>> {
    let what = format!("find a lost password in the Secret {namespace}/{name}");
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let there = api.get_opt(name).await.map_err(|e| fault::of(&what, false, e))?;
    let bytes = there.and_then(|s| s.data?.remove("password"));
    Ok(bytes
        .and_then(|b| String::from_utf8(b.0).ok())
        .map(SecretString::from))
}

fn lost(owner: &Owner, login: &str, name: &str) -> Error {
    let namespace = owner.namespace();
    Error::new(&CORE_SECRET_MISSING, Class::Blocked)
        .attempted(format!("hand out the password of {login}"))
        .happened(format!(
            "it is neither in the store of secrets nor in the Secret {namespace}/{name}"
        ))
        .remedy("annotate the instance with another word for paas.rs/rotate: that makes a new one. Or put the Secret back from a backup.")
}
