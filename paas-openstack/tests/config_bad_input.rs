//! Configurations that are wrong: each is told with its code, its place and what to do, and none shows a secret.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use paas_core::error::{Class, Error};
use paas_openstack::config::{Choice, Resolved, Sources, Warning, list, resolve};

/// A value that may be nowhere but in the cloud itself.
const CANARY: &str = "Canary-9f3b-Secret";

struct Folder {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environment = BTreeMap::new();
        Self { folder, environment }
    }

    fn with(text: &str) -> Self {
        let it = Self::new();
        it.write("clouds.yaml", text);
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    fn sources(&self) -> Sources {
        let mut environment = self.environment.clone();
        environment.insert(
            "XDG_CONFIG_DIRS".to_owned(),
            self.path("xdg").display().to_string(),
        );
        let mut sources = Sources::new(environment, self.folder.path());
        sources.system = self.path("etc");
        sources
    }

    fn resolve(&self) -> Result<Resolved, Error> {
        resolve(&self.sources(), &Choice::default())
    }

    /// The error that is expected, without the canary.
    #[track_caller]
    fn fails(&self, code: &str) -> String {
        let error = self.resolve().expect_err("a configuration that is wrong");
        let told = format!("{error} {} {error:?}", error.advice());
        assert_eq!(error.code().id, code, "{told}");
        assert!(!told.contains(CANARY), "{told}");
        told
    }

    #[track_caller]
    fn works(&self) -> Resolved {
        let resolved = self.resolve().expect("a configuration that is right");
        let told = format!("{resolved:?}");
        assert!(!told.contains(CANARY), "{told}");
        resolved
    }
}

/// A cloud that works, with what is added to it.
fn lab(more: &str) -> String {
    format!(
        "clouds:\n  lab:\n    auth:\n      auth_url: https://lab.example.org:5000/v3\n      user_id: u\n      password: {CANARY}\n      project_id: p\n{more}"
    )
}

#[track_caller]
fn says(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
}

#[test]
fn an_unknown_cloud_is_told_with_the_nearest_name() {
    let it = Folder::with("clouds: {production: {}, staging: {}}").variable("OS_CLOUD", "prodction");
    says(
        &it.fails("PAAS-OS-0001"),
        &[
            "prodction",
            "OS_CLOUD",
            "did you mean \"production\"",
            "staging",
            "clouds.yaml",
        ],
    );
}

#[test]
fn no_file_at_all_tells_where_was_looked() {
    let it = Folder::new();
    let here = it.path("clouds.yaml").display().to_string();
    says(
        &it.fails("PAAS-OS-0001"),
        &["there is no clouds.yaml", &here, "etc/clouds.yaml"],
    );
    assert_eq!(it.resolve().unwrap_err().class(), Class::NotFound);
}

#[test]
fn several_clouds_and_none_chosen_are_listed() {
    let it = Folder::with("clouds: {a: {}, b: {}}");
    says(&it.fails("PAAS-OS-0001"), &["several clouds", "a, b", "OS_CLOUD"]);
}

#[test]
fn what_is_not_yaml_is_told_with_its_line() {
    for (text, place) in [
        ("clouds:\n  lab:\n\tauth: {}\n", "clouds.yaml:3:"),
        ("clouds:\n  lab: {auth: [\n", "clouds.yaml:"),
        (
            "clouds: {lab: {auth: {password: @Canary-9f3b-Secret}}}",
            "clouds.yaml:1:33",
        ),
        ("clouds: {lab: *nothing}", "clouds.yaml:1:"),
        ("clouds: &a {lab: *a}", "clouds.yaml:1:"),
        ("a: 1\n---\nb: 2\n", "clouds.yaml:2:"),
        ("? [a]\n: b\n", "clouds.yaml:1:"),
        ("- clouds\n", "clouds.yaml:1:1"),
        ("clouds: [lab]\n", "clouds.yaml:1:9"),
        ("just a text with Canary-9f3b-Secret", "clouds.yaml:1:1"),
    ] {
        says(&Folder::with(text).fails("PAAS-OS-0003"), &[place]);
    }
}

