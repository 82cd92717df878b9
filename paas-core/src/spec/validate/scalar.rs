//! Judges single values: their type, form and bounds.

use regex_lite::Regex;
use serde_json::Value;

use super::{
    compiled::{Schema, Shape},
    nearest::nearest,
    walk::Walk,
};
use crate::spec::{Quantity, codes};

/// Longer texts are too long for every field that has a pattern; their length is what is said about them.
const LONGEST_MATCHED: usize = 1000;

impl Walk {
    pub(super) fn text(&mut self, schema: &Schema, text: &str) {
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
        let (least, most) = schema.length;
        let formless = |p: &&Regex| length <= LONGEST_MATCHED && !p.is_match(text);
        let (message, help) = if length == 0 && least > 0 {
            ("must not be empty".to_owned(), schema.help.clone())
        } else if let Some(pattern) = schema.pattern.as_ref().filter(formless) {
            match (schema.quantity, &schema.help) {
                (true, _) => (format!("{shown} is not a size"), Some(Quantity::explain(text))),
                (_, Some(help)) => (
                    format!("{shown} does not have the right form"),
                    Some(help.clone()),
                ),
                (_, None) => (
                    format!("{shown} does not have the right form"),
                    Some(format!("allowed is what matches {pattern}")),
                ),
            }
        } else if length < least {
            (
                format!("{shown} has {length} characters, at least {least} are needed"),
                schema.help.clone(),
            )
        } else if length > most {
            (
                format!("{shown} has {length} characters, at most {most} are allowed"),
                schema.help.clone(),
            )
        } else {
            return;
        };
        self.report(&codes::SPEC_VALUE, false, message, help);
    }

    pub(super) fn number(&mut self, schema: &Schema, value: &Value) {
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

    pub(super) fn mismatch(&mut self, schema: &Schema, shape: &Shape, value: &Value) {
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
        let help = match (shape, value) {
            (Shape::Text, Value::Number(_)) if schema.quantity => Some(Quantity::explain(&value.to_string())),
            // The digits that were written are lost: 16.10 has become 16.1.
            (Shape::Text | Shape::IntegerOrText, Value::Number(n)) if n.is_f64() => {
                let own = schema.help.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
                Some(format!("write it in quotes{own}"))
            }
            (Shape::Text | Shape::IntegerOrText, Value::Number(_) | Value::Bool(_)) => {
                Some(format!("write it in quotes: \"{value}\""))
            }
            (Shape::Integer, Value::String(s)) if s.parse::<i64>().is_ok() => {
                Some("write it without quotes".to_owned())
            }
            (Shape::Boolean, Value::String(s)) if s.parse::<bool>().is_ok() => {
                Some("write it without quotes".to_owned())
            }
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
}

/// A text as it is shown in messages.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head:?}…")
}
