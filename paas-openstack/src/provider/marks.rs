//! Whose a resource is and which one of its owner's: read back from what the create call wrote.
//!
//! Neutron's resources bear the mark in `description`, where one exact-match list finds all of a type, and their key in the name; floating
//! IPs, which have no name, bear both in `description`; Nova's and Cinder's bear both in `metadata`.

use std::collections::BTreeMap;

use paas_core::{names, owner::Owner, resource::Key};

use super::choice::Choice;

/// `metadata` key of the owner's uid.
pub const OWNER: &str = "paas-owner";

/// `metadata` key of the resource's key.
pub const KEY: &str = "paas-key";

/// `metadata` key of the flavor, as it was chosen.
pub const FLAVOR: &str = "paas-flavor";

/// `metadata` key of the image, as it was chosen.
pub const IMAGE: &str = "paas-image";

/// `metadata` key of what was taken over and not made here.
pub const ADOPTED: &str = "paas-adopted";

/// The name of the owner's cluster, unique in its project: what the cloud controller is given as `--cluster-name` and the storage driver
/// as `--cluster`. They write it into all that they make, so that it is found again when the cluster is gone.
pub fn cluster(owner: &Owner) -> String {
    owner.uid().to_string()
}

/// A choice that was written into `metadata`: it is compared with the choice of today, so that a newer image replaces nothing by itself.
pub fn choice(metadata: &BTreeMap<String, String>, key: &str) -> Option<Choice> {
    serde_json::from_str(metadata.get(key)?).ok()
}

/// The form of a choice in `metadata`, which takes 255 characters.
pub fn chosen(choice: &Choice) -> String {
    serde_json::to_string(choice).unwrap_or_default()
}

/// The `description` of a floating IP.
pub fn described(owner: &Owner, key: &Key) -> String {
    format!("{}/{key}", owner.mark())
}

/// The key in the `description` of a floating IP; `None` if it is not this owner's, an error with what stands there if it cannot be read.
///
/// # Errors
/// The unreadable text.
pub fn key_in_description(owner: &Owner, description: &str) -> Option<Result<Key, String>> {
    let rest = description.strip_prefix(&owner.mark())?.strip_prefix('/')?;
    Some(Key::new(rest).map_err(|_| description.to_owned()))
}

/// The `metadata` of a server or a volume.
pub fn metadata(owner: &Owner, key: &Key) -> BTreeMap<String, String> {
    BTreeMap::from([
        (OWNER.to_owned(), owner.uid().to_string()),
        (KEY.to_owned(), key.to_string()),
    ])
}

/// The key in `metadata`; `None` if it is not this owner's.
///
/// # Errors
/// What stands where a key should.
pub fn key_in_metadata(owner: &Owner, metadata: &BTreeMap<String, String>) -> Option<Result<Key, String>> {
    if metadata.get(OWNER)? != &owner.uid().to_string() {
        return None;
    }
    let text = metadata.get(KEY).map_or("", String::as_str);
    Some(Key::new(text).map_err(|_| text.to_owned()))
}

/// The key that a name was made of by [`names::for_kind`], for kinds whose keys are `segment` or `segment/tail`.
///
/// A name that was shortened cannot be read back; nor can one that somebody changed.
pub fn key_in_name(owner: &Owner, kind: &str, segment: &str, name: &str) -> Option<Key> {
    let whole = format!("{}-{}-", owner.namespace(), owner.name()).to_ascii_lowercase();
    let body = name.strip_prefix(&whole)?;
    let bare = body.rsplit_once('-').map(|(head, _hash)| head);
    [Some(body), bare].into_iter().flatten().find_map(|body| {
        let key = match body.strip_prefix(segment)? {
            "" => Key::new(segment).ok()?,
            tail => Key::new(format!("{segment}/{}", tail.strip_prefix('-')?)).ok()?,
        };
        (names::for_kind(owner, kind, &key) == name).then_some(key)
    })
}

#[cfg(test)]
mod tests {
    use paas_core::owner::Identity;
    use proptest::prelude::*;

    use super::*;

    fn owner(namespace: &str, name: &str) -> Owner {
        Owner::new(&Identity::of(&["openstack", "test"]), "Platform", namespace, name)
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_from_the_name_that_was_made_of_it(
            namespace in "[a-z][a-z0-9-]{0,20}[a-z0-9]", name in "[a-z][a-z0-9-]{0,20}[a-z0-9]", tail in "[a-z]([a-z0-9-]{0,13}[a-z0-9])?(-[0-9]{1,3})?"
        ) {
            let owner = owner(&namespace, &name);
            for (kind, segment) in [("network", "network"), ("port", "port"), ("securityGroup", "security-group")] {
                for key in [segment.to_owned(), format!("{segment}/{tail}")] {
                    let key = Key::new(key).unwrap();
                    let made = names::for_kind(&owner, kind, &key);
                    prop_assert_eq!(key_in_name(&owner, kind, segment, &made), Some(key));
                }
            }
        }

        #[test]
        fn no_other_name_is_taken_for_ours(name in "\\PC{0,60}") {
            if let Some(key) = key_in_name(&owner("default", "demo"), "port", "port", &name) {
                prop_assert_eq!(names::for_kind(&owner("default", "demo"), "port", &key), name);
            }
        }
    }

    #[test]
    fn marks_in_metadata_and_descriptions_are_read_back_and_those_of_others_are_not() {
        let (ours, other) = (owner("default", "demo"), owner("default", "other"));
        let key = Key::new("server/workers-1").unwrap();
        assert_eq!(
            key_in_metadata(&ours, &metadata(&ours, &key)),
            Some(Ok(key.clone()))
        );
        assert_eq!(key_in_metadata(&other, &metadata(&ours, &key)), None);
        let mut broken = metadata(&ours, &key);
        broken.insert(KEY.into(), "a b".into());
        assert_eq!(key_in_metadata(&ours, &broken), Some(Err("a b".into())));
        assert_eq!(
            key_in_description(&ours, &described(&ours, &key)),
            Some(Ok(key.clone()))
        );
        assert_eq!(key_in_description(&other, &described(&ours, &key)), None);
        assert_eq!(key_in_description(&ours, "a floating IP of somebody"), None);
    }
}
