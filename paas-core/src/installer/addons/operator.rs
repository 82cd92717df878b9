//! Our operator, as its own crate renders it: this one knows nothing of it but that it is objects.

use serde_json::Value;

use super::{
    facts::{Facts, Registry},
    wire::{self, Objects},
};
use crate::error::Result;

/// The addon's name.
pub const NAME: &str = "operator";

/// The objects; `own_image` is true where the spec names the image, which is taken as it is then.
///
/// # Errors
/// [`crate::installer::codes::INS_CONTENT`] for a kind that is not known here.
pub fn objects(facts: &Facts, rendered: &[Value], own_image: bool) -> Result<Objects> {
    let as_it_is = Registry::default();
    let registry = if own_image { &as_it_is } else { &facts.registry };
    let home = rendered
        .iter()
        .find(|d| d["kind"] == "Namespace")
        .and_then(|d| d["metadata"]["name"].as_str())
        .unwrap_or_default();
    wire::objects(NAME, home, rendered.to_vec(), registry)
}
