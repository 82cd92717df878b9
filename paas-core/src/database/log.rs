//! What the lines of a server's log say.
//!
//! The server writes them by the prefix that our servers get: `%m [%p] %q%u@%d `. A message of several lines goes on in lines that begin
//! with a tab ("log_line_prefix" and `send_message_to_server_log` of PostgreSQL).

use std::fmt;

use serde::Serialize;

/// The words that PostgreSQL writes before a message, in any order.
const LEVELS: [&str; 20] = [
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "DEBUG5",
    "DEBUG",
    "LOG",
    "INFO",
    "NOTICE",
    "WARNING",
    "ERROR",
    "FATAL",
    "PANIC",
    "DETAIL",
    "HINT",
    "QUERY",
    "CONTEXT",
    "LOCATION",
    "BACKTRACE",
    "STATEMENT",
];

/// A message longer than this is cut.
pub(crate) const LIMIT: usize = 1 << 20;

/// What a cut message ends with.
const CUT: &str = " [cut]";

/// One message of a server. [`fmt::Display`] gives it as the server wrote it.
///
/// `DETAIL`, `HINT`, `STATEMENT` and their like are messages of their own that follow the one that they belong to, with the same `pid`.
/// What other programs write there, such as an `archive_command`, has a `message` and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Entry {
    /// When, in the server's own words and time zone: `2026-11-22 18:04:05.123 UTC`.
    pub time: Option<String>,
    /// The process of the server that wrote it.
    pub pid: Option<u32>,
    /// The user of the session; `[unknown]` before the login. None for the server's own processes.
    pub user: Option<String>,
    /// The database of the session.
    pub database: Option<String>,
    /// `LOG`, `ERROR`, `FATAL`, `DETAIL`, …
    pub level: Option<String>,
    /// What happened; lines are separated by `\n`.
    pub message: String,
}

impl Entry {
    /// Reads the first line of a message.
    fn parse(line: &str) -> Self {
        prefixed(line).unwrap_or_else(|| Self {
            message: line.to_owned(),
            ..Self::default()
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(time), Some(pid)) = (&self.time, self.pid) {
            write!(f, "{time} [{pid}] ")?;
        }
        if let (Some(user), Some(database)) = (&self.user, &self.database) {
            write!(f, "{user}@{database} ")?;
        }
        if let Some(level) = &self.level {
            write!(f, "{level}:  ")?;
        }
        f.write_str(&self.message.replace('\n', "\n\t"))
    }
}

/// A line with our prefix, taken apart.
fn prefixed(line: &str) -> Option<Entry> {
    let (time, rest) = line.split_once(" [")?;
    let digits = |t: &str, len: usize| t.len() == len && t.bytes().all(|b| b.is_ascii_digit());
    let mut date = time.get(..10)?.split('-');
    let is_date = digits(date.next()?, 4) && digits(date.next()?, 2) && digits(date.next()?, 2);
    if !is_date || time.as_bytes().get(10) != Some(&b' ') {
        return None;
    }
    let (pid, rest) = rest.split_once("] ")?;
    let (session, level, message) = levelled(rest);
    let (user, database) = session.map_or((None, None), |s| {
        // A name may have an @ in it, a database's less likely than a user's.
        s.rsplit_once('@')
            .map_or((None, None), |(u, d)| (Some(u.to_owned()), Some(d.to_owned())))
    });
    Some(Entry {
        time: Some(time.to_owned()),
        pid: Some(pid.parse().ok()?),
        user,
        database,
        level: level.map(str::to_owned),
        message: message.to_owned(),
    })
}

/// The session, the level and the message: the first level that stands where one can stand.
fn levelled(rest: &str) -> (Option<&str>, Option<&str>, &str) {
    for (at, _) in rest.match_indices(":  ") {
        let before = &rest[..at];
        let message = &rest[at + 3..];
        if LEVELS.contains(&before) {
            return (None, Some(before), message);
        }
        if let Some((session, level)) = before.rsplit_once(' ')
            && LEVELS.contains(&level)
            && session.contains('@')
        {
            return (Some(session), Some(level), message);
        }
    }
    (None, None, rest)
}

/// Joins lines to messages; what it holds is at most one message.
#[derive(Debug, Clone, Default)]
pub struct Parser {
    open: Option<Entry>,
}

impl Parser {
    /// Takes one line without its end; gives the message before, which is whole now.
    pub fn line(&mut self, line: &str) -> Option<Entry> {
        match (line.strip_prefix('\t'), &mut self.open) {
            (Some(more), Some(open)) => {
                if open.message.len() + more.len() < LIMIT {
                    open.message.push('\n');
                    open.message.push_str(more);
                } else if !open.message.ends_with(CUT) {
                    open.message.push_str(CUT);
                }
                None
            }
            _ => self.open.replace(Entry::parse(line)),
        }
    }

