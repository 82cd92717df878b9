//! What is wrong with files, told with the place, what is allowed, and the line itself.

use std::fmt;

use serde::Serialize;
use serde_saphyr::granit_parser::Marker;

use crate::{
    codes::Code,
    error::{Class, Error},
    spec::{
        codes,
        validate::{Path, code_id},
    },
};

/// A place in a text; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    pub(super) fn of(marker: &Marker) -> Self {
        Self {
            line: marker.line().max(1),
            column: marker.col() + 1,
        }
    }
}

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadError {
    /// Its stable code.
    #[serde(serialize_with = "code_id")]
    pub code: &'static Code,
    /// The file, or the name of the source.
    pub file: String,
    /// The line, from 1; 0 if the error is about the whole file.
    pub line: usize,
    /// The column in characters, from 1; 0 if the error is about the whole file.
    pub column: usize,
    /// The field: `spec.storage.size`; empty if the error is about no field.
    pub path: Path,
    /// What is wrong.
    pub message: String,
    /// What is allowed, or what to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line and what in it is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
}

/// A line of a file, or a part of it if it is long, and what in it is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snippet {
    /// The text.
    pub text: String,
    /// Where the carets begin, in characters from 0.
    pub start: usize,
    /// How many carets there are.
    pub length: usize,
}

/// Everything that is wrong in the files read, in their order; never empty.
///
/// Displayed for people, serialized for programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadErrors {
    /// The errors, at most [`LoadErrors::MOST`].
    pub errors: Vec<LoadError>,
    /// How many more there were.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl LoadErrors {
    /// As many errors as are kept; a person has enough to do with these.
    pub const MOST: usize = 100;

    /// Keeps the first errors and counts the others.
    pub(super) fn new(mut errors: Vec<LoadError>) -> Self {
        let omitted = errors.len().saturating_sub(Self::MOST);
        errors.truncate(Self::MOST);
        Self { errors, omitted }
    }
}

impl LoadError {
    /// An error about a whole file.
    pub(super) fn whole(code: &'static Code, file: &str, message: String) -> Self {
        Self {
            code,
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: Path::default(),
            message,
            help: None,
            snippet: None,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code.id, self.message)?;
        write!(f, "  --> {}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.0.is_empty() {
            write!(f, "  {}", self.path)?;
        }
        writeln!(f)?;
        if let Some(Snippet { text, start, length }) = &self.snippet {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            writeln!(f, " {gutter} |\n {number} | {text}")?;
            writeln!(f, " {gutter} | {}{}", " ".repeat(*start), "^".repeat(*length))?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "  = help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.errors.iter().enumerate() {
            let gap = if position == 0 { "" } else { "\n" };
            write!(f, "{gap}{error}")?;
        }
        match self.omitted {
            0 => Ok(()),
            n => writeln!(f, "\nand {n} more"),
        }
    }
}

impl std::error::Error for LoadErrors {}

impl From<LoadErrors> for Error {
    fn from(errors: LoadErrors) -> Self {
        let code = errors.errors.first().map_or(&codes::SPEC_UNREADABLE, |e| e.code);
        let error = Self::new(code, Class::Invalid).attempted("read what should exist");
        let help = errors.errors.first().and_then(|e| e.help.clone());
        let error = error.happened(errors.to_string().trim_end().to_owned());
        match help {
            Some(help) => error.remedy(help),
            None => error,
        }
    }
}

/// Cuts lines out of a text.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ends = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .map(|(i, _)| i + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    /// The line of a position, with carets under the word that begins there.
    pub(super) fn snippet(&self, at: Position) -> Option<Snippet> {
        const WIDEST: usize = 120;
        const BEFORE: usize = 60;
        let start = *self.starts.get(at.line.checked_sub(1)?)?;
        let end = self.starts.get(at.line).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end)?.trim_end();
        // Whoever puts a whole file into one line gets the part around the place.
        let column = at.column - 1;
        let skip = if column > WIDEST - 20 { column - BEFORE } else { 0 };
        let shown: String = line
            .chars()
            .skip(skip)
            .take(WIDEST)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let start = column - skip;
        Some(Snippet {
            length: word_length(&shown, start),
            text: shown,
            start,
        })
    }
}

fn word_length(line: &str, start: usize) -> usize {
    let mut rest = line.chars().skip(start);
    let length = match rest.next() {
        Some(quote @ ('"' | '\'')) => rest.position(|c| c == quote).map_or(1, |n| n + 2),
        Some(c) if !c.is_whitespace() => {
            let text: String = std::iter::once(c).chain(rest).collect();
            let stop = text.char_indices().find(|(i, c)| {
                let next = text[i + c.len_utf8()..].chars().next();
                c.is_whitespace()
                    || matches!(c, ',' | '}' | ']')
                    || *c == ':' && next.is_none_or(char::is_whitespace)
            });
            text[..stop.map_or(text.len(), |(i, _)| i)].chars().count()
        }
        _ => 1,
    };
    length.max(1)
}
