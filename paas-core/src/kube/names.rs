//! Names of an owner's objects in its namespace.

use crate::{names, owner::Owner, resource::Key};

/// The longest name of what becomes a DNS label: a service, a pod.
pub const LABEL: usize = 63;

/// `<owner>-<suffix>`, or `<owner>` without a suffix; with the hash of uid and `key` in the place of the owner's tail where it would be
/// longer than `limit` bytes, so that two keys of long names never meet.
pub fn child(owner: &Owner, key: &Key, suffix: &str, limit: usize) -> String {
    let tail = if suffix.is_empty() {
        String::new()
    } else {
        format!("-{suffix}")
    };
    let name = owner.name();
    if name.len() + tail.len() <= limit {
        return format!("{name}{tail}");
    }
    let hash = names::hash(owner.uid(), key);
    let room = limit.saturating_sub(tail.len() + hash.len() + 1);
    let head: String = name.chars().take(room).collect();
    format!("{}-{hash}{tail}", head.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::owner::Identity;

    fn owner(name: &str) -> Owner {
        Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "shop", name)
    }

    #[test]
    fn a_short_name_is_kept_as_it_is() {
        let key = Key::new("service").unwrap();
        assert_eq!(child(&owner("orders"), &key, "", LABEL), "orders");
        assert_eq!(child(&owner("orders"), &key, "config", LABEL), "orders-config");
    }

    proptest! {
        #[test]
        fn every_legal_name_has_a_child_within_the_limit(name in "[a-z][a-z0-9-]{0,61}[a-z0-9]", limit in 30_usize..64) {
            let key = Key::new("service").unwrap();
            let child = child(&owner(&name), &key, "pods", limit);
            prop_assert!(child.len() <= limit && child.ends_with("-pods") && child.starts_with(|c: char| c.is_ascii_lowercase()));
        }
    }
}
