//! Loading: files, folders, places, limits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{fmt::Write as _, fs};

use paas_core::{
    error::{Class, Error},
    spec::{self, Document, Kind, codes, load, load::LoadErrors, validate},
};

fn instance(name: &str) -> String {
    format!("apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata:\n  name: {name}\nspec: {{}}\n")
}

fn refused(text: &str) -> LoadErrors {
    load::load_text("<stdin>", text).expect_err("is refused")
}

fn names(loaded: &[load::Loaded]) -> Vec<&str> {
    loaded.iter().map(|l| l.document.name()).collect()
}

#[test]
fn the_template_and_the_examples_load_and_describe_something() {
    let template = load::load_text("template", spec::template()).unwrap_or_else(|e| panic!("{e}"));
    let documents: Vec<Document> = template.into_iter().map(|l| l.document).collect();
    assert_eq!(
        documents,
        spec::quickstart(),
        "what init writes is what up makes without a file"
    );
    for (example, documents) in [("quickstart", 2), ("team", 2), ("database", 1)] {
        let path = format!("{}/../examples/{example}.yaml", env!("CARGO_MANIFEST_DIR"));
        let loaded = load::load_path(path.as_ref()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(loaded.len(), documents);
    }
}

#[test]
fn the_commented_lines_of_the_template_are_right_too() {
    let uncommented: String = spec::template()
        .lines()
        .map(
            |line| match line.trim_start().strip_prefix("# ").map(|rest| (line, rest)) {
                Some((line, rest)) if line.starts_with(' ') && !rest.starts_with(char::is_uppercase) => {
                    line.replacen("# ", "", 1) + "\n"
                }
                _ => format!("{line}\n"),
            },
        )
        // Plan and resources exclude each other.
        .filter(|line| !line.contains("plan: small"))
        .collect();
    assert!(
        uncommented.contains("\n  engine:\n    version: 18 "),
        "{uncommented}"
    );
    load::load_text("template", &uncommented).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_other_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.yml"), instance("second")).unwrap();
    fs::write(folder.path().join("a.yaml"), instance("first")).unwrap();
    let json = r#"{"apiVersion": "paas.rs/v1alpha1", "kind": "DatabaseInstance", "metadata": {"name": "third"}, "spec": {"replicas": 2}}"#;
    fs::write(folder.path().join("c.json"), json).unwrap();
    fs::write(folder.path().join("notes.txt"), "not: [yaml").unwrap();
    let loaded = load::load_path(folder.path()).unwrap();
    assert_eq!(names(&loaded), ["first", "second", "third"]);
    assert!(loaded[2].file.ends_with("c.json"));
}

#[test]
fn an_object_in_two_files_is_refused_with_both_places() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.yaml"),
        format!("# first\n{}", instance("demo")),
    )
    .unwrap();
    fs::write(folder.path().join("b.yaml"), instance("demo")).unwrap();
    let errors = load::load_path(folder.path()).unwrap_err();
    assert_eq!(errors.errors.len(), 1);
    let error = &errors.errors[0];
    assert_eq!(error.code, &codes::SPEC_DUPLICATE);
    assert!(error.file.ends_with("b.yaml") && error.line == 4, "{error}");
    assert!(error.message.contains("a.yaml:2"), "{error}");
}

