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

mod place;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use self::place::{Mark, is_ours, mark, read, refused, set_mark, sweep, switch};
use super::{
    account::Account,
    files::{self, io_error},
};
use crate::{
    database::binding::{BindingStore, Entries, Published, Slot},
    error::Result,
    owner::Owner,
};

/// A [`BindingStore`] in a folder: `<root>/<namespace>/<name>/<key>`.
#[derive(Debug, Clone)]
pub struct FileBindings {
    root: PathBuf,
    /// Users of one instance may change names with each other in one pass.
    turn: Arc<Mutex<()>>,
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
                return std::fs::rename(&half, &place).map_err(|e| io_error("move into place", &place, e));
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
    use std::{
        fs,
        os::unix::fs::{MetadataExt, symlink},
        path::Path,
    };

    use secrecy::ExposeSecret;

    use super::{
        place::{CURRENT, MARK_FILE},
        *,
    };
    use crate::{local::codes::LOC_BINDING, owner::Identity};

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
