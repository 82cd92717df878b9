//! Where a statement of SQL text ends, as psql finds it: at a semicolon that is in no quotes, comment, parentheses or body of a function.

/// A statement, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// With its semicolon; what stood before its first word is left away.
    pub(super) text: Vec<u8>,
    /// The line that it begins in, from 1.
    pub(super) line: u64,
    /// Its words outside of quotes, in lower case; all of a COPY, the first few of others.
    pub(super) words: Vec<String>,
}

impl Statement {
    /// True if its rows follow in the text.
    pub(super) fn copies_in(&self) -> bool {
        self.words.first().is_some_and(|w| w == "copy")
            && self.words.windows(2).any(|w| w == ["from", "stdin"])
    }
}

/// How many words are kept: enough for `create or replace function`.
const WORDS: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Within {
    Plain,
    /// `'…'`; true if a backslash escapes.
    Quotes(bool),
    /// `"…"`.
    Name,
    /// `$tag$…$tag$`, with both dollars.
    Dollars(Vec<u8>),
    /// `/* … */`, which nest.
    Comment(u32),
}

/// Takes lines, gives statements.
#[derive(Debug)]
pub(super) struct Splitter {
    text: Vec<u8>,
    within: Within,
    /// Parentheses that are open.
    depth: u32,
    /// `BEGIN` and `CASE` that are open in the body of a function.
    blocks: u32,
    begun: u64,
    words: Vec<String>,
    word: Vec<u8>,
    line: u64,
}

impl Splitter {
    pub(super) fn new() -> Self {
        Self {
            text: Vec::new(),
            within: Within::Plain,
            depth: 0,
            blocks: 0,
            begun: 0,
            words: Vec::new(),
            word: Vec::new(),
            line: 0,
        }
    }

    /// True if no statement is open.
    pub(super) fn is_between(&self) -> bool {
        self.text.is_empty() && self.within == Within::Plain
    }

    /// The line that the open statement began in.
    pub(super) fn begun(&self) -> u64 {
        self.begun.max(1)
    }

    /// The line that was taken last, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// A line that is none of SQL.
    pub(super) fn skip(&mut self) {
        self.line += 1;
    }

    /// Takes the next line, with its end; gives the statements that end in it.
    pub(super) fn take(&mut self, line: &[u8]) -> Vec<Statement> {
        self.line += 1;
        let mut done = Vec::new();
        let mut at = 0;
        while let Some(byte) = line.get(at).copied() {
            let rest = &line[at..];
            let mut step = 1;
            match &mut self.within {
                Within::Plain => {
                    if is_word(byte) || (byte == b'$' && !self.word.is_empty()) {
                        self.word.push(byte);
                        self.keep(rest, 1);
                        at += 1;
                        continue;
                    }
                    let before = std::mem::take(&mut self.word);
                    self.end_word(&before);
                    if rest.starts_with(b"--") {
                        // A line's end is kept, so that lines can be counted in the text.
                        if !self.text.is_empty() {
                            self.text.push(b'\n');
                        }
                        break;
                    }
                    if rest.starts_with(b"/*") {
                        self.within = Within::Comment(1);
                        step = 2;
                    } else if byte == b'\'' {
                        self.within = Within::Quotes(before.eq_ignore_ascii_case(b"e"));
                    } else if byte == b'"' {
                        self.within = Within::Name;
                    } else if let Some(tag) = tag(rest) {
                        step = tag.len();
                        self.within = Within::Dollars(tag.to_vec());
                    } else if byte == b'(' {
                        self.depth += 1;
                    } else if byte == b')' {
                        self.depth = self.depth.saturating_sub(1);
                    } else if byte == b';' && self.depth == 0 && self.blocks == 0 {
                        if !self.text.is_empty() {
                            self.text.push(b';');
                            done.push(self.end());
                        }
                        at += 1;
                        continue;
                    }
                }
                Within::Quotes(escapes) => match byte {
                    b'\\' if *escapes && rest.len() > 1 => step = 2,
                    b'\'' => self.within = Within::Plain,
                    _ => {}
                },
                Within::Name => {
                    if byte == b'"' {
                        self.within = Within::Plain;
                    }
                }
                Within::Dollars(tag) => {
                    if rest.starts_with(tag) {
                        step = tag.len();
                        self.within = Within::Plain;
                    }
                }
                Within::Comment(depth) => {
                    if rest.starts_with(b"/*") {
                        *depth += 1;
                        step = 2;
                    } else if rest.starts_with(b"*/") {
                        step = 2;
                        *depth -= 1;
                        if *depth == 0 {
                            self.within = Within::Plain;
                        }
                    }
                }
            }
            self.keep(rest, step);
            at += step;
        }
        if self.within == Within::Plain {
            let word = std::mem::take(&mut self.word);
            self.end_word(&word);
        }
        done
    }

