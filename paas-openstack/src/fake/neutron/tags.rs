//! Tags: a sub-resource of everything that has the standard attributes.

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, State, list};

const LONGEST: usize = 255;
const MOST: usize = 50;

impl State {
    pub(super) fn tags(&self, caller: &Caller<'_>, kind: Kind, id: &str) -> Result<Vec<Value>, Denial> {
        self.tagged(caller, kind, id)?;
        Ok(self
            .get(kind, id)
            .map(|object| list(object, "tags").to_vec())
            .unwrap_or_default())
    }

    pub(super) fn has_tag(&self, caller: &Caller<'_>, kind: Kind, id: &str, tag: &str) -> Result<(), Denial> {
        if self.tags(caller, kind, id)?.contains(&json!(tag)) {
            return Ok(());
        }
        Err(no_tag(tag))
    }

    /// Replaces all tags.
    pub(super) fn set_tags(
        &mut self,
        caller: &Caller<'_>,
        kind: Kind,
        id: &str,
        body: &Value,
    ) -> Result<Vec<Value>, Denial> {
        self.tagged(caller, kind, id)?;
        let tags = checked(kind, body)?;
        self.store(caller, kind, id, tags.clone());
        Ok(tags)
    }

    /// Adds tags to those that are there.
    pub(super) fn add_tags(
        &mut self,
        caller: &Caller<'_>,
        kind: Kind,
        id: &str,
        body: &Value,
    ) -> Result<(), Denial> {
        let mut tags = self.tags(caller, kind, id)?;
        for tag in checked(kind, body)? {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        within_limit(kind, tags.len())?;
        self.store(caller, kind, id, tags);
        Ok(())
    }

    pub(super) fn drop_tag(
        &mut self,
        caller: &Caller<'_>,
        kind: Kind,
        id: &str,
        tag: &str,
    ) -> Result<(), Denial> {
        let mut tags = self.tags(caller, kind, id)?;
        let before = tags.len();
        tags.retain(|other| other.as_str() != Some(tag));
        if tags.len() == before {
            return Err(no_tag(tag));
        }
        self.store(caller, kind, id, tags);
        Ok(())
    }

    pub(super) fn drop_tags(&mut self, caller: &Caller<'_>, kind: Kind, id: &str) -> Result<(), Denial> {
        self.tagged(caller, kind, id)?;
        self.store(caller, kind, id, Vec::new());
        Ok(())
    }

    fn tagged(&self, caller: &Caller<'_>, kind: Kind, id: &str) -> Result<(), Denial> {
        self.visible(caller, kind, id).map(|_| ()).map_err(|_| {
            Denial::new(
                404,
                "TagResourceNotFound",
                format!("Resource {} {id} could not be found.", kind.plural()),
            )
        })
    }

    fn store(&mut self, caller: &Caller<'_>, kind: Kind, id: &str, mut tags: Vec<Value>) {
        tags.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        if let Some(object) = self.get_mut(kind, id) {
            object.insert("tags".to_owned(), Value::Array(tags));
        }
        self.touch(caller, kind, id);
    }
}

fn no_tag(tag: &str) -> Denial {
    Denial::new(404, "TagNotFound", format!("Tag {tag} could not be found."))
}

fn within_limit(kind: Kind, count: usize) -> Result<(), Denial> {
    if count <= MOST {
        return Ok(());
    }
    Err(Denial::bad(
        kind.plural(),
        format!("The number of tags exceed the per-resource limit of {MOST}"),
    ))
}

fn checked(kind: Kind, body: &Value) -> Result<Vec<Value>, Denial> {
    let Some(tags) = body["tags"].as_array() else {
        return Err(Denial::input("Invalid tags body"));
    };
    let mut seen: Vec<Value> = Vec::new();
    for tag in tags {
        match tag.as_str() {
            None => return Err(Denial::input(format!("'{tag}' is not a valid string"))),
            Some(text) if text.chars().count() > LONGEST => {
                return Err(Denial::input(format!(
                    "'{text}' exceeds maximum length of {LONGEST}"
                )));
            }
            Some(text) if seen.contains(tag) => {
                return Err(Denial::input(format!("Duplicate items in the list: '{text}'")));
            }
            Some(_) => seen.push(tag.clone()),
        }
    }
    within_limit(kind, seen.len())?;
    Ok(seen)
}