#[test]
fn what_is_not_json_is_told_with_its_line() {
    let it = Folder::new();
    it.write(
        "clouds.json",
        &format!("{{\"clouds\":\n {{\"lab\": {{\"password\": \"{CANARY}\", }}}}}}"),
    );
    says(&it.fails("PAAS-OS-0003"), &["clouds.json:2:", "not JSON"]);
}

#[test]
fn what_is_missing_is_told_with_the_place_of_the_entry() {
    let auth = |fields: &str| Folder::with(&format!("clouds:\n  lab:\n    auth: {{{fields}}}\n"));
    for (fields, missing) in [
        ("username: u", "auth_url is missing"),
        (
            "auth_url: https://l.example.org, password: p",
            "username is missing",
        ),
        (
            "auth_url: https://l.example.org, username: u, password: p",
            "user_domain_name is missing",
        ),
        (
            "auth_url: https://l.example.org, user_id: u",
            "password is missing",
        ),
        (
            "auth_url: https://l.example.org, user_id: u, password: p, project_name: p",
            "project_domain_name is missing",
        ),
        (
            "auth_url: https://l.example.org, application_credential_id: c",
            "application_credential_secret is missing",
        ),
    ] {
        says(
            &auth(fields).fails("PAAS-OS-0005"),
            &[missing, "clouds.yaml:3:5", "read cloud \"lab\""],
        );
    }
    let it = Folder::with("clouds: {lab: {auth_type: v3token, auth: {auth_url: https://l.example.org}}}");
    says(&it.fails("PAAS-OS-0005"), &["token is missing"]);
    let it = Folder::with(
        "clouds: {lab: {auth_type: v3applicationcredential, auth: {auth_url: https://l.example.org}}}",
    );
    says(
        &it.fails("PAAS-OS-0005"),
        &["application_credential_id is missing"],
    );
}

#[test]
fn a_value_of_a_wrong_type_is_told_with_its_place_and_not_shown() {
    for (more, told) in [
        ("    region_name: no\n", "region_name must be a text"),
        ("    region_name: [1, {}]\n", "regions has an entry"),
        ("    regions: here\n", "regions must be a list"),
        ("    verify: sometimes\n", "verify must be true or false"),
        ("    insecure: {}\n", "insecure must be true or false"),
        (
            "    api_timeout: soon\n",
            "api_timeout must be a number of seconds",
        ),
        ("    api_timeout: -1\n", "api_timeout must be a number of seconds"),
        (
            "    api_timeout: 1e300\n",
            "api_timeout must be a number of seconds",
        ),
        (
            "    interface: [public, inside]\n",
            "interface must be public, internal or admin",
        ),
        ("    interface: {public: true}\n", "interface must be a text"),
        ("    cacert: [a]\n", "cacert must be a text"),
        ("    auth_type: 0x10\n", "auth_type must be a text"),
        (
            "    compute_endpoint_override: nova.example.org\n",
            "is not a URL",
        ),
        (
            "    compute_endpoint_override: https://u:Canary-9f3b-Secret@nova.example.org\n",
            "has a user or password in it",
        ),
        (
            "    compute_endpoint_override: ftp://nova.example.org\n",
            "must begin with https://",
        ),
        (
            "    compute_endpoint_override: https://{password}.example.org\n    password: Canary-9f3b-Secret\n",
            "refers to a secret",
        ),
        ("    compute_endpoint_override: https://{region_name\n", "brace"),
        (
            "    compute_endpoint_override: https://{nothing}.example.org\n",
            "does not have",
        ),
    ] {
        says(
            &Folder::with(&lab(more)).fails("PAAS-OS-0004"),
            &[told, "clouds.yaml:8:"],
        );
    }
}

#[test]
fn a_password_that_is_another_number_to_others_needs_quotes() {
    let it = Folder::with(
        "clouds: {lab: {auth: {auth_url: https://l.example.org, user_id: u, password: 0777001}}}",
    );
    let told = it.fails("PAAS-OS-0004");
    says(&told, &["auth.password", "put it in quotes", "clouds.yaml:1:"]);
    assert!(!told.contains("0777001"), "{told}");
}

