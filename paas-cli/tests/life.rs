//! The life of databases on this machine, through the built command and real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::os::unix::fs::PermissionsExt;

use common::Home;

#[test]
fn a_database_is_made_used_stopped_taken_up_again_and_deleted() {
    let home = Home::new();
    let up = home.paas(&["up"]).exits(0);
    assert!(
        up.out.contains("DatabaseInstance/default/demo is ready"),
        "{}",
        up.out
    );
    assert!(up.out.contains("postgresql://app_a:***@127.0.0.1:"), "{}", up.out);
    assert_eq!(
        up.out.lines().skip_while(|l| *l != "Next:").count(),
        4,
        "three next commands: {}",
        up.out
    );
    assert!(up.err.contains("✓ create server"), "{}", up.err);

    let sql = "create table t (a int); insert into t values (1), (2); select a from t order by a";
    assert_eq!(
        home.paas(&["db", "sql", "demo", "-c", sql]).exits(0).out,
        "a\n1\n2\n"
    );

    let again = home.paas(&["up"]).exits(0);
    assert_eq!(
        (again.out.as_str(), again.err.as_str()),
        (
            "Nothing to do: DatabaseInstance/default/demo is as it should be.\n",
            ""
        )
    );
    home.paas(&["plan", "--detailed-exitcode"]).exits(0);

    let refused = home.paas(&["down"]).exits(4);
    assert!(refused.err.contains("PAAS-CLI-0004"), "{}", refused.err);
    assert_eq!(home.servers().len(), 1);

    let down = home.paas(&["down", "--yes"]).exits(0);
    assert!(down.out.contains("stopped; nothing runs"), "{}", down.out);
    assert!(
        down.out.contains(&format!(
            "data kept at {}",
            home.path().join("instances/demo-").display()
        )),
        "{}",
        down.out
    );
    assert!(home.servers().is_empty());
    assert!(home.paas(&["status"]).exits(0).out.contains("Stopped"));
    let stopped = home.paas(&["db", "url", "demo"]).exits(1);
    assert!(stopped.err.contains("PAAS-CLI-0009"), "{}", stopped.err);
    home.paas(&["plan", "--detailed-exitcode"]).exits(3);

    home.paas(&["up"]).exits(0);
    assert_eq!(
        home.paas(&["db", "sql", "demo", "-c", "select a from t order by a"])
            .exits(0)
            .out,
        "a\n1\n2\n"
    );

    let unsaid = home.paas(&["down", "--yes", "--delete-data"]).exits(4);
    assert!(unsaid.err.contains("add --confirm demo"), "{}", unsaid.err);
    let mistyped = home
        .paas(&["down", "--yes", "--delete-data", "--confirm", "dem"])
        .exits(1);
    assert!(mistyped.err.contains("PAAS-CLI-0003"), "{}", mistyped.err);
    assert_eq!(home.servers().len(), 1);

    let gone = home
        .paas(&["down", "--delete-data", "--confirm", "demo"])
        .exits(0);
    assert_eq!(gone.out, "DatabaseInstance/default/demo: nothing is left.\n");
    assert!(home.servers().is_empty());
    let left: Vec<_> = home
        .files()
        .into_iter()
        .map(|(p, _)| p)
        .filter(|p| !p.ends_with("id") && p.extension().is_none_or(|e| e != "lock"))
        .filter(|p| !p.starts_with(home.path().join("authority")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(
        home.paas(&["status"])
            .exits(0)
            .err
            .contains("Nothing is here yet")
    );
}

#[test]
fn a_changed_file_is_planned_with_its_reasons_and_then_done() {
    let home = Home::new();
    let file = |parameters: &str, more: &str| {
        home.write(
            "paas.yaml",
            &format!(
                "apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata: {{name: shop}}\nspec:\n  parameters: {parameters}\n{more}"
            ),
        );
    };
    file("{work_mem: 5MB, max_connections: 30}", "");
    let planned = home.paas(&["plan", "--detailed-exitcode"]).exits(3);
    assert!(planned.out.contains("+ server"), "{}", planned.out);
    home.paas(&["up"]).exits(0);
    file(
        "{work_mem: 7MB, max_connections: 31}",
        "  databases: [{name: app}, {name: stats}]\n",
    );
    let planned = home.paas(&["plan"]).exits(0);
    for words in [
        "parameters.work_mem: 5MB → 7MB  (brings reload)",
        "parameters.max_connections: 30 → 31  (brings restart)",
        "+ database/stats",
    ] {
        assert!(planned.out.contains(words), "{words}:\n{}", planned.out);
    }
    let json = home.paas(&["plan", "-o", "json"]).exits(0).json();
    assert_eq!(json["plans"][0]["version"], 1);
    home.paas(&["up"]).exits(0);
    let sql = "show work_mem; show max_connections";
    assert_eq!(
        home.paas(&[
            "db",
            "sql",
            "shop",
            "--database",
            "stats",
            "-c",
            sql,
            "-o",
            "name"
        ])
        .exits(0)
        .out,
        "7MB\n31\n"
    );
    home.paas(&["plan", "--detailed-exitcode"]).exits(0);

    file("{work_mem: lots}", "");
    let refused = home.paas(&["up"]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains("PAAS-PG-0004") && refused.err.contains("work_mem"),
        "{}",
        refused.err
    );
    assert_eq!(
        home.paas(&["db", "sql", "shop", "-c", "select 1", "-o", "name"])
            .exits(0)
            .out,
        "1\n"
    );
}

#[test]
fn databases_are_created_listed_shown_reached_and_deleted_by_name() {
    let home = Home::new();
    home.paas(&[
        "db",
        "create",
        "shop",
        "--user",
        "web",
        "--user",
        "audit",
        "--database",
        "web",
        "--param",
        "max_connections=25",
    ])
    .exits(0);
    home.paas(&["db", "create", "shop"]).exits(0);
    let differs = home
        .paas(&["db", "create", "shop", "--database", "other"])
        .exits(1);
    assert!(differs.err.contains("PAAS-CLI-0011"), "{}", differs.err);

    let list = home.paas(&["db", "list", "-o", "json"]).exits(0).json();
    assert_eq!(list["databases"][0]["name"], "shop");
    assert_eq!(list["databases"][0]["state"], "Ready");
    assert_eq!(list["databases"][0]["users"], serde_json::json!(["web", "audit"]));
    let shown = home.paas(&["db", "show", "shop"]).exits(0).out;
    assert!(
        shown.contains("parameter   max_connections = 25") && shown.contains(":***@"),
        "{shown}"
    );
    let yaml = home.paas(&["db", "show", "shop", "-o", "yaml"]).exits(0).out;
    home.write("shop.yaml", &yaml);
    assert!(
        home.paas(&["up", "-f", "shop.yaml"])
            .exits(0)
            .out
            .starts_with("Nothing to do")
    );

    let url = home.paas(&["db", "url", "shop", "--user", "audit"]).exits(0).out;
    assert!(
        url.starts_with("postgresql://audit_a:") && url.contains("/web?"),
        "{url}"
    );
    for wrong in [["--user", "app"], ["--database", "app"]] {
        let refused = home.paas(&[&["db", "url", "shop"], &wrong[..]].concat()).exits(1);
        assert!(refused.err.contains("PAAS-CLI-0008"), "{}", refused.err);
    }
    let wrong = home
        .paas(&["db", "sql", "shop", "-c", "select 1;\nselekt 2"])
        .exits(1);
    assert!(
        wrong.err.contains("line 2: selekt 2") && wrong.err.contains("PAAS-PG-0003"),
        "{}",
        wrong.err
    );

    let kept = home.paas(&["db", "delete", "shop", "--yes"]).exits(0);
    assert!(
        kept.out.contains("data kept at") && kept.out.contains("paas db create shop takes it up again"),
        "{}",
        kept.out
    );
    assert_eq!(home.paas(&["db", "list", "-o", "name"]).exits(0).out, "");
    home.paas(&["db", "create", "shop"]).exits(0);
    let yaml_again = home.paas(&["db", "show", "shop", "-o", "yaml"]).exits(0).out;
    assert_eq!(yaml_again, yaml, "it is taken up as it was");
    home.paas(&["db", "delete", "shop", "--yes"]).exits(0);
    let gone = home
        .paas(&["db", "delete", "shop", "--delete-data", "--confirm", "shop"])
        .exits(0);
    assert!(gone.out.contains("nothing is left"), "{}", gone.out);
    home.paas(&["db", "delete", "shop", "--yes"]).exits(1);
}

#[test]
fn absence_from_a_file_deletes_nothing_without_prune() {
    let home = Home::new();
    home.paas(&["db", "create", "old"]).exits(0);
    home.write(
        "paas.yaml",
        "apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata: {name: new}\nspec: {}\n",
    );
    home.paas(&["up"]).exits(0);
    assert_eq!(home.servers().len(), 2);
    home.paas(&["up", "--prune", "--yes"]).exits(0);
    assert_eq!(home.servers().len(), 1);
    assert!(
        home.path().join("instances").read_dir().unwrap().count() == 2,
        "the data is kept"
    );
}

#[test]
fn a_protected_database_is_not_deleted() {
    let home = Home::new();
    let text = "apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata: {name: demo}\nspec: {deletionProtection: true}\n";
    home.write("paas.yaml", text);
    home.paas(&["up"]).exits(0);
    let refused = home
        .paas(&["db", "delete", "demo", "--delete-data", "--confirm", "demo"])
        .exits(4);
    assert!(refused.err.contains("deletionProtection"), "{}", refused.err);
    home.paas(&["down", "--delete-data", "--confirm", "demo"])
        .exits(4);
    assert!(home.path().join("instances").read_dir().unwrap().count() == 1);
}

#[test]
fn no_output_and_no_file_but_secrets_and_bindings_holds_a_password() {
    let home = Home::new();
    let mut said = String::new();
    let mut run = |args: &[&str]| {
        let one = home.paas(args);
        said.push_str(&one.out);
        said.push_str(&one.err);
    };
    run(&["up", "-v"]);
    run(&["up", "-o", "json"]);
    for args in [
        &["status", "-o", "json"][..],
        &["plan", "-v"],
        &["plan", "--down", "--delete-data", "-o", "yaml"],
        &["db", "list", "-o", "wide"],
        &["db", "show", "demo", "-o", "json"],
        &["events", "-o", "json"],
        &["db", "sql", "demo", "-c", "select 1"],
    ] {
        run(args);
    }
    run(&["down", "--yes", "-o", "json"]);
    let (secrets, mut others): (Vec<_>, Vec<_>) = home
        .files()
        .into_iter()
        .partition(|(p, _)| p.starts_with(home.path().join("secrets")));
    assert!(secrets.len() >= 2);
    // Bindings are what programs log in with: closed to others, and without the administrator's password.
    let admin = secrets.iter().find(|(p, _)| p.ends_with("admin")).unwrap();
    others.retain(|(path, text)| {
        let binding = path.starts_with(home.path().join("bindings"));
        if binding {
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            assert!(!text.contains(admin.1.as_str()), "{}", path.display());
        }
        !binding
    });
    for (_, secret) in &secrets {
        assert!(!said.contains(secret.as_str()));
        for (path, text) in &others {
            assert!(!text.contains(secret.as_str()), "{}", path.display());
        }
    }
}

#[test]
fn several_statements_run_in_order_up_to_the_first_that_fails() {
    let home = Home::new();
    home.paas(&["up"]).exits(0);
    let sql = |more: &[&str]| home.paas(&[&["db", "sql", "demo"], more].concat());
    let said = sql(&[
        "-o",
        "json",
        "-c",
        "create table t (a int unique)",
        "-c",
        "select 1 a, 2 a",
    ])
    .exits(0);
    assert_eq!(
        said.json()["statements"][1]["rows"][0],
        serde_json::json!({ "a": "1", "a_2": "2" })
    );
    let said = sql(&[
        "-o",
        "json",
        "-c",
        "insert into t values (1)",
        "-c",
        "insert into t values (1)",
        "-c",
        "drop table t",
    ])
    .exits(1);
    assert_eq!(said.json()["statements"].as_array().map(Vec::len), Some(1));
    let error: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!(error["errors"][0]["class"], "conflict");
    let said = sql(&[
        "-c",
        "do $$ begin raise notice 'by the way'; end $$",
        "-c",
        "select a from t",
    ])
    .exits(0);
    assert!(said.err.contains("NOTICE: by the way"), "{}", said.err);
    assert_eq!(said.out, "a\n1\n");
    let said = sql(&["-c", "copy t to stdout"]).exits(1);
    assert!(said.err.contains("paas db connect NAME"), "{}", said.err);
    let said = sql(&["-o", "yaml", "-c", "selekt"]).exits(1);
    assert!(said.err.contains("class: invalid"), "{}", said.err);
}

#[test]
fn the_way_into_a_database_is_checked_and_encrypted_on_demand() {
    let home = Home::new();
    let unknown = home.paas(&["db", "check", "shop", "-o", "json"]).exits(1);
    assert_eq!(unknown.json()["broken"], "name");
    assert!(unknown.err.contains("PAAS-CLI-0003"), "{}", unknown.err);
    home.paas(&["db", "create", "shop"]).exits(0);
    let whole = home.paas(&["db", "check", "shop"]).exits(0);
    assert_eq!(
        whole.out.lines().filter(|l| l.contains(" ok ")).count(),
        8,
        "{}",
        whole.out
    );
    let undeclared = home.paas(&["db", "check", "shop", "--user", "eve"]).exits(1);
    assert!(undeclared.err.contains("PAAS-CLI-0008"), "{}", undeclared.err);

    let url = home.paas(&["db", "url", "shop", "--tls"]).exits(0).out;
    assert!(
        url.contains("@localhost:") && url.contains("sslmode=verify-full&sslrootcert="),
        "the way is not encrypted"
    );
    let encrypted = "set role none; select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    for (flag, answer) in [(Some("--tls"), "ssl\nt\n"), (None, "ssl\nf\n")] {
        let args: Vec<&str> = ["db", "sql", "shop", "-c", encrypted]
            .into_iter()
            .chain(flag)
            .collect();
        assert_eq!(home.paas(&args).exits(0).out, answer);
    }
    let shown = home.paas(&["db", "show", "shop"]).exits(0).out;
    assert!(shown.contains("authority/ca.crt"), "{shown}");

    home.paas(&["down", "--yes"]).exits(0);
    let stopped = home.paas(&["db", "check", "shop"]).exits(1);
    assert!(
        stopped.out.contains("not reached: server is broken"),
        "{}",
        stopped.out
    );
    assert!(
        stopped.err.contains("PAAS-PG-0001") && stopped.err.contains("paas up"),
        "{}",
        stopped.err
    );
    assert_eq!(
        home.paas(&["db", "check", "shop", "-o", "name"]).exits(1).out,
        "server\n"
    );
}
