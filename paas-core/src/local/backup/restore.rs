//! Making an instance of a backup, or of another instance.

use std::{
    io::ErrorKind,
    path::{Component, Path, PathBuf},
};

use postgres_protocol::escape::{escape_identifier, escape_literal};
use secrecy::ExposeSecret;

use super::{
    aside::{self, Aside},
    cannot_restore,
    copy::Place,
    manifest::{Cause, Manifest, corrupt},
    origin::Origin,
    source::{self, off_thread},
    store::Backup,
    take::tell,
    verify::Verified,
};
use crate::{
    database::{
        actuator::MARK,
        resource::password_name,
        session::{Session, column},
    },
    error::{Error, Result},
    event::State,
    local::{
        actuator::ADMIN_SECRET,
        build::Build,
        codes::{LOC_CORRUPT, LOC_IO},
        data, files,
        instance::LocalInstance,
        mark::{MARK_FILE, Mark},
        postmaster::LOG,
        resource::LocalResource,
    },
    secrets::SecretRef,
};

/// Makes the data of `to` of a backup, with passwords of its own; [`LocalInstance::up`] then brings it up.
///
/// The spec of `to` is the caller's; [`Backup::spec`] is the one that the backup was made of. A restore that was done and never brought up
/// is not done again.
///
/// # Errors
/// `PAAS-LOC-0017` if `to` exists, or the data does not recover; `PAAS-LOC-0018` naming the file that is not what was written;
/// `PAAS-LOC-0001` without a PostgreSQL of that major; `PAAS-LOC-0013`, `PAAS-CORE-0009`. Nothing is left then.
pub async fn restore(to: &LocalInstance, backup: &Backup) -> Result<()> {
    let manifest = backup.manifest()?.clone();
    let _lock = to.lock(&|_| ()).await?;
    if done_already(to, &backup.id)? {
        return Ok(());
    }
    let build = free(to, manifest.major).await?;
    tell(
        to,
        "restore",
        State::Started,
        "Restoring",
        format!("restoring {}", backup.id),
    );
    let work = async {
        let place = begin(to).await?;
        let (from, files) = (backup.folder.join(data::FOLDER), manifest.clone());
        off_thread(from, move |from| unpack(from, &files, &place)).await?;
        finish(to, &build, &manifest, &backup.id).await
    };
    let done = work.await;
    if let Err(e) = &done
        && e.code() == &LOC_CORRUPT
    {
        Verified::refused(to.machine(), &backup.folder, e.words())?;
    }
    told(to, done).await
}

/// Makes the data of `to` of another instance as it is now, running or not, with passwords of its own.
///
/// # Errors
/// As [`restore`], and those of [`super::take`].
pub async fn clone(from: &LocalInstance, to: &LocalInstance) -> Result<()> {
    let Some(major) = data::major(&from.folder())? else {
        return Err(super::cannot("it has no data yet".to_owned()));
    };
    let _lock = to.lock(&|_| ()).await?;
    let id = format!("clone of {}", from.owner());
    if done_already(to, &id)? {
        return Ok(());
    }
    let build = free(to, major).await?;
    tell(
        to,
        "restore",
        State::Started,
        "Cloning",
        format!("copying {}", from.owner().name()),
    );
    let work = async {
        let place = begin(to).await?;
        let began = to.machine().clock.now();
        let manifest = source::fill(from, place, &id, Cause::Asked, began).await?;
        finish(to, &build, &manifest, &id).await
    };
    told(to, work.await).await
}

/// Nothing half-made is left, whatever came of it.
async fn told(to: &LocalInstance, done: Result<()>) -> Result<()> {
    match &done {
        Ok(()) => tell(
            to,
            "restore",
            State::Done,
            "Restored",
            "the data is there, with passwords of its own".to_owned(),
        ),
        Err(e) => {
            let _ = aside::sweep(to.machine(), &half(to)).await;
            tell(to, "restore", State::Failed, "Failed", e.to_string());
        }
    }
    done
}

fn half(to: &LocalInstance) -> PathBuf {
    files::half_made(&to.folder())
}

/// True if this restore was done and its server never started: the program died between the two.
fn done_already(to: &LocalInstance, id: &str) -> Result<bool> {
    let folder = to.folder();
    let never_ran = folder.join(LOG).symlink_metadata().is_err();
    Ok(never_ran && Origin::read(&folder)?.is_some_and(|o| o.from == id))
}

/// Checks that there is room for a new instance of that name, and a PostgreSQL to run it.
async fn free(to: &LocalInstance, major: u32) -> Result<Build> {
    let folder = to.folder();
    if folder.symlink_metadata().is_ok() {
        let why = format!("it exists: {}", folder.display());
        return Err(cannot_restore(&to.owner().to_string(), why)
            .remedy("give another name, or delete that instance with its data first"));
    }
    to.machine().build(None, Some(major), &|_| ()).await
}