#[test]
fn an_entry_that_is_no_map_is_told() {
    says(
        &Folder::with("clouds: {lab: https://l.example.org}").fails("PAAS-OS-0004"),
        &["must be a map of fields"],
    );
    says(
        &Folder::with("clouds: {lab: {auth: [1]}}").fails("PAAS-OS-0004"),
        &["auth must be a map of fields"],
    );
    says(
        &Folder::with("clouds: {lab: }").fails("PAAS-OS-0005"),
        &["auth_url is missing"],
    );
}

#[test]
fn a_variable_is_told_by_its_name() {
    let it = Folder::new()
        .variable("OS_AUTH_URL", "lab.example.org")
        .variable("OS_USER_ID", "u")
        .variable("OS_PASSWORD", CANARY);
    says(
        &it.fails("PAAS-OS-0004"),
        &["variable OS_AUTH_URL", "is not a URL", "\"envvars\""],
    );
}

#[test]
fn ways_to_log_in_that_are_not_supported_are_named() {
    for way in [
        "v3oidcpassword",
        "v3multifactor",
        "v3totp",
        "v2password",
        "none",
        "v3kerberos",
    ] {
        says(
            &Folder::with(&lab(&format!("    auth_type: {way}\n"))).fails("PAAS-OS-0006"),
            &[way, "v3applicationcredential", "clouds.yaml:8:"],
        );
    }
    says(
        &Folder::with(&lab("    auth_type: Canary-9f3b-Secret\n")).fails("PAAS-OS-0006"),
        &["none that is known"],
    );
    says(
        &Folder::with(&lab("    trust_id: t\n")).fails("PAAS-OS-0006"),
        &["trust_id"],
    );
}

#[test]
fn a_profile_that_is_a_url_is_not_fetched() {
    says(
        &Folder::with(&lab("    profile: https://cloud.example.org\n")).fails("PAAS-OS-0007"),
        &["clouds.yaml:8:14", "not fetched"],
    );
}

#[test]
fn an_unknown_region_is_told_with_those_there_are() {
    let it = Folder::with(&lab("    regions: [RegionOne, RegionTwo]\n"))
        .variable("OS_CLOUD", "lab")
        .variable("OS_REGION_NAME", "regionone");
    says(
        &it.fails("PAAS-OS-0008"),
        &[
            "variable OS_REGION_NAME",
            "did you mean \"RegionOne\"",
            "RegionTwo",
        ],
    );
}

#[test]
fn things_that_exclude_each_other_are_told() {
    says(
        &Folder::with(&lab("    system_scope: all\n")).fails("PAAS-OS-0009"),
        &["a project and system_scope"],
    );
    let it = Folder::with("clouds: {envvars: {}}");
    says(
        &it.fails("PAAS-OS-0009"),
        &["envvars", "OS_CLOUD_NAME", "clouds.yaml:1:"],
    );
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let it = Folder::new();
    fs::create_dir(it.path("clouds.yaml")).unwrap();
    says(&it.fails("PAAS-OS-0002"), &["is a folder"]);

    let it = Folder::new();
    fs::write(it.path("clouds.yaml"), b"clouds: \xff\n").unwrap();
    says(&it.fails("PAAS-OS-0002"), &["not text in UTF-8: byte 8"]);

    let it = Folder::new();
    fs::File::create(it.path("clouds.yaml"))
        .unwrap()
        .set_len(1 << 33)
        .unwrap();
    says(&it.fails("PAAS-OS-0002"), &["larger than 4 MiB"]);

    let it = Folder::new();
    let mut sources = it.sources();
    sources.file = Some(PathBuf::from("mine.yaml"));
    let error = resolve(&sources, &Choice::default()).unwrap_err();
    assert_eq!(error.code().id, "PAAS-OS-0002");
    says(&error.to_string(), &["mine.yaml is not there"]);
}

