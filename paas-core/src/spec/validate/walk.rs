//! Walks a value along its schema and collects everything that is wrong.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{
    Path, Segment, Violation,
    compiled::{Schema, Shape, Unique},
    nearest::nearest,
    rules::Scope,
    scalar::shorten,
};
use crate::{codes::Code, spec::codes};

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

pub(super) struct Walk {
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
            (Shape::Map(inner), Value::Object(map)) => self.map(schema, inner, map, old),
            (Shape::Fields(fields), Value::Object(map)) => self.fields(schema, fields, map, old),
            (shape, value) => self.mismatch(schema, shape, value),
        }
        if self.found.len() == before {
            self.rules(schema, value, old);
        }
    }

    fn map(&mut self, schema: &Schema, inner: &Schema, map: &Map<String, Value>, old: Option<&Value>) {
        if self.too_many(schema, map.len()) {
            return;
        }
        for (key, value) in map {
            self.path.0.push(Segment::Key(key.clone()));
            if schema.key_pattern.as_ref().is_some_and(|p| !p.is_match(key)) {
                let help =
                    "an optional DNS prefix with '/', then letters, digits, '-', '_' and '.', at most 63";
                let message = format!("{} is not the name of a label", shorten(key));
                self.report(&codes::SPEC_VALUE, true, message, Some(help.to_owned()));
            }
            self.node(inner, value, old.and_then(|o| o.get(key)));
            self.path.0.pop();
        }
    }

    fn fields(
        &mut self,
        schema: &Schema,
        fields: &BTreeMap<String, Schema>,
        map: &Map<String, Value>,
        old: Option<&Value>,
    ) {
        let mut meant = Vec::new();
        for (key, value) in map {
            self.path.0.push(Segment::Key(key.clone()));
            match fields.get(key) {
                Some(field) => self.node(field, value, old.and_then(|o| o.get(key))),
                None => meant.extend(self.unknown(key, fields)),
            }
            self.path.0.pop();
        }
        // A required field that is there with a misspelt name needs no second word.
        let absent = |name: &&String| !map.contains_key(*name) && !meant.contains(&name.as_str());
        for name in schema.required.iter().filter(absent) {
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

    fn list(&mut self, schema: &Schema, inner: &Schema, list: &[Value], old: Option<&Value>) {
        if self.too_many(schema, list.len()) {
            return;
        }
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

    /// Reports a wrong number of entries. If there are more than allowed they are not looked at one by one, so that what rules cost is
    /// bounded here as it is in an API server.
    fn too_many(&mut self, schema: &Schema, count: usize) -> bool {
        let (least, most) = schema.count;
        if count < least {
            let message = format!("has {count} entries, at least {least} needed");
            self.report(
                &codes::SPEC_VALUE,
                false,
                message,
                Some("leave the field out for its default".to_owned()),
            );
        } else if count > most {
            let message = format!("has {count} entries, at most {most} are allowed");
            self.report(&codes::SPEC_VALUE, false, message, None);
        }
        count > most
    }

    /// Reports a field that does not exist; gives the name that was probably meant.
    fn unknown<'a>(&mut self, key: &str, fields: &'a BTreeMap<String, Schema>) -> Option<&'a str> {
        if self.found.len() >= MOST {
            return None;
        }
        let names = || fields.keys().map(String::as_str);
        let deeper = || {
            fields.iter().find_map(|(name, field)| match &field.shape {
                Shape::Fields(inner) if inner.contains_key(key) => {
                    Some(format!("did you mean {name}.{key}?"))
                }
                _ => None,
            })
        };
        let meant = nearest(key, names());
        let help = if key == "<<" {
            "merge keys are not read: write the fields out".to_owned()
        } else if let Some(help) = meant.map(|word| format!("did you mean {word}?")).or_else(deeper) {
            help
        } else if fields.is_empty() {
            "no fields are allowed here".to_owned()
        } else {
            format!("allowed here: {}", names().collect::<Vec<_>>().join(", "))
        };
        self.report(
            &codes::SPEC_UNKNOWN_FIELD,
            true,
            format!("there is no field {}", shorten(key)),
            Some(help),
        );
        meant
    }

    pub(super) fn report(
        &mut self,
        code: &'static Code,
        on_key: bool,
        message: String,
        help: Option<String>,
    ) {
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
