//! YAML as a tree that knows where everything stands.

use std::{borrow::Cow, collections::HashMap, rc::Rc};

use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, Tag, options,
};

use super::errors::Position;
use crate::{
    codes::Code,
    spec::{
        codes,
        validate::{Path, Segment},
    },
};

/// Lists and maps within each other; our kinds need fewer than ten.
const DEEPEST: usize = 64;
/// Values that aliases of one text may stand for in all: enough for people, nothing for a bomb.
const MOST_ALIASED: usize = 50_000;

/// One value and its place. Shared, because an alias is the same value once more.
#[derive(Debug)]
pub(super) struct Node {
    content: Content,
    at: Position,
    /// How many values it consists of, itself included.
    size: usize,
    /// How many levels it has, itself included.
    depth: usize,
}

#[derive(Debug)]
enum Content {
    Scalar(Value),
    List(Vec<Rc<Node>>),
    Map(Vec<(String, Position, Rc<Node>)>),
}

/// Something that no schema has to say: the text itself is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: &'static Code,
    pub(super) at: Position,
    pub(super) path: Path,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// All documents of a text that are not empty, and all that is wrong with the text. A broken document is left out; those after it are
/// read.
pub(super) fn read(text: &str) -> (Vec<Rc<Node>>, Vec<Problem>) {
    // A byte-order mark at the very start says nothing but UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut options: Options = options! { flow_nesting_limit: DEEPEST, block_nesting_limit: DEEPEST };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    let mut builder = Builder::default();
    let mut aliased = 0;
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((Event::DocumentStart(..), _))) => {
                let problems = std::mem::take(&mut builder.problems);
                builder = Builder {
                    problems,
                    aliased,
                    ..Builder::default()
                };
            }
            Some(Ok((Event::DocumentEnd, _))) => {
                aliased = builder.aliased;
                let empty = |n: &Rc<Node>| matches!(n.content, Content::Scalar(Value::Null));
                documents.extend(builder.root.take().filter(|n| !builder.broken && !empty(n)));
            }
            Some(Ok((event, span))) => builder.event(event, &span),
            Some(Err(error)) => {
                builder.problems.push(Problem::from(&error));
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
        if builder.gave_up {
            break;
        }
    }
    (documents, builder.problems)
}

impl From<&ScanError> for Problem {
    fn from(error: &ScanError) -> Self {
        let nesting = matches!(error.kind(), ErrorKind::RecursionLimitExceeded);
        let at = Position::of(error.marker());
        if nesting {
            Self::too_deep(at)
        } else {
            let help = match error.kind() {
                ErrorKind::TabInBlockIndentation | ErrorKind::TabNotAllowed | ErrorKind::TabInIndentation => {
                    Some("indent with spaces, not with tabs".to_owned())
                }
                _ => None,
            };
            Self {
                code: &codes::SPEC_SYNTAX,
                at,
                path: Path::default(),
                message: format!("this is not YAML: {}", error.info()),
                help,
            }
        }
    }
}

impl Problem {
    fn too_deep(at: Position) -> Self {
        Self {
            code: &codes::SPEC_LIMIT,
            at,
            path: Path::default(),
            message: format!("lists and maps are nested more than {DEEPEST} deep"),
            help: Some(
                "no field of ours is nested that deeply; look for a bracket that is never closed".to_owned(),
            ),
        }
    }
}

/// A list or map that is still being read.
#[derive(Debug)]
struct Open {
    anchor: usize,
    at: Position,
    content: OpenContent,
}

#[derive(Debug)]
enum OpenContent {
    List(Vec<Rc<Node>>),
    Map {
        entries: Vec<(String, Position, Rc<Node>)>,
        first: HashMap<String, Position>,
        key: Option<(String, Position)>,
    },
}

