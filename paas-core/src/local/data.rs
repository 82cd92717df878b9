//! Data directories: made by `initdb` beside their place and moved there when they are whole and on disk.

use std::{
    fs::File,
    io::Write,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use secrecy::{ExposeSecret, SecretString};

use super::{account::Account, build::Build, codes::LOC_INITDB, config, files, program};
use crate::error::{Class, Error, Result};

/// The data directory's name in the instance's folder.
pub const FOLDER: &str = "data";

/// The role that `initdb` makes: it belongs to the platform, and no user gets it.
pub const ADMIN: &str = "paas_admin";

/// Counts the attempts of this process.
static ATTEMPT: AtomicU32 = AtomicU32::new(0);

/// Who may connect: everybody with a password, over the socket and the loopback, never by trust.
const ACCESS: &str = "# Written by paas. TYPE DATABASE USER ADDRESS METHOD\n\
    local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// Makes the data directory of an instance with initdb. What an interrupted attempt left is made anew; one that is there is never touched.
///
/// # Errors
/// `PAAS-LOC-0007` with initdb's words, `PAAS-LOC-0013`.
pub async fn make(build: &Build, account: &Account, instance: &Path, password: &SecretString) -> Result<()> {
    let place = instance.join(FOLDER);
    let half = files::half_made(&place);
    files::remove(&half)?;
    files::make_new_dir(&half, 0o700, account)?;
    let data = half.join(attempt());
    init(build, account, &half, &data, password).await?;
    sync(&data).await?;
    files::rename(&data, &place)?;
    files::remove(&half)
}

/// A name that nobody has used: an initdb whose parent was killed goes on for a while, and meets nothing of ours.
pub(super) fn attempt() -> String {
    format!(
        "{}-{}",
        std::process::id(),
        ATTEMPT.fetch_add(1, Ordering::Relaxed)
    )
}

/// What the content of a new data directory depends on, besides the build.
pub(super) fn recipe(build: &Build) -> String {
    format!(
        "{OPTIONS:?} {:?} {} {ACCESS}",
        locale_options(build, UTF8),
        include()
    )
}

/// Makes a new data directory in `folder`, a closed one of the account's; nothing of it is on disk yet.
pub(super) async fn init(
    build: &Build,
    account: &Account,
    folder: &Path,
    data: &Path,
    password: &SecretString,
) -> Result<()> {
    let secret = folder.join("password");
    files::write_new(&secret, password.expose_secret().as_bytes(), 0o600, account)?;
    match run_initdb(build, account, folder, data, &secret, UTF8).await {
        // Not every system has it, and before version 17 PostgreSQL has none of its own.
        Err(e) if e.words().contains("locale") => {
            files::remove(data)?;
            run_initdb(build, account, folder, data, &secret, "C").await?;
        }
        other => other?,
    }
    files::remove(&secret)?;
    append(&data.join("postgresql.conf"), &include()).map_err(|e| files::io_error("write", data, e))?;
    files::replace(&data.join("pg_hba.conf"), ACCESS.as_bytes(), 0o600, account)
}

fn include() -> String {
    format!("\ninclude '../{}'\n", config::FILE)
}

/// The major of a data directory, or nothing if there is none.
///
/// # Errors
/// `PAAS-LOC-0007` if something is there that is no data directory; `PAAS-LOC-0013`.
pub fn major(instance: &Path) -> Result<Option<u32>> {
    let place = instance.join(FOLDER);
    if place
        .symlink_metadata()
        .is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
    {
        return Ok(None);
    }
    let text = files::read(&place.join("PG_VERSION"))?;
    match text.as_deref().map(|t| t.trim().parse()) {
        Some(Ok(major)) => Ok(Some(major)),
        other => Err(Error::new(&LOC_INITDB, Class::Blocked)
            .attempted(format!("read {}", place.display()))
            .happened(match other {
                None => "it has no file PG_VERSION".to_owned(),
                Some(_) => format!("its PG_VERSION says {:?}", text.unwrap_or_default()),
            })
            .remedy("restore the directory, or move it away; nothing in it is touched")),
    }
}

/// The locale that is asked for first.
const UTF8: &str = "C.UTF-8";

/// How initdb is asked, besides for names, secrets and a locale.
const OPTIONS: [&str; 8] = [
    "--username",
    ADMIN,
    "--auth",
    "scram-sha-256",
    "--encoding",
    "UTF8",
    "--data-checksums",
    "--no-sync",
];

fn locale_options<'a>(build: &Build, locale: &'a str) -> Vec<&'a str> {
    if build.version.major >= 17 && locale != "C" {
        vec![
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            locale,
            "--locale",
            "C",
        ]
    } else {
        vec!["--locale", locale]
    }
}

async fn run_initdb(
    build: &Build,
    account: &Account,
    folder: &Path,
    data: &Path,
    secret: &Path,
    locale: &str,
) -> Result<()> {
    let mut command = Command::new(build.program("initdb"));
    command
        .arg("--pgdata")
        .arg(data)
        .arg("--pwfile")
        .arg(secret)
        .args(OPTIONS)
        .args(locale_options(build, locale));
    program::quiet(&mut command, account, folder);
    let failed = |words: String| {
        let full = words.contains("No space left on device") || words.contains("quota exceeded");
        let class = if full { Class::Quota } else { Class::Transient };
        Error::new(&LOC_INITDB, class)
            .attempted(format!(
                "make a data directory with {}",
                build.program("initdb").display()
            ))
            .happened(words)
    };
    let out = program::run(command).await.map_err(|e| failed(e.to_string()))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    let words: Vec<&str> = said
        .lines()
        .filter(|l| l.contains("error:") || l.contains("FATAL"))
        .collect();
    Err(failed(if words.is_empty() {
        said.trim().to_owned()
    } else {
        words.join("; ")
    }))
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(text.as_bytes())
}

/// Brings everything to disk with one call for the file system, instead of initdb's one call a file.
pub(super) async fn sync(data: &Path) -> Result<()> {
    let path = data.to_path_buf();
    let synced = tokio::task::spawn_blocking(move || {
        let folder = File::open(&path)?;
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(&folder)?;
        // Elsewhere there is no such call; sync(2) brings all file systems to disk.
        #[cfg(not(target_os = "linux"))]
        rustix::fs::sync();
        folder.sync_all()
    });
    let result = synced.await.map_err(std::io::Error::other).and_then(|r| r);
    result.map_err(|e| files::io_error("sync", data, e))
}
