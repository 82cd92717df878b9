//! What cloud-init and kubeadm themselves say of what they are told. `.ci/installer-judges` names the programs; without that, those in
//! the PATH judge, and without those the test says that it did not run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use super::shapes::{Kept, files, machine, shapes, user_data};

/// The program that the variable names, or the one of that name in the PATH or in KUBEBUILDER_ASSETS.
fn program(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable) {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "{variable} names {}, which is not there",
            named.display()
        );
        return Some(named);
    }
    let mut folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    folders.extend(env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from));
    let found = folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("did not run: there is no {name} here; .ci/installer-judges brings it");
    }
    found
}

fn accepts(judge: &mut Command, what: &str) {
    let said = judge.output().unwrap();
    let words = format!(
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(said.status.success(), "{what}: {words}");
    assert!(!words.to_lowercase().contains("deprecat"), "{what}: {words}");
}

/// As the script fills in what only the machine knows.
fn filled(text: &str, version: &str) -> String {
    text.replace("@INSTANCE_ID@", "1b4e28ba-2fa1-11d2-883f-0016d3cca427")
        .replace("@VERSION@", version)
}

async fn sent(box_: &Path, mut each: impl FnMut(&str, &Path, &str)) {
    for (shape, spec, name, role) in shapes() {
        let store = Arc::new(Kept::default());
        let text = user_data(&spec, &store, &machine(name, role, true))
            .await
            .unwrap();
        let path = box_.join(format!("{shape}.yaml"));
        fs::write(&path, &text).unwrap();
        each(shape, &path, &text);
    }
}

#[tokio::test]
async fn cloud_init_takes_every_first_boot() {
    let Some(judge) = program("PAAS_TEST_CLOUD_INIT", "cloud-init") else {
        return;
    };
    let box_ = tempfile::tempdir().unwrap();
    sent(box_.path(), |shape, path, _| {
        accepts(
            Command::new(&judge).args(["schema", "--config-file"]).arg(path),
            shape,
        );
    })
    .await;
}

#[tokio::test]
async fn kubeadm_takes_every_document_of_its_own() {
    let Some(judge) = program("PAAS_TEST_KUBEADM", "kubeadm") else {
        return;
    };
    let version = Command::new(&judge)
        .args(["version", "-o", "short"])
        .output()
        .unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let box_ = tempfile::tempdir().unwrap();
    let mut judged = 0;
    sent(box_.path(), |shape, _, text| {
        for (path, _, text) in files(text) {
            if path.ends_with("/kubeadm.in") {
                let file = box_.path().join("kubeadm.yaml");
                fs::write(&file, filled(&text, version.trim())).unwrap();
                accepts(
                    Command::new(&judge)
                        .args(["config", "validate", "--config"])
                        .arg(&file),
                    shape,
                );
                judged += 1;
            }
        }
    })
    .await;
    assert_eq!(judged, 7);
}

#[tokio::test]
async fn shellcheck_finds_nothing_in_the_scripts() {
    let Some(judge) = program("PAAS_TEST_SHELLCHECK", "shellcheck") else {
        return;
    };
    let box_ = tempfile::tempdir().unwrap();
    sent(box_.path(), |shape, _, text| {
        let script = files(text).into_iter().find(|(path, ..)| path.ends_with("/boot"));
        let file = box_.path().join("boot");
        fs::write(&file, script.unwrap().2).unwrap();
        // SC2086, SC2317: words are split on purpose, functions are called by name.
        accepts(
            Command::new(&judge)
                .args(["-s", "sh", "-e", "SC2086,SC2317"])
                .arg(&file),
            shape,
        );
    })
    .await;
}