    /// The message that nothing was added to since.
    pub fn end(&mut self) -> Option<Entry> {
        self.open.take()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<Entry> {
        let mut parser = Parser::default();
        let mut all: Vec<Entry> = text.lines().filter_map(|l| parser.line(l)).collect();
        all.extend(parser.end());
        all
    }

    #[test]
    fn what_a_server_wrote_is_taken_apart_and_told_as_it_was() {
        let text = "2026-11-22 18:04:05.123 UTC [41] LOG:  starting PostgreSQL 15.14\n\
            2026-11-22 18:04:06.000 CET [44] [unknown]@[unknown] FATAL:  no PostgreSQL user name specified\n\
            2026-11-22 18:04:07.500 UTC [45] app_a@my shop ERROR:  division by zero\n\
            2026-11-22 18:04:07.500 UTC [45] app_a@my shop STATEMENT:  select\n\t1 /\n\t\t0 -- LOG:  not one\n\
            cp: cannot stat 'x'\n\
            \n\
            2026-11-22 18:04:08.000 UTC [45] app_a@shop HINT:  ask a@b LOG:  twice\n";
        let all = read(text);
        let told: Vec<String> = all.iter().map(Entry::to_string).collect();
        assert_eq!(told.join("\n") + "\n", text);
        insta::assert_json_snapshot!(all);
    }

    #[test]
    fn a_message_without_end_is_cut() {
        let line = "\t".to_owned() + &"x".repeat(1000);
        let mut parser = Parser::default();
        parser.line("2026-11-22 18:04:05.123 UTC [41] LOG:  long");
        for _ in 0..5000 {
            assert_eq!(parser.line(&line), None);
        }
        let entry = parser.end().unwrap();
        assert!(entry.message.ends_with(CUT) && entry.message.len() <= LIMIT + CUT.len());
    }

    proptest! {
        #[test]
        fn every_message_is_read_back_from_what_is_told(
            user in "[a-z_@ ]{1,12}", database in "[a-z_]{1,12}", session in any::<bool>(),
            level in prop::sample::select(LEVELS.to_vec()), message in "[^\n\r\t]{0,30}(\n[^\n\r]{0,20}){0,3}",
        ) {
            let entry = Entry {
                time: Some("2026-11-22 18:04:05.123 UTC".to_owned()),
                pid: Some(7),
                user: session.then_some(user),
                database: session.then_some(database),
                level: Some(level.to_owned()),
                message,
            };
            let lines = entry.to_string();
            let mut parser = Parser::default();
            for line in lines.split('\n') {
                prop_assert_eq!(parser.line(line), None);
            }
            prop_assert_eq!(parser.end(), Some(entry));
        }

        #[test]
        fn any_text_is_taken(text in "(?s).{0,300}") {
            let told: Vec<String> = read(&text).iter().map(Entry::to_string).collect();
            prop_assert!(told.len() <= text.lines().count());
        }
    }
}
