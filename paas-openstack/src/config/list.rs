//! All clouds that are configured, the broken ones too.

use std::path::PathBuf;

use paas_core::error::{Error, Result};

use super::{
    entry,
    files::Files,
    select,
    sources::{Choice, Sources},
    warning::Warning,
};
use crate::cloud::{Domain, Named, Scope};

/// All clouds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listing {
    /// By name, the environment's last.
    pub clouds: Vec<Listed>,
    /// The cloud that is used when none is asked for; there may be none of that name.
    pub default: Option<String>,
    /// The files that were read.
    pub read: Vec<PathBuf>,
    /// The files that would be taken for clouds, in their order.
    pub places: Vec<PathBuf>,
    /// What is worth knowing of the files.
    pub warnings: Vec<Warning>,
}

/// One of them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its file; `None` for the environment.
    pub file: Option<PathBuf>,
    /// It is used when none is asked for.
    pub default: bool,
    /// Where Keystone is.
    pub auth_url: Option<String>,
    /// What a token is for: a project's name or id, `domain NAME`, `system`. An application credential does not say.
    pub project: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Why it cannot be used.
    pub problem: Option<Error>,
    /// What is worth knowing of it.
    pub warnings: Vec<Warning>,
}

/// All clouds. An entry that cannot be used is listed with its problem.
///
/// # Errors
/// A file cannot be read or understood: `PAAS-OS-0002`, `PAAS-OS-0003`; a cloud has the environment's name: `PAAS-OS-0009`.
pub fn list(sources: &Sources) -> Result<Listing> {
    let files = Files::read(sources)?;
    let names = select::names(sources, &files)?;
    let default = select::default(sources, &files);
    // What the environment says of a region is meant for the cloud that is used, not for all of them.
    let mut plain = sources.clone();
    for variable in ["OS_REGION_NAME", "OS_INTERFACE", "OS_ENDPOINT_TYPE"] {
        plain.environment.remove(variable);
    }
    let clouds = names.into_iter().map(|name| {
        let is_default = default.as_ref() == Some(&name);
        let beside = is_default || !files.clouds.contains_key(&name);
        listed(if beside { sources } else { &plain }, &files, name, is_default)
    });
    let clouds = clouds.collect();
    Ok(Listing {
        clouds,
        default,
        read: files.read,
        places: files.places.clouds,
        warnings: files.warnings,
    })
}

fn listed(sources: &Sources, files: &Files, name: String, default: bool) -> Listed {
    let mut warnings = Vec::new();
    let entry = files.clouds.get(&name);
    let file = entry.and_then(|entry| entry.place.file()).map(PathBuf::from);
    match entry::cloud(sources, files, &name, &Choice::default(), &mut warnings) {
        Ok((cloud, _)) => Listed {
            auth_url: Some(cloud.auth_url.to_string()),
            project: target(&cloud.scope),
            region: cloud.region,
            name,
            file,
            default,
            problem: None,
            warnings,
        },
        Err(problem) => Listed {
            name,
            file,
            default,
            auth_url: None,
            project: None,
            region: None,
            problem: Some(problem),
            warnings,
        },
    }
}

fn target(scope: &Scope) -> Option<String> {
    match scope {
        Scope::Project(Named::Id(text) | Named::Name { name: text, .. }) => Some(text.clone()),
        Scope::Domain(Domain::Id(text) | Domain::Name(text)) => Some(format!("domain {text}")),
        Scope::System => Some("system".to_owned()),
        Scope::Unspecified => None,
    }
}
