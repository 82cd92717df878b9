//! Names of an instance's objects in its namespace.
//!
//! An instance's name has no `.`, so that what follows one is never taken for another instance's: the Secret `shop-app` may be the
//! instance `shop-app`'s or one that CloudNativePG makes for the Cluster `shop`; `shop.login.app-a` can only be ours.

use super::codes::CNPG_NAME;
use crate::{
    error::{Class, Error, Result},
    kube::names::child,
    owner::Owner,
    resource::Key,
};

/// The longest name of a Cluster (`validateName` of CloudNativePG's webhook): its pods are called `<name>-<number>`, its services
/// `<name>-rw`, and both are DNS labels.
pub const LIMIT: usize = 50;

/// The name of the instance's Cluster: the instance's own, or its beginning and a hash where that is too long.
///
/// # Errors
/// `PAAS-K8S-0010` for a name that is no DNS label, or begins with a digit.
pub fn cluster(owner: &Owner) -> Result<String> {
    let name = owner.name();
    let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.ends_with('-') || !name.bytes().all(letter)
    {
        return Err(Error::new(&CNPG_NAME, Class::Invalid)
            .attempted(format!("name a Cluster after {owner}"))
            .happened(format!(
                "'{}' is no DNS label that begins with a letter",
                name.escape_debug()
            )));
    }
    Ok(child(owner, &Key::new("cluster")?, "", LIMIT))
}

/// The object for a role: `shop.app`.
pub fn role(cluster: &str, role: &str) -> String {
    format!("{cluster}.{}", label(role))
}

/// The object for a database: `shop.app`.
pub fn database(cluster: &str, database: &str) -> String {
    format!("{cluster}.{}", label(database))
}

/// The Secret with a login role's password, for CloudNativePG to read: `shop.login.app-a`.
pub fn password(cluster: &str, login: &str) -> String {
    format!("{cluster}.login.{}", label(login))
}

/// The Secret that programs are bound to: `shop.binding` for the owner of the first database, `shop.binding.report` for another user.
pub fn binding(cluster: &str, user: Option<&str>) -> String {
    match user {
        None => format!("{cluster}.binding"),
        Some(user) => format!("{cluster}.binding.{}", label(user)),
    }
}

/// The service for clients from elsewhere. CloudNativePG keeps `<cluster>-rw`, `-ro`, `-r` and `-any` for itself.
pub fn exposed(cluster: &str) -> String {
    format!("{cluster}-public")
}

/// The pool of connections, and the service and the Deployment that CloudNativePG makes for it.
pub fn pooler(cluster: &str) -> String {
    format!("{cluster}-pooler")
}

/// The Secret with the authority that CloudNativePG makes for the Cluster.
pub fn authority(cluster: &str) -> String {
    format!("{cluster}-ca")
}

/// The Secret with the administrator's password, for CloudNativePG to read.
pub fn administrator(cluster: &str) -> String {
    format!("{cluster}.administrator")
}

/// A name of PostgreSQL as part of a DNS name: `_` becomes `-`. No such name has a `-` of its own, and one that begins or ends with `_`
/// or has another character gets a hash, so that two never meet.
fn label(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let clean: String = name.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    let same = name.chars().all(|c| plain(c) || c == '_');
    if same && clean.starts_with(plain) && clean.ends_with(plain) {
        return clean;
    }
    let digest = <sha2::Sha256 as sha2::Digest>::digest(name.as_bytes());
    let hash: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("x{clean}-{hash}").trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Identity;

    fn owner(name: &str) -> Owner {
        Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "default", name)
    }

    #[test]
    fn a_cluster_is_called_like_its_instance_or_like_its_beginning() {
        assert_eq!(cluster(&owner("shop")).unwrap(), "shop");
        let fits = "a".repeat(LIMIT);
        assert_eq!(cluster(&owner(&fits)).unwrap(), fits);
        let long = cluster(&owner(&"a".repeat(63))).unwrap();
        assert_eq!(long.len(), LIMIT);
        assert_ne!(long, cluster(&owner(&"a".repeat(62))).unwrap());
    }

    #[test]
    fn a_name_that_no_service_can_have_is_refused() {
        for name in ["1db", "my.db", "Shop", "db-", "", "-a"] {
            assert_eq!(
                cluster(&owner(name)).unwrap_err().code().id,
                CNPG_NAME.id,
                "{name}"
            );
        }
    }

    #[test]
    fn names_of_postgresql_never_meet_as_names_of_objects() {
        let names = ["a_b", "_a_b", "a_b_", "a__b", "ab", "_", "__"];
        let mut seen: Vec<String> = names.iter().map(|n| role("shop", n)).collect();
        assert_eq!(seen[0], "shop.a-b");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), names.len());
        assert!(
            seen.iter()
                .all(|n| n.ends_with(|c: char| c.is_ascii_alphanumeric()))
        );
    }
}
