//! What machines are told, as it was reviewed.

use std::sync::Arc;

use paas_core::installer::{boot::recipe, content::Placeholder};

use super::shapes::{Kept, files, machine, owner, shapes, user_data};

#[test]
fn first_boots_are_what_was_reviewed() {
    for (shape, spec, name, role) in shapes() {
        let recipe = recipe(&spec, &owner(), &machine(name, role, true)).unwrap();
        insta::assert_snapshot!(shape, recipe.config.plain().unwrap());
    }
}

#[tokio::test]
async fn what_is_sent_is_what_was_reviewed_with_the_secrets_in_their_places() {
    for (shape, spec, name, role) in shapes() {
        let store = Arc::new(Kept::default());
        let machine = machine(name, role, true);
        let sent = user_data(&spec, &store, &machine).await.unwrap();
        assert!(sent.starts_with("#cloud-config\n"), "{shape}");
        assert!(!sent.contains("<<"), "{shape}: a place is empty");
        assert!(sent.len() < 16_000, "{shape}: {} bytes", sent.len());
        let recipe = recipe(&spec, &owner(), &machine).unwrap();
        let sent = files(&sent);
        assert_eq!(sent.len(), recipe.config.files.len());
        for (file, (path, _, text)) in recipe.config.files.iter().zip(&sent) {
            assert_eq!(*path, file.path);
            let places: Vec<Placeholder> = file.content.places().cloned().collect();
            // Between its places, the text is as reviewed.
            let mut rest = text.as_str();
            let mut plain = file.content.plain();
            for place in places {
                let (before, after) = plain.split_once(&place.marker()).unwrap();
                rest = &rest[rest.find(before).unwrap() + before.len()..];
                plain = after.to_owned();
            }
            assert!(rest.ends_with(&plain), "{shape}: {path}");
        }
    }
}

#[tokio::test]
async fn every_document_in_it_is_yaml_that_says_the_same_to_every_reader() {
    for (shape, spec, name, role) in shapes() {
        let store = Arc::new(Kept::default());
        let sent = user_data(&spec, &store, &machine(name, role, true))
            .await
            .unwrap();
        let mut read = 0;
        for (path, _, text) in files(&sent) {
            if path.ends_with("kubeadm.in") || path.ends_with("k3s.in") || path.ends_with("tokens.in") {
                for document in text.split("---\n") {
                    let value: serde_json::Value = serde_saphyr::from_str(document).unwrap();
                    assert!(value.is_object(), "{shape}: {path}");
                    read += 1;
                }
            }
        }
        assert!(read > 0, "{shape}");
    }
}

#[tokio::test]
async fn asked_again_it_says_the_same() {
    for (shape, spec, name, role) in shapes() {
        let store = Arc::new(Kept::default());
        let first = user_data(&spec, &store, &machine(name, role, true))
            .await
            .unwrap();
        let again = user_data(&spec, &store, &machine(name, role, false))
            .await
            .unwrap();
        assert_eq!(first, again, "{shape}");
    }
}

#[tokio::test]
async fn a_hundred_workers_fit_and_what_does_not_fit_says_what_is_largest() {
    let many = |replicas: u32| {
        super::shapes::spec(
            serde_json::json!({"podCidr": "10.128.0.0/14", "pools": [{"name": "workers", "replicas": replicas}]}),
            serde_json::json!({}),
        )
    };
    let plane = machine("control-plane-1", "control-plane", true);
    let store = Arc::new(Kept::default());
    user_data(&many(100), &store, &plane).await.unwrap();
    let mut small = plane.clone();
    small.limit = 6000;
    let error = user_data(&many(100), &store, &small).await.unwrap_err();
    assert_eq!(error.code().id, "PAAS-INS-0002");
    let words = error.to_string();
    assert!(
        words.contains("the limit is 6000") && words.contains("kubeadm.in"),
        "{words}"
    );
}
