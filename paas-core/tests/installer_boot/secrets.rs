//! Where the secrets are: in what is sent, and nowhere else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use paas_core::installer::boot::recipe;

use super::shapes::{Kept, boot, files, machine, owner, shapes, user_data};

/// What must not be seen of each kept secret: lines of keys, the secret half of tokens, passwords.
fn canaries(store: &Kept) -> BTreeMap<String, Vec<String>> {
    let values = store.values.lock().unwrap();
    let pieces = |value: &str| -> Vec<String> {
        if let Some((_, secret)) = value.split_once('.').filter(|_| value.len() == 23) {
            return vec![secret.to_owned()];
        }
        let key = value
            .split("-----BEGIN CERTIFICATE-----")
            .next()
            .unwrap_or_default();
        let lines = key
            .lines()
            .filter(|line| !line.starts_with("-----") && line.len() > 15);
        lines.map(str::to_owned).collect()
    };
    values
        .iter()
        .map(|(name, value)| (name.clone(), pieces(value)))
        .collect()
}

#[tokio::test]
async fn secrets_are_in_what_is_sent_and_in_nothing_that_is_shown() {
    for (shape, spec, name, role) in shapes() {
        let store = Arc::new(Kept::default());
        let machine = machine(name, role, true);
        let sent = user_data(&spec, &store, &machine).await.unwrap();
        let recipe = recipe(&spec, &owner(), &machine).unwrap();
        let refused = {
            let mut small = machine.clone();
            small.limit = 10;
            user_data(&spec, &store, &small).await.unwrap_err()
        };
        let script = files(&sent)
            .into_iter()
            .find(|(path, ..)| path.ends_with("/boot"));
        let shown = [
            recipe.config.plain().unwrap(),
            format!("{recipe:?} {recipe:#?}"),
            format!("{:?}", boot(&spec, &store)).replace(&format!("{store:?}"), ""),
            format!("{refused} {refused:?} {:#?}", refused),
            script.unwrap().2,
        ];
        let decoded: String = files(&sent).into_iter().map(|(.., text)| text).collect();
        let wanted: BTreeSet<String> = recipe.secrets().into_iter().map(|s| s.name).collect();
        let mut found = BTreeSet::new();
        for (name, pieces) in canaries(&store) {
            assert!(!pieces.is_empty(), "{name} has no canary");
            for piece in pieces {
                for text in &shown {
                    assert!(!text.contains(&piece), "{shape}: {name} is shown");
                }
                if decoded.contains(&piece) {
                    found.insert(name.clone());
                }
            }
        }
        // A worker is given the name of the authority, never its key.
        let public: BTreeSet<String> = match role {
            "control-plane" => BTreeSet::new(),
            _ => ["pki-kubernetes", "pki-k3s-server"].map(str::to_owned).into(),
        };
        let expected: BTreeSet<String> = wanted.difference(&public).cloned().collect();
        assert_eq!(found, expected, "{shape}");
    }
}

#[tokio::test]
async fn a_worker_gets_its_own_token_and_no_other_secret() {
    for (shape, spec, name, role) in shapes().into_iter().filter(|(.., role)| *role != "control-plane") {
        let store = Arc::new(Kept::default());
        let plane = machine("control-plane-1", "control-plane", true);
        user_data(&spec, &store, &plane).await.unwrap();
        let sent = user_data(&spec, &store, &machine(name, role, false))
            .await
            .unwrap();
        let decoded: String = files(&sent).into_iter().map(|(.., text)| text).collect();
        for (secret, pieces) in canaries(&store) {
            let own = secret == format!("join-{name}");
            for piece in pieces {
                assert_eq!(decoded.contains(&piece), own, "{shape}: {secret}");
            }
        }
        assert!(!decoded.contains("PRIVATE KEY"), "{shape}");
    }
}

#[tokio::test]
async fn files_with_secrets_are_roots_alone() {
    for (shape, spec, name, role) in shapes() {
        let store = Arc::new(Kept::default());
        let sent = user_data(&spec, &store, &machine(name, role, true))
            .await
            .unwrap();
        let canaries: Vec<String> = canaries(&store).into_values().flatten().collect();
        for (path, mode, text) in files(&sent) {
            if canaries.iter().any(|piece| text.contains(piece)) {
                assert_eq!(mode, "0600", "{shape}: {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_authority_of_an_existing_cluster_is_never_made_anew() {
    for (shape, spec, name, role) in shapes() {
        let store = Arc::new(Kept::default());
        let error = user_data(&spec, &store, &machine(name, role, false))
            .await
            .unwrap_err();
        assert_eq!(error.code().id, "PAAS-CORE-0007", "{shape}");
        assert_eq!(error.class(), paas_core::error::Class::Blocked);
        assert!(error.to_string().contains("is never made anew"), "{error}");
        assert!(
            store.values.lock().unwrap().is_empty(),
            "{shape}: something was made"
        );
    }
}

#[tokio::test]
async fn secrets_are_kept_before_anything_uses_them_and_whoever_was_first_counts() {
    let (_, spec, ..) = shapes().remove(1);
    let store = Arc::new(Kept::default());
    let worker = machine("workers-1", "workers", true);
    let both = tokio::join!(
        user_data(&spec, &store, &worker),
        user_data(&spec, &store, &worker)
    );
    let (one, other) = both;
    assert_eq!(one.unwrap(), other.unwrap());
}
