//! YAML as a tree that knows where everything stands.

use std::rc::Rc;

use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{ErrorKind, Event, Options, Parser, ScanError, options};

use super::{builder::Builder, errors::Position};
use crate::{
    codes::Code,
    spec::{
        codes,
        validate::{Path, Segment},
    },
};

/// Lists and maps within each other; our kinds need fewer than ten.
pub(super) const DEEPEST: usize = 64;

/// One value and its place. Shared, because an alias is the same value once more.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    pub(super) at: Position,
    /// How many values it consists of, itself included.
    pub(super) size: usize,
    /// How many levels it has, itself included.
    pub(super) depth: usize,
}

#[derive(Debug)]
pub(super) enum Content {
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
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((Event::DocumentStart(..), _))) => {
                builder.begin();
            }
            Some(Ok((Event::DocumentEnd, _))) => {
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
    pub(super) fn too_deep(at: Position) -> Self {
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
        // A list or map is best known by the name it has.
        if matches!(node.content, Content::Scalar(_)) {
            node.at
        } else {
            name
        }
    }
}
