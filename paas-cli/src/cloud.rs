//! What this process was started with, as the configuration of clouds wants it.

use std::{collections::BTreeMap, env};

use paas_openstack::config::Sources;

/// A snapshot of the environment and of where we are. A folder that is gone leaves relative paths as they are.
pub(crate) fn sources() -> Sources {
    let text = |(name, value): (_, std::ffi::OsString)| -> Option<(String, String)> {
        let name: std::ffi::OsString = name;
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let environment: BTreeMap<_, _> = env::vars_os().filter_map(text).collect();
    let mut sources = Sources::new(environment, env::current_dir().unwrap_or_default());
    sources.home = env::home_dir().or(sources.home);
    sources
}
