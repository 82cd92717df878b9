//! What is meant: files that are named, `paas.yaml` here, what was accepted before, or the quick start.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use paas_core::{
    error::{Class, Error},
    spec::{
        self, Document,
        codes::SPEC_DUPLICATE,
        load::{self, Loaded},
    },
};

use crate::{args::Files, codes::CLI_NO_OBJECT, exit::Failure, objects::Objects};

/// The file that is looked for where none is named.
const HERE: &str = "paas.yaml";

/// Objects that are meant, and where they come from.
#[derive(Debug)]
pub(crate) struct Input {
    /// The objects.
    pub(crate) documents: Vec<Document>,
    /// Where they come from.
    pub(crate) origin: From,
}

/// Where objects come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    /// Files, by their names.
    Files(String),
    /// What was accepted before.
    Accepted,
    /// The built-in quick start.
    QuickStart,
}

/// What is meant by these files, or by none.
pub(crate) fn meant(files: &Files, objects: &Objects) -> Result<Input, Failure> {
    if !files.file.is_empty() {
        return read(&files.file);
    }
    if Path::new(HERE).is_file() {
        return read(&[PathBuf::from(HERE)]);
    }
    let documents = objects.all()?;
    if !documents.is_empty() {
        return Ok(Input {
            documents,
            origin: From::Accepted,
        });
    }
    Ok(Input {
        documents: spec::quickstart(),
        origin: From::QuickStart,
    })
}

fn read(paths: &[PathBuf]) -> Result<Input, Failure> {
    let loaded = load(paths)?;
    Ok(Input {
        documents: loaded.into_iter().map(|l| l.document).collect(),
        origin: From::Files(names(paths)),
    })
}

/// The files that are named, or the one that is here; `None` where there is none.
pub(crate) fn written(files: &Files) -> Result<Option<Vec<Loaded>>, Failure> {
    if !files.file.is_empty() {
        return load(&files.file).map(Some);
    }
    match Path::new(HERE).is_file() {
        true => load(&[PathBuf::from(HERE)]).map(Some),
        false => Ok(None),
    }
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    names.join(", ")
}

fn load(paths: &[PathBuf]) -> Result<Vec<Loaded>, Failure> {
    let mut loaded: Vec<Loaded> = Vec::new();
    for path in paths {
        let some = if path.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map_err(|e| {
                Error::new(&spec::codes::SPEC_UNREADABLE, Class::Invalid)
                    .attempted("read stdin")
                    .happened(e.to_string())
            })?;
            load::load_text("stdin", &text)?
        } else {
            load::load_path(path)?
        };
        for one in some {
            if let Some(first) = loaded.iter().find(|l| same(&l.document, &one.document)) {
                return Err(duplicate(first, &one).into());
            }
            loaded.push(one);
        }
    }
    // A file that lost its text must not mean that nothing is wanted.
    if loaded.is_empty() {
        return Err(Error::new(&spec::codes::SPEC_UNREADABLE, Class::Invalid)
            .attempted(format!("read {}", names(paths)))
            .happened("it holds no object")
            .into());
    }
    Ok(loaded)
}

/// True if both are the same object.
pub(crate) fn same(a: &Document, b: &Document) -> bool {
    (a.kind(), a.namespace(), a.name()) == (b.kind(), b.namespace(), b.name())
}

fn duplicate(first: &Loaded, second: &Loaded) -> Error {
    let place = |l: &Loaded| format!("{}:{}", l.file, l.line);
    Error::new(&SPEC_DUPLICATE, Class::Invalid)
        .attempted("read what should exist")
        .happened(format!(
            "{} {} is in {} and in {}",
            first.document.kind(),
            first.document.name(),
            place(first),
            place(second)
        ))
}

/// Keeps only the named objects; no names keep all.
pub(crate) fn only(documents: Vec<Document>, names: &[String]) -> Result<Vec<Document>, Error> {
    if names.is_empty() {
        return Ok(documents);
    }
    for name in names {
        if !documents.iter().any(|d| d.name() == name) {
            return Err(unknown(name, &documents));
        }
    }
    Ok(documents
        .into_iter()
        .filter(|d| names.iter().any(|n| n == d.name()))
        .collect())
}

/// There is no object of that name, but these.
pub(crate) fn unknown(name: &str, there: &[Document]) -> Error {
    let names: Vec<&str> = there.iter().map(Document::name).collect();
    among(name, &names)
}

/// There is no object of that name among these.
pub(crate) fn among(name: &str, names: &[&str]) -> Error {
    let there = if names.is_empty() {
        "there are none yet".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    Error::new(&CLI_NO_OBJECT, Class::NotFound)
        .attempted(format!("find {name:?}"))
        .happened(format!("no object has that name; {there}"))
}
