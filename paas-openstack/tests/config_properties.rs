//! Whatever the files have in them: it ends, it does not panic, and no secret is shown.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, fs};

use paas_openstack::config::{Choice, Sources, list, resolve};
use proptest::prelude::*;

const CANARY: &str = "Canary-9f3b-Secret";

/// A clouds.yaml with everything in it, and a secret wherever one can be.
const GOOD: &str = "\
base: &base
  auth: &auth {auth_url: \"https://{region_name}.example.org:5000/v3\", username: demo, user_domain_name: Default, password: Canary-9f3b-Secret}
clouds:
  lab:
    <<: *base
    regions: [North, {name: South, values: {interface: internal, auth: {token: Canary-9f3b-Secret}}}]
    cacert: certs/ca.pem
    api_timeout: 30
    compute_endpoint_override: https://nova.example.org/v2.1
  app:
    profile: acme
    auth_type: v3applicationcredential
    auth:
      application_credential_id: '4711'
      application_credential_secret: \"Canary-9f3b-Secret\"
    region_name: North
    verify: no
  other:
    auth_type: token
    auth_url: https://other.example.org
    project_name: web
    domain_name: Default
    token: Canary-9f3b-Secret
public-clouds:
  acme:
    auth: {auth_url: https://acme.example.org}
";

/// Resolves and lists everything, and gives all that is told.
fn told(clouds: &[u8], secure: &[u8], environment: BTreeMap<String, String>) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("clouds.yaml"), clouds).unwrap();
    fs::write(folder.path().join("clouds-public.yaml"), clouds).unwrap();
    if !secure.is_empty() {
        fs::write(folder.path().join("secure.yaml"), secure).unwrap();
    }
    let mut sources = Sources::new(environment, folder.path());
    sources.system = folder.path().to_owned();
    let mut told = format!("{sources:?}");
    let mut names = vec![None];
    match list(&sources) {
        Ok(listing) => {
            told += &format!("{listing:?}");
            names.extend(listing.clouds.into_iter().map(|cloud| Some(cloud.name)));
        }
        Err(error) => told += &format!("{error} {error:?} {}", error.advice()),
    }
    for cloud in names {
        match resolve(&sources, &Choice { cloud, region: None }) {
            Ok(resolved) => {
                let warnings: Vec<String> = resolved.warnings.iter().map(ToString::to_string).collect();
                told += &format!("{resolved:?} {warnings:?}");
            }
            Err(error) => told += &format!("{error} {error:?} {}", error.advice()),
        }
    }
    told
}

/// One change of a text that leaves the words of a secret where they are.
fn mutate(text: &mut String, (kind, at, token): &(u8, prop::sample::Index, String)) {
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return;
    }
    let line = at.index(lines.len());
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    match kind % 5 {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[at.index(lines.len())].clone()),
        2 => lines[line] = format!(" {}", lines[line]),
        3 => lines[line] = lines[line].strip_prefix("  ").unwrap_or(&lines[line]).to_owned(),
        _ => {
            let places: Vec<usize> = lines[line].char_indices().map(|(i, _)| i).collect();
            if let Some(place) = (!places.is_empty()).then(|| places[at.index(places.len())]) {
                let inside = lines[line]
                    .match_indices(CANARY)
                    .any(|(i, _)| place > i && place < i + CANARY.len());
                if !inside {
                    lines[line].insert_str(place, token);
                }
            }
        }
    }
    *text = lines.join("\n") + "\n";
}

fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            ": ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "\"",
            "'",
            "&x ",
            "*x",
            "*auth",
            "!!str ",
            "!!int ",
            "!other ",
            "#",
            "\t",
            "\n",
            "? ",
            "| ",
            "> ",
            "<<: ",
            "---\n",
            "...\n",
            "{region_name}",
            "{password}",
            "{token}",
            "~",
            "0x1",
            "\u{0}",
            "\u{feff}",
            "@",
            "%",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(|c| c.to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_borne(clouds in prop::collection::vec(any::<u8>(), 0..400), secure in prop::collection::vec(any::<u8>(), 0..40)) {
        told(&clouds, &secure, BTreeMap::new());
    }

    #[test]
    fn any_words_of_yaml_are_borne(words in prop::collection::vec(prop_oneof![token(), prop::sample::select(vec![
        "clouds: ", "lab: ", "auth: ", "regions: ", "name: ", "values: ", "profile: ", "lab\n", "  ", "\n  ", "\n    ",
    ]).prop_map(str::to_owned)], 0..60)) {
        told(words.concat().as_bytes(), b"clouds: {lab: {auth: {password: p}}}", BTreeMap::new());
    }

    #[test]
    fn a_broken_file_never_shows_its_secrets(changes in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), token()), 1..5)) {
        let mut text = GOOD.to_owned();
        changes.iter().for_each(|change| mutate(&mut text, change));
        let told = told(text.as_bytes(), b"", BTreeMap::new());
        prop_assert!(!told.contains(CANARY), "{}\n{}", text, told);
    }

    #[test]
    fn any_variables_are_borne_and_secrets_not_shown(
        fields in prop::collection::btree_map(
            prop::sample::select(vec![
                "AUTH_URL", "USERNAME", "USER_ID", "PROJECT_NAME", "USER_DOMAIN_NAME", "REGION_NAME", "INTERFACE", "AUTH_TYPE",
                "CACERT", "INSECURE", "VERIFY", "API_TIMEOUT", "CLOUD", "CLOUD_NAME", "PROFILE", "AUTH", "REGIONS", "SYSTEM_SCOPE",
                "COMPUTE_ENDPOINT_OVERRIDE", "CLIENT_CONFIG_FILE",
            ]),
            prop_oneof![token(), Just("https://{region_name}.example.org/{password}".to_owned()), Just("lab".to_owned()), Just("token".to_owned())],
            0..8,
        ),
    ) {
        let mut environment: BTreeMap<String, String> = fields.into_iter().map(|(name, value)| (format!("OS_{name}"), value)).collect();
        for secret in ["OS_PASSWORD", "OS_TOKEN", "OS_APPLICATION_CREDENTIAL_SECRET"] {
            environment.insert(secret.to_owned(), CANARY.to_owned());
        }
        let told = told(b"clouds: {lab: {}}", b"", environment);
        prop_assert!(!told.contains(CANARY), "{}", told);
    }
}

#[test]
fn the_file_that_is_broken_above_works_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["clouds.yaml", "clouds-public.yaml"] {
        fs::write(folder.path().join(name), GOOD).unwrap();
    }
    let sources = Sources::new(BTreeMap::new(), folder.path());
    for cloud in ["lab", "app", "other"] {
        resolve(&sources, &Choice::cloud(cloud)).unwrap();
    }
}
