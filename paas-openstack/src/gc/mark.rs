//! Whose a thing is, read strictly from what the call that made it wrote. Names decide nothing where there is another mark.
//!
//! | kind | what proves it |
//! | --- | --- |
//! | network, subnet, router, port, security group, load balancer, application credential | the description is exactly `paas:<uid>` |
//! | floating IP | the description is exactly `paas:<uid>/<key>` |
//! | server, volume | the metadata has `paas-owner`, a uid, and `paas-key`, a key |
//! | router interface | the subnet that it is in is marked, and its port has neither a name nor a description of its own |
//! | rules of a security group | go with their group |
//! | key pair, server group | the name, which is all that they have: `<namespace>-<name>-<key>-<hash>` |
//!
//! A uid is a UUID in its canonical form: lower case, with hyphens.
//!
//! The hash at the end of a name is 32 bits of SHA-256 over uid and key. Whose uid that is follows from the name itself: an owner's uid is a
//! function of project, kind, namespace and name, so a name that says them all is its own proof. Where uids are made otherwise (by a program
//! with another idea of what a project is), it is the uid of something marked, if that has a name with the same beginning. A copy of such a
//! name, to the letter, by somebody else cannot be told from it: of key pairs a user has one of a name, and a server group with a
//! stranger among its members stays.

use std::collections::{BTreeMap, BTreeSet};

use paas_core::{
    names,
    owner::{Identity, Owner},
    resource::Key,
};
use uuid::Uuid;

use super::Kind;
use crate::provider::marks::{KEY, OWNER};

/// A uid in its one form; anything that only looks like one is none.
pub fn uid(text: &str) -> Option<Uuid> {
    let uid = Uuid::try_parse(text).ok()?;
    (uid.hyphenated().to_string() == text).then_some(uid)
}

/// The owner in a `description` that is a mark and nothing else.
pub fn in_description(description: &str) -> Option<Uuid> {
    uid(description.strip_prefix("paas:")?)
}

/// Owner and key in the `description` of a floating IP.
pub fn in_description_with_key(description: &str) -> Option<(Uuid, Key)> {
    let (owner, key) = description.strip_prefix("paas:")?.split_once('/')?;
    Some((uid(owner)?, Key::new(key).ok()?))
}

/// Owner and key in the `metadata` of a server or a volume.
pub fn in_metadata(metadata: &BTreeMap<String, String>) -> Option<(Uuid, Key)> {
    Some((uid(metadata.get(OWNER)?)?, Key::new(metadata.get(KEY)?).ok()?))
}

/// Owner and key in a name that is all that a thing has. `marked` are the names of what is marked, by owner.
pub fn in_name(
    kind: Kind,
    name: &str,
    marked: &BTreeMap<Uuid, BTreeSet<String>>,
    project: &Identity,
) -> Option<(Uuid, Key)> {
    let (head, end) = name.rsplit_once('-')?;
    for (before, key) in keys(kind, head) {
        let by_itself = super::name::owners(before, project)
            .find(|owner| names::for_kind(owner, kind.word(), &key) == name)
            .map(|owner| owner.uid());
        let beside = || {
            let alike = |name: &String| {
                name.strip_prefix(before)
                    .is_some_and(|rest| rest.starts_with('-'))
            };
            let mut owners = marked.iter().filter(|(uid, _)| names::hash(**uid, &key) == end);
            owners
                .find(|(_, names)| names.iter().any(alike))
                .map(|(uid, _)| *uid)
        };
        if let Some(uid) = by_itself.or_else(beside) {
            return Some((uid, key));
        }
    }
    None
}

/// Every way to read `<namespace>-<name>-<key>`, of keys that are `segment` or `segment/tail`: what stands before the key, and the key.
fn keys(kind: Kind, head: &str) -> Vec<(&str, Key)> {
    let between = format!("-{}", kind.segment());
    let read = |(at, _): (usize, &str)| {
        let tail = &head[at + between.len()..];
        let key = match tail.strip_prefix('-') {
            Some(tail) => Key::new(format!("{}/{tail}", kind.segment())),
            None if tail.is_empty() => Key::new(kind.segment()),
            None => return None,
        };
        // A namespace and a name have at least a character each, and a hyphen between them.
        let before = head
            .get(..at)
            .filter(|before| before.len() >= 3 && before.contains('-'))?;
        Some((before, key.ok()?))
    };
    head.match_indices(&between).filter_map(read).collect()
}

