//! PostgreSQL builds: finding those on this machine, and choosing one.

use std::{
    collections::BTreeMap,
    fmt,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use tokio::process::Command;

use super::codes::{LOC_BROKEN_BUILD, LOC_NO_BUILD};
use crate::error::{Class, Error, Result};

/// The major that is fetched when none is named and none is here.
pub const DEFAULT_MAJOR: u32 = 18;

/// The programs that make a build usable; `pg_ctl` is not needed.
const PROGRAMS: [&str; 2] = ["postgres", "initdb"];

/// A PostgreSQL version: `18.6`; also beta versions, whose minor is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// `18`.
    pub major: u32,
    /// `6`.
    pub minor: u32,
}

impl Version {
    /// Reads `postgres (PostgreSQL) 15.19 (Debian 15.19-1)`, `18.6`, `18.6.0`, `19beta1`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text
            .split_once("(PostgreSQL)")
            .map_or(text, |(_, rest)| rest)
            .trim_start();
        let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
        let (major, rest) = text.split_at(digits(text));
        let rest = rest.strip_prefix('.').unwrap_or("");
        let minor = &rest[..digits(rest)];
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().unwrap_or(0),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One PostgreSQL build: a folder of programs that run on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder with `postgres` and `initdb`, links resolved.
    pub bin: PathBuf,
    /// What `postgres --version` says.
    pub version: Version,
}

impl Build {
    /// Asks the build in `bin` for its version, so one that cannot run here is not taken.
    ///
    /// # Errors
    /// `PAAS-LOC-0014` with the loader's words if it does not run.
    pub async fn probe(bin: &Path) -> Result<Self> {
        let broken = |words: String| {
            Error::new(&LOC_BROKEN_BUILD, Class::Unsupported)
                .attempted(format!("run {} --version", bin.join("postgres").display()))
                .happened(words)
        };
        let stamp = stamp(&bin.join("postgres"));
        let memory = || PROBED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, build)) = memory().get(bin).filter(|(then, _)| stamp.as_ref() == Some(then)) {
            return Ok(build.clone());
        }
        let out = Command::new(bin.join("postgres"))
            .arg("--version")
            .env_clear()
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|e| broken(e.to_string()))?;
        if !out.status.success() {
            return Err(broken(String::from_utf8_lossy(&out.stderr).trim().to_owned()));
        }
        let said = String::from_utf8_lossy(&out.stdout);
        let version = Version::parse(&said).ok_or_else(|| broken(format!("it says {:?}", said.trim())))?;
        let real = bin.canonicalize().map_err(|e| broken(e.to_string()))?;
        let build = Self { bin: real, version };
        if let Some(stamp) = stamp {
            memory().insert(bin.to_path_buf(), (stamp, build.clone()));
        }
        Ok(build)
    }

    /// A program of this build.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Builds that ran in this process, by the folder they were looked for in: a program that is unchanged says the same again, and asking
/// each costs a process, several times in every command.
static PROBED: Mutex<BTreeMap<PathBuf, (Stamp, Build)>> = Mutex::new(BTreeMap::new());

/// What is another number when a program is replaced: the real file's device, number, length and time of change in nanoseconds.
type Stamp = (u64, u64, u64, i64, i64);

fn stamp(program: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(program).ok()?;
    Some((
        meta.dev(),
        meta.ino(),
        meta.size(),
        meta.ctime(),
        meta.ctime_nsec(),
    ))
}

/// Where builds may be; everything is passed in, nothing is read from the environment.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// A folder of programs, or a `pg_config` program, named by the user; looked at first.
    pub named: Option<PathBuf>,
    /// The folders of `PATH`.
    pub path: Vec<PathBuf>,
    /// Our own cache of fetched builds (`<cache>/<version>/bin`).
    pub cache: Option<PathBuf>,
    /// Whether the usual places of packages are looked at.
    pub system: bool,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Usable builds, newest first, each real folder once.
    pub builds: Vec<Build>,
    /// Builds that do not run, with the reason: for `doctor` and for errors.
    pub broken: Vec<Error>,
}

/// Looks for builds in all places. A build that does not run is reported, not fatal.
pub async fn find(places: &Places) -> Found {
    let mut folders = Vec::new();
    if let Some(named) = &places.named {
        folders.push(if named.is_dir() {
            named.clone()
        } else {
            parent(named)
        });
    }
    folders.extend(places.path.iter().cloned());
    folders.extend(places.cache.iter().flat_map(|c| below(c, "", "bin")));
    if places.system {
        folders.extend(system());
    }
    let mut seen = std::collections::BTreeSet::new();
    folders.retain(|f| has_programs(f) && f.canonicalize().is_ok_and(|real| seen.insert(real)));
    let probes = futures::future::join_all(folders.iter().map(|f| Build::probe(f))).await;
    let mut found = Found::default();
    for probe in probes {
        match probe {
            Ok(build) => found.builds.push(build),
            Err(e) => found.broken.push(e),
        }
    }
    // Stable: of equal versions, the place looked at first wins.
    found.builds.sort_by_key(|b| std::cmp::Reverse(b.version));
    found
}

/// Which build is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This one, which is here.
    Here(Build),
    /// The newest minor of this major has to be fetched.
    Fetch(u32),
}

/// Chooses: the wanted major if it is here, else to fetch it; none wanted: the newest here, else [`DEFAULT_MAJOR`].
///
/// # Errors
/// `PAAS-LOC-0001`, naming the majors that are here, if the choice would be to fetch and that is not possible.
pub fn choose(found: &Found, major: Option<u32>, can_fetch: bool) -> Result<Choice> {
    let here = match major {
        Some(major) => found.builds.iter().find(|b| b.version.major == major),
        None => found.builds.first(),
    };
    match here {
        Some(build) => Ok(Choice::Here(build.clone())),
        None if can_fetch => Ok(Choice::Fetch(major.unwrap_or(DEFAULT_MAJOR))),
        None => Err(absent(found, major)),
    }
}

