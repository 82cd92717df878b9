//! Values that know where they were said. They are shared: an alias is the same value once more.

use std::{collections::BTreeMap, rc::Rc};

use paas_core::error::Error;

use super::{place::Place, scalar};

/// A map; of a field that is there twice the last one counts, as it does for openstacksdk.
pub(super) type Map = BTreeMap<String, Rc<Node>>;

/// One value and its place. It has no `Debug`: it may be a secret.
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
    /// How many values it consists of, itself included.
    pub(super) size: usize,
    /// How many levels it has, itself included.
    pub(super) depth: usize,
}

pub(super) enum Content {
    Null,
    Scalar {
        text: String,
        /// Without quotes, so that it may be a number or a boolean.
        plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Map),
}

impl Node {
    pub(super) fn new(place: Place, content: Content) -> Rc<Self> {
        let (size, depth) = {
            let of = |nodes: &mut dyn Iterator<Item = &Rc<Self>>| {
                nodes.fold((0usize, 0usize), |(size, depth), node| {
                    (size.saturating_add(node.size), depth.max(node.depth))
                })
            };
            match &content {
                Content::Null | Content::Scalar { .. } => (0, 0),
                Content::List(list) => of(&mut list.iter()),
                Content::Map(map) => of(&mut map.values()),
            }
        };
        Rc::new(Self {
            place,
            content,
            size: size.saturating_add(1),
            depth: depth + 1,
        })
    }

    /// A text that stands for nothing else.
    pub(super) fn text_of(place: Place, text: impl Into<String>) -> Rc<Self> {
        let (text, plain) = (text.into(), false);
        Self::new(place, Content::Scalar { text, plain })
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// The fields of a map; `None` for null.
    pub(super) fn map(&self, field: &str) -> Result<Option<&Map>, Error> {
        match &self.content {
            Content::Map(map) => Ok(Some(map)),
            Content::Null => Ok(None),
            Content::Scalar { .. } | Content::List(_) => {
                Err(self.place.wrong(field, "must be a map of fields"))
            }
        }
    }

    /// A text as openstacksdk has it; `None` for null and for an empty one.
    pub(super) fn text(&self, field: &str) -> Result<Option<String>, Error> {
        match &self.content {
            Content::Null => Ok(None),
            Content::Scalar { text, plain } => {
                if let Some(other) = plain.then(|| scalar::ambiguous(text)).flatten() {
                    let what = format!(
                        "must be a text, and without quotes it is {other} to some readers of YAML; put it in quotes"
                    );
                    return Err(self.place.wrong(field, what));
                }
                Ok(Some(text.clone()).filter(|text| !text.is_empty()))
            }
            Content::List(_) | Content::Map(_) => Err(self.place.wrong(field, "must be a text")),
        }
    }

    /// A text as it was written, where `2.90` is not `2.9`.
    pub(super) fn written(&self, field: &str) -> Result<Option<String>, Error> {
        match &self.content {
            Content::Scalar { text, .. } => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            _ => self.text(field),
        }
    }

    /// True or false; `None` for null and for an empty text.
    pub(super) fn boolean(&self, field: &str) -> Result<Option<bool>, Error> {
        match &self.content {
            Content::Null => Ok(None),
            Content::Scalar { text, .. } if text.is_empty() => Ok(None),
            Content::Scalar { text, .. } => scalar::boolean(text)
                .map(Some)
                .ok_or_else(|| self.place.wrong(field, "must be true or false")),
            Content::List(_) | Content::Map(_) => Err(self.place.wrong(field, "must be true or false")),
        }
    }
}

/// `new` over `old`: maps are merged at every level, everything else is replaced.
pub(super) fn merge(old: &Rc<Node>, new: &Rc<Node>) -> Rc<Node> {
    let (Content::Map(below), Content::Map(above)) = (&old.content, &new.content) else {
        return Rc::clone(new);
    };
    let mut merged = below.clone();
    for (key, value) in above {
        let value = merged
            .get(key)
            .map_or_else(|| Rc::clone(value), |old| merge(old, value));
        merged.insert(key.clone(), value);
    }
    Node::new(old.place.clone(), Content::Map(merged))
}

/// True if a field of that name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "secret", "token", "passcode"]
        .iter()
        .any(|word| name.contains(word))
}

/// True if there is a secret in it.
pub(super) fn has_secret(node: &Node) -> bool {
    match &node.content {
        Content::Null | Content::Scalar { .. } => false,
        Content::List(list) => list.iter().any(|node| has_secret(node)),
        Content::Map(map) => map.iter().any(|(key, value)| match &value.content {
            Content::Scalar { text, .. } => is_secret(key) && !text.is_empty(),
            _ => has_secret(value),
        }),
    }
}