async fn begin(to: &LocalInstance) -> Result<Place> {
    let (machine, owner, half) = (to.machine(), to.owner(), half(to));
    let account = machine.home.account();
    aside::sweep(machine, &half).await?;
    files::make_new_dir(&half, 0o700, account)?;
    let name = format!("{}/{}", owner.namespace(), owner.name());
    let mark = Mark::new(
        owner.uid().to_string(),
        LocalResource::FOLDER,
        name,
        machine.clock.now(),
    );
    let text =
        serde_json::to_vec_pretty(&mark).map_err(|e| cannot_restore(&owner.to_string(), e.to_string()))?;
    files::write_new(&half.join(MARK_FILE), &text, 0o600, account)?;
    let folder = half.join(data::FOLDER);
    files::make_new_dir(&folder, 0o700, account)?;
    Ok(Place {
        folder,
        account: account.clone(),
        cancel: to.cancel().clone(),
    })
}

/// Copies a backup's files, each checked against the manifest.
pub(super) fn unpack(from: &Path, manifest: &Manifest, to: &Place) -> Result<()> {
    let plain = |path: &str| {
        Path::new(path)
            .components()
            .all(|c| matches!(c, Component::Normal(_)))
    };
    let all = manifest
        .folders
        .iter()
        .chain(manifest.files.iter().map(|f| &f.path));
    if let Some(odd) = all.into_iter().find(|p| !plain(p)) {
        return Err(corrupt(
            &manifest.id,
            format!("{odd} is not below the data directory"),
        ));
    }
    for folder in &manifest.folders {
        to.make(folder)?;
    }
    for file in &manifest.files {
        let wrong = |why: &str| Err(corrupt(&manifest.id, format!("the file {} {why}", file.path)));
        match to.copy(&from.join(&file.path), &file.path) {
            Ok(Some(copied)) if copied == *file => {}
            Ok(Some(copied)) if copied.size != file.size => {
                return wrong(&format!("has {} bytes instead of {}", copied.size, file.size));
            }
            Ok(Some(_)) => return wrong("is not what was written: its SHA-256 is another"),
            Ok(None) => return wrong("is missing"),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn finish(to: &LocalInstance, build: &Build, manifest: &Manifest, from: &str) -> Result<()> {
    let (machine, half) = (to.machine(), half(to));
    let admin = machine
        .secrets
        .put_if_absent(to.owner(), ADMIN_SECRET, machine.generate.secret())
        .await?;
    let aside = Aside {
        machine,
        build,
        folder: &half,
        cancel: to.cancel(),
    };
    aside.recover(&manifest.parameters, &admin).await?;
    aside.start().await?;
    new_passwords(to, &aside.session("postgres", &admin).await?).await?;
    aside.finish().await?;
    let origin = Origin::new(from, &manifest.system_identifier, machine.clock.now());
    origin.write(&half, machine.home.account())?;
    data::sync(&half).await?;
    match files::rename(&half, &to.folder()) {
        Err(e) if e.code() == &LOC_IO && io_kind(&e) == Some(ErrorKind::DirectoryNotEmpty) => Err(
            cannot_restore(&to.owner().to_string(), "it was made meanwhile".to_owned()),
        ),
        moved => moved,
    }
}

fn io_kind(e: &Error) -> Option<ErrorKind> {
    std::error::Error::source(e)
        .and_then(|s| s.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind)
}

/// Gives each login role a password of the new owner's. The server only ever sees verifiers.
async fn new_passwords(to: &LocalInstance, session: &Session) -> Result<()> {
    let machine = to.machine();
    let rows = session
        .rows(
            "SELECT r.rolname::text AS name, d.description AS mark \
             FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass \
             WHERE r.rolcanlogin AND starts_with(d.description, $1)",
            &[&format!("{MARK}login ")],
            "list the login roles",
        )
        .await?;
    for row in rows {
        let (name, mark): (String, String) = (column(&row, "name")?, column(&row, "mark")?);
        let secret = password_name(&name);
        let password = machine
            .secrets
            .put_if_absent(to.owner(), &secret, machine.generate.secret())
            .await?;
        let mut words: Vec<&str> = mark.split(' ').collect();
        let reference = SecretRef::to(secret, &password);
        // paas:login USER FINGERPRINT
        if let Some(word) = words.get_mut(2) {
            *word = &reference.fingerprint;
        }
        let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        let role = escape_identifier(&name);
        let sql = format!(
            "ALTER ROLE {role} PASSWORD {}; COMMENT ON ROLE {role} IS {}",
            escape_literal(&verifier),
            escape_literal(&words.join(" "))
        );
        session.run(&sql, &format!("give {name} a new password")).await?;
    }
    Ok(())
}
