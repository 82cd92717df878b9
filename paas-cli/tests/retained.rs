//! Data that was kept, through the built command: listed, adopted, purged, and protected.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::fs;

use common::Home;

#[test]
fn kept_data_are_listed_adopted_by_name_and_purged_only_with_the_name() {
    let home = Home::new();
    let retained = |home: &Home| {
        let said = home.paas(&["db", "list", "--retained", "-o", "json"]).exits(0);
        said.json()["retained"].as_array().unwrap().clone()
    };
    home.paas(&["db", "create", "shop", "--user", "web", "--database", "web"])
        .exits(0);
    home.paas(&["db", "sql", "shop", "-c", "create table t as select 7 as a"])
        .exits(0);
    assert!(retained(&home).is_empty());
    for verb in ["adopt", "purge"] {
        let refused = home.paas(&["db", verb, "shop"]).exits(1);
        assert!(refused.err.contains("PAAS-CLI-0026"), "{}", refused.err);
    }
    home.paas(&["db", "delete", "shop", "--yes"]).exits(0);

    let kept = retained(&home);
    assert_eq!(
        (&kept[0]["name"], &kept[0]["object"], &kept[0]["standing"]),
        (&"shop".into(), &"Kept".into(), &"InPlace".into())
    );
    assert!(kept[0]["used"].is_string() && kept[0]["size"].as_u64() > Some(1 << 20));
    let table = home.paas(&["db", "list", "--retained", "-o", "wide"]).exits(0);
    assert!(
        table.out.contains("Retained") && table.out.contains("instances/shop-"),
        "{}",
        table.out
    );

    // With other wishes, and without an object at all, they are not taken up by the way.
    let refused = home.paas(&["db", "create", "shop", "--user", "other"]).exits(4);
    assert!(refused.err.contains("PAAS-CLI-0025"), "{}", refused.err);
    fs::remove_dir_all(home.path().join("set-aside")).unwrap();
    assert_eq!(retained(&home)[0]["object"], "Lost");
    home.write(
        "shop.yaml",
        "apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata: {name: shop}\nspec: {}\n",
    );
    for args in [&["db", "create", "shop"][..], &["up", "-f", "shop.yaml"]] {
        let refused = home.paas(args).exits(4);
        assert!(refused.err.contains("PAAS-CLI-0025"), "{}", refused.err);
    }
    home.paas(&["db", "adopt", "ship"]).exits(1);
    let adopted = home.paas(&["db", "adopt", "default/shop"]).exits(0);
    assert!(
        adopted.err.contains("databases web; users web"),
        "{}",
        adopted.err
    );
    let sql = ["db", "sql", "shop", "-c", "select a from t", "-o", "name"];
    assert_eq!(home.paas(&sql).exits(0).out, "7\n");

    home.paas(&["db", "delete", "shop", "--yes"]).exits(0);
    let unsaid = home.paas(&["db", "purge", "shop"]).exits(4);
    assert!(unsaid.err.contains("add --confirm shop"), "{}", unsaid.err);
    home.paas(&["db", "purge", "shop", "--confirm", "ship"]).exits(4);
    let gone = home.paas(&["db", "purge", "shop", "--confirm", "shop"]).exits(0);
    assert!(gone.out.contains("nothing is left"), "{}", gone.out);
    // What is the home's own stays: its id, and the authority that signs for every instance.
    let left = home.files().into_iter().map(|(p, _)| p);
    let left: Vec<_> = left
        .filter(|p| !p.starts_with(home.path().join("authority")))
        .collect();
    assert_eq!(left, [home.path().join("id")]);
}

#[test]
fn protection_refuses_every_way_to_lose_data_also_of_what_was_set_aside() {
    let home = Home::new();
    let file = |name: &str, protected: bool| {
        home.write(
            "paas.yaml",
            &format!(
                "apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata: {{name: {name}}}\nspec: {{deletionProtection: {protected}}}\n"
            ),
        );
    };
    file("safe", true);
    home.paas(&["up"]).exits(0);
    assert!(
        home.paas(&["db", "show", "safe"])
            .exits(0)
            .out
            .contains("protected   ")
    );
    for args in [
        &["db", "delete", "safe", "--yes"][..],
        &["db", "delete", "safe", "--delete-data", "--confirm", "safe"],
        &["down", "--delete-data", "--confirm", "safe"],
    ] {
        let refused = home.paas(args).exits(4);
        assert!(refused.err.contains("PAAS-CORE-0016"), "{}", refused.err);
        assert_eq!(home.servers().len(), 1, "nothing was stopped");
    }
    // It leaves the file: its data is kept, and so is its protection.
    file("other", false);
    home.paas(&["up", "--prune", "--yes", "--wait=false"]);
    home.paas(&["up", "--prune", "--yes"]).exits(0);
    for args in [
        &["db", "purge", "safe", "--confirm", "safe"][..],
        &["db", "delete", "safe", "--delete-data", "--confirm", "safe"],
    ] {
        let refused = home.paas(args).exits(4);
        assert!(refused.err.contains("PAAS-CORE-0016"), "{}", refused.err);
    }
    assert_eq!(
        home.paas(&["db", "list", "--retained", "-o", "name"])
            .exits(0)
            .out,
        "safe\n"
    );
}