#[test]
fn the_same_name_in_another_namespace_is_another_object() {
    let other = instance("demo").replace("demo\n", "demo\n  namespace: prod\n");
    assert_eq!(
        load::load_text("t", &format!("{}---\n{other}", instance("demo")))
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn errors_of_all_files_and_documents_come_at_once() {
    let bad = instance("Bad");
    let sources = ["a", "b"].map(|name| load::Source {
        name: name.to_owned(),
        text: format!("{bad}---\nkind: [\n---\n{bad}"),
    });
    let errors = load::load_sources(&sources).unwrap_err();
    let places: Vec<_> = errors.errors.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert_eq!(
        places,
        [("a", 4), ("a", 7), ("a", 12), ("b", 4), ("b", 7), ("b", 12)]
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let latin1 = folder.path().join("latin1.yaml");
    fs::write(&latin1, b"name: M\xfcller").unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let missing = folder.path().join("missing.yaml");
    for (path, words) in [
        (&latin1, "UTF-8: byte 7"),
        (&empty, "no *.yaml"),
        (&missing, "cannot be read"),
    ] {
        let errors = load::load_path(path).unwrap_err();
        assert_eq!(errors.errors[0].code, &codes::SPEC_UNREADABLE);
        assert!(errors.to_string().contains(words), "{errors}");
    }
}

#[test]
fn empty_documents_are_skipped() {
    let text = format!(
        "---\n# only a comment\n---\n{}---\n---\n{}...\n",
        instance("one"),
        instance("two")
    );
    let loaded = load::load_text("t", &text).unwrap();
    assert_eq!(names(&loaded), ["one", "two"]);
    assert_eq!(loaded.iter().map(|l| l.line).collect::<Vec<_>>(), [4, 11]);
    assert!(load::load_text("t", "").unwrap().is_empty());
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_fine() {
    let text = format!("\u{feff}{}", instance("demo").replace('\n', "\r\n"));
    assert_eq!(names(&load::load_text("t", &text).unwrap()), ["demo"]);
    let errors = refused(&text.replace("spec", "spek"));
    assert_eq!(errors.errors[0].snippet.as_ref().unwrap().text, "spek: {}");
}

#[test]
fn columns_count_characters_and_long_lines_are_cut() {
    let text = instance("demo").replace(
        "spec: {}",
        &format!(
            "spec: {{parameters: {{note: \"{}\"}}, plan: huge}}",
            "ü".repeat(500)
        ),
    );
    let errors = refused(&text);
    let error = &errors.errors[0];
    assert_eq!((error.line, error.column), (5, 538));
    let snippet = error.snippet.as_ref().unwrap();
    assert!(snippet.text.chars().count() <= 120);
    let word: String = snippet
        .text
        .chars()
        .skip(snippet.start)
        .take(snippet.length)
        .collect();
    assert_eq!(word, "huge");
}

#[test]
fn an_anchor_may_be_used_in_moderation() {
    let text = instance("demo").replace(
        "spec: {}",
        "spec:\n  users: &names\n    - name: one\n    - name: two\n  databases: *names",
    );
    let Document::DatabaseInstance(object) = load::load_text("t", &text).unwrap().remove(0).document else {
        panic!()
    };
    assert_eq!(object.spec.databases[1].name, "two");
}

#[test]
fn deep_nesting_is_refused_whatever_its_form() {
    let depth = 100_000;
    let flow = format!("spec: {}", "[".repeat(depth));
    let maps = format!("spec: {}", "{a: ".repeat(depth));
    let entries = "- ".repeat(depth);
    let block: String = (0..2000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    let mixed = format!(
        "{}[[[[",
        (0..70)
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect::<String>()
    );
    // Each level is shallow by itself: the depth comes from aliases.
    let aliases: String = (1..200).fold("a0: &a0 [x]\n".to_owned(), |mut text, i| {
        writeln!(text, "a{i}: &a{i} [*a{}]", i - 1).unwrap();
        text
    });
    for text in [flow, maps, entries, block, mixed, aliases] {
        let errors = refused(&text);
        assert!(
            errors.errors.iter().any(|e| e.code == &codes::SPEC_LIMIT),
            "{errors}"
        );
    }
}

#[test]
fn an_alias_bomb_is_refused_before_it_grows() {
    let bomb = (1..=9).fold("a0: &a0 [lol]\n".to_owned(), |mut text, i| {
        let ten = vec![format!("*a{}", i - 1); 10].join(", ");
        writeln!(text, "a{i}: &a{i} [{ten}]").unwrap();
        text
    });
    // In one document, and spread over many so that no single one is too large.
    let many: String = (0..100).fold(String::new(), |mut text, _| {
        writeln!(
            text,
            "---\na: &a [{}]\nb: [{}]",
            "x, ".repeat(100),
            "*a, ".repeat(100)
        )
        .unwrap();
        text
    });
    for text in [bomb, many] {
        let errors = refused(&text);
        assert!(
            errors.errors.iter().any(|e| e.code == &codes::SPEC_LIMIT),
            "{errors}"
        );
    }
}

#[test]
fn ten_megabytes_load() {
    let one = |i: usize| {
        format!(
            "---\napiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata:\n  name: db-{i}\n  annotations:\n    note: \"{}\"\nspec:\n  plan: small\n  users:\n    - name: shop\n  databases:\n    - name: shop\n      owner: shop\n",
            "x".repeat(1100)
        )
    };
    let text: String = (0..8_600).map(one).collect();
    assert!(text.len() > 10 << 20);
    assert_eq!(load::load_text("big", &text).unwrap().len(), 8_600);
}

#[test]
fn a_single_huge_list_or_map_is_told_apart_in_linear_time() {
    let list: String = (0..60_000).map(|i| format!("    - name: d{i}\n")).collect();
    let map: String = (0..60_000).map(|i| format!("    p{i}: x\n")).collect();
    for body in [
        format!("  databases:\n{list}"),
        format!("  parameters:\n{map}"),
        map.replace("    ", "  "),
    ] {
        let errors = refused(&instance("demo").replace("spec: {}\n", &format!("spec:\n{body}")));
        assert!(errors.errors.len() <= LoadErrors::MOST);
    }
}

#[test]
fn more_errors_than_anybody_reads_are_counted() {
    let text: String = (0..150)
        .map(|i| format!("---\n{}", instance(&format!("Bad{i}"))))
        .collect();
    let errors = refused(&text);
    assert_eq!((errors.errors.len(), errors.omitted), (LoadErrors::MOST, 50));
    assert!(errors.to_string().ends_with("and 50 more\n"));
}

#[test]
fn errors_serialize_for_programs_and_become_the_common_error() {
    let errors = refused(&instance("demo").replace("spec: {}", "spec: {storage: {size: 10GB}}"));
    insta::assert_json_snapshot!(errors);
    let error = Error::from(errors);
    assert_eq!(
        (error.code().id, error.class()),
        ("PAAS-SPEC-0006", Class::Invalid)
    );
    assert!(
        error.advice().contains("10Gi") && error.words().contains("<stdin>:5:24"),
        "{error}"
    );
}

#[test]
fn an_object_that_comes_back_from_a_cluster_is_read() {
    let text = "apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata:\n  name: demo\n  generation: 3\n  uid: 0e1a2b3c\n  resourceVersion: \"17\"\n  creationTimestamp: \"2026-11-22T10:00:00Z\"\n  managedFields: [{manager: kubectl}]\nspec: {}\nstatus:\n  runtime: Process\n  whatever: 1\n";
    let loaded = load::load_text("t", text).unwrap();
    assert_eq!(loaded[0].document.metadata().generation, Some(3));
    let read: Document = serde_json::from_value(loaded[0].document.to_json()).unwrap();
    assert_eq!(read, loaded[0].document);
}

#[test]
fn a_document_made_by_a_program_is_judged_like_one_from_a_file() {
    let mut quickstart = spec::quickstart();
    assert_eq!(
        quickstart.iter().map(Document::kind).collect::<Vec<_>>(),
        [Kind::Platform, Kind::DatabaseInstance]
    );
    quickstart.iter().for_each(|d| validate::document(d).unwrap());
    let Some(Document::DatabaseInstance(demo)) = quickstart.get_mut(1) else {
        panic!()
    };
    demo.spec.users.clear();
    demo.spec.runtime = spec::Runtime::Process;
    demo.spec.replicas = 2;
    let violations = validate::document(&quickstart[1]).unwrap_err();
    assert_eq!(
        violations.0.len(),
        1,
        "an empty list stops the rules about the whole: {violations}"
    );
    let Some(Document::DatabaseInstance(demo)) = quickstart.get_mut(1) else {
        panic!()
    };
    demo.spec.users = spec::DatabaseInstanceSpec::default().users;
    let error = Error::from(validate::document(&quickstart[1]).unwrap_err());
    assert_eq!(error.code(), &codes::SPEC_RULE);
    assert!(
        error
            .words()
            .starts_with("spec.replicas: the runtimes Process and StatefulSet run one server"),
        "{error}"
    );
}
