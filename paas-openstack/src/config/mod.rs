//! clouds.yaml, secure.yaml, clouds-public.yaml and `OS_*`, resolved to one [`Cloud`] as openstacksdk resolves them.
//!
//! [`Sources`] is a snapshot of what the process was started with, taken by the caller; the only thing that happens here beside thinking is that
//! the files are read which it leads to. What is on a token's way to a [`Cloud`], in this order:
//!
//! 1. the first clouds.yaml (`.yaml`, `.yml`, `.json`) of the [places](Sources::places), and the first secure.yaml over it;
//! 2. the cloud that was asked for, else `OS_CLOUD`, else the one that all `OS_*` together are, else the only one of the file;
//! 3. its profile from clouds-public.yaml, the entry itself over it, and what `regions` says of its region over that;
//! 4. `OS_REGION_NAME` and `OS_INTERFACE`, as the `openstack` command has it.
//!
//! Where this differs from openstacksdk on purpose is said by the cases in `tests/config/`, each with its reason. Facts: openstacksdk 4.22,
//! `openstack/config/loader.py` and `cloud_region.py`; keystoneauth 5.18, `loading/`.
//!
//! No error, warning or `Debug` output has the value of a secret in it.

mod access;
mod auth;
mod entry;
mod fields;
mod files;
mod list;
mod place;
mod scalar;
mod scope;
mod select;
mod services;
mod sources;
mod transport;
mod tree;
mod warning;
mod yaml;

use std::path::PathBuf;

use paas_core::error::Result;

use files::Files;
pub use list::{Listed, Listing, list};
pub use sources::{Choice, Places, Sources};
pub use warning::Warning;

use crate::Cloud;

/// A cloud, and what is worth knowing about how it came about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Resolved {
    /// The cloud.
    pub cloud: Cloud,
    /// The file that has its entry; `None` for the environment.
    pub file: Option<PathBuf>,
    /// What does not stop it from being used.
    pub warnings: Vec<Warning>,
}

/// The one cloud that is meant.
///
/// # Errors
/// `PAAS-OS-0001` to `PAAS-OS-0009`: there is no such cloud, a file cannot be read or understood, a value is wrong or missing, or the way to
/// log in is not supported. Errors name file, line and column, or the variable.
pub fn resolve(sources: &Sources, choice: &Choice) -> Result<Resolved> {
    let mut files = Files::read(sources)?;
    let name = select::name(sources, &files, choice.cloud.as_deref())?;
    let mut warnings = std::mem::take(&mut files.warnings);
    let (cloud, file) = entry::cloud(sources, &files, &name, choice, &mut warnings)?;
    Ok(Resolved {
        cloud,
        file,
        warnings,
    })
}
