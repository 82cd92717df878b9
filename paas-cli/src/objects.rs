//! The objects that were accepted: `objects/<kind>/<namespace>/<name>.yaml` in the home, mode 0600.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use paas_core::{
    durable,
    error::{Class, Error},
    spec::{Document, Kind, load},
};

use crate::{codes::CLI_OBJECTS, ui::printer::yaml};

/// The accepted objects of a home.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    root: PathBuf,
}

impl Objects {
    /// Objects below `root`, which need not exist.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, kind: Kind, namespace: &str, name: &str) -> PathBuf {
        self.root
            .join(kind.as_str())
            .join(namespace)
            .join(format!("{name}.yaml"))
    }

    /// All of them, platforms first, then by namespace and name.
    pub(crate) fn all(&self) -> Result<Vec<Document>, Error> {
        let mut sources = Vec::new();
        for kind in Kind::ALL {
            for namespace in list(&self.root.join(kind.as_str()))? {
                for file in list(&namespace)? {
                    if file.extension().is_some_and(|e| e == "yaml") {
                        let text = fs::read_to_string(&file).map_err(|e| failed("read", &file, &e))?;
                        // What was accepted must not be forgotten because its file lost its text.
                        if text.trim().is_empty() {
                            return Err(failed("understand", &file, &"it is empty"));
                        }
                        sources.push(load::Source {
                            name: file.display().to_string(),
                            text,
                        });
                    }
                }
            }
        }
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let loaded = load::load_sources(&sources).map_err(|e| failed("understand", &self.root, &e))?;
        Ok(loaded.into_iter().map(|l| l.document).collect())
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
        assert_eq!(objects.all().unwrap_err().code().id, CLI_OBJECTS.id);
    }

    #[test]
    fn a_damaged_object_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("Platform/default");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("local.yaml"), "kind: [").unwrap();
        let error = Objects::new(dir.path().to_path_buf()).all().unwrap_err();
        assert_eq!(error.code().id, CLI_OBJECTS.id);
        assert!(error.words().contains("local.yaml:1"), "{error}");
    }
}
