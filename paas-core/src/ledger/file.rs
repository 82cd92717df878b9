//! Ledgers in files: `<root>/<owner uid>/ledger-<stage>.json`, replaced as a whole and synced.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::{Intent, Ledger, LedgerStore, Scope, Settled};
use crate::{
    codes, durable,
    error::{Class, Error},
};

/// A [`LedgerStore`] in a folder of mode 0700.
#[derive(Debug, Clone)]
pub struct FileLedger {
    root: PathBuf,
}

impl FileLedger {
    /// Ledgers below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, scope: &Scope) -> PathBuf {
        self.root
            .join(scope.owner.uid().to_string())
            .join(format!("ledger-{}.json", scope.stage))
    }

    fn read(&self, scope: &Scope) -> Result<Ledger, Error> {
        let path = self.path(scope);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Ledger::default()),
            Err(e) => return Err(failed("read", &path, &e)),
        };
        serde_json::from_slice(&text).map_err(|e| failed("read", &path, &e))
    }

    fn change(&self, scope: &Scope, f: impl FnOnce(&mut Ledger)) -> Result<(), Error> {
        let old = self.read(scope)?;
        let mut new = old.clone();
        f(&mut new);
        if new == old {
            return Ok(());
        }
        let path = self.path(scope);
        let text = serde_json::to_vec_pretty(&new).map_err(|e| failed("write", &path, &e))?;
        durable::write(&path, &text).map_err(|e| failed("write", &path, &e))
    }
}

fn failed(what: &str, path: &Path, e: &dyn std::error::Error) -> Error {
    Error::new(&codes::CORE_LEDGER, Class::Internal)
        .attempted(format!("{what} the ledger {}", path.display()))
        .happened(e.to_string())
}

#[async_trait]
impl LedgerStore for FileLedger {
    async fn load(&self, scope: &Scope) -> Result<Ledger, Error> {
        self.read(scope)
    }

    async fn note(&self, scope: &Scope, intents: &[Intent]) -> Result<(), Error> {
        if intents.is_empty() {
            return Ok(());
        }
        self.change(scope, |l| l.note(intents))
    }

    async fn settle(&self, scope: &Scope, settled: &[Settled]) -> Result<(), Error> {
        if settled.is_empty() {
            return Ok(());
        }
        self.change(scope, |l| l.settle(settled))
    }

    async fn forget(&self, scope: &Scope) -> Result<(), Error> {
        let path = self.path(scope);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed("forget", &path, &e)),
            _ => {}
        }
        durable::sweep(&path).map_err(|e| failed("forget", &path, &e))?;
        // The owner's folder goes with its last file; that it still has others is no failure.
        let _ = path.parent().map(fs::remove_dir);
        Ok(())
    }
}
