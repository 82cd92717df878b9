//! Reading what clouds write although the API says otherwise.

use serde::{Deserialize, Deserializer};

/// `null` is as good as absent.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Why something could not be read, without the text that was there: it may be a secret.
pub(crate) fn told(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match (words.split_once("string \""), words.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}a string{after}"),
        _ => words,
    }
}
