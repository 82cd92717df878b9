//! What may be said of a resource: which attributes it has, who may set them and when, and what they are when nothing was said.

use serde_json::{Map, Value, json};

use super::{
    Caller, Denial, Kind, Object,
    attributes::{Attribute, Fallback, Post, Right, Shape, is_absent, of},
};

/// Takes out what only admins see.
pub(super) fn redact(kind: Kind, object: &mut Object) {
    for attribute in of(kind).filter(|attribute| attribute.right == Right::Admin) {
        object.remove(attribute.name);
    }
}

/// The object that a POST describes, with everything that was left out filled in.
pub(super) fn accept_create(kind: Kind, caller: &Caller<'_>, mut body: Object) -> Result<Object, Denial> {
    let action = format!("create_{}", kind.singular());
    let project = project(caller, &mut body)?;
    known(kind, caller, &body)?;
    let mut object = Map::new();
    for attribute in of(kind) {
        let given = body.remove(attribute.name);
        match (attribute.post, given) {
            (Post::No, Some(_)) => {
                return Err(Denial::http(format!(
                    "Attribute '{}' not allowed in POST",
                    attribute.name
                )));
            }
            (Post::No | Post::Optional, None) => {}
            (Post::Required, None) => {
                return Err(Denial::http(format!(
                    "Failed to parse request. Required attribute '{}' not specified",
                    attribute.name
                )));
            }
            (Post::Or(fallback), None) => {
                object.insert(attribute.name.to_owned(), fallback.value());
            }
            (Post::Required | Post::Optional | Post::Or(_), Some(value)) => {
                let value = attribute.convert(value)?;
                let by_default = matches!(attribute.post, Post::Or(fallback) if fallback.value() == value);
                if attribute.right != Right::All && !caller.admin && !by_default {
                    return Err(Denial::policy(&action, Some(attribute.name)));
                }
                object.insert(attribute.name.to_owned(), value);
            }
        }
    }
    object.insert("project_id".to_owned(), json!(project));
    Ok(object)
}

/// The changes that a PUT asks for.
pub(super) fn accept_update(kind: Kind, caller: &Caller<'_>, mut body: Object) -> Result<Object, Denial> {
    let action = format!("update_{}", kind.singular());
    known(kind, caller, &body)?;
    let mut changes = Map::new();
    for attribute in of(kind) {
        let Some(value) = body.remove(attribute.name) else {
            continue;
        };
        if !attribute.put {
            return Err(Denial::http(format!(
                "Cannot update read-only attribute {}",
                attribute.name
            )));
        }
        if attribute.right != Right::All && !caller.admin {
            return Err(Denial::policy(&action, Some(attribute.name)));
        }
        changes.insert(attribute.name.to_owned(), attribute.convert(value)?);
    }
    if body.contains_key("project_id") || body.contains_key("tenant_id") {
        return Err(Denial::http("Cannot update read-only attribute project_id"));
    }
    Ok(changes)
}

fn known(kind: Kind, caller: &Caller<'_>, body: &Object) -> Result<(), Denial> {
    let without = &caller.world.setup.shape.without_extensions;
    let strange: Vec<&str> = body
        .keys()
        .map(String::as_str)
        .filter(|name| !matches!(*name, "project_id" | "tenant_id"))
        .filter(|name| is_absent(name, without) || !of(kind).any(|attribute| attribute.name == *name))
        .collect();
    if strange.is_empty() {
        return Ok(());
    }
    Err(Denial::http(format!(
        "Unrecognized attribute(s) '{}'",
        strange.join(", ")
    )))
}

fn project(caller: &Caller<'_>, body: &mut Object) -> Result<String, Denial> {
    let given = body.remove("project_id");
    let old = body.remove("tenant_id");
    match given.or(old) {
        Some(Value::String(id)) if id == caller.project || caller.admin => Ok(id),
        Some(_) => Err(Denial::http(
            "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.",
        )),
        None => Ok(caller.project.clone()),
    }
}

impl Fallback {
    fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => json!(text),
            Self::Flag(flag) => json!(flag),
            Self::List => json!([]),
            Self::Dict => json!({}),
        }
    }
}

impl Attribute {
    fn convert(&self, value: Value) -> Result<Value, Denial> {
        let reason = match (self.shape, &value) {
            (Shape::Any, _)
            | (Shape::Flag, Value::Bool(_))
            | (Shape::Whole, Value::Number(_) | Value::Null)
            | (Shape::List, Value::Array(_))
            | (Shape::Dict, Value::Object(_)) => return Ok(value),
            (Shape::Text(longest), Value::String(text)) if text.chars().count() <= longest => {
                return Ok(value);
            }
            (Shape::Text(longest), Value::String(text)) => {
                format!("'{text}' exceeds maximum length of {longest}")
            }
            (Shape::Text(_), other) => format!("'{}' is not a valid string", python(other)),
            (Shape::Flag, other) => match python(other).to_lowercase().as_str() {
                "true" | "1" => return Ok(json!(true)),
                "false" | "0" => return Ok(json!(false)),
                _ => {
                    let words = format!("'{}' cannot be converted to boolean", python(other));
                    return Err(Denial::input(words));
                }
            },
            (Shape::Whole, other) => match python(other).parse::<i64>() {
                Ok(number) => return Ok(json!(number)),
                Err(_) => format!("'{}' is not an integer", python(other)),
            },
            // `null` empties a list or a dictionary, as Neutron's converters have it.
            (Shape::List, Value::Null) => return Ok(json!([])),
            (Shape::Dict, Value::Null) => return Ok(json!({})),
            (Shape::List, other) => format!("'{}' is not a list", python(other)),
            (Shape::Dict, other) => format!("'{}' is not a dictionary", python(other)),
        };
        Err(Denial::http(format!(
            "Invalid input for {}. Reason: {reason}.",
            self.name
        )))
    }
}

/// A value as Python's `str` has it: what filters are compared with, and what errors quote.
pub(super) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
