//! Laws: what is written is what is read, and no text makes the loader fall over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use paas_core::spec::{
    BackupMethod, Cpu, Database, DatabaseBackupSpec, DatabaseInstanceSpec, DeletionPolicy, Document, Engine,
    EngineVersion, LocalRef, Meta, Object, ParameterValue, Plan, Quantity, Resources, Runtime, Storage, User,
    load, validate,
};
use proptest::{prelude::*, sample::select};

fn name() -> impl Strategy<Value = String> {
    "[a-z]([-a-z0-9]{0,38}[a-z0-9])?"
}

/// Texts that YAML finds interesting.
fn any_text() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "",
        " ",
        "~",
        "null",
        "true",
        "off",
        "yes",
        "y",
        "010",
        "1e3",
        "0x1f",
        ".inf",
        "- a",
        "a: b",
        "#c",
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "%",
        "@",
        "`",
        "'",
        "\"",
        "{}",
        "[",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "a\nb\n\n",
        "\t",
        " a ",
        "---",
        "...",
        "<<",
        "=",
        "2026-11-22",
        "1:30",
        "1_000",
        "+1",
        "\u{0}",
        "\u{1f600}",
        "a\r\nb",
        "?",
        "? a",
        "-",
        "\\",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), any::<String>(), "[ -~\n]{0,200}"]
}

fn meta() -> impl Strategy<Value = Meta> {
    let key = "([a-z]{1,5}\\.rs/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?";
    let labels = prop::collection::btree_map(key, "([A-Za-z0-9]([A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?)?", 0..3);
    let annotations = prop::collection::btree_map(key, any_text(), 0..3);
    (
        name(),
        name(),
        labels,
        annotations,
        proptest::option::of(1..99i64),
    )
        .prop_map(|(name, namespace, labels, annotations, generation)| Meta {
            labels,
            annotations,
            generation,
            ..Meta::named(name).in_namespace(namespace)
        })
}

fn users() -> impl Strategy<Value = Vec<User>> {
    let limit = proptest::option::of(1..10_000u32);
    prop::collection::btree_map("[a-o_][a-z0-9_]{0,20}", limit, 1..5).prop_map(|users| {
        users
            .into_iter()
            .filter(|(n, _)| n != "none")
            .chain([("zoe".to_owned(), None)])
            .map(|(name, connection_limit)| User {
                name,
                connection_limit,
            })
            .collect()
    })
}

fn parameters() -> impl Strategy<Value = BTreeMap<String, ParameterValue>> {
    let text = any_text().prop_map(|t| ParameterValue::Text(t.chars().take(4000).collect()));
    let value = prop_oneof![any::<i64>().prop_map(ParameterValue::Integer), text];
    prop::collection::btree_map("[a-z]{1,8}_[a-z]{1,8}", value, 0..4).prop_map(|mut p| {
        p.retain(|name, _| {
            !["ssl_", "hba_", "ident_", "config_"]
                .iter()
                .any(|own| name.starts_with(own))
        });
        p
    })
}

fn instance() -> impl Strategy<Value = DatabaseInstanceSpec> {
    let runtime = select(vec![Runtime::Auto, Runtime::CloudNativePG, Runtime::StackitFlex]);
    let size = (1..999u32, select(vec!["Mi", "Gi", "G", "Ti"]))
        .prop_map(|(n, u)| format!("{n}{u}").parse::<Quantity>().unwrap());
    let version = proptest::option::of((14..19u32, proptest::option::of(0..20u32))).prop_map(|v| {
        v.map(|(major, minor)| {
            minor
                .map_or(major.to_string(), |m| format!("{major}.{m}"))
                .parse()
                .unwrap()
        })
    });
    let cpu = (1..99u32).prop_map(|n| format!("{n}00m").parse::<Cpu>().unwrap());
    let sizing = prop_oneof![
        Just((None, None)),
        select(vec![Plan::Dev, Plan::Small, Plan::Medium]).prop_map(|p| (Some(p), None)),
        proptest::option::of(cpu).prop_map(|cpu| (None, Some(Resources { cpu, memory: None }))),
    ];
    let policy = select(vec![DeletionPolicy::Retain, DeletionPolicy::Delete]);
    (
        runtime,
        size,
        version,
        sizing,
        1..=9u16,
        users(),
        parameters(),
        policy,
        any::<bool>(),
    )
        .prop_map(
            |(
                runtime,
                size,
                version,
                (plan, resources),
                replicas,
                users,
                parameters,
                deletion_policy,
                deletion_protection,
            )| {
                let databases = users.iter().map(|u| Database {
                    name: format!("d_{}", u.name),
                    owner: Some(u.name.clone()),
                    extensions: vec!["plpgsql".to_owned()],
                });
                DatabaseInstanceSpec {
                    engine: Engine {
                        version,
                        ..Engine::default()
                    },
                    runtime,
                    plan,
                    resources,
                    replicas,
                    storage: Storage { size, class: None },
                    databases: databases.collect(),
                    users,
                    parameters,
                    deletion_policy,
                    deletion_protection,
                    ..DatabaseInstanceSpec::default()
                }
            },
        )
}

