//! What is worth knowing of a configuration that works.

use std::{fmt, path::PathBuf};

/// Something that does not stop a configuration from being used. None has a secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A file with secrets that everybody on this machine can read.
    OpenToOthers {
        /// The file.
        file: PathBuf,
    },
    /// A file that this user may not read; the next place was looked at instead.
    Closed {
        /// The file.
        file: PathBuf,
    },
    /// A variable names a file that is not there; the usual places were looked at instead.
    NotThere {
        /// The variable.
        variable: &'static str,
        /// What it names.
        file: PathBuf,
    },
    /// A field is there twice; the last one counts.
    Twice {
        /// Where the second one is.
        place: String,
        /// Its name.
        field: String,
    },
    /// A field of `auth` that means nothing.
    UnknownField {
        /// Where it is.
        place: String,
        /// Its name.
        field: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A profile that no clouds-public.yaml has.
    UnknownProfile {
        /// Where it is named.
        place: String,
        /// Its name.
        profile: String,
    },
    /// An application credential has its project; what was said of a project, domain or system is not sent.
    ScopeOfCredential,
    /// Certificates are not checked.
    Unverified {
        /// The cloud.
        cloud: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenToOthers { file } => {
                let file = file.display();
                write!(f, "{file} has secrets, and everybody on this machine can read it; chmod 600 {file}")
            }
            Self::Closed { file } => write!(
                f,
                "{} is closed to this user and was passed over",
                file.display()
            ),
            Self::NotThere { variable, file } => write!(
                f,
                "{variable} names {}, which is not there; the usual places were looked at",
                file.display()
            ),
            Self::Twice { place, field } => write!(f, "{place}: {field} is there twice; the last one counts"),
            Self::UnknownField { place, field, nearest } => {
                write!(f, "{place}: {field} means nothing in auth")?;
                nearest.map_or(Ok(()), |near| write!(f, "; did you mean {near}?"))
            }
            Self::UnknownProfile { place, profile } => write!(
                f,
                "{place}: profile {profile:?} is in no clouds-public.yaml and was passed over; profiles that openstacksdk brings along are not known here"
            ),
            Self::ScopeOfCredential => f.write_str(
                "an application credential has its project; the project, domain or system beside it is not sent",
            ),
            Self::Unverified { cloud } => write!(
                f,
                "TLS of cloud {cloud:?} is NOT verified: whoever is on the way can read the password and change every answer"
            ),
        }
    }
}
