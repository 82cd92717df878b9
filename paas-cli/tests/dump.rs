//! Dumps through the built command and real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use common::Home;

#[test]
fn a_dump_is_a_whole_file_for_us_alone_and_loads_as_the_owner_all_or_nothing() {
    let home = Home::new();
    home.paas(&["db", "create", "shop", "--database", "app", "--database", "stats"])
        .exits(0);
    let sql = "create table t (a int primary key, b text); insert into t values (1, 'x'), (2, null); create view v as select a from t";
    home.paas(&["db", "sql", "shop", "-c", sql]).exits(0);
    let hidden = || {
        let names = fs::read_dir(home.folder())
            .unwrap()
            .map(|e| e.unwrap().file_name());
        names.filter(|n| n.to_string_lossy().starts_with('.')).count()
    };

    let dumped = home
        .paas(&["db", "dump", "shop", "--native", "--file", "shop.sql"])
        .exits(0);
    assert!(
        dumped.out.starts_with("shop.sql: 1 tables, 2 rows, "),
        "{}",
        dumped.out
    );
    assert!(dumped.err.contains("with the server alone"), "{}", dumped.err);
    let file = home.folder().join("shop.sql");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.ends_with("-- paas: the dump is complete\n"), "{text}");
    let printed = home.paas(&["db", "dump", "shop", "--native"]).exits(0);
    assert_eq!(printed.out, text);
    let either = home.paas(&["db", "dump", "shop"]).exits(0);
    assert!(either.out.contains("CREATE VIEW public.v AS"), "{}", either.out);

    // Refused: a table that is there, a dump cut short, what psql alone knows.
    let there = home.paas(&["db", "load", "shop", "shop.sql"]).exits(1);
    assert!(there.err.contains("PAAS-PG-0013"), "{}", there.err);
    assert!(there.err.contains("table t"), "{}", there.err);
    let twice = home.paas(&["db", "load", "shop", "shop.sql", "--into-existing"]);
    assert_ne!(twice.code, 0);
    for words in [
        "PAAS-PG-0011",
        "load line ",
        "`CREATE TABLE public.t (",
        "already exists",
    ] {
        assert!(twice.err.contains(words), "{words}: {}", twice.err);
    }
    home.write(
        "short.sql",
        text.strip_suffix("-- paas: the dump is complete\n").unwrap(),
    );
    let short = home.paas(&["db", "load", "shop", "--database", "stats", "short.sql"]);
    assert!(short.err.contains("PAAS-PG-0012"), "{}", short.err);

    let loaded = home
        .paas(&["db", "load", "shop", "--database", "stats", "shop.sql"])
        .exits(0);
    assert!(loaded.out.starts_with("Loaded into stats: "), "{}", loaded.out);
    let sql = "select a || coalesce(b, '-') || tableowner from v join t using (a), pg_tables where tablename = 't' order by a";
    let seen = home.paas(&[
        "db",
        "sql",
        "shop",
        "--database",
        "stats",
        "-c",
        sql,
        "-o",
        "name",
    ]);
    assert_eq!(seen.exits(0).out, "1xapp\n2-app\n");

    let nowhere = home.paas(&["db", "dump", "shop", "--native", "--file", "none/shop.sql"]);
    assert!(nowhere.err.contains("PAAS-CLI-0022"), "{}", nowhere.err);
    let missing = home.paas(&["db", "load", "shop", "none.sql"]);
    assert!(missing.err.contains("PAAS-CLI-0022"), "{}", missing.err);

    // A file that is there stays when the new one is not made.
    home.paas(&[
        "db",
        "sql",
        "shop",
        "-c",
        "alter database stats allow_connections false",
    ])
    .exits(0);
    for (how, code) in [("--pg-dump", "PAAS-CLI-0023"), ("--native", "PAAS-PG-0003")] {
        let refused = home.paas(&[
            "db",
            "dump",
            "shop",
            "--database",
            "stats",
            how,
            "--file",
            "shop.sql",
        ]);
        assert!(refused.err.contains(code), "{how}: {}", refused.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(hidden(), 0, "something half-made was left");
}
