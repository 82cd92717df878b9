//! `paas cloud` in a folder of its own, with an environment of its own.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

/// Where a test runs: no variable of the machine, no file of its user.
struct Folder(tempfile::TempDir);

struct Said {
    code: i32,
    out: String,
    err: String,
}

const CLOUDS: &str = "
clouds:
  work:
    auth: {auth_url: 'https://work.example.org:5000/v3', username: alice, password: Canary-77, project_name: web, user_domain_name: D, project_domain_name: D}
    region_name: RegionOne
  robot:
    auth: {auth_url: 'https://work.example.org:5000/v3', application_credential_id: c1, application_credential_secret: Canary-77}
  single-sign-on:
    auth_type: v3oidcpassword
    auth: {auth_url: 'https://work.example.org:5000/v3', password: Canary-77}
";

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(clouds: &str) -> Self {
        let it = Self::new();
        fs::write(it.path("clouds.yaml"), clouds).unwrap();
        fs::set_permissions(it.path("clouds.yaml"), fs::Permissions::from_mode(0o600)).unwrap();
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn paas(&self, args: &[&str], variables: &[(&str, &str)]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_paas"))
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_DIRS", self.path("xdg"))
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(
            !(said.out.clone() + &said.err).contains("Canary"),
            "{}{}",
            said.out,
            said.err
        );
        said
    }
}

#[test]
fn the_list_has_every_cloud_and_marks_the_default() {
    let folder = Folder::with(CLOUDS);
    let said = folder.paas(&["cloud", "list"], &[("OS_CLOUD", "work")]);
    let file = folder.path("clouds.yaml").canonicalize().unwrap();
    let rows: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let file = file.to_str().unwrap();
    assert_eq!(
        rows[0],
        ["NAME", "DEFAULT", "AUTH", "URL", "PROJECT", "REGION", "FILE"]
    );
    assert_eq!(
        rows[1],
        ["robot", "-", "https://work.example.org:5000/v3", "-", "-", file]
    );
    assert_eq!(rows[2], ["single-sign-on", "-", "-", "-", "-", file]);
    assert_eq!(
        rows[3],
        [
            "work",
            "*",
            "https://work.example.org:5000/v3",
            "web",
            "RegionOne",
            file
        ]
    );
    assert!(
        said.err.contains("single-sign-on cannot be used") && said.err.contains("PAAS-OS-0006"),
        "{}",
        said.err
    );
    assert_eq!(said.code, 0);
}

#[test]
fn the_environment_is_a_cloud_too() {
    let variables = [
        ("OS_AUTH_URL", "https://env.example.org"),
        ("OS_USER_ID", "u"),
        ("OS_PASSWORD", "Canary-77"),
    ];
    let said = Folder::with(CLOUDS).paas(&["cloud", "list", "-o", "json"], &variables);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["default"], "envvars");
    let last = &value["clouds"][3];
    assert_eq!(last["name"], "envvars");
    assert_eq!(last["default"], true);
    assert_eq!(last["file"], serde_json::Value::Null);
    assert_eq!(last["authUrl"], "https://env.example.org/");
    assert_eq!(value["clouds"][1]["problem"]["code"], "PAAS-OS-0006");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn names_alone_and_one_cloud_alone() {
    let folder = Folder::with(CLOUDS);
    assert_eq!(
        folder.paas(&["cloud", "list", "-o", "name"], &[]).out,
        "robot\nsingle-sign-on\nwork\n"
    );
    let said = folder.paas(&["cloud", "list", "work", "-o", "yaml"], &[]);
    assert!(
        said.out.contains("name: work") && !said.out.contains("robot"),
        "{}",
        said.out
    );
}

#[test]
fn an_unknown_cloud_is_told_with_the_nearest() {
    let folder = Folder::with(CLOUDS);
    let said = folder.paas(&["cloud", "list", "wrok"], &[]);
    assert!(
        said.err.contains("did you mean \"work\"") && said.err.contains("PAAS-OS-0001"),
        "{}",
        said.err
    );
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    let said = folder.paas(&["cloud", "list"], &[("OS_CLOUD", "wrok")]);
    assert!(said.err.contains("OS_CLOUD names \"wrok\""), "{}", said.err);
}

#[test]
fn without_a_file_it_says_where_one_would_be() {
    let folder = Folder::new();
    let said = folder.paas(&["cloud", "list"], &[]);
    assert!(
        said.err.contains("There are no clouds") && said.err.contains(".config/openstack/clouds.yaml"),
        "{}",
        said.err
    );
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(
        folder
            .paas(&["cloud", "list", "-o", "json"], &[])
            .out
            .contains("\"clouds\": []")
    );
}

#[test]
fn a_broken_file_is_told_with_its_place() {
    let said = Folder::with("clouds:\n  a: {auth: [}\n").paas(&["cloud", "list"], &[]);
    assert!(
        said.err.contains("clouds.yaml:2:") && said.err.contains("PAAS-OS-0003"),
        "{}",
        said.err
    );
    assert_eq!(said.code, 1);
}

#[test]
fn an_open_file_with_secrets_is_told() {
    let folder = Folder::with(CLOUDS);
    fs::set_permissions(folder.path("clouds.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = folder.paas(&["cloud", "list", "work"], &[]);
    assert!(
        said.err.contains("everybody on this machine can read it"),
        "{}",
        said.err
    );
    assert_eq!(said.code, 0);
}

#[test]
fn names_cannot_steer_a_terminal() {
    let said = Folder::with("clouds: {\"a\\e[2Jb\": {}}").paas(&["cloud", "list"], &[]);
    assert!(
        !(said.out.clone() + &said.err).contains('\u{1b}'),
        "{said:?}",
        said = said.out
    );
}
