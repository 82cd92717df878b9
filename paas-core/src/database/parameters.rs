//! The parameters of a server: those of its size, those that are declared, and those that are the platform's own.

use std::collections::BTreeMap;

use super::codes::PG_PARAMETER;
use crate::{
    error::{Class, Error, Result},
    spec::DatabaseInstanceSpec,
};

/// A parameter of our own that tells a running server's configuration from the file's: PostgreSQL takes any name with a dot.
pub const HASH: &str = "paas.config";

/// A parameter of our own that names the certificate: with a new one the file is another, so a server that has not read it is seen.
pub const CERTIFICATE: &str = "paas.certificate";

/// Parameters that are the platform's: with another value the instance could not be reached, or data could be lost.
const OURS: [&str; 22] = [
    CERTIFICATE,
    "config_file",
    "cluster_name",
    "data_directory",
    "external_pid_file",
    "fsync",
    "full_page_writes",
    "hba_file",
    "ident_file",
    "include",
    "include_dir",
    "include_if_exists",
    "lc_messages",
    "listen_addresses",
    HASH,
    "password_encryption",
    "port",
    "ssl",
    "ssl_cert_file",
    "ssl_key_file",
    "unix_socket_directories",
    "unix_socket_permissions",
];

/// What the server gets: what the declared size stands for, and over it what is declared.
///
/// # Errors
/// As for [`declared`].
pub fn of(spec: &DatabaseInstanceSpec) -> Result<BTreeMap<String, String>> {
    let mut all = super::sizing::parameters(spec);
    all.extend(declared(
        spec.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_string())),
    )?);
    Ok(all)
}

/// The declared parameters by lower-case name: PostgreSQL takes any case.
///
/// # Errors
/// `PAAS-PG-0004` for one that is the platform's, or is declared twice.
pub fn declared<'a>(given: impl Iterator<Item = (&'a str, String)>) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    let refused = |name: &str, why: &str| {
        Err(Error::new(&PG_PARAMETER, Class::Invalid)
            .attempted(format!("set {name}"))
            .happened(why))
    };
    for (name, value) in given {
        let name = name.to_ascii_lowercase();
        if OURS.contains(&name.as_str()) {
            return refused(&name, "it is set by the platform");
        }
        if all.insert(name.clone(), value).is_some() {
            return refused(&name, "it is declared twice; the case of letters does not count");
        }
    }
    Ok(all)
}

/// A value as `postgresql.conf` has it: quotes are doubled, backslashes too; a line break has no form.
///
/// # Errors
/// `PAAS-PG-0004`.
pub fn quote(name: &str, value: &str) -> Result<String> {
    if value.contains(['\n', '\r', '\0']) {
        return Err(Error::new(&PG_PARAMETER, Class::Invalid)
            .attempted(format!("set {name}"))
            .happened("its value has a line break or a NUL"));
    }
    Ok(format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ParameterValue, Plan};

    #[test]
    fn the_platforms_own_parameters_are_refused_in_any_case() {
        let set = |names: &[&'static str]| declared(names.iter().map(|n| (*n, "x".to_owned())));
        for names in [&["Port"][..], &["fsync"], &["work_mem", "WORK_MEM"]] {
            assert_eq!(set(names).unwrap_err().code().id, PG_PARAMETER.id, "{names:?}");
        }
        assert!(set(&["Work_Mem", "jit"]).unwrap().contains_key("work_mem"));
    }

    #[test]
    fn a_declared_parameter_wins_over_the_one_of_the_size_in_any_case_of_letters() {
        let mut spec = DatabaseInstanceSpec {
            plan: Some(Plan::Small),
            ..DatabaseInstanceSpec::default()
        };
        assert_eq!(of(&spec).unwrap()["shared_buffers"], "512MB");
        spec.parameters
            .insert("Shared_Buffers".into(), ParameterValue::Text("64MB".into()));
        assert_eq!(of(&spec).unwrap()["shared_buffers"], "64MB");
        assert_eq!(of(&spec).unwrap()["max_connections"], "100");
    }
}
