//! Tags on what was taken over: which key it has, since its name is its owner's and stays, and what stood where the mark is now.
//!
//! A tag needs a call of its own, so it is written before the mark: a tag alone says nothing, and the mark is what counts.

use paas_core::resource::Key;

/// Before the key, whose `/` is written as `:`: paths take no `/` in a tag.
const KEY: &str = "paas-key=";

/// Before what the description was.
const WAS: &str = "paas-was=";

/// The longest tag that Neutron takes.
const LONGEST: usize = 255;

/// The tag that says the key of something that was taken over.
pub(super) fn key(key: &Key) -> String {
    format!("{KEY}{}", key.as_str().replace('/', ":"))
}

/// True for the tags that taking over writes.
pub(super) fn is_ours(tag: &str) -> bool {
    tag.starts_with(KEY) || tag.starts_with(WAS)
}

/// True if the tags say that it was taken over.
pub(super) fn are_of_adopted(tags: &[String]) -> bool {
    tags.iter().any(|tag| tag.starts_with(KEY))
}

/// The key that the tags say; `None` without such a tag, or with several.
pub(super) fn read(tags: &[String]) -> Option<Key> {
    let mut said = tags.iter().filter_map(|tag| tag.strip_prefix(KEY));
    let (first, second) = (said.next()?, said.next());
    Key::new(first.replace(':', "/"))
        .ok()
        .filter(|_| second.is_none())
}

/// The tag that keeps a description; `None` for an empty one, or one that no tag can hold.
pub(super) fn was(description: &str) -> Option<String> {
    let mut tag = WAS.to_owned();
    for byte in description.bytes() {
        if byte.is_ascii_alphanumeric() || b" ._-".contains(&byte) {
            tag.push(char::from(byte));
        } else {
            tag.push_str(&format!("%{byte:02X}"));
        }
    }
    (!description.is_empty() && tag.len() <= LONGEST).then_some(tag)
}

/// The description that the tags keep; empty where they keep none.
pub(super) fn description(tags: &[String]) -> String {
    let kept = tags.iter().find_map(|tag| tag.strip_prefix(WAS));
    let mut bytes = Vec::new();
    let mut rest = kept.unwrap_or_default().bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| char::from(b.unwrap_or_default()).to_digit(16);
        if byte != b'%' {
            bytes.push(byte);
        } else if let (Some(high), Some(low)) = (hex(rest.next()), hex(rest.next())) {
            bytes.extend(u8::try_from(high * 16 + low));
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_and_a_description_are_read_back_from_tags_that_neutron_takes(
            tail in "[A-Za-z0-9._-]{1,20}", description in "\\PC{0,60}",
        ) {
            let whole = Key::new(format!("port/{tail}")).unwrap();
            let tags: Vec<String> = [key(&whole)].into_iter().chain(was(&description)).collect();
            prop_assert!(tags.iter().all(|t| !t.contains(['/', ',']) && t.len() <= LONGEST));
            prop_assert_eq!(read(&tags), Some(whole));
            if tags.len() > 1 {
                prop_assert_eq!(super::description(&tags), description);
            }
        }

        #[test]
        fn no_tag_of_others_is_an_error(tags in proptest::collection::vec("(paas-key=|paas-was=)?\\PC{0,20}", 0..4)) {
            let _ = (read(&tags), description(&tags));
        }
    }

    #[test]
    fn two_keys_are_none() {
        let (a, b) = (Key::new("network").unwrap(), Key::new("router").unwrap());
        assert_eq!(read(&[key(&a), key(&b)]), None);
    }
}
