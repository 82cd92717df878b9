//! What a text without quotes means in YAML.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// Texts that YAML 1.1, which Kubernetes speaks, takes for a boolean, and YAML 1.2 for a text.
pub(super) fn other_boolean(text: &str) -> bool {
    const WORDS: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];
    text.len() <= 3 && WORDS.iter().any(|w| w.eq_ignore_ascii_case(text))
}

/// Texts that YAML 1.1 takes for an octal number, and YAML 1.2 for a decimal one or a text.
pub(super) fn other_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// The core schema of YAML 1.2.
pub(super) fn resolve(text: Cow<'_, str>) -> Value {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        let whole = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
            (Some(hex), _) => i64::from_str_radix(hex, 16).ok(),
            (_, Some(octal)) => i64::from_str_radix(octal, 8).ok(),
            _ => text.parse().ok(),
        };
        let decimal = || {
            text.parse::<f64>()
                .ok()
                .filter(|_| text.bytes().any(|b| b.is_ascii_digit()))
        };
        if let Some(number) = whole
            .map(Number::from)
            .or_else(|| decimal().and_then(Number::from_f64))
        {
            return Value::Number(number);
        }
    }
    Value::String(text.into_owned())
}
