//! How Nova's schema refuses: with the value that it refuses, as Python prints it. User data and passwords come back in such words.

use std::fmt::Write;

use serde_json::Value;

use crate::fake::{collection::Object, refusal::Refusal};

/// A value that does not fit.
pub(super) fn invalid(member: &str, value: Option<&Value>, why: &str) -> Refusal {
    let value = value.unwrap_or(&Value::Null);
    let plain = match value {
        Value::String(text) => text.clone(),
        other => printed(other),
    };
    let words = format!(
        "Invalid input for field/attribute {member}. Value: {plain}. {} {why}",
        printed(value)
    );
    Refusal::nova(400, &words)
}

/// A member of an object that is missing, or one too many: the words tell the whole object.
pub(super) fn misshapen(name: &str, object: &Object, why: &str) -> Refusal {
    let value = printed(&Value::Object(object.clone()));
    Refusal::nova(
        400,
        &format!("Invalid input for field/attribute {name}. Value: {value}. {why}"),
    )
}

/// A value as Python prints it.
fn printed(value: &Value) -> String {
    let mut text = String::new();
    print(value, &mut text);
    text
}

fn print(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Number(number) => {
            let _ = write!(text, "{number}");
        }
        Value::String(inner) => {
            let _ = write!(text, "'{}'", inner.replace('\'', "\\'"));
        }
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                text.push_str(if n == 0 { "" } else { ", " });
                print(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (n, (name, item)) in members.iter().enumerate() {
                let _ = write!(text, "{}'{name}': ", if n == 0 { "" } else { ", " });
                print(item, text);
            }
            text.push('}');
        }
    }
}
