//! Walks a value along its schema and collects everything that is wrong.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Path, Segment, Violation,
    compiled::{Schema, Shape, Unique},
    nearest::nearest,
    rules::Scope,
};
use crate::{
    codes::Code,
    spec::{Quantity, codes},
};

/// More than this many violations of one document help nobody.
const MOST: usize = 1000;

pub(super) fn check(schema: &Schema, value: &Value, old: Option<&Value>) -> Vec<Violation> {
    let mut walk = Walk {
        path: Path::default(),
        found: Vec::new(),
        scope: Scope::new(),
    };
    walk.node(schema, value, old);
    walk.found
}

struct Walk {
    path: Path,
    found: Vec<Violation>,
    scope: Scope,
}

impl Walk {
    fn node(&mut self, schema: &Schema, value: &Value, old: Option<&Value>) {
        let before = self.found.len();
        if before >= MOST {
            return;
        }
        match (&schema.shape, value) {
            (Shape::Any, _) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Text | Shape::IntegerOrText, Value::String(text)) => self.text(schema, text),
            (Shape::Integer | Shape::IntegerOrText, Value::Number(n)) if n.is_i64() || n.is_u64() => {
                self.number(schema, value);
            }
            (Shape::Number, Value::Number(_)) => self.number(schema, value),
            (Shape::List(inner), Value::Array(list)) => self.list(schema, inner, list, old),
            (Shape::Map(inner), Value::Object(map)) => {
                self.count(schema, map.len(), "entries");
                for (key, value) in map {
                    self.path.0.push(Segment::Key(key.clone()));
                    if schema.key_pattern.as_ref().is_some_and(|p| !p.is_match(key)) {
                        let help = "an optional DNS prefix with '/', then letters, digits, '-', '_' and '.', at most 63".to_owned();
                        self.report(
                            &codes::SPEC_VALUE,
                            true,
                            format!("{key:?} is not a label's name"),
                            Some(help),
                        );
                    }
                    self.node(inner, value, old.and_then(|o| o.get(key)));
                    self.path.0.pop();
                }
            }
            (Shape::Fields(fields), Value::Object(map)) => {
                for (key, value) in map {
                    self.path.0.push(Segment::Key(key.clone()));
                    match fields.get(key) {
                        Some(field) => self.node(field, value, old.and_then(|o| o.get(key))),
                        None => self.unknown(key, fields.keys().map(String::as_str)),
                    }
                    self.path.0.pop();
                }
                for name in schema.required.iter().filter(|name| !map.contains_key(*name)) {
                    self.path.0.push(Segment::Key(name.clone()));
                    let help = fields.get(name).and_then(|f| f.help.clone());
                    self.report(
                        &codes::SPEC_MISSING,
                        false,
                        format!("the field {name:?} is required"),
                        help,
                    );
                    self.path.0.pop();
                }
            }
            (shape, value) => self.mismatch(schema, shape, value),
        }
        if self.found.len() == before {
            self.rules(schema, value, old);
        }
    }

    fn rules(&mut self, schema: &Schema, value: &Value, old: Option<&Value>) {
        for rule in schema.rules.iter().filter(|r| !r.transition || old.is_some()) {
            let message = match rule.holds(&mut self.scope, value, old) {
                Ok(true) => continue,
                Ok(false) => rule.message.clone(),
                Err(e) => format!("{} (the rule could not be evaluated: {e})", rule.message),
            };
            let depth = self.path.0.len();
            self.path.0.extend(
                rule.field
                    .iter()
                    .flat_map(|f| f.split('.'))
                    .map(|k| Segment::Key(k.to_owned())),
            );
            let code = if rule.transition {
                &codes::SPEC_CHANGE
            } else {
                &codes::SPEC_RULE
            };
            self.report(code, false, message, None);
            self.path.0.truncate(depth);
        }
    }

    fn text(&mut self, schema: &Schema, text: &str) {
        let shown = shorten(text);
        if !schema.words.is_empty() {
            if !schema.words.iter().any(|w| w == text) {
                let words = schema.words.iter().map(String::as_str);
                let allowed = format!("allowed: {}", schema.words.join(", "));
                let help =
                    nearest(text, words).map_or(allowed.clone(), |w| format!("did you mean {w}? {allowed}"));
                self.report(
                    &codes::SPEC_VALUE,
                    false,
                    format!("{shown} is not one of the allowed words"),
                    Some(help),
                );
            }
            return;
        }
        let length = text.chars().count();
        if length < schema.length.0 {
            let message = if length == 0 {
                "must not be empty".to_owned()
            } else {
                format!("{shown} is shorter than {} characters", schema.length.0)
            };
            self.report(&codes::SPEC_VALUE, false, message, schema.help.clone());
        } else if length > schema.length.1 {
            let message = format!(
                "{shown} has {length} characters, at most {} are allowed",
                schema.length.1
            );
            self.report(&codes::SPEC_VALUE, false, message, schema.help.clone());
        } else if let Some(pattern) = schema.pattern.as_ref().filter(|p| !p.is_match(text)) {
            let (message, help) = if schema.quantity {
                (format!("{shown} is not a size"), Quantity::explain(text))
            } else {
                let help = schema
                    .help
                    .clone()
                    .unwrap_or_else(|| format!("allowed is what matches {pattern}"));
                (format!("{shown} does not have the right form"), help)
            };
            self.report(&codes::SPEC_VALUE, false, message, Some(help));
        }
    }

    fn number(&mut self, schema: &Schema, value: &Value) {
        let number = value.as_f64().unwrap_or(f64::NAN);
        let (least, most) = schema.range;
        if number < least || number > most {
            let allowed = match (least.is_finite(), most.is_finite()) {
                (true, true) => format!("allowed is {least} to {most}"),
                (true, false) => format!("allowed is {least} or more"),
                _ => format!("allowed is {most} or less"),
            };
            self.report(
                &codes::SPEC_VALUE,
                false,
                format!("{value} is out of bounds"),
                Some(allowed),
            );
        }
    }

    fn list(&mut self, schema: &Schema, inner: &Schema, list: &[Value], old: Option<&Value>) {
        self.count(schema, list.len(), "entries");
        let old_list = old.and_then(Value::as_array).map(Vec::as_slice);
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            self.path.0.push(Segment::Index(index));
            let same = old_list.and_then(|o| schema.unique.find(o, value));
            self.node(inner, value, same);
            if let Some((identity, field)) = schema.unique.identity(value) {
                if let Some(first) = seen.get(&identity) {
                    self.path.0.extend(field.map(|f| Segment::Key(f.to_owned())));
                    self.report(
                        &codes::SPEC_DUPLICATE,
                        false,
                        format!("{identity} is there twice; the first is entry [{first}]"),
                        Some("remove one of the two, or give it another name".to_owned()),
                    );
                    self.path
                        .0
                        .truncate(self.path.0.len() - usize::from(field.is_some()));
                } else {
                    seen.insert(identity, index);
                }
            }
            self.path.0.pop();
        }
    }

    fn count(&mut self, schema: &Schema, count: usize, what: &str) {
        let (least, most) = schema.count;
        if count < least {
            self.report(
                &codes::SPEC_VALUE,
                false,
                format!("has {count} {what}, at least {least} needed"),
                Some("leave the field out for its default".to_owned()),
            );
        } else if count > most {
            self.report(
                &codes::SPEC_VALUE,
                false,
                format!("has {count} {what}, at most {most} are allowed"),
                None,
            );
        }
    }

    fn unknown<'a>(&mut self, key: &str, known: impl Iterator<Item = &'a str>) {
        let known: Vec<&str> = known.collect();
        let help = match (nearest(key, known.iter().copied()), known.is_empty()) {
            (Some(word), _) => format!("did you mean {word}?"),
            (None, true) => "no fields are allowed here".to_owned(),
            (None, false) => format!("allowed here: {}", known.join(", ")),
        };
        self.report(
            &codes::SPEC_UNKNOWN_FIELD,
            true,
            format!("there is no field {}", shorten(key)),
            Some(help),
        );
    }

    fn mismatch(&mut self, schema: &Schema, shape: &Shape, value: &Value) {
        let found = match value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(b) => format!("the boolean {b}"),
            Value::Number(n) if n.is_f64() => format!("the decimal number {n}"),
            Value::Number(n) => format!("the whole number {n}"),
            Value::String(s) => format!("the text {}", shorten(s)),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a map".to_owned(),
        };
        let wanted = match shape {
            Shape::Any => "anything",
            Shape::Text => "a text",
            Shape::Integer => "a whole number",
            Shape::Number => "a number",
            Shape::Boolean => "true or false",
            Shape::IntegerOrText => "a text or a whole number",
            Shape::List(_) => "a list",
            Shape::Map(_) | Shape::Fields(_) => "a map",
        };
        let quoted = matches!(shape, Shape::Text | Shape::IntegerOrText)
            && matches!(value, Value::Bool(_) | Value::Number(_));
        let help = match (shape, value) {
            (Shape::Text, Value::Number(_)) if schema.quantity => Some(Quantity::explain(&value.to_string())),
            _ if quoted => Some(format!("write it in quotes: \"{value}\"")),
            (Shape::Fields(fields), _) if !fields.is_empty() => Some(format!(
                "its fields are {}",
                fields.keys().cloned().collect::<Vec<_>>().join(", ")
            )),
            (Shape::List(_), _) => Some("write its entries with '- ' before each, or in [ ]".to_owned()),
            _ => schema.help.clone(),
        };
        self.report(
            &codes::SPEC_VALUE,
            false,
            format!("expected {wanted}, found {found}"),
            help,
        );
    }

    fn report(&mut self, code: &'static Code, on_key: bool, message: String, help: Option<String>) {
        if self.found.len() < MOST {
            self.found.push(Violation {
                code,
                path: self.path.clone(),
                on_key,
                message,
                help,
            });
        }
    }
}

impl Unique {
    /// What must differ from entry to entry, and the field it stands in.
    fn identity(&self, value: &Value) -> Option<(String, Option<&str>)> {
        match self {
            Self::No => None,
            Self::Whole => Some((value.to_string(), None)),
            Self::By(keys) => {
                let values: Option<Vec<_>> = keys
                    .iter()
                    .map(|k| value.get(k).map(ToString::to_string))
                    .collect();
                Some((values?.join("/"), keys.last().map(String::as_str)))
            }
        }
    }

    /// The entry of an older list that this one takes the place of; only lists with keys have one.
    fn find<'a>(&self, old: &'a [Value], value: &Value) -> Option<&'a Value> {
        let Self::By(keys) = self else { return None };
        old.iter().find(|o| keys.iter().all(|k| o.get(k) == value.get(k)))
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head:?}…")
}
