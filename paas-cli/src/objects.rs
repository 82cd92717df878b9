//! The objects that were accepted: `objects/<kind>/<namespace>/<name>.yaml` in the home, mode 0600.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use paas_core::{
    durable,
    error::{Class, Error},
    owner::Owner,
    spec::{Document, Kind, load},
};

use crate::{
    codes::CLI_OBJECTS,
    ui::{
        failure,
        printer::{Printer, yaml},
    },
};

/// The accepted objects of a home.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    root: PathBuf,
    telling: Option<Telling>,
}

/// Whom damaged files are told to, and which were told already.
#[derive(Debug, Clone)]
struct Telling {
    printer: Arc<Printer>,
    told: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// What a look at the files found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The objects, platforms first, then by namespace and name.
    pub(crate) documents: Vec<Document>,
    /// Files that cannot be understood. They count as there: nothing is written over them or takes their place.
    pub(crate) damaged: Vec<(PathBuf, Error)>,
}

impl Objects {
    /// Objects below `root`, which need not exist.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, telling: None }
    }

    /// The same, telling of each damaged file once; the command then fails in the end.
    #[must_use]
    pub(crate) fn telling(self, printer: Arc<Printer>) -> Self {
        Self {
            telling: Some(Telling {
                printer,
                told: Arc::default(),
            }),
            ..self
        }
    }

    fn path(&self, kind: Kind, namespace: &str, name: &str) -> PathBuf {
        self.root
            .join(kind.as_str())
            .join(namespace)
            .join(format!("{name}.yaml"))
    }

    /// All that can be understood, platforms first, then by namespace and name. One damaged file must not stop the others.
    pub(crate) fn all(&self) -> Result<Vec<Document>, Error> {
        let found = self.look()?;
        if let Some(Telling { printer, told }) = &self.telling {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            for (path, error) in found.damaged {
                if told.insert(path) {
                    printer.complain();
                    failure::print(printer, &error.into());
                }
            }
        }
        Ok(found.documents)
    }

    /// All files.
    pub(crate) fn look(&self) -> Result<Found, Error> {
        let mut found = Found::default();
        for kind in Kind::ALL {
            for namespace in list(&self.root.join(kind.as_str()))? {
                for path in list(&namespace)? {
                    if path.extension().is_some_and(|e| e == "yaml") {
                        match self.read(&path) {
                            Ok(document) => found.documents.extend(document),
                            Err(error) => found.damaged.push((path, error)),
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    /// The object of this owner; an error if its file is damaged.
    pub(crate) fn of(&self, owner: &Owner) -> Result<Option<Document>, Error> {
        let kind = Kind::ALL.into_iter().find(|k| k.as_str() == owner.kind());
        let Some(kind) = kind else { return Ok(None) };
        self.read(&self.path(kind, owner.namespace(), owner.name()))
    }

    /// True if there is a file of it, damaged or not.
    pub(crate) fn holds(&self, document: &Document) -> bool {
        self.path(document.kind(), document.namespace(), document.name())
            .exists()
    }

    /// What a file says; nothing if it is not there.
    fn read(&self, path: &Path) -> Result<Option<Document>, Error> {
        let damaged = |why: &dyn std::fmt::Display| failed("understand", path, why);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed("read", path, &e)),
        };
        // What was accepted must not be forgotten because its file lost its text.
        if text.trim().is_empty() {
            return Err(damaged(&"it is empty"));
        }
        let source = load::Source {
            name: path.display().to_string(),
            text,
        };
        let loaded = load::load_sources(&[source]).map_err(|e| damaged(&e))?;
        match <[load::Loaded; 1]>::try_from(loaded) {
            Ok([only])
                if self.path(
                    only.document.kind(),
                    only.document.namespace(),
                    only.document.name(),
                ) == path =>
            {
                Ok(Some(only.document))
            }
            _ => Err(damaged(&"it does not hold the one object that it is named after")),
        }
    }

    /// Keeps all these objects. Databases come before what they stand on: whoever looks in between, or after a crash, then does not take
    /// a platform without its databases for everything there is.
    pub(crate) fn keep_all(&self, documents: &[Document]) -> Result<(), Error> {
        let platform = |d: &&Document| d.kind() == Kind::Platform;
        let others = documents.iter().filter(|d| !platform(d));
        others
            .chain(documents.iter().filter(platform))
            .try_for_each(|d| self.keep(d))
    }

    /// Keeps an object; one that is kept already in the same words is left alone.
    pub(crate) fn keep(&self, document: &Document) -> Result<(), Error> {
        let path = self.path(document.kind(), document.namespace(), document.name());
        let text = yaml(document);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        // Damaged words are still somebody's words.
        self.read(&path)?;
        durable::write(&path, text.as_bytes()).map_err(|e| failed("write", &path, &e))
    }

    /// Forgets an object; the folders that are empty then go too.
    pub(crate) fn forget(&self, document: &Document) -> Result<(), Error> {
        let path = self.path(document.kind(), document.namespace(), document.name());
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &path, &e)),
            _ => {}
        }
        durable::sweep(&path).map_err(|e| failed("remove", &path, &e))?;
        for folder in path.ancestors().skip(1).take(2) {
            // That it still has others is no failure.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(failed("list", folder, &e)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| failed("list", folder, &e))?.path();
        let hidden = path
            .file_name()
            .is_none_or(|n| n.to_string_lossy().starts_with('.'));
        if !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn failed(what: &str, path: &Path, e: &dyn std::fmt::Display) -> Error {
    Error::new(&CLI_OBJECTS, Class::Internal)
        .attempted(format!("{what} {}", path.display()))
        .happened(e.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn objects_come_back_as_they_were_kept_and_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let objects = Objects::new(dir.path().join("objects"));
        assert!(objects.all().unwrap().is_empty());
        let quickstart = paas_core::spec::quickstart();
        for document in quickstart.iter().rev() {
            objects.keep(document).unwrap();
        }
        assert_eq!(objects.all().unwrap(), quickstart);
        let file = dir.path().join("objects/DatabaseInstance/default/demo.yaml");
        let meta = fs::metadata(&file).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        objects.keep(&quickstart[1]).unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().modified().unwrap(),
            meta.modified().unwrap()
        );
        for document in &quickstart {
            objects.forget(document).unwrap();
            objects.forget(document).unwrap();
        }
        assert!(fs::read_dir(dir.path().join("objects")).unwrap().next().is_none());
    }

    #[test]
    fn after_a_keep_that_was_cut_off_the_database_is_there_before_its_platform() {
        let dir = tempfile::tempdir().unwrap();
        // A file in the place of the folder of platforms: keeping fails there, as if the process had died.
        fs::write(dir.path().join("Platform"), "").unwrap();
        let objects = Objects::new(dir.path().to_owned());
        let quickstart = paas_core::spec::quickstart();
        objects.keep_all(&quickstart).unwrap_err();
        assert_eq!(objects.all().unwrap(), quickstart[1..]);
    }

    #[test]
    fn an_object_whose_file_lost_its_text_is_not_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let objects = Objects::new(dir.path().to_owned());
        objects.keep(&paas_core::spec::quickstart()[1]).unwrap();
        fs::write(dir.path().join("DatabaseInstance/default/demo.yaml"), "").unwrap();
        let found = objects.look().unwrap();
        assert!(found.documents.is_empty());
        assert_eq!(found.damaged[0].1.code().id, CLI_OBJECTS.id);
        let again = objects.keep(&paas_core::spec::quickstart()[1]).unwrap_err();
        assert_eq!(again.code().id, CLI_OBJECTS.id, "nothing is written over it");
    }

    #[test]
    fn a_damaged_object_is_named_and_does_not_hide_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let objects = Objects::new(dir.path().to_path_buf());
        let quickstart = paas_core::spec::quickstart();
        objects.keep_all(&quickstart).unwrap();
        let file = |name: &str| dir.path().join("DatabaseInstance/default").join(name);
        fs::write(file("broken.yaml"), "kind: [").unwrap();
        fs::copy(file("demo.yaml"), file("other.yaml")).unwrap();
        let found = objects.look().unwrap();
        assert_eq!(found.documents, quickstart);
        let words: Vec<String> = found.damaged.iter().map(|(_, e)| e.to_string()).collect();
        assert!(words[0].contains("broken.yaml:1"), "{words:?}");
        assert!(words[1].contains("other.yaml"), "{words:?}");
    }
}
