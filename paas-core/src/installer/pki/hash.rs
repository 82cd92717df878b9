//! By what a joining machine knows the authority of its cluster: kubeadm and k3s each have a way of their own.

use sha2::{Digest, Sha256};

use super::der;

/// What kubeadm calls `caCertHashes`: the SHA-256 of the first certificate's key with its kind (SubjectPublicKeyInfo, DER), so that a
/// certificate renewed for the same key is known still. `None` if the text holds no certificate.
pub fn kubeadm(pem: &str) -> Option<String> {
    let first = der::certificates(pem).into_iter().next()?;
    Some(format!("sha256:{}", hex(der::parts(&first)?.public_key)))
}

/// What stands in a k3s token after `K10`. With one certificate it is the SHA-256 of the text as it is served, line ends included. With
/// more, that of the DER of the root to which the first one leads; where it leads to none, of the text again. `None` if the text holds
/// no certificate.
///
/// That each is signed by the next is told by their names here, not by checking signatures: these are our own.
pub fn k3s(pem: &str) -> Option<String> {
    let chain = der::certificates(pem);
    if chain.len() > 1
        && let Some(root) = root(&chain)
    {
        return Some(hex(root));
    }
    chain.first().map(|_| hex(pem.as_bytes()))
}

/// The self-signed certificate that the first one leads to.
fn root(chain: &[Vec<u8>]) -> Option<&[u8]> {
    let all: Vec<_> = chain
        .iter()
        .map(|der| Some((der.as_slice(), der::parts(der)?)))
        .collect::<Option<_>>()?;
    let mut at = all.first()?;
    for _ in 0..all.len() {
        if at.1.issuer == at.1.subject {
            return Some(at.0);
        }
        at = all.iter().find(|(_, parts)| parts.subject == at.1.issuer)?;
    }
    None
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
