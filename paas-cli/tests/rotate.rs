//! Passwords and connection settings through the built command.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::{fs, process::Command};

use common::Home;

/// The same question asked with what `eval` of the output leaves behind.
fn by_shell(home: &Home, form: &str) -> String {
    let text = home.paas(&["db", "env", "shop", "--format", form]).exits(0).out;
    let script = format!("watch_file() {{ :; }}\n{text}\nprintf '%s %s' \"$PGUSER\" \"$DATABASE_URL\"");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_password_is_rotated_and_every_form_of_the_environment_follows() {
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
        "--database",
        "more",
    ])
    .exits(0);
    let url = home.paas(&["db", "url", "shop"]).exits(0).out.trim().to_owned();
    for form in ["shell", "dotenv", "direnv"] {
        assert_eq!(by_shell(&home, form), format!("web_a {url}"), "{form}");
    }
    let direnv = home
        .paas(&["db", "env", "shop", "--format", "direnv"])
        .exits(0)
        .out;
    let env = home.paas(&["db", "env", "shop", "-o", "json"]).exits(0).json();
    assert_eq!(env["DATABASE_URL"], url);
    assert!(
        !direnv.contains(env["PGPASSWORD"].as_str().unwrap()),
        "no password in .envrc"
    );
    let jdbc = home.paas(&["db", "env", "shop", "--format", "jdbc"]).exits(0).out;
    assert!(jdbc.starts_with("jdbc:postgresql://127.0.0.1:"), "{jdbc}");
    let pgpass = home
        .paas(&["db", "env", "shop", "--format", "pgpass"])
        .exits(0)
        .out;
    assert!(pgpass.contains(":web:web_a:"), "{pgpass}");
    let binding = home
        .paas(&["db", "env", "shop", "--format", "binding"])
        .exits(0)
        .out;
    let binding = std::path::PathBuf::from(binding.trim());
    assert_eq!(binding, home.path().join("bindings/default/shop"));
    let audit = ["db", "env", "shop", "--user", "audit", "--format", "binding"];
    assert!(home.paas(&audit).exits(0).out.ends_with("default/shop.audit\n"));
    let other = ["db", "env", "shop", "--database", "more", "--format", "binding"];
    let refused = home.paas(&other).exits(1);
    assert!(refused.err.contains("PAAS-CLI-0017"), "{}", refused.err);

    let rotated = home.paas(&["db", "rotate", "shop", "--user", "web"]).exits(0);
    assert!(
        rotated
            .out
            .starts_with("web: it logs in as web_b now; web_a works until "),
        "{}",
        rotated.out
    );
    assert!(!rotated.out.contains("audit"), "{}", rotated.out);
    let new = fs::read_to_string(binding.join("uri")).unwrap();
    assert_eq!(by_shell(&home, "shell"), format!("web_b {new}"));
    let again = home.paas(&["db", "rotate", "shop"]).exits(1);
    assert!(
        again.err.contains("PAAS-PG-0008") && again.err.contains("--now"),
        "{}",
        again.err
    );
    let now = [
        "db",
        "rotate",
        "shop",
        "--user",
        "web",
        "--now",
        "--overlap",
        "1s",
        "--wait",
        "-o",
        "json",
    ];
    let now = home.paas(&now).exits(0).json();
    assert_eq!(now["rotated"][0]["login"], "web_a");
    assert_eq!(now["rotated"][0]["locked"], true);
    home.paas(&["plan", "--detailed-exitcode"]).exits(0);
    let nobody = home.paas(&["db", "rotate", "shop", "--user", "nobody"]).exits(1);
    assert!(nobody.err.contains("PAAS-CLI-0008"), "{}", nobody.err);

    home.paas(&["down", "--yes"]).exits(0);
    let stopped = home.paas(&["db", "rotate", "shop"]).exits(1);
    assert!(stopped.err.contains("PAAS-CLI-0009"), "{}", stopped.err);
    assert!(by_shell(&home, "dotenv").starts_with("web_a postgresql://web_a:"));
    assert!(binding.exists());
    home.paas(&["down", "shop", "--delete-data", "--confirm", "shop", "--yes"])
        .exits(0);
    assert!(!binding.exists());
}
