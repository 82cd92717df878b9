//! How the process ends.

use paas_core::{
    codes as core_codes,
    error::{Class, Error},
    spec::load::LoadErrors,
};

/// The exit codes, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed, or there are findings.
    Failed = 1,
    /// The command line or a file cannot be understood.
    Usage = 2,
    /// `plan --detailed-exitcode` found changes.
    Changes = 3,
    /// A person or another spec is needed.
    Blocked = 4,
    /// The time is over and there is still progress.
    TimedOut = 5,
    /// Interrupted.
    Interrupted = 130,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// One thing failed.
    One(Box<Error>),
    /// Files are not understood: everything that is wrong with them.
    Files(Box<LoadErrors>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::One(Box::new(error))
    }
}

impl From<LoadErrors> for Failure {
    fn from(errors: LoadErrors) -> Self {
        Self::Files(Box::new(errors))
    }
}

impl Failure {
    /// The exit code that fits.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Files(_) => Exit::Usage,
            Self::One(error) => of(error),
        }
    }
}

/// The exit code of an error.
pub fn of(error: &Error) -> Exit {
    let said_wrongly = ["PAAS-SPEC-", "PAAS-CLI-"]
        .iter()
        .any(|area| error.code().id.starts_with(area));
    match error.class() {
        Class::Invalid if said_wrongly => Exit::Usage,
        Class::Blocked => Exit::Blocked,
        Class::Unsupported if error.code() == &core_codes::CORE_UNSUPPORTED => Exit::Blocked,
        Class::Cancelled => Exit::Interrupted,
        Class::TimedOut => Exit::TimedOut,
        _ => Exit::Failed,
    }
}
