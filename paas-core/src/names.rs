//! Names for the outside world: one pure function from owner and key.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{owner::Owner, resource::Key};

/// What a kind of resource takes as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The longest name, in bytes.
    pub limit: usize,
    /// The characters it takes beside lower-case letters and digits.
    pub also: &'static str,
    /// True if such names are shared beyond one project: the hash is then never left out.
    pub shared: bool,
}

/// The rules for `kind`; the conservative DNS label for kinds that are not listed.
pub fn rules(kind: &str) -> Rules {
    match kind {
        // Neutron, Nova and Cinder take 255 of any character; kept to what a host name and a log line take.
        "network" | "subnet" | "router" | "port" | "securityGroup" | "volume" | "serverGroup"
        | "loadBalancer" => Rules {
            limit: 200,
            also: "-.",
            shared: false,
        },
        // These belong to the user, whatever the project.
        "keyPair" | "applicationCredential" => Rules {
            limit: 200,
            also: "-.",
            shared: true,
        },
        // SKE: at most 11 characters, lower-case letters, digits and '-'.
        "skeCluster" => Rules {
            limit: 11,
            also: "-",
            shared: false,
        },
        _ => Rules {
            limit: 63,
            also: "-",
            shared: false,
        },
    }
}

/// The name of `key` of `owner` in the outside world: readable, stable, within the rules, and with a hash where it had to be
/// shortened or changed, so that two keys never share a name.
pub fn for_kind(owner: &Owner, kind: &str, key: &Key) -> String {
    let Rules { limit, also, shared } = rules(kind);
    let whole = format!("{}-{}-{}", owner.namespace(), owner.name(), key);
    let clean: String = whole
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    // Only one kind of owner goes without the hash, else two objects of one name would meet.
    let exact = !shared
        && owner.kind() == "Platform"
        && clean == whole.replace('/', "-")
        && !owner.name().contains('-')
        && !owner.namespace().contains('-')
        && !key.as_str().contains('-');
    if exact && clean.len() <= limit && starts_well(&clean) {
        return clean;
    }
    let mut hash = hash(owner.uid(), key);
    hash.truncate(limit.saturating_sub(2).min(8));
    let head: String = clean.chars().take(limit.saturating_sub(hash.len() + 1)).collect();
    let head = head.trim_end_matches(['-', '.']);
    if head.starts_with(|c: char| c.is_ascii_lowercase()) {
        return format!("{head}-{hash}");
    }
    let rest: String = head.chars().skip(1).collect();
    format!("{}-{hash}", format!("p{rest}").trim_end_matches(['-', '.']))
}

/// What stands at the end of a name that was shortened, changed or is shared: 32 bits of SHA-256 over uid and key, as 8 hexadecimal digits.
///
/// It proves a name to whoever knows the uid and not the object's name.
pub fn hash(uid: Uuid, key: &Key) -> String {
    let digest = Sha256::digest(format!("{uid}/{key}").as_bytes());
    digest.iter().take(4).map(|b| format!("{b:02x}")).collect()
}

fn starts_well(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with(['-', '.'])
}
