//! Which cluster this is.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use paas_core::{
    error::{Class, Error},
    owner::Identity,
};

use crate::{codes, refusal::refused};

/// What tells this cluster from others: the uid of its namespace `kube-system`, which stays when certificates and addresses change.
///
/// # Errors
/// The API server's; [`codes::OP_IDENTITY`] if the role does not allow it.
pub(crate) async fn asked(client: &Client) -> Result<Identity, Error> {
    let system = Api::<Namespace>::all(client.clone())
        .get_metadata("kube-system")
        .await;
    let system = system.map_err(|e| {
        let denied = matches!(&e, kube::Error::Api(status) if status.code == 403);
        let failure = refused("ask the cluster who it is (namespace kube-system)", e);
        match denied {
            true => Error::new(&codes::OP_IDENTITY, Class::Denied)
                .attempted("tell this cluster from others by the uid of its namespace kube-system")
                .happened(failure.words()),
            false => failure,
        }
    })?;
    let uid = system.metadata.uid.unwrap_or_default();
    Ok(Identity::of(&["kubernetes", &uid]))
}

/// The same by its uid.
///
/// # Errors
/// [`codes::OP_IDENTITY`] if it is none.
pub(crate) fn known(uid: &str) -> Result<Identity, Error> {
    match uuid::Uuid::parse_str(uid) {
        Ok(uid) => Ok(Identity::of(&["kubernetes", &uid.to_string()])),
        Err(e) => Err(Error::new(&codes::OP_IDENTITY, Class::Invalid)
            .attempted("tell this cluster from others")
            .happened(format!("'{}' is no uid: {e}", uid.escape_debug()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_that_is_none_is_refused_and_one_that_is_gives_the_identity_that_a_look_gives() {
        let uid = "5f4b7a52-4f0e-4a55-9b0f-0d8b3d7f6a11";
        assert_eq!(known(uid).unwrap(), Identity::of(&["kubernetes", uid]));
        for wrong in ["", "kube-system", "5f4b7a52"] {
            assert_eq!(known(wrong).unwrap_err().code().id, codes::OP_IDENTITY.id);
        }
    }
}
