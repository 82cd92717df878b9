//! Bindings in directories, switched as a whole the way Kubernetes switches a mounted Secret.
//!
//! ```text
//! bindings/default/shop/            0700
//!   ..paas.json                     whose it is
//!   ..2/                            the entries of the second publication, 0600
//!   ..data -> ..2                   one rename switches them all
//!   uri -> ..data/uri               and so on: what programs read
//! ```
//!
//! Nothing is synced to the disk: after a power loss the server has to be started by a run that compares every entry and mends them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::{
    account::Account,
    codes::LOC_BINDING,
    files::{self, io_error},
};
use crate::{
    database::binding::{BindingStore, Entries, Published, Slot},
    error::{Class, Error, Result},
    owner::Owner,
};

/// The mark's name; readers of a binding pass over what begins with two dots, as they do in Kubernetes.
const MARK_FILE: &str = "..paas.json";

/// The link that is switched.
const CURRENT: &str = "..data";

/// A [`BindingStore`] in a folder: `<root>/<namespace>/<name>/<key>`.
#[derive(Debug, Clone)]
pub struct FileBindings {
    root: PathBuf,
    /// Users of one instance may change names with each other in one pass.
    turn: Arc<Mutex<()>>,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    owner: String,
    user: String,
}

impl FileBindings {
    /// Bindings below `root`, which is made when the first one is published.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            turn: Arc::default(),
        }
    }

    /// The directory of a binding, whether it is there or not.
    pub fn directory(&self, owner: &Owner, slot: Slot, user: &str) -> PathBuf {
        let name = slot.name(owner.name(), user);
        self.root.join(owner.namespace()).join(name)
    }

    fn checked(&self, owner: &Owner, slot: Slot, user: &str) -> Result<PathBuf> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        for part in [owner.namespace(), owner.name(), user] {
            if part.is_empty() || !part.chars().all(good) {
                let place = self.root.join(part);
                return Err(refused(&place, "it is not a name of letters, digits, '_', '-'"));
            }
        }
        Ok(self.directory(owner, slot, user))
    }

    /// The places that an instance's bindings have, finished or half-made.
    fn places(&self, owner: &Owner) -> Result<Vec<PathBuf>> {
        let mine = |path: &PathBuf| {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let name = name.strip_prefix(files::HALF_MADE).unwrap_or(name);
            let rest = name.strip_prefix(owner.name());
            rest.is_some_and(|r| r.is_empty() || r.starts_with('.')) && path.is_dir()
        };
        let mut all = files::list(&self.root.join(owner.namespace()))?;
        all.retain(mine);
        Ok(all)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(path: &Path, why: &str) -> Error {
    Error::new(&LOC_BINDING, Class::Blocked)
        .attempted(format!("use the binding directory {}", path.display()))
        .happened(why)
}

/// Whose a directory is; nothing if that cannot be told.
fn mark(place: &Path) -> Option<Mark> {
    let text = fs::read(place.join(MARK_FILE)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Whether a directory is this owner's or a damaged one of it, and nobody else's.
fn is_ours(place: &Path, owner: &Owner) -> bool {
    match mark(place) {
        Some(mark) => mark.owner == owner.uid().to_string(),
        None => is_half_made(place) || current(place).is_some() || is_empty(place),
    }
}

fn is_half_made(place: &Path) -> bool {
    let name = place.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with(files::HALF_MADE)
}

fn is_empty(place: &Path) -> bool {
    files::list(place).is_ok_and(|all| all.is_empty())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut f| f.write_all(bytes))
        .map_err(|e| io_error("write", path, e))
}

/// Makes `path` a link to `to`, whatever was there, in one move.
fn link(path: &Path, to: &Path) -> Result<()> {
    if fs::read_link(path).is_ok_and(|now| now == to) {
        return Ok(());
    }
    let half = files::half_made(path);
    files::remove(&half)?;
    if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
        files::remove(path)?;
    }
    symlink(to, &half)
        .and_then(|()| fs::rename(&half, path))
        .map_err(|e| io_error("link", path, e))
}

/// The folder of the entries that readers see now.
fn current(place: &Path) -> Option<PathBuf> {
    fs::read_link(place.join(CURRENT)).ok()
}

/// The folders of all publications, by their numbers.
fn publications(place: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let all = files::list(place)?;
    let numbered = all.into_iter().filter_map(|path| {
        let number = path.file_name()?.to_str()?.strip_prefix("..")?.parse().ok()?;
        Some((number, path))
    });
    Ok(numbered.collect())
}

/// Removes publications that are not the current one.
fn sweep(place: &Path) -> Result<()> {
    let now = current(place);
    for (_, path) in publications(place)? {
        if now.as_deref() != path.file_name().map(Path::new) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Writes a new publication into a binding's directory and switches to it. The former one stays for readers that had begun with it.
fn switch(place: &Path, entries: &Entries) -> Result<()> {
    sweep(place)?;
    let number = publications(place)?
        .last()
        .map_or(1, |(n, _)| n.saturating_add(1));
    let name = format!("..{number}");
    let folder = place.join(&name);
    files::make_new_dir(&folder, 0o700, &Account::Myself { uid: 0 })?;
    for (key, value) in entries {
        write(&folder.join(key), value.expose_secret().as_bytes())?;
    }
    link(&place.join(CURRENT), Path::new(&name))?;
    for key in entries.keys() {
        link(&place.join(key), &Path::new(CURRENT).join(key))?;
    }
    for path in files::list(place)? {
        let key = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if !key.starts_with("..") && !entries.contains_key(key) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

fn set_mark(place: &Path, mark: &Mark) -> Result<()> {
    let text = serde_json::to_vec(mark).map_err(|e| refused(place, &e.to_string()))?;
    let half = place.join("..paas.json.new");
    files::remove(&half)?;
    write(&half, &text)?;
    let there = place.join(MARK_FILE);
    fs::rename(&half, &there).map_err(|e| io_error("write", &there, e))
}

/// An entry as it is found; one that others can read counts as lost, so that it is published anew.
fn read(path: &Path) -> Option<String> {
    let closed = fs::metadata(path).is_ok_and(|m| m.is_file() && m.mode() & 0o077 == 0);
    closed.then(|| fs::read_to_string(path).ok()).flatten()
}

#[async_trait]
impl BindingStore for FileBindings {
    async fn list(&self, owner: &Owner) -> Result<Vec<Published>> {
        let mut all = Vec::new();
        for place in self.places(owner)? {
            let theirs = mark(&place).filter(|m| m.owner == owner.uid().to_string());
            let slot = theirs.as_ref().and_then(|m| {
                let mut slots = [Slot::Main, Slot::User].into_iter();
                slots.find(|s| self.directory(owner, *s, &m.user) == place)
            });
            let (Some(mark), Some(slot)) = (theirs, slot) else {
                continue;
            };
            let mut entries = Entries::new();
            for path in files::list(&place)? {
                let key = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
                if let Some(text) = Some(key)
                    .filter(|k| !k.starts_with('.'))
                    .and_then(|_| read(&path))
                {
                    entries.insert(key.to_owned(), text.into());
                }
            }
            all.push(Published {
                slot,
                user: mark.user,
                entries,
            });
        }
        Ok(all)
    }

    async fn publish(&self, owner: &Owner, slot: Slot, user: &str, entries: &Entries) -> Result<()> {
        let place = self.checked(owner, slot, user)?;
        let _turn = self.turn();
        let mark = Mark {
            owner: owner.uid().to_string(),
            user: user.to_owned(),
        };
        match place.symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                files::make_dir(place.parent().unwrap_or(&self.root), 0o700)?;
                let half = files::half_made(&place);
                files::remove(&half)?;
                files::make_new_dir(&half, 0o700, &Account::Myself { uid: 0 })?;
                set_mark(&half, &mark)?;
                switch(&half, entries)?;
                return fs::rename(&half, &place).map_err(|e| io_error("move into place", &place, e));
            }
            Err(e) => return Err(io_error("look at", &place, e)),
            Ok(meta) if !meta.is_dir() => return Err(refused(&place, "it is not a directory")),
            Ok(_) if !is_ours(&place, owner) => {
                return Err(refused(&place, "it does not bear the mark of this instance"));
            }
            Ok(_) => {}
        }
        switch(&place, entries)?;
        set_mark(&place, &mark)
    }

    async fn remove(&self, owner: &Owner, slot: Slot, user: &str) -> Result<()> {
        let place = self.checked(owner, slot, user)?;
        let _turn = self.turn();
        let theirs = |m: Mark| m.owner == owner.uid().to_string() && m.user == user;
        if mark(&place).is_some_and(theirs) {
            files::discard(&place)?;
        }
        Ok(())
    }

    async fn tidy(&self, owner: &Owner) -> Result<()> {
        let _turn = self.turn();
        let places = self.places(owner)?;
        let mut ours = places.iter().filter(|p| is_ours(p, owner));
        ours.try_for_each(|place| sweep(place))
    }

    async fn forget(&self, owner: &Owner) -> Result<()> {
        let _turn = self.turn();
        for place in self.places(owner)? {
            if is_ours(&place, owner) {
                files::discard(&place)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Identity;

    fn owner(name: &str) -> Owner {
        Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "default", name)
    }

    fn some(pairs: &[(&str, &str)]) -> Entries {
        let pair = |(k, v): &(&str, &str)| (k.to_string(), v.to_string().into());
        pairs.iter().map(pair).collect()
    }

    async fn found(store: &FileBindings, owner: &Owner) -> Vec<String> {
        let all = store.list(owner).await.unwrap();
        let line = |p: &Published| {
            let uri = p.entries.get("uri").map_or("-", |u| u.expose_secret());
            format!(
                "{} {} {uri} {}",
                p.slot.name("shop", &p.user),
                p.user,
                p.entries.len()
            )
        };
        all.iter().map(line).collect()
    }

    #[tokio::test]
    async fn a_publication_replaces_the_former_one_whole_and_keeps_what_readers_hold_until_it_is_tidied() {
        let dir = tempfile::tempdir().unwrap();
        let (store, shop) = (FileBindings::new(dir.path().join("b")), owner("shop"));
        let place = store.directory(&shop, Slot::Main, "app");
        store
            .publish(&shop, Slot::Main, "app", &some(&[("uri", "1"), ("old", "x")]))
            .await
            .unwrap();
        let held = fs::canonicalize(place.join("uri")).unwrap();
        store
            .publish(&shop, Slot::Main, "app", &some(&[("uri", "2")]))
            .await
            .unwrap();
        assert_eq!(found(&store, &shop).await, ["shop app 2 1"]);
        assert_eq!(fs::read_to_string(&held).unwrap(), "1");
        store.tidy(&shop).await.unwrap();
        assert!(!held.exists());
        let mode = |p: &Path| fs::metadata(p).unwrap().mode() & 0o777;
        assert_eq!((mode(&place), mode(&place.join("uri"))), (0o700, 0o600));
        let mut names: Vec<String> = fs::read_dir(&place)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["..2", "..data", "..paas.json", "uri"]);
    }

    #[tokio::test]
    async fn damage_is_seen_and_mended_and_another_instances_binding_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (store, shop, shop2) = (FileBindings::new(dir.path()), owner("shop"), owner("shop2"));
        for (o, slot, user) in [
            (&shop, Slot::Main, "app"),
            (&shop, Slot::User, "reader"),
            (&shop2, Slot::Main, "app"),
        ] {
            store
                .publish(o, slot, user, &some(&[("uri", "1")]))
                .await
                .unwrap();
        }
        let place = store.directory(&shop, Slot::Main, "app");
        fs::remove_file(place.join(CURRENT)).unwrap();
        assert_eq!(
            found(&store, &shop).await,
            ["shop app - 0", "shop.reader reader 1 1"]
        );
        fs::remove_file(place.join(MARK_FILE)).unwrap();
        assert_eq!(found(&store, &shop).await.len(), 1);
        // Without its mark and its switch it cannot be told from somebody else's.
        let e = store
            .publish(&shop, Slot::Main, "app", &some(&[("uri", "3")]))
            .await
            .unwrap_err();
        assert_eq!(e.code().id, LOC_BINDING.id);
        symlink("nowhere", place.join(CURRENT)).unwrap();
        store
            .publish(&shop, Slot::Main, "app", &some(&[("uri", "3")]))
            .await
            .unwrap();
        assert_eq!(found(&store, &shop).await[0], "shop app 3 1");

        store.remove(&shop, Slot::Main, "another").await.unwrap();
        assert!(place.exists());
        store.forget(&shop).await.unwrap();
        store.forget(&shop).await.unwrap();
        assert!(found(&store, &shop).await.is_empty());
        assert_eq!(found(&store, &shop2).await, ["shop app 1 1"]);
    }

    #[tokio::test]
    async fn what_is_not_ours_and_what_is_no_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (store, shop) = (FileBindings::new(dir.path()), owner("shop"));
        fs::create_dir(dir.path().join("default")).unwrap();
        fs::write(dir.path().join("default/shop"), "").unwrap();
        for user in ["app", "../up", "", ".hidden"] {
            let e = store
                .publish(&shop, Slot::Main, user, &Entries::new())
                .await
                .unwrap_err();
            assert_eq!(e.code().id, LOC_BINDING.id, "{user:?}");
        }
    }
}
