//! YAML and JSON as trees, within bounds. Messages tell places, never text of the file.

use std::{collections::HashMap, path::Path, rc::Rc};

use paas_core::error::Error;
use serde_json::Value;
use serde_saphyr::granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, options};

use super::{
    place::{Place, shown},
    scalar,
    tree::{Content, Map, Node},
    warning::Warning,
};
use crate::codes;

/// Lists and maps within each other; a clouds.yaml has about six.
const DEEPEST: usize = 64;
/// Values that aliases of one text may stand for in all: enough for people, nothing for a bomb.
const MOST_ALIASED: usize = 50_000;

/// The one document of a YAML text; `None` if the text is empty.
pub(super) fn read(
    file: &Rc<Path>,
    text: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Rc<Node>>, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut options: Options = options! { flow_nesting_limit: DEEPEST, block_nesting_limit: DEEPEST };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder {
        file,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        aliased: 0,
        warnings,
    };
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.event(event, &span.start)?,
            Err(error) => {
                let at = builder.place(error.marker());
                let what = match error.kind() {
                    ErrorKind::UnexpectedCharacter { .. } => {
                        "a character that YAML reserves; put the text in quotes".to_owned()
                    }
                    ErrorKind::RecursionLimitExceeded => {
                        format!("lists and maps are nested more than {DEEPEST} deep")
                    }
                    _ => error.info(),
                };
                return Err(at.error(&codes::OS_SYNTAX, format!("this is not YAML: {what}")));
            }
        }
    }
    Ok(builder.root)
}

/// A JSON text.
pub(super) fn read_json(file: &Rc<Path>, text: &str) -> Result<Option<Rc<Node>>, Error> {
    let place = |at| Place::File {
        file: Rc::clone(file),
        at,
    };
    let value: Value = serde_json::from_str(text).map_err(|e| {
        let what = match e.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            _ => "here is something else than expected",
        };
        place(Some((e.line(), e.column()))).error(&codes::OS_SYNTAX, format!("this is not JSON: {what}"))
    })?;
    Ok(Some(from_json(&place(None), value)))
}

fn from_json(place: &Place, value: Value) -> Rc<Node> {
    let content = match value {
        Value::Null => Content::Null,
        Value::Bool(_) | Value::Number(_) => Content::Scalar {
            text: value.to_string(),
            plain: true,
        },
        Value::String(text) => Content::Scalar { text, plain: false },
        Value::Array(list) => Content::List(list.into_iter().map(|v| from_json(place, v)).collect()),
        Value::Object(map) => Content::Map(map.into_iter().map(|(k, v)| (k, from_json(place, v))).collect()),
    };
    Node::new(place.clone(), content)
}

/// A list or map that is still being read.
struct Open {
    anchor: usize,
    place: Place,
    content: Opened,
}

enum Opened {
    List(Vec<Rc<Node>>),
    Map {
        map: Map,
        merged: Vec<Rc<Node>>,
        key: Option<(String, Place)>,
    },
}

struct Builder<'a> {
    file: &'a Rc<Path>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    aliased: usize,
    warnings: &'a mut Vec<Warning>,
}

impl Builder<'_> {
    fn place(&self, marker: &Marker) -> Place {
        Place::File {
            file: Rc::clone(self.file),
            at: Some((marker.line().max(1), marker.col() + 1)),
        }
    }

    fn event(&mut self, event: Event<'_>, at: &Marker) -> Result<(), Error> {
        let place = self.place(at);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(place.error(&codes::OS_SYNTAX, "a second document begins; only one is read"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag
                    .as_deref()
                    .is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let plain = style == ScalarStyle::Plain && !is_text;
                let content = if plain && scalar::null(&text) {
                    Content::Null
                } else {
                    Content::Scalar {
                        text: text.into_owned(),
                        plain,
                    }
                };
                self.add(Node::new(place, content), anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.start(anchor, place, Opened::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let content = Opened::Map {
                    map: Map::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.start(anchor, place, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, &place),
            _ => Ok(()),
        }
    }

    fn start(&mut self, anchor: usize, place: Place, content: Opened) -> Result<(), Error> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep(&place));
        }
        if matches!(
            self.open.last(),
            Some(Open {
                content: Opened::Map { key: None, .. },
                ..
            })
        ) {
            return Err(place.error(&codes::OS_SYNTAX, "the name of a field must be a plain text"));
        }
        self.open.push(Open {
            anchor,
            place,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(Open {
            anchor,
            place,
            content,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let content = match content {
            Opened::List(list) => Content::List(list),
            Opened::Map { mut map, merged, .. } => {
                for node in merged {
                    merge_into(&mut map, &node)?;
                }
                Content::Map(map)
            }
        };
        self.add(Node::new(place, content), anchor)
    }

    fn alias(&mut self, anchor: usize, place: &Place) -> Result<(), Error> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(place.error(&codes::OS_SYNTAX, "this alias stands for the value that it is in"));
        };
        self.aliased = self.aliased.saturating_add(node.size);
        if self.aliased > MOST_ALIASED {
            let what = format!("the aliases of this file stand for more than {MOST_ALIASED} values");
            return Err(place.error(&codes::OS_SYNTAX, what));
        }
        if self.open.len() + node.depth > DEEPEST {
            return Err(too_deep(place));
        }
        self.put(node)
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Error> {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node)
    }

    /// Puts a value where the text has it: as root, entry of a list, name or value of a field.
    fn put(&mut self, node: Rc<Node>) -> Result<(), Error> {
        let Some(Open { content, .. }) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match content {
            Opened::List(list) => list.push(node),
            Opened::Map { map, merged, key } => match key.take() {
                None => {
                    let name = match &node.content {
                        Content::Null => String::new(),
                        Content::Scalar { text, .. } => text.clone(),
                        Content::List(_) | Content::Map(_) => {
                            let what = "the name of a field must be a plain text";
                            return Err(node.place.error(&codes::OS_SYNTAX, what));
                        }
                    };
                    *key = Some((name, node.place.clone()));
                }
                Some((name, _)) if name == "<<" => merged.push(node),
                Some((name, place)) => {
                    if map.contains_key(&name) {
                        self.warnings.push(Warning::Twice {
                            place: place.to_string(),
                            field: shown(&name).to_owned(),
                        });
                    }
                    map.insert(name, node);
                }
            },
        }
        Ok(())
    }
}

/// The merge key `<<`: what a map does not say itself comes from these, from the first that says it.
fn merge_into(map: &mut Map, from: &Rc<Node>) -> Result<(), Error> {
    match &from.content {
        Content::Map(fields) => {
            for (key, value) in fields {
                map.entry(key.clone()).or_insert_with(|| Rc::clone(value));
            }
            Ok(())
        }
        Content::List(list) if list.iter().all(|node| matches!(node.content, Content::Map(_))) => {
            list.iter().try_for_each(|node| merge_into(map, node))
        }
        _ => Err(from
            .place
            .error(&codes::OS_SYNTAX, "<< takes a map or a list of maps")),
    }
}

fn too_deep(place: &Place) -> Error {
    place.error(
        &codes::OS_SYNTAX,
        format!("lists and maps are nested more than {DEEPEST} deep"),
    )
}
