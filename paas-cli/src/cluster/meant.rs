//! Which objects of a cluster are meant: those of files, as they are written.

use paas_core::{
    error::{Class, Error},
    spec::{Document, Kind, Object, load::Loaded},
};
use serde_json::Value;

use super::Cluster;
use crate::{
    app::App,
    args::Files,
    codes::{CLI_MEANT, CLI_NAMESPACE},
    exit::Failure,
    input,
};

/// An object of a file.
#[derive(Debug, Clone)]
pub(super) struct Meant {
    /// With its defaults, in its namespace.
    pub(super) document: Document,
    /// As it is written, in its namespace: what is applied.
    pub(super) written: Value,
}

/// The objects of the files that are named, or of the one that is here, platforms first.
pub(super) fn by_files(app: &App, cluster: &Cluster, files: &Files) -> Result<Vec<Meant>, Failure> {
    match input::written(files)? {
        Some(loaded) => Ok(place(app, cluster, loaded)?),
        None => Err(Error::new(&CLI_MEANT, Class::Invalid)
            .happened("no file is named, and there is no paas.yaml here")
            .into()),
    }
}

/// The objects of the files that are named, if any are.
pub(super) fn if_named(app: &App, cluster: &Cluster, files: &Files) -> Result<Option<Vec<Meant>>, Failure> {
    match files.file.is_empty() {
        true => Ok(None),
        false => by_files(app, cluster, files).map(Some),
    }
}

fn place(app: &App, cluster: &Cluster, loaded: Vec<Loaded>) -> Result<Vec<Meant>, Error> {
    let asked = app.global.cluster.namespace.as_deref();
    let mut all = Vec::with_capacity(loaded.len());
    for Loaded {
        document,
        mut written,
        ..
    } in loaded
    {
        let said = written["metadata"]["namespace"].as_str().map(str::to_owned);
        if let (Some(said), Some(asked)) = (&said, asked)
            && said != asked
        {
            return Err(Error::new(&CLI_NAMESPACE, Class::Invalid)
                .attempted(format!("apply {} {}", document.kind(), document.name()))
                .happened(format!(
                    "it is written for the namespace {said}, and --namespace says {asked}"
                )));
        }
        // Without a word it goes where kubectl would put it.
        let namespace = said.unwrap_or_else(|| cluster.namespace.clone());
        written["metadata"]["namespace"] = namespace.as_str().into();
        let document = moved(document, &namespace);
        all.push(Meant { document, written });
    }
    all.sort_by_key(|m| match m.document.kind() {
        Kind::Platform => 0,
        Kind::DatabaseInstance => 1,
        Kind::DatabaseBackup => 2,
    });
    Ok(all)
}

/// The same object in another namespace.
pub(super) fn moved(document: Document, namespace: &str) -> Document {
    fn to<S>(mut object: Object<S>, namespace: &str) -> Object<S> {
        object.metadata.namespace = namespace.to_owned();
        object
    }
    match document {
        Document::Platform(o) => Document::Platform(to(o, namespace)),
        Document::DatabaseInstance(o) => Document::DatabaseInstance(to(o, namespace)),
        Document::DatabaseBackup(o) => Document::DatabaseBackup(to(o, namespace)),
    }
}
