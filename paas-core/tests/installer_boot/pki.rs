//! Authorities, their hashes, and tokens.

use std::sync::Arc;

use jiff::Timestamp;
use paas_core::{
    installer::{
        pki::{self, Pki, hash},
        token,
    },
    secrets::{ExposeSecret, SecretStore},
    spec::Installer,
    testing::ManualClock,
};

use super::shapes::{Counted, Kept, owner};

const EC: &str = include_str!("vectors/ec.pem");
const RSA: &str = include_str!("vectors/rsa.pem");
const CHAIN_EC: &str = include_str!("vectors/chain-ec.pem");
const CHAIN_RSA: &str = include_str!("vectors/chain-rsa.pem");

/// By openssl: `x509 -pubkey | pkey -pubin -outform der | sha256sum` for kubeadm; `sha256sum` of the file, or of the root's DER, for k3s.
#[test]
fn hashes_are_those_that_openssl_makes() {
    let vectors = [
        (
            EC,
            "46ee8c054825a84a8fde53e7e290799336189a3cf85fa6ab109d298be4f954b5",
            "00b4cdee65db2a957ffc87f3e2261c0b32b2e1bd7e684df0cbfbb50d36474d62",
        ),
        (
            RSA,
            "1357c95ecc448a4552e7f2188570f8f5476c5a0270cb67d273f7ce47b7f19942",
            "c0729515588cd7048a1564efc7aec44298d767dd87d591327ebcdb8f8867eca6",
        ),
        (
            CHAIN_EC,
            "557dbbbb334e9d756a4ef34d7117157e26cca0e33b7ccce605eb4c4d8048500b",
            "c2499c354435acc50f762b2f7fea2e2e330a9fdb25139b396770908c04affd17",
        ),
        (
            CHAIN_RSA,
            "5265ffe77d76d3fa0db762be216090ec7f94b718924a11d777b5aaae37047a75",
            "21d090d65c8e95ae08a6cf7fd6bd7b4d6a206a6df11e677ebdffa87099612293",
        ),
    ];
    for (pem, kubeadm, k3s) in vectors {
        assert_eq!(hash::kubeadm(pem), Some(format!("sha256:{kubeadm}")));
        assert_eq!(hash::k3s(pem).as_deref(), Some(k3s));
    }
    // A chain that leads to no root is hashed as the text that it is.
    let broken = format!("{EC}{RSA}").replace('\n', "\r\n");
    assert!(hash::k3s(&broken).is_some());
    for none in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert_eq!(hash::kubeadm(none), None, "{none}");
    }
}

proptest::proptest! {
    #[test]
    fn a_damaged_certificate_is_refused_without_a_panic(cut in 0..560_usize, at in 0..560_usize, byte: u8) {
        let mut bytes = EC.as_bytes().to_vec();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut);
        let text = String::from_utf8_lossy(&bytes);
        let _ = (hash::kubeadm(&text), hash::k3s(&text));
    }
}

async fn made(store: &Kept, installer: Installer) -> Pki {
    let clock = ManualClock::default();
    Pki::ensure(store, &owner(), installer, true, &Counted::default(), &clock)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_authority_is_kept_as_one_secret_and_has_a_name_of_its_own() {
    for (installer, count) in [(Installer::Kubeadm, 4), (Installer::K3s, 8), (Installer::None, 0)] {
        let store = Kept::default();
        let pki = made(&store, installer).await;
        assert_eq!(store.list(&owner()).await.unwrap().len(), count, "{installer:?}");
        let mut pins = std::collections::BTreeSet::new();
        for name in pki::authorities(installer) {
            let authority = pki.authority(name).unwrap();
            assert!(authority.certificate().ends_with("-----END CERTIFICATE-----\n"));
            assert!(!authority.certificate().contains('\r'));
            assert!(pins.insert(authority.pin().unwrap()));
            assert_eq!(authority.hash().unwrap().len(), 64);
        }
        let again = Pki::stored(&store, &owner(), installer).await.unwrap();
        for name in pki::authorities(installer) {
            let (one, other) = (pki.authority(name).unwrap(), again.authority(name).unwrap());
            assert_eq!(one.certificate(), other.certificate());
        }
    }
}

#[tokio::test]
async fn an_authority_that_was_changed_is_refused_and_not_shown() {
    let store = Kept::default();
    made(&store, Installer::Kubeadm).await;
    let good = store.values.lock().unwrap()["pki-kubernetes"].clone();
    let other = store.values.lock().unwrap()["pki-etcd"].clone();
    let (key, _) = good.split_at(good.find("-----BEGIN CERTIFICATE").unwrap());
    let (_, foreign) = other.split_at(other.find("-----BEGIN CERTIFICATE").unwrap());
    let broken = [
        "hunter2".to_owned(),
        key.to_owned(),
        format!("{key}{foreign}"),
        format!("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n{foreign}"),
        good.replace("CERTIFICATE-----\nM", "CERTIFICATE-----\nA"),
    ];
    for text in broken {
        store
            .values
            .lock()
            .unwrap()
            .insert("pki-kubernetes".to_owned(), text.clone());
        let error = Pki::stored(&store, &owner(), Installer::Kubeadm)
            .await
            .unwrap_err();
        assert_eq!(error.code().id, "PAAS-INS-0003", "{text}");
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("pki-kubernetes") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_token_is_made_once_looks_like_one_and_is_forgotten() {
    let store = Arc::new(Kept::default());
    let random = Counted::default();
    let first = token::ensure(&*store, &owner(), "workers-1", &random)
        .await
        .unwrap();
    let again = token::ensure(&*store, &owner(), "workers-1", &random)
        .await
        .unwrap();
    let other = token::ensure(&*store, &owner(), "workers-2", &random)
        .await
        .unwrap();
    let text = first.text();
    let text = text.expose_secret();
    assert_eq!(text, again.text().expose_secret());
    assert_ne!(text, other.text().expose_secret());
    let (id, secret) = text.split_once('.').unwrap();
    assert_eq!((id.len(), secret.len()), (6, 16));
    assert!(
        id.starts_with(|c: char| c.is_ascii_lowercase()),
        "{id} could be a number"
    );
    assert!(!format!("{first:?}").contains(secret));

    let data = first.data(Timestamp::from_second(1_000_000_000).unwrap());
    assert_eq!(first.secret_name(), format!("bootstrap-token-{id}"));
    assert_eq!(data["token-secret"], secret);
    assert_eq!(data["expiration"], "2001-09-09T01:46:40Z");
    assert_eq!(
        data["auth-extra-groups"],
        "system:bootstrappers:kubeadm:default-node-token"
    );
    assert_eq!(data["usage-bootstrap-signing"], "true");
    let data = first.k3s_data(Timestamp::UNIX_EPOCH);
    assert_eq!(
        data["auth-extra-groups"],
        "system:bootstrappers:k3s:default-node-token"
    );

    token::forget(&*store, &owner(), "workers-1").await.unwrap();
    assert!(
        token::stored(&*store, &owner(), "workers-1")
            .await
            .unwrap()
            .is_none()
    );
    let damaged = "NOT-A-TOKEN".to_owned();
    store
        .values
        .lock()
        .unwrap()
        .insert("join-workers-2".to_owned(), damaged);
    let error = token::stored(&*store, &owner(), "workers-2").await.unwrap_err();
    assert_eq!(error.code().id, "PAAS-INS-0010");
    assert!(!format!("{error:?}").contains("NOT-A-TOKEN"));
}
