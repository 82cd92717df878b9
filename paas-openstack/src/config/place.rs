//! Where a value was said, and errors that tell it. A value itself is never told: it may be a secret.

use std::{fmt, path::Path, rc::Rc};

use paas_core::{
    codes::Code,
    error::{Class, Error},
};

use crate::codes;

/// Where a value was said.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a file, in a line and column from 1; JSON has none.
    File {
        file: Rc<Path>,
        at: Option<(usize, usize)>,
    },
    /// In a variable of the environment.
    Variable(Rc<str>),
    /// By the caller.
    Caller,
}

impl Place {
    /// The file, where it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File { file, .. } => Some(file),
            Self::Variable(_) | Self::Caller => None,
        }
    }

    /// `field` has a wrong value here.
    pub(super) fn wrong(&self, field: &str, what: impl fmt::Display) -> Error {
        self.error(&codes::OS_VALUE, format!("{field} {what}"))
    }

    /// An error about this place.
    pub(super) fn error(&self, code: &'static Code, what: impl fmt::Display) -> Error {
        Error::new(code, Class::Invalid).happened(format!("{self}: {what}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                file,
                at: Some((line, column)),
            } => write!(f, "{}:{line}:{column}", file.display()),
            Self::File { file, at: None } => write!(f, "{}", file.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Caller => f.write_str("what was asked for"),
        }
    }
}

/// The candidate that was probably meant.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let word = plain(word);
    let near = |candidate: &str| {
        let candidate = plain(candidate);
        let distance = strsim::damerau_levenshtein(&word, &candidate);
        let begins = word.len() >= 3 && candidate.starts_with(&word);
        (begins || distance <= (candidate.len() / 3).max(1)).then_some(distance)
    };
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST && word.len() <= LONGEST)
        .filter_map(|candidate| Some((near(candidate)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean x?`, or nothing.
pub(super) fn meant<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or(String::new(), |near| format!("; did you mean {near:?}?"))
}

/// The name of a field, if it can be one: what stands in the wrong line may be a secret.
pub(super) fn shown(name: &str) -> &str {
    let word = |b: u8| b.is_ascii_lowercase() || b == b'_' || b == b'-';
    if name.len() <= 40 && name.bytes().all(word) {
        name
    } else {
        "a field"
    }
}
