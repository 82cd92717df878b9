//! Which two builds an upgrade runs with, and by which way the data goes from one to the other.

use std::{fmt, path::PathBuf, process::Command};

use serde::Serialize;

use crate::{
    error::Result,
    local::{
        account::Account,
        build::{Build, Found},
        instance::LocalInstance,
        program,
    },
    spec::EngineVersion,
};

/// What pg_upgrade runs of the old build, and of the new one; see `check_bin_dir` of PostgreSQL's `src/bin/pg_upgrade/exec.c`.
const OLD: [&str; 4] = ["postgres", "pg_ctl", "pg_controldata", "pg_resetwal"];
const NEW: [&str; 11] = [
    "postgres",
    "initdb",
    "pg_ctl",
    "pg_controldata",
    "pg_resetwal",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_upgrade",
    "psql",
    "vacuumdb",
];

/// How the data goes to the new major.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// PostgreSQL's own `pg_upgrade`: the files are copied, only the catalogs are made anew.
    PgUpgrade,
    /// Everything is read out of the old server and into the new one.
    DumpAndLoad,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PgUpgrade => "pg_upgrade",
            Self::DumpAndLoad => "dump and load",
        })
    }
}

/// The builds that an upgrade runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// Of the data's major.
    pub(super) old: Build,
    /// Of the wanted one.
    pub(super) new: Build,
    /// What the two can do together.
    pub(super) way: Way,
}

/// The best pair that is here: one with all that pg_upgrade needs, else the newest builds. `None` if one has to be fetched.
pub(super) fn here(found: &Found, from: u32, to: &EngineVersion) -> Option<Pair> {
    let wanted =
        |b: &&Build| b.version.major == to.major() && to.minor().is_none_or(|minor| b.version.minor == minor);
    let has = |b: &Build, programs: &[&str]| programs.iter().all(|p| b.program(p).is_file());
    let mut olds = found.builds.iter().filter(|b| b.version.major == from);
    let mut news = found.builds.iter().filter(wanted);
    let (first_old, first_new) = (olds.clone().next()?, news.clone().next()?);
    match (olds.find(|b| has(b, &OLD)), news.find(|b| has(b, &NEW))) {
        (Some(old), Some(new)) => Some(Pair {
            old: old.clone(),
            new: new.clone(),
            way: Way::PgUpgrade,
        }),
        _ => Some(Pair {
            old: first_old.clone(),
            new: first_new.clone(),
            way: Way::DumpAndLoad,
        }),
    }
}

/// The best pair; what is missing is fetched where that may be done.
pub(super) async fn pair(
    instance: &LocalInstance,
    from: u32,
    to: &EngineVersion,
    tell: &(dyn Fn(String) + Send + Sync),
) -> Result<Pair> {
    let machine = instance.machine();
    if let Some(pair) = here(&machine.found().await, from, to) {
        return Ok(pair);
    }
    Ok(Pair {
        old: machine.build(None, Some(from), tell).await?,
        new: machine.build(Some(to), Some(to.major()), tell).await?,
        way: Way::DumpAndLoad,
    })
}

/// The folder of a build's extensions, as its initdb knows it; there may be no `pg_config` to ask.
pub(super) async fn extensions(
    build: &Build,
    account: &Account,
    folder: &std::path::Path,
) -> Option<PathBuf> {
    let mut command = Command::new(build.program("initdb"));
    command.args(["--show", "-D", "/nonexistent"]);
    program::quiet(&mut command, account, folder);
    let out = program::run(command).await.ok()?;
    let said = [out.stdout, out.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let share = said.lines().find_map(|l| l.trim().strip_prefix("share_path="))?;
    Some(PathBuf::from(share.trim()).join("extension"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::local::build::Version;

    fn build(root: &Path, major: u32, minor: u32, programs: &[&str]) -> Build {
        let bin = root.join(format!("{major}.{minor}"));
        std::fs::create_dir(&bin).unwrap();
        for program in programs {
            std::fs::write(bin.join(program), "").unwrap();
        }
        let version = Version { major, minor };
        Build { bin, version }
    }

    #[test]
    fn pg_upgrade_is_taken_where_both_builds_have_its_programs_and_no_exact_version_forbids_it() {
        let dir = tempfile::tempdir().unwrap();
        let bare = ["postgres", "initdb", "pg_ctl"];
        let found = Found {
            builds: vec![
                build(dir.path(), 18, 6, &bare),
                build(dir.path(), 18, 4, &NEW),
                build(dir.path(), 15, 19, &bare),
                build(dir.path(), 15, 3, &NEW),
                build(dir.path(), 14, 2, &bare),
            ],
            broken: Vec::new(),
        };
        let chosen = |from, to: &str| {
            here(&found, from, &to.parse().unwrap())
                .map(|p| (p.old.version.to_string(), p.new.version.to_string(), p.way))
        };
        let is = |old: &str, new: &str, way| Some((old.to_owned(), new.to_owned(), way));
        assert_eq!(chosen(15, "18"), is("15.3", "18.4", Way::PgUpgrade));
        assert_eq!(chosen(15, "18.6"), is("15.19", "18.6", Way::DumpAndLoad));
        assert_eq!(chosen(14, "18"), is("14.2", "18.6", Way::DumpAndLoad));
        assert_eq!(chosen(15, "17"), None);
    }
}