fn document() -> impl Strategy<Value = Document> {
    let backup = (
        name(),
        select(vec![BackupMethod::Physical, BackupMethod::Logical]),
    )
        .prop_map(|(name, method)| DatabaseBackupSpec {
            instance_ref: LocalRef { name },
            method,
        });
    prop_oneof![
        3 => (meta(), instance()).prop_map(|(metadata, spec)| Document::DatabaseInstance(Object { metadata, spec })),
        1 => (meta(), backup).prop_map(|(metadata, spec)| Document::DatabaseBackup(Object { metadata, spec })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(document in document()) {
        validate::document(&document).unwrap();
        let yaml = document.to_yaml();
        let read = load::load_text("yaml", &yaml).unwrap_or_else(|e| panic!("{yaml}\n{e}"));
        prop_assert_eq!(&read[0].document, &document);
        let json = document.to_json().to_string();
        let read = load::load_text("json", &json).unwrap_or_else(|e| panic!("{json}\n{e}"));
        prop_assert_eq!(&read[0].document, &document);
        validate::update(&document, &read[0].document).unwrap();
    }

    #[test]
    fn the_schema_and_the_types_agree_on_every_amount(
        size in "[0-9]{0,10}(\\.[0-9]{0,4})?[a-zA-Z]{0,3}|[1-9][0-9]{0,9}(\\.[0-9]{1,4})?[kKMGTP]i?",
        cpu in "[0-9]{0,7}(\\.[0-9]{0,4})?m?",
        version in "[0-9]{0,3}(\\.[0-9]{0,3})?",
    ) {
        let text = serde_json::json!({
            "apiVersion": "paas.rs/v1alpha1", "kind": "DatabaseInstance", "metadata": { "name": "demo" },
            "spec": { "storage": { "size": size }, "resources": { "cpu": cpu }, "engine": { "version": version } },
        });
        let refused = match load::load_text("json", &text.to_string()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.errors.iter().map(|e| e.path.to_string()).collect(),
        };
        let says = |path: &str| refused.iter().any(|p| p == path);
        prop_assert_eq!(says("spec.storage.size"), size.parse::<Quantity>().is_err(), "{}", size);
        prop_assert_eq!(says("spec.resources.cpu"), cpu.parse::<Cpu>().is_err(), "{}", cpu);
        prop_assert_eq!(says("spec.engine.version"), version.parse::<EngineVersion>().is_err(), "{}", version);
        prop_assert!(!says(""), "{:?}", refused);
    }

    #[test]
    fn no_bytes_make_the_loader_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = load::load_text("bytes", &String::from_utf8_lossy(&bytes)).map_err(|e| e.to_string());
    }

    #[test]
    fn no_damaged_document_makes_the_loader_fall_over(
        document in document(), cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..20usize, any_text()), 1..5)
    ) {
        let mut text: Vec<char> = document.to_yaml().chars().collect();
        for (index, length, insert) in cuts {
            let start = index.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(errors) = load::load_text("damaged", &text) {
            prop_assert!(!errors.to_string().is_empty());
            for error in &errors.errors {
                prop_assert!(error.line >= 1 && error.column >= 1, "{}", error);
            }
        }
    }
}
