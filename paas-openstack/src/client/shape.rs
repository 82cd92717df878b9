//! What a service says in its error body: each has a shape of its own, and proxies answer with web pages.
//!
//! Shapes: Keystone `{"error": {…}}`, Nova and Cinder one member named by the status, Neutron `{"NeutronError": {…}}`, Glance
//! `{"message", "code", "title"}`, Octavia `{"faultstring"}`, Placement and version negotiation `{"errors": […]}`.

use serde_json::{Map, Value};

/// The longest words that are kept.
const LONGEST: usize = 600;

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

/// Reads an error body, whatever it is.
pub(crate) fn read(body: &[u8]) -> Said {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        return match &json {
            Value::Object(members) => {
                object(members).unwrap_or_else(|| said(Author::Json, &json.to_string(), None))
            }
            Value::Null => said(Author::Nobody, "", None),
            _ => said(Author::Json, &json.to_string(), None),
        };
    }
    // Pages can be as large as answers may be; their beginning says what they are.
    let text = String::from_utf8_lossy(&body[..body.len().min(16 * LONGEST)]);
    match text.trim() {
        "" => said(Author::Nobody, "", None),
        page if page.starts_with('<') => said(Author::Text, &without_tags(page), None),
        plain => said(Author::Text, plain, None),
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
        return Some(said(Author::Service, &without_tags(message), None));
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
        words: one_line(words),
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
            let end = (0..=LONGEST)
                .rev()
                .find(|at| out.is_char_boundary(*at))
                .unwrap_or(0);
            out.truncate(end);
            out.push('…');
            break;
        }
    }
    out
}

/// The text of a page; what stands in `style` and `script` is not text.
fn without_tags(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some((text, tag)) = rest.split_once('<') {
        out.push_str(text);
        out.push(' ');
        let lower = tag.get(..6).unwrap_or(tag).to_ascii_lowercase();
        let end = ["style", "script"].iter().find(|name| lower.starts_with(**name));
        let tag = match end.and_then(|name| tag.to_ascii_lowercase().find(&format!("</{name}"))) {
            Some(at) => tag.get(at + 2..).unwrap_or_default(),
            None => tag,
        };
        rest = tag.split_once('>').map_or("", |(_, after)| after);
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