#[test]
fn one_damaged_object_or_lost_folder_hides_no_other() {
    let home = Home::new();
    home.paas(&["up"]).exits(0);
    let bad = home.path().join("objects/DatabaseInstance/default/bad.yaml");
    fs::write(&bad, "kind: [").unwrap();
    for args in [
        &["up"][..],
        &["status"],
        &["db", "list"],
        &["db", "create", "more"],
        &["down", "more", "--delete-data", "--confirm", "more"],
    ] {
        let said = home.paas(args).exits(1);
        assert!(
            said.err.contains("PAAS-CLI-0007") && said.err.contains("bad.yaml"),
            "{}",
            said.err
        );
        assert!(
            said.out.contains("demo") || said.out.contains("more"),
            "{}",
            said.out
        );
    }
    let kept = home.paas(&["db", "create", "bad"]).exits(1);
    assert!(kept.err.contains("PAAS-CLI-0007"), "{}", kept.err);
    assert_eq!(fs::read_to_string(&bad).unwrap(), "kind: [");
    fs::remove_file(bad).unwrap();

    home.paas(&["db", "create", "more"]).exits(0);
    home.paas(&["down", "more", "--yes"]).exits(0);
    let instances = home.path().join("instances");
    let folder = |name: &str| {
        let entries = instances.read_dir().unwrap().map(|e| e.unwrap().path());
        entries
            .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with(name))
            .collect::<Vec<_>>()
    };
    fs::rename(&folder("more-")[0], instances.join("mislaid")).unwrap();
    let list = home.paas(&["db", "list", "-o", "json"]).exits(0).json();
    assert_eq!(
        (&list["databases"][0]["state"], &list["databases"][1]["state"]),
        (&"Ready".into(), &"Blocked".into())
    );
    let up = home.paas(&["up"]).exits(4);
    assert!(
        up.err.contains("PAAS-LOC-0033") && up.err.contains("paas db adopt more"),
        "{}",
        up.err
    );
    home.paas(&["db", "adopt", "more"]).exits(0);
    assert_eq!(folder("mislaid").len(), 0);
    assert_eq!(home.servers().len(), 2);
}

#[test]
fn a_port_that_somebody_holds_is_told_at_once_and_another_can_be_declared() {
    let home = Home::new();
    let file = |spec: &str| {
        home.write(
            "paas.yaml",
            &format!("apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata: {{name: demo}}\nspec: {spec}\n"),
        );
    };
    let port = || {
        let list = home.paas(&["db", "list", "-o", "json"]).exits(0).json();
        u16::try_from(list["databases"][0]["port"].as_u64().unwrap()).unwrap()
    };
    file("{users: [{name: app}, {name: extra}]}");
    home.paas(&["up"]).exits(0);
    let kept = port();
    home.paas(&["down", "--yes"]).exits(0);
    let foreign = std::net::TcpListener::bind(("127.0.0.1", kept)).unwrap();
    let blocked = home.paas(&["up"]).exits(4);
    let me = format!("process {} listens there", std::process::id());
    assert_eq!(blocked.err.matches("✗").count(), 1, "{}", blocked.err);
    for words in ["PAAS-LOC-0011", "spec.exposure.port", &me] {
        assert!(blocked.err.contains(words), "{words}: {}", blocked.err);
    }

    // A stopped instance takes the declared port; what only its server knows is shown when it runs, and goes in the same run.
    let free = || {
        let found = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        found.local_addr().unwrap().port()
    };
    let other = free();
    file(&format!("{{exposure: {{port: {other}}}}}"));
    let up = home.paas(&["up", "--yes"]).exits(0);
    assert!(up.err.contains("✓ delete role/extra"), "{}", up.err);
    assert_eq!(port(), other);
    drop(foreign);

    file(&format!("{{exposure: {{port: {kept}}}}}"));
    let plan = home.paas(&["plan"]).exits(0);
    assert!(
        plan.out
            .contains(&format!("port: {other} → {kept}  (brings restart)")),
        "{}",
        plan.out
    );
    home.paas(&["up"]).exits(0);
    assert_eq!(port(), kept);
    home.paas(&["db", "sql", "demo", "-c", "select 1"]).exits(0);

    // What is broken is told with its own code.
    let secrets = home.path().join("secrets").read_dir().unwrap().next().unwrap();
    fs::remove_file(secrets.unwrap().path().join("admin")).unwrap();
    let broken = home.paas(&["up"]).exits(4);
    assert!(
        broken
            .err
            .contains("the secret 'admin' of it is missing  [PAAS-CORE-0007]"),
        "{}",
        broken.err
    );
}
