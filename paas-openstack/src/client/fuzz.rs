//! Whatever a cloud answers, reading it never panics: random bytes, and official samples with something in them changed.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use secrecy::SecretString;
use serde_json::Value;

use super::{
    catalog::Wanted,
    classify::classify,
    discovery::{self, Parts},
    page,
    service::Kind,
    shape,
    token::Token,
};

const TOKEN: &str = include_str!("../../tests/samples/keystone/auth-password-project-scoped-response.json");
const KEYSTONE: &str = include_str!("../../tests/samples/keystone/identity-versions-response.json");
const CINDER: &str = include_str!("../../tests/samples/cinder/versions-response.json");
const ERRORS: [&str; 6] = [
    r#"{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}"#,
    r#"{"itemNotFound":{"code":404,"message":"Instance 3f0c could not be found."}}"#,
    r#"{"NeutronError":{"type":"OverQuota","message":"Quota exceeded for resources: ['port'].","detail":"x"}}"#,
    r#"{"message":"No image<br /><br />","code":"404 Not Found","title":"Not Found"}"#,
    r#"{"errors":[{"status":406,"title":"Not Acceptable","detail":"no","max_version":"1.39"}]}"#,
    "<html><head><style>a{}</style></head><body>502 &amp; <script>x</script>Bad Gateway</body></html>",
];
const PAGES: &str =
    r#"{"servers":[{"id":1}],"servers_links":[{"rel":"next","href":"http://h/servers?marker=1&limit=2"}]}"#;

/// A sample in which values were replaced, bytes changed, or the end cut off.
fn changed(samples: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!([null, 1, "x", {}])),
        Just(serde_json::json!({ "a": { "message": null } })),
    ];
    let values = (
        proptest::sample::select(samples.clone()),
        vec((any::<prop::sample::Index>(), value), 1..4),
    )
        .prop_map(|(sample, changes)| {
            let Ok(mut json) = serde_json::from_str::<Value>(sample) else {
                return sample.as_bytes().to_vec();
            };
            for (at, value) in changes {
                let mut left = at.index(count(&json));
                replace(&mut json, &mut left, &value);
            }
            json.to_string().into_bytes()
        });
    let bytes = (
        proptest::sample::select(samples),
        vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(sample, changes, end)| {
            let mut bytes = sample.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(end.index(sample.len() * 2));
            bytes
        });
    prop_oneof![values, bytes, vec(any::<u8>(), 0..200)]
}

fn children(json: &mut Value) -> Vec<&mut Value> {
    match json {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => Vec::new(),
    }
}

fn count(json: &Value) -> usize {
    let mut json = json.clone();
    1 + children(&mut json)
        .into_iter()
        .map(|child| count(child))
        .sum::<usize>()
}

fn replace(json: &mut Value, left: &mut usize, value: &Value) {
    if *left == 0 {
        *json = value.clone();
        *left = usize::MAX;
        return;
    }
    *left -= 1;
    for child in children(json) {
        if *left == usize::MAX {
            return;
        }
        replace(child, left, value);
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_token_and_its_catalog(body in changed(vec![TOKEN]), kind in kind(), region in proptest::option::of("[a-zA-Z]{0,9}")) {
        if let Ok(token) = Token::read(&body, SecretString::from("x")) {
            let _ = token.lifetime();
            let interfaces = ["admin".to_owned(), "public".to_owned()];
            let wanted = Wanted { service: kind, interfaces: &interfaces, region: region.as_deref() };
            if let Ok(choice) = token.catalog.choose(wanted) {
                let parts = Parts::of(&choice.url);
                let (root, document) = (parts.root(kind, None), parts.document(kind));
                prop_assert_eq!(root.host(), choice.url.host());
                prop_assert_eq!(document.scheme(), choice.url.scheme());
            }
        }
    }

    #[test]
    fn a_version_document(body in changed(vec![KEYSTONE, CINDER]), kind in kind(), url in "https?://h(/[a-z0-9.%]{0,6}){0,4}") {
        let document = discovery::read(kind, &body).unwrap_or_default();
        if let Ok(url) = url.parse::<url::Url>() {
            let root = Parts::of(&url).root(kind, document.segment.as_deref());
            prop_assert_eq!(root.host_str(), Some("h"));
        }
    }

    #[test]
    fn an_error_body(body in changed(ERRORS.to_vec()), kind in kind(), status in 300..600u16, after in proptest::option::of(0..9u64)) {
        let said = shape::read(&body, &[SecretString::from("canary")]);
        prop_assert!(said.words.len() < 700 && !said.words.contains(char::is_control));
        classify(kind, status, &said, after.map(Duration::from_secs));
    }

    #[test]
    fn a_secret_is_in_no_words_however_it_is_wrapped(
        before in ".{0,700}",
        after in ".{0,40}",
        secret in r#"[a-zA-Z0-9"'\\&<>/ =+]{6,40}"#,
        shape in 0..5usize,
    ) {
        let message = format!("{before}{secret}{after}");
        let body = match shape {
            0 => serde_json::json!({ "badRequest": { "message": message } }).to_string(),
            1 => serde_json::json!({ "NeutronError": { "message": before, "detail": message } }).to_string(),
            2 => serde_json::json!({ "odd": [message] }).to_string(),
            3 => format!("<html><body>{message}</body></html>"),
            _ => message.clone(),
        };
        let said = shape::read(body.as_bytes(), &[SecretString::from(secret.clone())]);
        let others = format!("{before}{after}<html><body></body></html>odd[]{{}}\"");
        prop_assert!(!said.words.contains(&secret) || others.contains(&secret), "{}", said.words);
    }

    #[test]
    fn a_page(body in changed(vec![PAGES])) {
        if let Ok(json) = serde_json::from_slice(&body) {
            let _ = page::next(&json, "servers", &[("limit".to_owned(), "2".to_owned())]);
        }
    }
}
