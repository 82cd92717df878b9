//! The verdict on a document: the schema's keywords and its CEL rules, evaluated here as an API server evaluates them.

mod compiled;
mod nearest;
mod rules;
mod scalar;
mod walk;

use std::{fmt, sync::LazyLock};

use serde::Serialize;
use serde_json::Value;

use super::{Document, Kind, codes, schema};
use crate::{
    codes::Code,
    error::{Class, Error},
};

use compiled::Schema;
pub(super) use nearest::nearest;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Its stable code.
    #[serde(serialize_with = "code_id")]
    pub code: &'static Code,
    /// Where it is.
    pub path: Path,
    /// True if the field's name is wrong, not its value.
    #[serde(skip)]
    pub on_key: bool,
    /// What is wrong.
    pub message: String,
    /// What is allowed, or what to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A place in a document: `spec.databases[0].name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Segment>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Into a field or a map.
    Key(String),
    /// Into a list.
    Index(usize),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(i) => write!(f, "[{i}]")?,
                Segment::Key(key) if key.is_empty() || key.contains(['.', '/', '[', ' ']) => {
                    write!(f, "[{key:?}]")?
                }
                Segment::Key(key) if position == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn code_id<S: serde::Serializer>(code: &&'static Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.id)
}

/// Everything that is wrong with a document, or with a change of one; never empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Violations(pub Vec<Violation>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, violation) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", violation.path, violation.message)?;
            if let Some(help) = &violation.help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        let code = violations.0.first().map_or(&codes::SPEC_VALUE, |v| v.code);
        Self::new(code, Class::Invalid)
            .attempted("validate")
            .happened(violations.to_string())
    }
}

/// Judges a document by itself.
///
/// # Errors
/// Everything that is wrong with it.
pub fn document(document: &Document) -> Result<(), Violations> {
    verdict(value(document.kind(), &mut document.to_json(), None))
}

/// Judges a document that takes the place of an older one: by itself, and by the rules about changes (storage does not
/// shrink, a backup does not change).
///
/// # Errors
/// Everything that is wrong with it, and a difference in kind, namespace or name.
pub fn update(old: &Document, new: &Document) -> Result<(), Violations> {
    if (old.kind(), old.namespace(), old.name()) != (new.kind(), new.namespace(), new.name()) {
        let message = format!(
            "{} {}/{} cannot take the place of {} {}/{}",
            new.kind(),
            new.namespace(),
            new.name(),
            old.kind(),
            old.namespace(),
            old.name()
        );
        let path = Path(vec![Segment::Key("metadata".to_owned())]);
        return Err(Violations(vec![Violation {
            code: &codes::SPEC_CHANGE,
            path,
            on_key: false,
            message,
            help: None,
        }]));
    }
    let mut old_value = old.to_json();
    schema_of(old.kind()).prepare(&mut old_value);
    verdict(value(new.kind(), &mut new.to_json(), Some(&old_value)))
}

fn verdict(violations: Vec<Violation>) -> Result<(), Violations> {
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Violations(violations))
    }
}

/// Fills in the defaults and judges; `old` has its defaults already.
pub(super) fn value(kind: Kind, value: &mut Value, old: Option<&Value>) -> Vec<Violation> {
    let schema = schema_of(kind);
    schema.prepare(value);
    walk::check(schema, value, old)
}

fn schema_of(kind: Kind) -> &'static Schema {
    static PLATFORM: LazyLock<Schema> = LazyLock::new(|| Schema::compile(&schema::object(Kind::Platform)));
    static INSTANCE: LazyLock<Schema> =
        LazyLock::new(|| Schema::compile(&schema::object(Kind::DatabaseInstance)));
    static BACKUP: LazyLock<Schema> =
        LazyLock::new(|| Schema::compile(&schema::object(Kind::DatabaseBackup)));
    match kind {
        Kind::Platform => &PLATFORM,
        Kind::DatabaseInstance => &INSTANCE,
        Kind::DatabaseBackup => &BACKUP,
    }
}