#[derive(Debug, Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    problems: Vec<Problem>,
    aliased: usize,
    /// The document cannot be judged any more.
    broken: bool,
    /// The text cannot be read any further.
    gave_up: bool,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: &Span) {
        let at = Position::of(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag.as_deref(), at);
                self.add(
                    Node {
                        content: Content::Scalar(value),
                        at,
                        size: 1,
                        depth: 1,
                    },
                    anchor,
                );
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "seq", at);
                self.start(anchor, at, OpenContent::List(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "map", at);
                self.start(
                    anchor,
                    at,
                    OpenContent::Map {
                        entries: Vec::new(),
                        first: HashMap::new(),
                        key: None,
                    },
                );
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => {}
        }
    }

    fn start(&mut self, anchor: usize, at: Position, content: OpenContent) {
        if self.open.len() >= DEEPEST {
            self.give_up(Problem::too_deep(at));
            return;
        }
        if self.expects_key() {
            self.problem(at, "the name of a field must be a plain text".to_owned(), None);
            self.broken = true;
        }
        self.open.push(Open { anchor, at, content });
    }

    fn end(&mut self) {
        let Some(Open { anchor, at, content }) = self.open.pop() else {
            return;
        };
        let (content, size, depth) = match content {
            OpenContent::List(list) => {
                let size = list.iter().map(|n| n.size).sum::<usize>();
                let depth = list.iter().map(|n| n.depth).max().unwrap_or(0);
                (Content::List(list), size, depth)
            }
            OpenContent::Map { entries, .. } => {
                let size = entries.iter().map(|(_, _, n)| n.size).sum::<usize>();
                let depth = entries.iter().map(|(_, _, n)| n.depth).max().unwrap_or(0);
                (Content::Map(entries), size, depth)
            }
        };
        self.add(
            Node {
                content,
                at,
                size: size + 1,
                depth: depth + 1,
            },
            anchor,
        );
    }

    fn alias(&mut self, anchor: usize, at: Position) {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            self.problem(
                at,
                "this alias stands for the value that it is in".to_owned(),
                None,
            );
            self.broken = true;
            return self.place(Rc::new(Node {
                content: Content::Scalar(Value::Null),
                at,
                size: 1,
                depth: 1,
            }));
        };
        self.aliased = self.aliased.saturating_add(node.size);
        if self.aliased > MOST_ALIASED {
            return self.give_up(Problem {
                code: &codes::SPEC_LIMIT,
                at,
                path: Path::default(),
                message: format!("the aliases of this text stand for more than {MOST_ALIASED} values"),
                help: Some("write the values out instead of using aliases".to_owned()),
            });
        }
        if self.open.len() + node.depth > DEEPEST {
            return self.give_up(Problem::too_deep(at));
        }
        self.place(node);
    }

    fn add(&mut self, node: Node, anchor: usize) {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.place(node);
    }

    /// Puts a value where the text has it: as root, list entry, key or value of a map.
    fn place(&mut self, node: Rc<Node>) {
        let at = node.at;
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut parent.content {
            OpenContent::List(list) => list.push(node),
            OpenContent::Map { entries, first, key } => match key.take() {
                None => *key = Some((key_text(&node), at)),
                Some((name, key_at)) => {
                    if let Some(there) = first.get(&name) {
                        let message = format!(
                            "the field {name:?} is there twice; the first is in line {}",
                            there.line
                        );
                        let mut path = self.path();
                        path.0.push(Segment::Key(name));
                        let help = Some("remove one of the two".to_owned());
                        self.problems.push(Problem {
                            code: &codes::SPEC_DUPLICATE,
                            at: key_at,
                            path,
                            message,
                            help,
                        });
                    } else {
                        first.insert(name.clone(), key_at);
                        entries.push((name, key_at, node));
                    }
                }
            },
        }
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: OpenContent::Map { key: None, .. },
                ..
            })
        )
    }

    fn path(&self) -> Path {
        let step = |open: &Open| match &open.content {
            OpenContent::List(list) => Some(Segment::Index(list.len())),
            OpenContent::Map { key, .. } => key.as_ref().map(|(k, _)| Segment::Key(k.clone())),
        };
        Path(self.open.iter().filter_map(step).collect())
    }

    fn problem(&mut self, at: Position, message: String, help: Option<String>) {
        let path = self.path();
        self.problems.push(Problem {
            code: &codes::SPEC_SYNTAX,
            at,
            path,
            message,
            help,
        });
    }

    fn give_up(&mut self, problem: Problem) {
        self.problems.push(problem);
        self.broken = true;
        self.gave_up = true;
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, allowed: &str, at: Position) {
        if let Some(tag) = tag.filter(|t| !t.is_yaml_core_schema_tag(allowed)) {
            self.problem(
                at,
                format!("the tag {} is not used here", tag.original()),
                Some("remove the tag".to_owned()),
            );
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Value {
        let as_text = tag.is_some_and(|t| t.is_yaml_core_schema_tag("str"));
        if let Some(tag) = tag.filter(|t| !as_text && t.original() != "!") {
            self.problem(
                at,
                format!("the tag {} is not used here", tag.original()),
                Some("remove the tag".to_owned()),
            );
        }
        if as_text || style != ScalarStyle::Plain || tag.is_some() {
            return Value::String(text.into_owned());
        }
        if !self.expects_key() && means_two_things(&text) {
            let help = format!("write true or false, or put it in quotes: \"{text}\"");
            self.problem(at, format!("{text} without quotes is a boolean or a number to some readers of YAML and a text to others"), Some(help));
        }
        resolve(text)
    }
}

/// Texts that YAML 1.1, which Kubernetes speaks, takes for a boolean or an octal number, and YAML 1.2 does not.
fn means_two_things(text: &str) -> bool {
    const WORDS: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let octal = digits.len() > 1
        && digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    octal || text.len() <= 3 && WORDS.iter().any(|w| w.eq_ignore_ascii_case(text))
}

/// The core schema of YAML 1.2.
fn resolve(text: Cow<'_, str>) -> Value {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        let whole = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
            (Some(hex), _) => i64::from_str_radix(hex, 16).ok(),
            (_, Some(octal)) => i64::from_str_radix(octal, 8).ok(),
            _ => text.parse().ok(),
        };
        let decimal = || {
            text.parse::<f64>()
                .ok()
                .filter(|_| text.bytes().any(|b| b.is_ascii_digit()))
        };
        if let Some(number) = whole
            .map(Number::from)
            .or_else(|| decimal().and_then(Number::from_f64))
        {
            return Value::Number(number);
        }
    }
    Value::String(text.into_owned())
}

