//! Full disks, read-only homes, homes that were moved: a clear answer each time, and no data lost.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says what it missed and stops"
)]

mod common;

use std::{fs, path::Path, process::Command};

use common::Home;

/// Runs a script in a mount namespace of its own, with `$paas` and the folder `$small`. Only root may mount; nobody else is told a lie
/// by a test that did nothing, so it says that it did not run.
fn with_mounts(home: &Home, script: &str) -> Option<(bool, String)> {
    let root = rustix::process::geteuid().is_root();
    let may = root
        && Command::new("unshare")
            .args(["-m", "true"])
            .status()
            .is_ok_and(|s| s.success());
    if !may {
        eprintln!("not run: a mount needs root and unshare");
        return None;
    }
    let small = home.folder().join("small");
    fs::create_dir(&small).unwrap();
    let out = Command::new("unshare")
        .args(["-m", "sh", "-uc", script])
        .env("paas", env!("CARGO_BIN_EXE_paas"))
        .env("small", &small)
        .env("cache", fs::read_link(home.path().join("cache")).unwrap())
        .env("NO_COLOR", "1")
        .env("PAAS_HOME", small.join("home"))
        .current_dir(home.folder())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    Some((out.status.success(), said))
}

#[test]
fn a_full_disk_is_named_at_every_phase_and_room_alone_heals_it() {
    let home = Home::new();
    let script = r#"
        say() { echo "--- $*"; "$@" 2>&1; echo "exit $?"; }
        mount -t tmpfs -o size=12m,mode=755 none "$small" || exit 9
        mkdir -m 711 "$small/home"; ln -s "$cache" "$small/home/cache"
        say "$paas" up
        ls "$small"/home/instances/*/data >/dev/null 2>&1 && echo "HALF-MADE DATA"
        mount -o remount,size=300m "$small" || exit 9
        say "$paas" up
        say "$paas" db sql demo -c "create table kept as select g from generate_series(1, 1000) g"
        head -c $(( ( $(df --output=avail -B1 "$small" | tail -1) ) - 3000000 )) /dev/zero >"$small/filler"
        say "$paas" db sql demo -c "create table big as select repeat(md5(g::text), 30) from generate_series(1, 100000) g"
        rm "$small/filler"
        say "$paas" up
        say "$paas" db sql demo -o name -c "select 'kept ' || count(*) from kept"
        say "$paas" down --yes --delete-data --confirm demo
    "#;
    let Some((ran, said)) = with_mounts(&home, script) else {
        return;
    };
    assert!(ran, "{said}");
    assert!(!said.contains("HALF-MADE DATA"), "{said}");
    let parts: Vec<&str> = said.split("--- ").skip(1).collect();
    let [first, second, table, full, again, kept, down] = parts[..] else {
        panic!("{said}")
    };
    assert!(
        first.contains("No space left on device") && first.contains("PAAS-LOC-"),
        "{first}"
    );
    assert!(!first.contains("exit 0"), "{first}");
    for fine in [second, table, again, down] {
        assert!(fine.contains("exit 0"), "{fine}");
    }
    assert!(
        full.contains("No space left on device") && full.contains("exit 1"),
        "{full}"
    );
    assert!(kept.contains("kept 1000"), "{kept}");
}

#[test]
fn a_home_that_became_read_only_is_named_and_what_runs_goes_on() {
    let home = Home::new();
    let script = r#"
        say() { echo "--- $*"; "$@" 2>&1; echo "exit $?"; }
        mount -t tmpfs -o size=300m,mode=755 none "$small" || exit 9
        mkdir -m 711 "$small/home"; ln -s "$cache" "$small/home/cache"
        "$paas" up >/dev/null 2>&1 || exit 9
        "$paas" down --yes >/dev/null 2>&1 || exit 9
        mount -o remount,ro "$small" || exit 9
        say "$paas" status
        say "$paas" up
        mount -o remount,rw "$small" || exit 9
        say "$paas" up
        say "$paas" down --yes --delete-data --confirm demo
    "#;
    let Some((ran, said)) = with_mounts(&home, script) else {
        return;
    };
    assert!(ran, "{said}");
    let parts: Vec<&str> = said.split("--- ").skip(1).collect();
    let [status, up, again, _down] = parts[..] else {
        panic!("{said}")
    };
    assert!(
        status.contains("Stopped") && status.contains("exit 0"),
        "{status}"
    );
    assert!(
        up.contains("Read-only file system") && up.contains("PAAS-LOC-0013") && !up.contains("exit 0"),
        "{up}"
    );
    assert!(again.contains("exit 0"), "{again}");
}

#[test]
fn a_home_that_was_moved_goes_on_where_it_is_now() {
    let home = Home::new();
    home.paas(&["up"]).exits(0);
    home.paas(&["db", "sql", "demo", "-c", "create table kept as select 7 as n"])
        .exits(0);
    home.paas(&["down", "--yes"]).exits(0);
    let (from, to) = (home.path(), home.folder().join("elsewhere"));
    fs::rename(&from, &to).unwrap();
    let paas = |args: &[&str]| {
        let out = home.command(args).env("PAAS_HOME", &to).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    paas(&["up"]);
    assert_eq!(
        paas(&["db", "sql", "demo", "-o", "name", "-c", "select n from kept"]),
        "7\n"
    );
    paas(&["down", "--delete-data", "--confirm", "demo", "--yes"]);
    assert!(is_empty(&to.join("instances")));
}

#[test]
fn data_that_were_swapped_are_told_and_lost_by_nobody() {
    let home = Home::new();
    for name in ["a", "b"] {
        home.paas(&["db", "create", name]).exits(0);
        let table = format!("create table kept as select '{name}' as whose");
        home.paas(&["db", "sql", name, "-c", &table]).exits(0);
    }
    let data = |name: &str| {
        let mut folders = fs::read_dir(home.path().join("instances"))
            .unwrap()
            .map(|e| e.unwrap().path());
        let begins = format!("{name}-");
        let folder = folders.find(|p| p.file_name().unwrap().to_string_lossy().starts_with(&begins));
        folder.unwrap().join("data")
    };
    let swap = || {
        home.paas(&["down", "--yes"]).exits(0);
        let aside = data("a").with_file_name("aside");
        fs::rename(data("a"), &aside).unwrap();
        fs::rename(data("b"), data("a")).unwrap();
        fs::rename(aside, data("b")).unwrap();
    };
    swap();
    let up = home.paas(&["up", "--yes"]).exits(4);
    assert!(up.err.contains("PAAS-PG-0002"), "{}", up.err);
    swap();
    home.paas(&["up", "--yes"]).exits(0);
    for name in ["a", "b"] {
        let whose = home.paas(&["db", "sql", name, "-o", "name", "-c", "select whose from kept"]);
        assert_eq!(whose.exits(0).out, format!("{name}\n"));
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}