/// The error that names what is here instead.
pub(crate) fn absent(found: &Found, major: Option<u32>) -> Error {
    let mut majors: Vec<String> = found.builds.iter().map(|b| b.version.major.to_string()).collect();
    majors.dedup();
    let here = if majors.is_empty() {
        "none is here".to_owned()
    } else {
        format!("here: {}", majors.join(", "))
    };
    let broken: String = found.broken.iter().map(|e| format!("; {e}")).collect();
    Error::new(&LOC_NO_BUILD, Class::NotFound)
        .attempted(match major {
            Some(major) => format!("find PostgreSQL {major} on this machine"),
            None => "find PostgreSQL on this machine".to_owned(),
        })
        .happened(format!("{here}{broken}"))
}

/// Where packages put their builds: Debian and PGDG, RHEL and PGDG, SUSE, Homebrew on both kinds of Mac, Postgres.app, Alpine.
fn system() -> Vec<PathBuf> {
    let mut folders = below(Path::new("/usr/lib/postgresql"), "", "bin");
    folders.extend(below(Path::new("/usr"), "pgsql-", "bin"));
    folders.extend(below(Path::new("/usr/lib"), "postgresql", "bin"));
    folders.extend(below(Path::new("/usr/libexec"), "postgresql", ""));
    for brew in [
        "/opt/homebrew/opt",
        "/usr/local/opt",
        "/home/linuxbrew/.linuxbrew/opt",
    ] {
        folders.extend(below(Path::new(brew), "postgresql", "bin"));
    }
    folders.extend(below(
        Path::new("/Applications/Postgres.app/Contents/Versions"),
        "",
        "bin",
    ));
    folders.extend(["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"].map(PathBuf::from));
    folders
}

/// `<root>/<prefix…>/<end>` for every folder below `root` whose name begins with `prefix`.
fn below(root: &Path, prefix: &str, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let named = |p: &Path| {
        p.file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| n.starts_with(prefix))
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| named(p))
        .map(|p| p.join(end))
        .collect();
    paths.sort();
    paths
}

fn has_programs(folder: &Path) -> bool {
    PROGRAMS.iter().all(|p| folder.join(p).is_file())
}

fn parent(file: &Path) -> PathBuf {
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(root: &Path, name: &str, says: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let bin = root.join(name).join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for program in PROGRAMS {
            std::fs::write(bin.join(program), format!("#!/bin/sh\n{says}\n")).unwrap();
            std::fs::set_permissions(bin.join(program), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    #[test]
    fn versions_are_read_from_the_words_of_every_packager() {
        for (text, major, minor) in [
            ("postgres (PostgreSQL) 15.19 (Debian 15.19-0+deb12u1)\n", 15, 19),
            ("postgres (PostgreSQL) 18.6\n", 18, 6),
            ("postgres (PostgreSQL) 19beta1\n", 19, 0),
            ("16.15.0", 16, 15),
        ] {
            assert_eq!(Version::parse(text), Some(Version { major, minor }), "{text}");
        }
        assert_eq!(Version::parse("psql is not here"), None);
    }

    #[tokio::test]
    async fn builds_are_found_once_each_newest_first_and_broken_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let old = fake(dir.path(), "15", "echo 'postgres (PostgreSQL) 15.3'");
        let new = fake(dir.path(), "18", "echo 'postgres (PostgreSQL) 18.1'");
        let bad = fake(
            dir.path(),
            "17",
            "echo 'libssl.so.1.1: cannot open' >&2; exit 127",
        );
        std::os::unix::fs::symlink(&old, dir.path().join("link")).unwrap();
        let places = Places {
            named: Some(old.join("pg_config")),
            path: vec![dir.path().join("link"), new.clone(), bad],
            ..Places::default()
        };
        let found = find(&places).await;
        let versions: Vec<_> = found.builds.iter().map(|b| b.version.to_string()).collect();
        assert_eq!(versions, ["18.1", "15.3"]);
        assert_eq!(found.broken[0].code().id, LOC_BROKEN_BUILD.id);
        assert!(found.broken[0].to_string().contains("libssl.so.1.1"));
        let newest = choose(&found, None, true).unwrap();
        assert_eq!(newest, Choice::Here(found.builds[0].clone()));
        let older = choose(&found, Some(15), false).unwrap();
        assert_eq!(older, Choice::Here(found.builds[1].clone()));
        assert_eq!(choose(&found, Some(16), true).unwrap(), Choice::Fetch(16));
    }

    #[test]
    fn offline_and_absent_names_the_majors_that_are_here() {
        let build = |major| Build {
            bin: PathBuf::new(),
            version: Version { major, minor: 1 },
        };
        let found = Found {
            builds: vec![build(17), build(15), build(15)],
            broken: Vec::new(),
        };
        let e = choose(&found, Some(18), false).unwrap_err();
        assert_eq!(e.code().id, LOC_NO_BUILD.id);
        assert!(e.to_string().contains("here: 17, 15"), "{e}");
        assert!(
            choose(&Found::default(), None, false)
                .unwrap_err()
                .to_string()
                .contains("none is here")
        );
        assert_eq!(
            choose(&Found::default(), None, true).unwrap(),
            Choice::Fetch(DEFAULT_MAJOR)
        );
    }
}
