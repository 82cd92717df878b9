//! Which versions of Kubernetes can be installed.

use std::fmt;

use super::codes::INS_VERSION;
use crate::{
    error::{Class, Error, Result},
    spec::PlatformSpec,
};

/// The minor versions that can be installed: those that upstream still repairs, oldest first.
pub const MINORS: [u16; 3] = [35, 36, 37];

/// A version of Kubernetes 1, exact or any of a minor one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The minor version: 37 of 1.37.
    pub minor: u16,
    /// The patch, where it was chosen: 2 of 1.37.2.
    pub patch: Option<u16>,
}

impl Version {
    /// The minor version in full: `1.37`.
    pub fn line(&self) -> String {
        format!("1.{}", self.minor)
    }

    /// Reads `1.37` or `1.37.2`.
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(number);
        let (major, minor) = (numbers.next()??, numbers.next()??);
        let patch = match numbers.next() {
            None => None,
            Some(patch) => Some(patch?),
        };
        (major == 1 && numbers.next().is_none()).then_some(Self { minor, patch })
    }
}

/// Digits only: no sign, no leading zero.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            Some(patch) => write!(f, "1.{}.{patch}", self.minor),
            None => write!(f, "1.{}", self.minor),
        }
    }
}

/// The version that a spec chooses; left out, the newest.
///
/// # Errors
/// [`INS_VERSION`] with those that can be had.
pub fn chosen(spec: &PlatformSpec) -> Result<Version> {
    let said = spec.kubernetes.as_ref().and_then(|k| k.version.as_deref());
    let Some(text) = said else {
        return Ok(Version {
            minor: MINORS[MINORS.len() - 1],
            patch: None,
        });
    };
    let read = Version::read(text).filter(|version| MINORS.contains(&version.minor));
    read.ok_or_else(|| {
        Error::new(&INS_VERSION, Class::Invalid)
            .attempted("choose a version of Kubernetes")
            .happened(format!(
                "spec.kubernetes.version is {text:?}; {} can be installed, and exact versions of them",
                MINORS.map(|minor| format!("1.{minor}")).join(", ")
            ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written() {
        for text in ["1.35", "1.37.0", "1.37.2", "1.36.12"] {
            assert_eq!(Version::read(text).map(|v| v.to_string()).as_deref(), Some(text));
        }
        for text in [
            "", "1", "1.", "1.37.", "1.37.2.1", "2.37", "v1.37", "1.037", "1.37.x", "1.-7", "1.99999",
        ] {
            assert_eq!(Version::read(text), None, "{text}");
        }
    }
}
