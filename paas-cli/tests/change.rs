//! Changing databases through the built command: size, settings, versions.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use common::Home;

#[test]
fn a_database_is_changed_by_command_and_another_major_is_looked_at_before_anything_is_stopped() {
    let home = Home::new();
    home.paas(&["db", "create", "shop", "--plan", "dev"]).exits(0);
    let pid = home.servers();
    let show = home.paas(&["db", "show", "shop"]).exits(0);
    assert!(show.out.contains("plan        dev"), "{}", show.out);

    let set = home
        .paas(&["db", "set", "shop", "--param", "Work_Mem=7MB"])
        .exits(0);
    assert!(set.err.contains("parameters.work_mem"), "{}", set.err);
    assert!(
        set.err.contains("reload") && !set.err.contains("restart"),
        "{}",
        set.err
    );
    assert_eq!(home.servers(), pid);
    let set = home
        .paas(&["db", "set", "shop", "--plan", "small", "--unset", "work_mem"])
        .exits(0);
    assert!(set.err.contains("restart"), "{}", set.err);
    let sql = "select current_setting('max_connections'), current_setting('work_mem')";
    let is = home
        .paas(&["db", "sql", "shop", "-o", "name", "-c", sql])
        .exits(0);
    assert_eq!(is.out, "100\t5242kB\n");
    let again = home.paas(&["db", "set", "shop", "--plan", "small"]).exits(0);
    assert!(again.out.contains("Nothing to do"), "{}", again.out);
    let differs = home.paas(&["db", "create", "shop", "--plan", "dev"]).exits(1);
    assert!(differs.err.contains("PAAS-CLI-0011"), "{}", differs.err);

    let unset = home.paas(&["db", "set", "shop", "--unset", "jit"]).exits(1);
    assert!(unset.err.contains("PAAS-CLI-0024"), "{}", unset.err);
    // What the server refuses is not accepted, and stands in nobody's way afterwards.
    let lots = home
        .paas(&["db", "set", "shop", "--param", "shared_buffers=lots"])
        .exits(1);
    assert!(lots.err.contains("PAAS-PG-0004"), "{}", lots.err);
    home.paas(&["plan", "--detailed-exitcode"]).exits(0);
    let ours = home.paas(&["db", "set", "shop", "--param", "fsync=off"]);
    assert_ne!(ours.code, 0);
    home.paas(&["db", "set", "shop"]).exits(2);
    home.paas(&["db", "set", "shop", "--plan", "huge"]).exits(2);
    let major = home.paas(&["db", "set", "shop", "--version", "98"]).exits(4);
    assert!(major.err.contains("PAAS-LOC-0015"), "{}", major.err);
    assert!(
        major.err.contains("paas db upgrade shop --to 98"),
        "{}",
        major.err
    );
    home.paas(&["plan", "--detailed-exitcode"]).exits(0);

    let older = home
        .paas(&["db", "upgrade", "shop", "--to", "11", "--check", "-o", "json"])
        .exits(1);
    assert_eq!(older.json()["findings"][0]["finding"], "notNewer");
    let unsaid = home.paas(&["db", "upgrade", "shop", "--to", "98"]).exits(4);
    assert!(unsaid.err.contains("PAAS-CLI-0004"), "{}", unsaid.err);
    let back = home.paas(&["db", "upgrade", "shop", "--back"]).exits(4);
    assert!(back.err.contains("since the upgrade is lost"), "{}", back.err);
    let back = home
        .paas(&["db", "upgrade", "shop", "--back", "--confirm", "shop"])
        .exits(1);
    assert!(back.err.contains("PAAS-LOC-0032"), "{}", back.err);
    let forget = home
        .paas(&["db", "upgrade", "shop", "--forget-old", "--confirm", "shop"])
        .exits(1);
    assert!(forget.err.contains("PAAS-LOC-0032"), "{}", forget.err);
    home.paas(&["db", "sql", "shop", "-c", "select 1"]).exits(0);
}
