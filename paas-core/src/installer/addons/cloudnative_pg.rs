//! The CloudNativePG operator, by its own release: it is fetched and checked, not a part of this program.
//!
//! What the operator writes itself is left to it: the authority's certificate in its webhook configurations (`caBundle`), and the Secrets
//! with its own certificates, which the release does not have.

use serde_json::Value;

use super::{
    documents,
    facts::Facts,
    manifests::Manifests,
    pins::CLOUDNATIVE_PG,
    wire::{self, Objects},
};
use crate::{
    error::{Class, Error, Result},
    installer::codes::INS_CONTENT,
};

/// The addon's name.
pub const NAME: &str = "cloudNativePg";

/// Where the operator is.
pub const HOME: &str = "cnpg-system";

/// The documents of the release, read and checked.
///
/// # Errors
/// Those of [`Manifests::read`] and [`documents::read`].
pub async fn fetch(from: &dyn Manifests) -> Result<Vec<Value>> {
    let text = String::from_utf8(from.read(&CLOUDNATIVE_PG).await?).map_err(|_| {
        Error::new(&INS_CONTENT, Class::Invalid)
            .attempted(format!(
                "read the manifest of {} {}",
                CLOUDNATIVE_PG.name, CLOUDNATIVE_PG.version
            ))
            .happened("it is no text")
    })?;
    documents::read(&text)
}

/// The objects of a release.
///
/// # Errors
/// [`INS_CONTENT`] for a kind that is not known here.
pub fn objects(facts: &Facts, release: &[Value]) -> Result<Objects> {
    let mut all = release.to_vec();
    all.iter_mut().for_each(documents::prefer_what_is_there);
    wire::objects(NAME, HOME, all, &facts.registry)
}
