//! A structural schema, read once: patterns and CEL rules compiled, defaults at hand.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;

use super::rules::Rule;

/// One node of a schema. Only the keywords that our kinds use are known; a test holds that no other occurs.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) shape: Shape,
    pub(super) required: Vec<String>,
    pub(super) words: Vec<String>,
    pub(super) pattern: Option<Regex>,
    pub(super) key_pattern: Option<Regex>,
    pub(super) length: (usize, usize),
    pub(super) range: (f64, f64),
    pub(super) count: (usize, usize),
    pub(super) default: Option<Value>,
    pub(super) nullable: bool,
    pub(super) unique: Unique,
    pub(super) rules: Vec<Rule>,
    pub(super) help: Option<String>,
    pub(super) quantity: bool,
}

/// The type of a value, with what is inside it.
#[derive(Debug, Default)]
pub(super) enum Shape {
    /// Not judged.
    #[default]
    Any,
    Text,
    Integer,
    Number,
    Boolean,
    IntegerOrText,
    List(Box<Schema>),
    /// A map from any key to values that are alike.
    Map(Box<Schema>),
    /// An object with known fields.
    Fields(BTreeMap<String, Schema>),
}

/// What makes two entries of a list the same.
#[derive(Debug, Default)]
pub(super) enum Unique {
    #[default]
    No,
    Whole,
    By(Vec<String>),
}

impl Schema {
    pub(super) fn compile(json: &Value) -> Self {
        let text = |key: &str| json[key].as_str();
        let texts = |key: &str| -> Vec<String> {
            let list = json[key].as_array().map_or(&[][..], Vec::as_slice);
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let size = |key: &str| json[key].as_u64().and_then(|n| usize::try_from(n).ok());
        let regex = |pattern: Option<&str>| pattern.and_then(|p| Regex::new(p).ok());
        let both = |a: &str, b: &str| (size(a).unwrap_or(0), size(b).unwrap_or(usize::MAX));
        let count = if json["type"] == "array" {
            both("minItems", "maxItems")
        } else {
            both("minProperties", "maxProperties")
        };
        Self {
            shape: Shape::compile(json),
            required: texts("required"),
            words: texts("enum"),
            pattern: regex(text("pattern")),
            key_pattern: regex(json["propertyNames"]["pattern"].as_str()),
            length: both("minLength", "maxLength"),
            range: (
                json["minimum"].as_f64().unwrap_or(f64::NEG_INFINITY),
                json["maximum"].as_f64().unwrap_or(f64::INFINITY),
            ),
            count,
            default: json.get("default").cloned(),
            nullable: json["nullable"] == true,
            unique: match text("x-kubernetes-list-type") {
                Some("set") => Unique::Whole,
                Some("map") => Unique::By(texts("x-kubernetes-list-map-keys")),
                _ => Unique::No,
            },
            rules: json["x-kubernetes-validations"]
                .as_array()
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .map(Rule::compile)
                .collect(),
            help: text("x-paas-help").map(str::to_owned),
            quantity: text("x-paas-type") == Some("quantity"),
        }
    }

    /// What an API server does before it judges: drops nulls that nothing allows, then fills in defaults.
    pub(super) fn prepare(&self, value: &mut Value) {
        match (&self.shape, value) {
            (Shape::Fields(fields), Value::Object(map)) => {
                map.retain(|key, inner| !inner.is_null() || fields.get(key).is_none_or(|f| f.nullable));
                for (name, field) in fields {
                    if let (false, Some(default)) = (map.contains_key(name), &field.default) {
                        map.insert(name.clone(), default.clone());
                    }
                    map.get_mut(name)
                        .into_iter()
                        .for_each(|inner| field.prepare(inner));
                }
            }
            (Shape::Map(inner), Value::Object(map)) => {
                map.retain(|_, v| !v.is_null() || inner.nullable);
                map.values_mut().for_each(|v| inner.prepare(v));
            }
            (Shape::List(inner), Value::Array(list)) => list.iter_mut().for_each(|v| inner.prepare(v)),
            _ => {}
        }
    }
}

impl Shape {
    fn compile(json: &Value) -> Self {
        if json["x-kubernetes-int-or-string"] == true {
            return Self::IntegerOrText;
        }
        match json["type"].as_str() {
            Some("string") => Self::Text,
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("boolean") => Self::Boolean,
            Some("array") => Self::List(Box::new(Schema::compile(&json["items"]))),
            Some("object") => match (&json["additionalProperties"], &json["properties"]) {
                (inner @ Value::Object(_), _) => Self::Map(Box::new(Schema::compile(inner))),
                (_, Value::Object(fields)) => Self::Fields(
                    fields
                        .iter()
                        .map(|(k, v)| (k.clone(), Schema::compile(v)))
                        .collect(),
                ),
                _ => Self::Fields(BTreeMap::new()),
            },
            _ => Self::Any,
        }
    }
}