#[test]
fn a_closed_file_is_passed_over_unless_it_was_named() {
    let it = Folder::with("clouds: {closed: {}}");
    it.write("etc/clouds.yaml", &lab(""));
    fs::set_permissions(it.path("clouds.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(it.path("clouds.yaml")).is_ok() {
        return; // nothing is closed to root
    }
    let resolved = it.works();
    assert_eq!(resolved.cloud.name, "lab");
    assert_eq!(
        resolved.warnings,
        [Warning::Closed {
            file: it.path("clouds.yaml")
        }]
    );
    let named = it.path("clouds.yaml").display().to_string();
    says(
        &it.variable("OS_CLIENT_CONFIG_FILE", named).fails("PAAS-OS-0002"),
        &["closed to this user"],
    );
}

#[test]
fn aliases_and_depth_are_bounded() {
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for n in 1..40 {
        bomb += &format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1);
    }
    says(&Folder::with(&bomb).fails("PAAS-OS-0003"), &["aliases"]);
    says(
        &Folder::with(&"[".repeat(100_000)).fails("PAAS-OS-0003"),
        &["nested"],
    );
    says(
        &Folder::with(&"{a: ".repeat(1000)).fails("PAAS-OS-0003"),
        &["nested"],
    );
    let it = Folder::new();
    it.write("clouds.json", &"[".repeat(100_000));
    it.fails("PAAS-OS-0003");
}

#[test]
fn what_is_worth_knowing_is_a_warning() {
    let it = Folder::new();
    let file = it.write(
        "clouds.yaml",
        &lab("      user_domain: x\n    verify: false\n    profile: acme\n    profile: acme2\n"),
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let it = it.variable("OS_CLIENT_SECURE_FILE", "nowhere.yaml");
    let warnings = it.works().warnings;
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    says(
        &told.join("\n"),
        &[
            "chmod 600",
            "nowhere.yaml, which is not there",
            "profile is there twice",
            "user_domain means nothing in auth",
            "\"acme2\"",
            "NOT verified",
        ],
    );
    assert_eq!(warnings.len(), 6, "{told:#?}");
    assert!(!told.join("\n").contains(CANARY));
}

#[test]
fn a_file_without_secrets_may_be_open() {
    let it = Folder::new();
    let open = it.write(
        "clouds.yaml",
        "clouds: {lab: {auth: {auth_url: https://l.example.org, user_id: u}}}",
    );
    fs::set_permissions(open, fs::Permissions::from_mode(0o644)).unwrap();
    it.write(
        "secure.yaml",
        &format!("clouds: {{lab: {{auth: {{password: {CANARY}}}}}}}"),
    );
    assert_eq!(it.works().warnings, []);
}

#[test]
fn a_broken_entry_is_listed_with_its_problem() {
    let it = Folder::with(&(lab("    region_name: R\n") + "  broken: {auth_type: v3totp}\n  none: 1\n"))
        .variable("OS_CLOUD", "lab");
    let listing = list(&it.sources()).unwrap();
    let seen: Vec<_> = listing
        .clouds
        .iter()
        .map(|c| {
            (
                c.name.as_str(),
                c.default,
                c.region.as_deref(),
                c.problem.as_ref().map(|p| p.code().id),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("broken", false, None, Some("PAAS-OS-0006")),
            ("lab", true, Some("R"), None),
            ("none", false, None, Some("PAAS-OS-0004")),
        ]
    );
    assert!(
        listing
            .clouds
            .iter()
            .all(|c| c.file.as_deref() == Some(Path::new(&it.path("clouds.yaml"))))
    );
    assert!(!format!("{listing:?}").contains(CANARY));
}

#[test]
fn the_region_of_the_environment_is_for_the_default_cloud_only() {
    let other =
        "  other: {regions: [A, B], auth: {auth_url: https://o.example.org, user_id: u, password: p}}\n";
    let it = Folder::with(&(lab("    regions: [R, S]\n") + other))
        .variable("OS_CLOUD", "lab")
        .variable("OS_REGION_NAME", "S");
    let listing = list(&it.sources()).unwrap();
    let regions: Vec<_> = listing.clouds.iter().map(|c| c.region.as_deref()).collect();
    assert_eq!(regions, [Some("S"), Some("A")]);
}

#[test]
fn sources_show_names_of_variables_only() {
    let it = Folder::new().variable("OS_PASSWORD", CANARY);
    let told = format!("{:?}", it.sources());
    assert!(told.contains("OS_PASSWORD") && !told.contains(CANARY), "{told}");
}
