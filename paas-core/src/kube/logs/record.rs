//! What the lines of a server's container say: CloudNativePG's JSON, and PostgreSQL's own text.

use serde_json::{Map, Value};

use crate::database::log::{Entry, Parser};

/// What follows a message as a message of its own, in PostgreSQL's order: the field of a record, and the word.
const MORE: [(&str, &str); 5] = [
    ("detail", "DETAIL"),
    ("hint", "HINT"),
    ("internal_query", "QUERY"),
    ("context", "CONTEXT"),
    ("query", "STATEMENT"),
];

/// Reads the lines of one container.
#[derive(Debug, Default)]
pub(super) struct Reader {
    parser: Parser,
    /// Whether what CloudNativePG's manager says in the pod is told as well.
    all: bool,
}

impl Reader {
    pub(super) fn new(all: bool) -> Self {
        Self {
            all,
            ..Self::default()
        }
    }

    /// The messages that are whole with this line.
    pub(super) fn line(&mut self, line: &str) -> Vec<Entry> {
        match serde_json::from_str(line) {
            Ok(Value::Object(object)) if object.contains_key("msg") && object.contains_key("logger") => {
                let mut all: Vec<Entry> = self.end().into_iter().collect();
                all.extend(self.told(&object));
                all
            }
            _ => self.parser.line(line).into_iter().collect(),
        }
    }

    /// The message that nothing was added to.
    pub(super) fn end(&mut self) -> Option<Entry> {
        self.parser.end()
    }

    fn told(&self, object: &Map<String, Value>) -> Vec<Entry> {
        match object.get("record").and_then(Value::as_object) {
            Some(record) => of_record(record),
            None if self.all => vec![of_manager(object)],
            None => Vec::new(),
        }
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str).filter(|t| !t.is_empty())
}

/// A row of PostgreSQL's CSV log, whose fields CloudNativePG names as the manual does.
fn of_record(record: &Map<String, Value>) -> Vec<Entry> {
    let own = |key: &str| text(record, key).map(str::to_owned);
    let first = Entry {
        time: own("log_time"),
        pid: text(record, "process_id").and_then(|p| p.parse().ok()),
        user: own("user_name"),
        database: own("database_name"),
        level: own("error_severity"),
        message: own("message").unwrap_or_default(),
    };
    let more = MORE.iter().filter_map(|(key, level)| {
        Some(Entry {
            level: Some((*level).to_owned()),
            message: own(key)?,
            ..first.clone()
        })
    });
    let more: Vec<Entry> = more.collect();
    std::iter::once(first).chain(more).collect()
}

/// What CloudNativePG's manager says, which is the first program in the pod: `manager: msg: error`.
fn of_manager(object: &Map<String, Value>) -> Entry {
    let words = [text(object, "logger"), text(object, "msg"), text(object, "error")];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    Entry {
        time: text(object, "ts").map(str::to_owned),
        level: text(object, "level").map(str::to_uppercase),
        message: words.join(": "),
        ..Entry::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(reader: &mut Reader, lines: &[String]) -> Vec<String> {
        let mut all: Vec<Entry> = lines.iter().flat_map(|l| reader.line(l)).collect();
        all.extend(reader.end());
        all.iter().map(Entry::to_string).collect()
    }

    #[test]
    fn a_record_is_told_as_postgresql_itself_would_write_it() {
        let record = json!({"level": "info", "ts": "2026-11-23T15:05:19.2Z", "logger": "postgres", "msg": "record", "record": {
            "log_time": "2026-11-23 15:05:19.123 UTC", "user_name": "app_a", "database_name": "app", "process_id": "41",
            "error_severity": "ERROR", "message": "division by zero", "hint": "do not", "query": "select 1/0",
        }});
        let own = json!({"level": "info", "logger": "postgres", "msg": "record", "record": {
            "log_time": "2026-11-23 15:05:20.000 UTC", "process_id": "7", "error_severity": "LOG", "message": "checkpoint starting: time",
        }});
        let manager = json!({"level": "error", "ts": "2026-11-23T15:05:21Z", "logger": "instance-manager", "msg": "no", "error": "why"});
        let lines = [record.to_string(), own.to_string(), manager.to_string()];
        let told = [
            "2026-11-23 15:05:19.123 UTC [41] app_a@app ERROR:  division by zero",
            "2026-11-23 15:05:19.123 UTC [41] app_a@app HINT:  do not",
            "2026-11-23 15:05:19.123 UTC [41] app_a@app STATEMENT:  select 1/0",
            "2026-11-23 15:05:20.000 UTC [7] LOG:  checkpoint starting: time",
        ];
        assert_eq!(read(&mut Reader::default(), &lines), told);
        let all = read(&mut Reader::new(true), &lines);
        assert_eq!(all[..4], told);
        assert_eq!(all[4], "ERROR:  instance-manager: no: why");
    }

    #[test]
    fn text_of_a_stock_image_and_what_only_looks_like_json_are_kept() {
        let text = "2026-11-22 18:04:07.500 UTC [45] app_a@shop ERROR:  no\n\tmore\n{\"a\": 1}\n[1]\n{broken";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(read(&mut Reader::default(), &lines).join("\n"), text);
    }
}