    fn keep(&mut self, from: &[u8], count: usize) {
        let first = from.first().copied().unwrap_or(b' ');
        // Before the first word, spaces and comments are nobody's.
        let nothing = first.is_ascii_whitespace() && self.within == Within::Plain;
        if self.text.is_empty() {
            if nothing || matches!(self.within, Within::Comment(_)) || from.starts_with(b"*/") {
                return;
            }
            self.begun = self.line;
        }
        self.text.extend_from_slice(&from[..count.min(from.len())]);
    }

    fn end_word(&mut self, word: &[u8]) {
        if word.is_empty() {
            return;
        }
        let word = String::from_utf8_lossy(word).to_ascii_lowercase();
        let routine = self.words.first().is_some_and(|w| w == "create")
            && self.words.iter().any(|w| w == "function" || w == "procedure");
        if routine && self.depth == 0 {
            match word.as_str() {
                "begin" => self.blocks += 1,
                // Only a body has these.
                "case" if self.blocks > 0 => self.blocks += 1,
                "end" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
        if self.words.len() < WORDS || self.words.first().is_some_and(|w| w == "copy") {
            self.words.push(word);
        }
    }

    fn end(&mut self) -> Statement {
        Statement {
            text: std::mem::take(&mut self.text),
            line: self.begun,
            words: std::mem::take(&mut self.words),
        }
    }
}

/// Every byte of a character beyond ASCII may stand in a name.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// `$tag$` at the beginning, where it opens a quotation.
fn tag(text: &[u8]) -> Option<&[u8]> {
    let inner = text.strip_prefix(b"$")?;
    let end = inner.iter().position(|b| !is_word(*b))?;
    let begins_well = !inner.first().is_some_and(u8::is_ascii_digit);
    (inner[end] == b'$' && begins_well).then(|| &text[..end + 2])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut splitter = Splitter::new();
        let found: Vec<Statement> = text
            .split_inclusive('\n')
            .flat_map(|l| splitter.take(l.as_bytes()))
            .collect();
        assert!(splitter.is_between(), "left open: {splitter:?}");
        found
            .into_iter()
            .map(|s| String::from_utf8(s.text).unwrap())
            .collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_only_where_it_stands_free() {
        for one in [
            "select 'a;b', 'it''s;';",
            r"select E'\';', 1;",
            "select \";\"\"\" from t;",
            "do $$ begin; end; $$;",
            "do $a$ ; $b$ ; $$ ; $a$;",
            "select a$b$c, $1;",
            "create rule r as on insert to t do also (insert into a values (1); delete from b);",
            "create function f() returns int begin atomic select 1; select case when true then 2 end; end;",
            "create or replace procedure p() language sql begin atomic insert into t values (1); end;",
            "select 1 /* ; /* ; */ ; */ + 1;",
        ] {
            assert_eq!(split(one), [one]);
        }
        assert_eq!(split("begin; select 1; end;"), ["begin;", "select 1;", "end;"]);
        assert_eq!(split(";;\n -- a;\n/* b; */ select 1;"), ["select 1;"]);
    }

    #[test]
    fn a_statement_knows_its_line_and_whether_rows_follow() {
        let mut splitter = Splitter::new();
        assert!(splitter.take(b"-- first\n").is_empty());
        assert!(splitter.take(b"select 'a\n").is_empty());
        assert!(!splitter.is_between());
        let found = splitter.take(b"b'; COPY public.\"from stdin\" (a) FROM stdin;\n");
        assert_eq!(
            found.iter().map(|s| (s.line, s.copies_in())).collect::<Vec<_>>(),
            [(2, false), (3, true)]
        );
        let found = splitter.take(b"copy t from 'stdin'; copy t to stdout;\n");
        assert!(found.iter().all(|s| !s.copies_in()), "{found:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_without_panic_and_quoted_text_comes_back(text in "[a-z$'\"\\\\;(/*)\n-]{0,60}") {
            let mut splitter = Splitter::new();
            for line in text.split_inclusive('\n') { splitter.take(line.as_bytes()); }
            let quoted = format!("select {};", postgres_protocol::escape::escape_literal(&text).trim_start());
            prop_assert_eq!(split(&quoted), [quoted]);
        }
    }
}
