//! Builds the tree from the events of the parser, within bounds.

use std::{borrow::Cow, collections::HashMap, rc::Rc};

use serde_json::Value;
use serde_saphyr::granit_parser::{Event, ScalarStyle, Span, Tag};

use super::{
    errors::Position,
    tree::{Content, DEEPEST, Node, Problem},
    words::{other_boolean, other_number, resolve},
};
use crate::spec::{
    codes,
    validate::{Path, Segment},
};

/// Values that aliases of one text may stand for in all: enough for people, nothing for a bomb.
const MOST_ALIASED: usize = 50_000;

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
pub(super) struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    pub(super) root: Option<Rc<Node>>,
    pub(super) problems: Vec<Problem>,
    aliased: usize,
    /// The document cannot be judged any more.
    pub(super) broken: bool,
    /// The text cannot be read any further.
    pub(super) gave_up: bool,
}

impl Builder {
    /// Begins the next document; what aliases stand for is counted over all of them.
    pub(super) fn begin(&mut self) {
        let problems = std::mem::take(&mut self.problems);
        *self = Self {
            problems,
            aliased: self.aliased,
            ..Self::default()
        };
    }

    pub(super) fn event(&mut self, event: Event<'_>, span: &Span) {
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
        if !self.expects_key() {
            if other_boolean(&text) {
                let message = format!(
                    "{text} without quotes is a boolean to some readers of YAML and a text to others"
                );
                self.problem(
                    at,
                    message,
                    Some(format!("write true or false, or put it in quotes: \"{text}\"")),
                );
            } else if other_number(&text) {
                let message =
                    format!("{text} is an octal number to some readers of YAML and a decimal one to others");
                self.problem(
                    at,
                    message,
                    Some(format!(
                        "write it without the leading 0, or put it in quotes: \"{text}\""
                    )),
                );
            }
        }
        resolve(text)
    }
}

fn key_text(node: &Node) -> String {
    match &node.content {
        Content::Scalar(Value::String(s)) => s.clone(),
        Content::Scalar(Value::Null) => String::new(),
        Content::Scalar(other) => other.to_string(),
        Content::List(_) | Content::Map(_) => "?".to_owned(),
    }
}