/// The key of a thing that a mark has proved to be this owner's, where its name says it.
pub(super) fn key_of(kind: Kind, owner: &Owner, name: &str) -> Option<Key> {
    crate::provider::marks::key_in_name(owner, kind.word(), kind.segment(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "3b241101-e2bb-4255-8caf-4136c566a962";

    #[test]
    fn a_mark_is_exactly_a_mark() {
        assert!(in_description(&format!("paas:{UID}")).is_some());
        for near in [
            String::new(),
            "paas:".to_owned(),
            format!("paas:{}", UID.to_uppercase()),
            format!("paas:{}", UID.replace('-', "")),
            format!("paas:{{{UID}}}"),
            format!("paas:urn:uuid:{UID}"),
            format!("paas:{UID} "),
            format!(" paas:{UID}"),
            format!("paas: {UID}"),
            format!("Paas:{UID}"),
            format!("paas:{UID}/"),
            format!("paas:{UID}/network"),
            format!("paas:{UID}\n"),
            format!("paas:{UID}0"),
            UID.to_owned(),
        ] {
            assert_eq!(in_description(&near), None, "{near:?}");
        }
        let with_key = |key: &str| in_description_with_key(&format!("paas:{UID}/{key}"));
        assert!(with_key("floating-ip/workers-1").is_some());
        for near in ["", "/", "a b", "a/", "a//b", "a/b ", "ä"] {
            assert_eq!(with_key(near), None, "{near:?}");
        }
        assert_eq!(in_description_with_key(&format!("paas:{UID}")), None);
    }

    #[test]
    fn metadata_is_a_mark_only_with_owner_and_key() {
        let metadata = |pairs: &[(&str, &str)]| {
            in_metadata(
                &pairs
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            )
        };
        assert!(metadata(&[(OWNER, UID), (KEY, "server/a")]).is_some());
        for near in [
            &[(OWNER, UID)][..],
            &[(KEY, "server/a")],
            &[(OWNER, UID), (KEY, "")],
            &[(OWNER, UID), (KEY, "a b")],
            &[(OWNER, "demo"), (KEY, "server/a")],
            &[("PAAS-OWNER", UID), (KEY, "server/a")],
        ] {
            assert_eq!(metadata(near), None, "{near:?}");
        }
    }

    #[test]
    fn a_name_is_its_own_proof_or_that_of_a_known_uid_and_a_look_alike_is_neither() {
        let project = Identity::of(&["openstack", "p1"]);
        let owner = Owner::new(&project, "Platform", "team-a", "my-demo");
        let key = Key::new("server-group/workers").unwrap();
        let (group, pair) = (
            names::for_kind(&owner, "serverGroup", &key),
            names::for_kind(&owner, "keyPair", &Key::new("key-pair").unwrap()),
        );
        let nobody = BTreeMap::new();
        let beside = |name: &str| BTreeMap::from([(owner.uid(), BTreeSet::from([name.to_owned()]))]);
        let elsewhere = Identity::of(&["openstack", "p2"]);
        assert_eq!(
            in_name(Kind::ServerGroup, &group, &nobody, &project),
            Some((owner.uid(), key))
        );
        assert!(in_name(Kind::KeyPair, &pair, &nobody, &project).is_some());
        assert_eq!(
            in_name(Kind::KeyPair, &pair, &nobody, &elsewhere),
            None,
            "another project's"
        );
        let network = beside("team-a-my-demo-network-12345678");
        assert!(in_name(Kind::KeyPair, &pair, &network, &elsewhere).is_some());
        assert_eq!(
            in_name(Kind::KeyPair, &pair, &beside("team-b-network"), &elsewhere),
            None
        );
        assert_eq!(
            in_name(Kind::ServerGroup, &pair, &network, &project),
            None,
            "another kind's"
        );
        for near in [
            "team-a-my-demo-key-pair",
            "team-a-my-demo-key-pair-00000000",
            &pair.to_uppercase(),
            &format!("{pair}0"),
            &format!("{pair} "),
            &pair.replace("team", "deam"),
        ] {
            for project in [&project, &elsewhere] {
                assert_eq!(in_name(Kind::KeyPair, near, &network, project), None, "{near}");
            }
        }
    }
}
