//! What a service says in its error body: each has a shape of its own, and proxies answer with web pages.
//!
//! Shapes: Keystone `{"error": {…}}`, Nova and Cinder one member named by the status, Neutron `{"NeutronError": {…}}`, Glance
//! `{"message", "code", "title"}`, Octavia `{"faultstring"}`, Placement and version negotiation `{"errors": […]}`.

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::redact;

/// The longest words that are kept, in bytes.
const LONGEST: usize = 600;

/// How much of a page is looked at: its beginning says what it is.
const PAGE: usize = 16 << 10;

/// The longest name of a kind of error.
const KIND: usize = 80;

/// Who wrote the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// A service of OpenStack, in one of the known shapes.
    Service,
    /// JSON of an unknown shape.
    Json,
    /// A web page or plain text: mostly a proxy, sometimes a service.
    Text,
    /// There was no body.
    Nobody,
}

/// An error body, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) author: Author,
    /// In one line, shortened.
    pub(crate) words: String,
    /// The service's own name for the kind of error: Neutron's exception class, Nova's member, Placement's code.
    pub(crate) kind: Option<String>,
}

/// Reads an error body, whatever it is. `secrets` are taken out before anything is shortened: half a secret would not be found.
pub(crate) fn read(body: &[u8], secrets: &[SecretString]) -> Said {
    let raw = if let Ok(json) = serde_json::from_slice::<Value>(body) {
        match &json {
            Value::Object(members) => {
                object(members).unwrap_or_else(|| said(Author::Json, &json.to_string(), None))
            }
            Value::Null => said(Author::Nobody, "", None),
            _ => said(Author::Json, &json.to_string(), None),
        }
    } else {
        let text = String::from_utf8_lossy(body);
        match text.trim() {
            "" => said(Author::Nobody, "", None),
            words => said(Author::Text, words, None),
        }
    };
    let hidden = redact::words(&raw.words, secrets);
    // Nova quotes Python's `<class 'X'>`, which is no tag; Glance breaks its lines with `<br />`.
    let tagged = hidden.starts_with('<') || hidden.contains("<br");
    let words = match tagged {
        true => redact::words(&without_tags(cut(&hidden, PAGE)), secrets),
        false => hidden,
    };
    Said {
        words: one_line(&words),
        kind: raw.kind.map(|kind| cut(&one_line(&kind), KIND).to_owned()),
        author: raw.author,
    }
}

/// True if this is a web page.
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<')
}

fn object(members: &Map<String, Value>) -> Option<Said> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(error) = members.get("NeutronError") {
        let message = text(error, "message").or_else(|| error.as_str().map(str::to_owned))?;
        let detail = text(error, "detail").filter(|d| !d.is_empty() && !message.contains(d.as_str()));
        let words = detail.map_or(message.clone(), |detail| format!("{message} {detail}"));
        return Some(said(Author::Service, &words, text(error, "type")));
    }
    if let Some(words) = members.get("faultstring").and_then(Value::as_str) {
        let kind = members.get("faultcode").and_then(Value::as_str);
        return Some(said(Author::Service, words, kind.map(str::to_owned)));
    }
    if let Some(first) = members.get("errors").and_then(|e| e.get(0)) {
        let words = text(first, "detail").or_else(|| text(first, "title"))?;
        return Some(said(Author::Service, &words, text(first, "code")));
    }
    if let (Some(message), Some(_)) = (
        members.get("message").and_then(Value::as_str),
        members.get("code").or(members.get("title")),
    ) {
        return Some(said(Author::Service, message, None));
    }
    // Keystone's `error` and the faults of Nova and Cinder: an object with a message.
    let (name, fault) = members
        .iter()
        .find(|(_, fault)| text(fault, "message").is_some())?;
    let kind = match name.as_str() {
        "error" => text(fault, "title"),
        name => Some(name.to_owned()),
    };
    Some(said(Author::Service, &text(fault, "message")?, kind))
}

fn said(author: Author, words: &str, kind: Option<String>) -> Said {
    Said {
        author,
        words: words.to_owned(),
        kind,
    }
}

/// In one line, without control characters, shortened between characters.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::new();
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > LONGEST {
            return format!("{}…", cut(&out, LONGEST));
        }
    }
    out
}

/// At most so many bytes, and no half characters.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

/// The text of a page; what stands in `style` and `script` is not text. What only looks like a tag (`a < b`) stays.
fn without_tags(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some((text, tag)) = rest.split_once('<') {
        out.push_str(text);
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            out.push('<');
            rest = tag;
            continue;
        }
        out.push(' ');
        let name = cut(tag, 6).to_ascii_lowercase();
        let after = match ["style", "script"]
            .iter()
            .find(|hidden| name.starts_with(**hidden))
        {
            Some(hidden) => {
                let end = tag.to_ascii_lowercase().find(&format!("</{hidden}"));
                end.and_then(|at| tag.get(at..)).unwrap_or_default()
            }
            None => tag,
        };
        rest = after.split_once('>').map_or("", |(_, text)| text);
    }
    out.push_str(rest);
    out.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}
