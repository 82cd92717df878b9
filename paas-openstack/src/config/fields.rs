//! The fields of a cloud, laid over each other, and how they are asked for.

use std::rc::Rc;

use paas_core::error::Error;

use super::{
    place::Place,
    tree::{Map, Node, is_secret},
};

/// The fields of one cloud. In names, `-` is `_`.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) top: Map,
    pub(super) auth: Map,
}

/// A value that was found.
pub(super) struct Found {
    pub(super) field: String,
    pub(super) node: Rc<Node>,
}

impl Fields {
    /// Lays an entry over what is there; `auth` field by field, everything else as a whole. Null takes away what is below it.
    pub(super) fn overlay(&mut self, entry: &Node, what: &str) -> Result<(), Error> {
        for (key, value) in entry.map(what)?.into_iter().flatten() {
            let key = key.replace('-', "_");
            if key != "auth" {
                self.top.insert(key, Rc::clone(value));
                continue;
            }
            for (key, value) in value.map("auth")?.into_iter().flatten() {
                self.auth.insert(key.replace('-', "_"), Rc::clone(value));
            }
        }
        Ok(())
    }

    /// Brings old names under their new ones: `compute_endpoint_type` is `compute_interface`, and all timeouts are one.
    pub(super) fn settle(&mut self) {
        let renamed = |key: &String| {
            let interface = key
                .strip_suffix("endpoint_type")
                .map(|prefix| format!("{prefix}interface"));
            let timeout = || key.ends_with("timeout") && !["timeout", "api_timeout"].contains(&key.as_str());
            interface.or_else(|| timeout().then(|| "api_timeout".to_owned()))
        };
        let old: Vec<_> = self
            .top
            .keys()
            .filter_map(|key| Some((key.clone(), renamed(key)?)))
            .collect();
        for (key, name) in old {
            if let Some(node) = self.top.remove(&key).filter(|node| !node.is_null()) {
                self.top.insert(name, node);
            }
        }
    }

    /// A field outside `auth`.
    pub(super) fn top(&self, name: &str) -> Option<&Rc<Node>> {
        self.top.get(name).filter(|node| !node.is_null())
    }

    /// A text outside `auth`.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Error> {
        self.top(name).map_or(Ok(None), |node| node.text(name))
    }

    /// A text outside `auth`, with its references.
    pub(super) fn expanded(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(node) = self.top(name) else {
            return Ok(None);
        };
        let text = node.text(name)?;
        text.map(|text| self.expand(&text, &node.place, name)).transpose()
    }

    /// A field of `auth`, which wins, or the same outside: how openstacksdk finds users, passwords and the URL.
    pub(super) fn auth_first(&self, names: &[&str]) -> Result<Option<(String, Found)>, Error> {
        for (map, prefix) in [(&self.auth, "auth."), (&self.top, "")] {
            for name in names {
                if let Some(found) = look(map, prefix, name)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The same where the field outside of `auth` wins, and later names win over earlier ones: projects, domains and tokens.
    pub(super) fn outside_first(&self, names: &[&str]) -> Result<Option<(String, Found)>, Error> {
        let mut winner = None;
        for name in names {
            for (map, prefix) in [(&self.auth, "auth."), (&self.top, "")] {
                winner = look(map, prefix, name)?.or(winner);
            }
        }
        Ok(winner)
    }

    /// True if one of these is said anywhere.
    pub(super) fn says(&self, names: &[&str]) -> bool {
        let said = |map: &Map, name: &str| {
            map.get(name)
                .is_some_and(|node| !matches!(node.text(name), Ok(None)))
        };
        names
            .iter()
            .any(|name| said(&self.auth, name) || said(&self.top, name))
    }

    /// Replaces `{name}` by the field of that name, as Python's `format` does. Secrets are not put into other values.
    pub(super) fn expand(&self, text: &str, place: &Place, field: &str) -> Result<String, Error> {
        let braces = || {
            place.wrong(
                field,
                "has a brace that is not closed or not opened; a brace itself is {{ or }}",
            )
        };
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                out.push_str(brace);
                rest = after;
                continue;
            }
            let (name, after) = rest.split_once('}').filter(|_| brace == "{").ok_or_else(braces)?;
            if is_secret(name) {
                return Err(place.wrong(
                    field,
                    "refers to a secret; a secret is not put into another value",
                ));
            }
            let value = self.text(name)?.ok_or_else(|| {
                place.wrong(
                    field,
                    "refers in { } to a field that this cloud does not have; {region_name} is usual",
                )
            })?;
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn look(map: &Map, prefix: &str, name: &str) -> Result<Option<(String, Found)>, Error> {
    let Some(node) = map.get(name) else {
        return Ok(None);
    };
    let field = format!("{prefix}{name}");
    let text = node.text(&field)?;
    Ok(text.map(|text| {
        (
            text,
            Found {
                field,
                node: Rc::clone(node),
            },
        )
    }))
}
