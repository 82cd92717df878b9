//! YAML that every reader understands alike, also those of YAML 1.1, which take `0600` and `on` for something else than text.

use serde::Serialize;

use super::codes::INS_MACHINE;
use crate::error::{Class, Error, Result};

/// For people and programs: text is quoted where it could be mistaken, long text stays on one line.
pub(super) fn readable(value: &impl Serialize) -> Result<String> {
    written(
        value,
        serde_saphyr::ser_options! {
            prefer_block_scalars: false,
        },
    )
}

/// With every text quoted, for documents that secrets are put into: whatever a secret is, it stays text.
pub(super) fn quoted(value: &impl Serialize) -> Result<String> {
    written(
        value,
        serde_saphyr::ser_options! {
            prefer_block_scalars: false,
            quote_all: true,
        },
    )
}

fn written(value: &impl Serialize, options: serde_saphyr::SerializerOptions) -> Result<String> {
    serde_saphyr::to_string_with_options(value, options).map_err(|e| {
        Error::new(&INS_MACHINE, Class::Internal)
            .attempted("write YAML")
            .happened(e.to_string())
    })
}
