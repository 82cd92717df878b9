//! What was found, and how bad it is.

use serde::Serialize;

use crate::error::Error;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know; nothing has to be done.
    Note,
    /// It works, and will not for long, or not everywhere.
    Warn,
    /// Something does not work.
    Bad,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Bad => "BAD",
        }
    }
}

/// What was looked at, in the order of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The builds of PostgreSQL.
    PostgreSQL,
    /// Whom it runs as.
    Account,
    /// The home and the disk below it.
    Home,
    /// The objects that were accepted.
    Objects,
    /// The instances and their data.
    Instances,
    /// Their ports.
    Ports,
    /// What interrupted work and lost instances left.
    Leftovers,
    /// Who works on the home now.
    Locks,
    /// The certificate authority.
    Authority,
    /// Times that are yet to come.
    Clock,
    /// What brings databases back after a reboot.
    Service,
    /// What the system allows.
    System,
}

impl Subject {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostgreSQL => "postgresql",
            Self::Account => "account",
            Self::Home => "home",
            Self::Objects => "objects",
            Self::Instances => "instances",
            Self::Ports => "ports",
            Self::Leftovers => "leftovers",
            Self::Locks => "locks",
            Self::Authority => "authority",
            Self::Clock => "clock",
            Self::Service => "service",
            Self::System => "system",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was looked at.
    pub subject: Subject,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub what: String,
    /// What follows from it, or where it comes from; may be empty.
    pub why: String,
    /// What to do; never empty for what is worse than a note.
    pub todo: String,
    /// The code that `paas explain` knows more of.
    pub code: Option<&'static str>,
}

impl Finding {
    /// Something that was seen.
    pub fn new(severity: Severity, subject: Subject, what: impl Into<String>) -> Self {
        Self {
            subject,
            severity,
            what: what.into(),
            why: String::new(),
            todo: String::new(),
            code: None,
        }
    }

    /// As it should be.
    pub(super) fn ok(subject: Subject, what: impl Into<String>) -> Self {
        Self::new(Severity::Ok, subject, what)
    }

    /// An error as a finding: its words, its advice and its code.
    pub fn error(severity: Severity, subject: Subject, e: &Error) -> Self {
        Self {
            why: e.what().unwrap_or_default().to_owned(),
            todo: e.advice().to_owned(),
            code: Some(e.code().id),
            ..Self::new(severity, subject, e.words())
        }
    }

    /// What follows from it.
    #[must_use]
    pub fn why(self, why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            ..self
        }
    }

    /// What to do.
    #[must_use]
    pub fn todo(self, todo: impl Into<String>) -> Self {
        Self {
            todo: todo.into(),
            ..self
        }
    }

    /// Its code; where nothing was said of what to do, the code's own advice is taken.
    #[must_use]
    pub fn code(mut self, code: &'static crate::codes::Code) -> Self {
        self.code = Some(code.id);
        if self.todo.is_empty() {
            self.todo = code.remedy.to_owned();
        }
        self
    }
}

/// Everything that was found, by subject, worst first.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding; [`Report::sort`] brings it to its place.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// By subject, worst first.
    pub fn sort(&mut self) {
        self.findings
            .sort_by_key(|f| (f.subject, std::cmp::Reverse(f.severity)));
    }

    /// The worst there is; [`Severity::Ok`] if there is nothing.
    pub fn worst(&self) -> Severity {
        let all = self.findings.iter().map(|f| f.severity);
        all.max().unwrap_or(Severity::Ok)
    }

    /// How many findings are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }

    /// The worst of a subject; [`Severity::Ok`] if there is nothing.
    pub fn worst_of(&self, subject: Subject) -> Severity {
        let all = self.findings.iter().filter(|f| f.subject == subject);
        all.map(|f| f.severity).max().unwrap_or(Severity::Ok)
    }
}
