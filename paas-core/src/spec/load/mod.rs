//! Reading documents from YAML and JSON files, with every error at its place and all errors at once.
//!
//! A text becomes a tree that knows where everything stands; the tree is judged as JSON by [`super::validate`], and each
//! violation is led back to its line and column.

mod builder;
mod errors;
mod header;
mod tree;
mod words;

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::Read,
    path::{Path as FilePath, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use errors::{Lines, Position};
pub use errors::{LoadError, LoadErrors, Snippet};

use super::{
    Document, codes,
    document::forget_cluster_fields,
    validate::{self, Path},
};

/// A text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, or `<stdin>`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A document and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The document; it is valid by itself.
    pub document: Document,
    /// The same as it was written, without defaults and what a cluster adds: what a cluster is given, as kubectl would.
    pub written: Value,
    /// The file, or the name of the source.
    pub file: String,
    /// The line in which it begins, from 1.
    pub line: usize,
}

/// Larger texts are refused before they are read.
const LARGEST: u64 = 64 << 20;

/// Reads a file, or all `*.yaml`, `*.yml` and `*.json` files of a folder in the order of their names.
///
/// # Errors
/// Everything that is wrong in any of the files.
pub fn load_path(path: &FilePath) -> Result<Vec<Loaded>, LoadErrors> {
    let mut errors = Vec::new();
    let mut sources = Vec::new();
    for file in files(path)? {
        match read_file(&file) {
            Ok(source) => sources.push(source),
            Err(error) => errors.extend(error.errors),
        }
    }
    judge(&sources, errors)
}

/// Reads a text; `name` stands for it in errors.
///
/// # Errors
/// Everything that is wrong in it.
pub fn load_text(name: &str, text: &str) -> Result<Vec<Loaded>, LoadErrors> {
    load_sources(&[Source {
        name: name.to_owned(),
        text: text.to_owned(),
    }])
}

/// Reads several texts as one description: an object may be in one of them only.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn load_sources(sources: &[Source]) -> Result<Vec<Loaded>, LoadErrors> {
    judge(sources, Vec::new())
}

fn unreadable(path: &FilePath, message: String) -> LoadErrors {
    LoadErrors::new(vec![LoadError::whole(
        &codes::SPEC_UNREADABLE,
        &path.display().to_string(),
        message,
    )])
}

fn files(path: &FilePath) -> Result<Vec<PathBuf>, LoadErrors> {
    let cannot = |e: std::io::Error| unreadable(path, format!("cannot be read: {e}"));
    if !fs::metadata(path).map_err(cannot)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path)
        .map_err(cannot)?
        .map(|e| e.map(|e| e.path()))
        .collect();
    let known = |p: &PathBuf| {
        p.extension().is_some_and(|e| {
            ["yaml", "yml", "json"]
                .iter()
                .any(|known| e.eq_ignore_ascii_case(known))
        })
    };
    let mut files: Vec<_> = entries
        .map_err(cannot)?
        .into_iter()
        .filter(|p| known(p) && p.is_file())
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(unreadable(
            path,
            "the folder has no *.yaml, *.yml or *.json file".to_owned(),
        ));
    }
    Ok(files)
}

fn read_file(path: &FilePath) -> Result<Source, LoadErrors> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|e| unreadable(path, format!("cannot be read: {e}")))?;
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| unreadable(path, format!("cannot be read: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        unreadable(
            path,
            format!("is not text in UTF-8: byte {}", e.utf8_error().valid_up_to()),
        )
    })?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

fn judge(sources: &[Source], mut errors: Vec<LoadError>) -> Result<Vec<Loaded>, LoadErrors> {
    let mut loaded = Vec::new();
    let mut places = HashMap::new();
    for source in sources {
        let mut reading = Reading {
            source,
            found: Vec::new(),
            blamed: HashSet::new(),
        };
        reading.all(&mut loaded, &mut places);
        errors.extend(reading.with_snippets());
    }
    if errors.is_empty() {
        Ok(loaded)
    } else {
        Err(LoadErrors::new(errors))
    }
}

