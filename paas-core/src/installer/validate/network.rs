//! Ranges of addresses: of machines, of pods, of Services.

use std::net::Ipv4Addr;

use super::Fault;
use crate::{installer::codes::INS_NETWORK, spec::PlatformSpec};

/// How many pods a node has addresses for, as a power of two: kubeadm and k3s give each a /24.
const NODE: u8 = 24;

/// A range of addresses.
#[derive(Clone, Copy)]
struct Range {
    first: u32,
    length: u8,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let length = length.parse().ok().filter(|length| *length <= 32)?;
        let address: Ipv4Addr = address.parse().ok()?;
        let first = u32::from(address) & mask(length);
        Some(Self { first, length })
    }

    fn overlaps(self, other: Self) -> bool {
        let both = mask(self.length.min(other.length));
        self.first & both == other.first & both
    }
}

fn mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

pub(super) fn look(spec: &PlatformSpec, faults: &mut Vec<Fault>) {
    let network = spec.infrastructure.open_stack.as_ref();
    let network = network.map(|cloud| {
        (
            "infrastructure.openStack.networkCidr",
            cloud.network_cidr.as_str(),
        )
    });
    let named = [
        network,
        Some(("kubernetes.podCidr", spec.pod_cidr())),
        Some(("kubernetes.serviceCidr", spec.service_cidr())),
    ];
    let mut ranges: Vec<(&str, &str, Range)> = Vec::new();
    for (name, text) in named.into_iter().flatten() {
        let Some(range) = Range::read(text) else {
            faults.push(Fault(
                &INS_NETWORK,
                format!("spec.{name} '{text}' is no range of addresses"),
            ));
            continue;
        };
        for (other, said, _) in ranges.iter().filter(|(.., other)| other.overlaps(range)) {
            let what = format!("spec.{other} {said} and spec.{name} {text} overlap");
            faults.push(Fault(&INS_NETWORK, what));
        }
        ranges.push((name, text, range));
    }
    let nodes: u64 = spec.roles().iter().map(|role| u64::from(role.replicas)).sum();
    if let Some(pods) = Range::read(spec.pod_cidr()) {
        let room = 1_u64 << NODE.saturating_sub(pods.length);
        if nodes > room {
            faults.push(Fault(
                &INS_NETWORK,
                format!(
                    "spec.kubernetes.podCidr {} has room for {room} nodes, a /{NODE} each; the spec has {nodes}",
                    spec.pod_cidr()
                ),
            ));
        }
    }
}