fn key_text(node: &Node) -> String {
    match &node.content {
        Content::Scalar(Value::String(s)) => s.clone(),
        Content::Scalar(Value::Null) => String::new(),
        Content::Scalar(other) => other.to_string(),
        Content::List(_) | Content::Map(_) => "?".to_owned(),
    }
}

impl Node {
    pub(super) fn position(&self) -> Position {
        self.at
    }

    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(list) => Value::Array(list.iter().map(|n| n.to_json()).collect()),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(k, _, n)| (k.clone(), n.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// Where a path leads to; for what is not there, the name of the nearest thing around it.
    pub(super) fn locate(&self, path: &Path, on_key: bool) -> Position {
        let (mut node, mut name) = (self, self.at);
        for (step, segment) in path.0.iter().enumerate() {
            let last = step + 1 == path.0.len();
            let found = match (&node.content, segment) {
                (Content::List(list), Segment::Index(i)) => list.get(*i).map(|n| (n.at, n)),
                (Content::Map(entries), Segment::Key(key)) => entries
                    .iter()
                    .find(|(k, _, _)| k == key)
                    .map(|(_, at, n)| (*at, n)),
                _ => None,
            };
            let Some((at, inner)) = found else { return name };
            if last && on_key {
                return at;
            }
            (node, name) = (inner, at);
        }
        node.at
    }
}
