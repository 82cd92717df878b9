//! What a text without quotes is to PyYAML, which openstacksdk reads with: YAML 1.1.

/// True and false in all their words, `1` and `0` too: variables have nothing else.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["true", "yes", "on", "1"]) {
        Some(true)
    } else if is(["false", "no", "off", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// True for what stands for nothing.
pub(super) fn null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What a text would be that openstacksdk would not give back as it was written.
pub(super) fn ambiguous(text: &str) -> Option<&'static str> {
    const WORDS: [&str; 6] = ["true", "false", "yes", "no", "on", "off"];
    if WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        Some("a boolean")
    } else if is_number(text) && !is_plain_number(text) {
        Some("another number")
    } else {
        None
    }
}

/// A decimal integer that is written as it is printed.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits == "0"
        || digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0') && !digits.is_empty()
}

/// Integers and decimals of YAML 1.1: with signs, `_`, bases, sexagesimal `12:30`, and infinities.
fn is_number(text: &str) -> bool {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(bare.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        return true;
    }
    let all = |text: &str, allowed: fn(u8) -> bool| {
        !text.is_empty() && text.bytes().all(|b| b == b'_' || allowed(b))
    };
    if let Some(digits) = bare.strip_prefix("0b") {
        return all(digits, |b| matches!(b, b'0' | b'1'));
    }
    if let Some(digits) = bare.strip_prefix("0x") {
        return all(digits, |b| b.is_ascii_hexdigit());
    }
    if let Some(digits) = bare.strip_prefix('0').filter(|digits| !digits.is_empty())
        && all(digits, |b| matches!(b, b'0'..=b'7'))
    {
        return true;
    }
    if let Some((whole, part)) = bare.split_once('.') {
        let (part, exponent) = part.split_once(['e', 'E']).unwrap_or((part, "+0"));
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or_default();
        return (all(whole, |b| b.is_ascii_digit()) || sexagesimal(whole) || whole.is_empty())
            && (part.is_empty() && !whole.is_empty() || all(part, |b| b.is_ascii_digit()))
            && all(exponent, |b| b.is_ascii_digit());
    }
    bare.starts_with(|c: char| c.is_ascii_digit() && c != '0') && all(bare, |b| b.is_ascii_digit())
        || bare == "0"
        || sexagesimal(bare)
}

fn sexagesimal(text: &str) -> bool {
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    rest.peek().is_some()
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && first.starts_with(|c: char| c.is_ascii_digit())
        && rest.all(|part| part.len() <= 2 && part.parse::<u8>().is_ok_and(|n| n < 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_as_it_was_written_needs_no_quotes() {
        for text in [
            "demo",
            "0",
            "12345",
            "-7",
            "1e5",
            "0189",
            "2024-01-01",
            "RegionOne",
            "a:b",
            "1.2.3",
            "10.0.0.1",
        ] {
            assert_eq!(ambiguous(text), None, "{text}");
        }
    }

    #[test]
    fn what_would_come_back_as_something_else_needs_quotes() {
        for text in [
            "0123", "1_000", "0x1f", "+5", "12:30", "2.90", "1.5e+3", ".5", "-.inf", "0b11", "00",
        ] {
            assert_eq!(ambiguous(text), Some("another number"), "{text}");
        }
        for text in ["NO", "yes", "On", "true"] {
            assert_eq!(ambiguous(text), Some("a boolean"), "{text}");
        }
    }
}