type Places = HashMap<(super::Kind, String, String), (String, usize)>;

struct Reading<'a> {
    source: &'a Source,
    found: Vec<LoadError>,
    /// Places where the text itself is wrong.
    blamed: HashSet<(usize, usize)>,
}

impl Reading<'_> {
    fn all(&mut self, loaded: &mut Vec<Loaded>, places: &mut Places) {
        if self.source.text.len() as u64 > LARGEST {
            let message = format!("is larger than {} MiB", LARGEST >> 20);
            self.found.push(LoadError::whole(
                &codes::SPEC_UNREADABLE,
                &self.source.name,
                message,
            ));
            return;
        }
        let (documents, problems) = tree::read(&self.source.text);
        for p in problems {
            self.blamed.insert((p.at.line, p.at.column));
            self.report(p.code, p.at, p.path, p.message, p.help);
        }
        for node in documents {
            let Some((document, written)) = self.document(&node) else {
                continue;
            };
            let line = node.position().line;
            let identity = (
                document.kind(),
                document.namespace().to_owned(),
                document.name().to_owned(),
            );
            if let Some((file, first)) = places.get(&identity) {
                let (kind, namespace, name) = &identity;
                let message =
                    format!("{kind} {namespace}/{name} is there twice; the first is at {file}:{first}");
                let path = Path(
                    ["metadata", "name"]
                        .map(|k| validate::Segment::Key(k.to_owned()))
                        .to_vec(),
                );
                let at = node.locate(&path, false);
                self.report(
                    &codes::SPEC_DUPLICATE,
                    at,
                    path,
                    message,
                    Some("remove one of the two, or give it another name".to_owned()),
                );
                continue;
            }
            places.insert(identity, (self.source.name.clone(), line));
            loaded.push(Loaded {
                document,
                written,
                file: self.source.name.clone(),
                line,
            });
        }
    }

    fn document(&mut self, node: &tree::Node) -> Option<(Document, Value)> {
        let mut value = node.to_json();
        let kind = match header::kind(&value) {
            Ok(kind) => kind,
            Err(violations) => {
                violations.into_iter().for_each(|v| self.violation(node, v));
                return None;
            }
        };
        value.as_object_mut().into_iter().for_each(forget_cluster_fields);
        let written = value.clone();
        let violations = validate::value(kind, &mut value, None);
        if !violations.is_empty() {
            violations.into_iter().for_each(|v| self.violation(node, v));
            return None;
        }
        match Document::deserialize(value) {
            Ok(document) => Some((document, written)),
            Err(e) => {
                self.report(
                    &codes::SPEC_VALUE,
                    node.position(),
                    Path::default(),
                    e.to_string(),
                    None,
                );
                None
            }
        }
    }

    fn violation(&mut self, node: &tree::Node, v: validate::Violation) {
        let at = node.locate(&v.path, v.on_key);
        // What the text itself is blamed for needs no second word about its value.
        if !self.blamed.contains(&(at.line, at.column)) {
            self.report(v.code, at, v.path, v.message, v.help);
        }
    }

    fn report(
        &mut self,
        code: &'static crate::codes::Code,
        at: Position,
        path: Path,
        message: String,
        help: Option<String>,
    ) {
        let (line, column) = (at.line, at.column);
        self.found.push(LoadError {
            code,
            file: self.source.name.clone(),
            line,
            column,
            path,
            message,
            help,
            snippet: None,
        });
    }

    /// The errors in the order of their places, each with its line.
    fn with_snippets(mut self) -> Vec<LoadError> {
        if self.found.is_empty() {
            return self.found;
        }
        self.found.sort_by_key(|e| (e.line, e.column));
        let lines = Lines::new(&self.source.text);
        for error in self
            .found
            .iter_mut()
            .filter(|e| e.line > 0)
            .take(LoadErrors::MOST)
        {
            error.snippet = lines.snippet(Position {
                line: error.line,
                column: error.column,
            });
        }
        self.found
    }
}
