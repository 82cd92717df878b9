//! clouds.yaml, secure.yaml and profiles with any content: resolved or refused, never a panic, and no secret in what is told.
#![no_main]

use std::{collections::BTreeMap, fs, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use paas_openstack::config::{Choice, Sources, list, resolve};

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|bytes: &[u8]| {
    let folder = FOLDER.path();
    // The first half is the clouds', the rest the secrets' file: both are read, and merged.
    let (clouds, secure) = bytes.split_at(bytes.len() / 2);
    fs::write(folder.join("clouds.yaml"), clouds).expect("a file");
    fs::write(folder.join("secure.yaml"), secure).expect("a file");
    let environment = BTreeMap::from([
        ("OS_PASSWORD".to_owned(), "canary-4711".to_owned()),
        ("OS_AUTH_URL".to_owned(), "https://cloud.example/v3".to_owned()),
        ("OS_USERNAME".to_owned(), "u".to_owned()),
    ]);
    let mut sources = Sources::new(environment, folder);
    sources.system = folder.to_owned();
    let mut told = String::new();
    let mut names = vec![None];
    match list(&sources) {
        Ok(listing) => names.extend(listing.clouds.into_iter().take(4).map(|cloud| Some(cloud.name))),
        Err(error) => told += &format!("{error} {error:?}"),
    }
    for cloud in names {
        match resolve(&sources, &Choice { cloud, region: None }) {
            Ok(resolved) => told += &format!("{resolved:?}"),
            Err(error) => told += &format!("{error} {error:?}"),
        }
    }
    assert!(!told.contains("canary-4711"), "{told}");
});
