//! Keeping secrets out of words: services quote what they refuse, and URLs go into traces.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

/// Shorter than this nothing is taken out: it would tear words apart without hiding much.
const SHORTEST: usize = 4;

const SECRET_MEMBERS: [&str; 9] = [
    "password",
    "adminpass",
    "original_password",
    "secret",
    "user_data",
    "personality",
    "private_key",
    "passcode",
    "tls_container",
];

/// Collects the values of members that are secret by their name.
pub(crate) fn collect(json: &Value, into: &mut Vec<SecretString>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if is_secret(name) => into.push(SecretString::from(text.clone())),
                    _ if is_secret(name) => all_strings(value, into),
                    _ => collect(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

/// `words` with every secret replaced by an ellipsis.
pub(crate) fn words(words: &str, secrets: &[SecretString]) -> String {
    secrets.iter().fold(words.to_owned(), |words, secret| {
        let secret = secret.expose_secret();
        if secret.len() < SHORTEST {
            return words;
        }
        // In JSON that is quoted as it came, quotes and backslashes look different; in Python's repr() backslashes do.
        let json = Value::from(secret).to_string();
        [json.trim_matches('"'), &secret.replace('\\', "\\\\"), secret]
            .iter()
            .fold(words, |words, shown| words.replace(shown, "…"))
    })
}

/// A URL for traces and messages: no user, and no value of a parameter that may be a secret.
pub(crate) fn url(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.query_pairs_mut().clear().extend_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), if is_secret(name) { "…" } else { value })),
        );
    }
    url.into()
}

fn all_strings(value: &Value, into: &mut Vec<SecretString>) {
    match value {
        Value::String(text) => into.push(SecretString::from(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| all_strings(item, into)),
        Value::Object(members) => {
            // `auth.identity.password` is an object in which only the inner password is secret.
            let before = into.len();
            collect(value, into);
            if into.len() == before {
                members.values().for_each(|item| all_strings(item, into));
            }
        }
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_MEMBERS.contains(&name.as_str())
        || ["token", "passw", "secret", "signature"]
            .iter()
            .any(|part| name.contains(part))
}
