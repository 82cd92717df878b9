//! What tells one project of one cloud from another.

use paas_core::{
    error::{Class, Error, Result},
    owner::Identity,
};

use crate::{client::Client, codes::OS_NO_PROJECT};

/// The project that the client's token is for: its id is all that counts, since one cloud has many addresses, and inside and outside
/// must agree. Logs in.
///
/// # Errors
/// Those of a login; `PAAS-OS-0045` for a token that is for no project.
pub async fn identity(client: &Client) -> Result<Identity> {
    let token = client.token().await?;
    match &token.project {
        Some(project) => Ok(Identity::of(&["openstack", &project.id])),
        None => Err(Error::new(&OS_NO_PROJECT, Class::Invalid)
            .attempted(format!(
                "find the project that is meant in the cloud {}",
                client.cloud().name
            ))
            .happened(format!("the token of {} is for no project", token.user.name))),
    }
}
