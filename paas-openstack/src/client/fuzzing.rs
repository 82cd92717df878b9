//! Ways into what reads a cloud's answers, for fuzz targets: each takes any bytes, and returns.

use secrecy::SecretString;
use serde_json::Value;

use super::{
    classify::classify,
    discovery, page,
    service::Kind,
    shape,
    token::Token,
    {Catalog, Wanted},
};

/// What no words may show.
const CANARY: &str = "canary-4711";

/// A token's body, and the choice of every endpoint from its catalog.
pub fn token(bytes: &[u8]) {
    let Ok(token) = Token::read(bytes, SecretString::from(CANARY)) else {
        return;
    };
    assert!(!format!("{token:?}").contains(CANARY), "a secret is shown");
    chosen(&token.catalog);
}

fn chosen(catalog: &Catalog) {
    let interfaces = ["public".to_owned(), "internal".to_owned()];
    for kind in Kind::ALL {
        for region in [None, Some("RegionOne")] {
            let _ = catalog.choose(Wanted {
                service: kind,
                region,
                interfaces: &interfaces,
            });
        }
    }
}

/// A version document, as each service may answer it.
pub fn versions(bytes: &[u8]) {
    for kind in Kind::ALL {
        let _ = discovery::read(kind, bytes);
    }
}

/// A page of a list, and where the next one is.
pub fn next_page(bytes: &[u8]) {
    if let Ok(page) = serde_json::from_slice::<Value>(bytes) {
        for member in ["servers", "networks", "images", "volumes"] {
            let _ = page::next(&page, member, &[]);
        }
    }
}

/// An error body with each service and with statuses that mean something.
pub fn error_body(bytes: &[u8]) {
    let secrets = [SecretString::from(CANARY)];
    for kind in Kind::ALL {
        for status in [400, 401, 403, 404, 409, 413, 429, 500, 503] {
            let said = shape::read(bytes, &secrets);
            let _ = classify(kind, status, &said, None);
            assert!(!said.words.contains(CANARY), "a secret is shown: {}", said.words);
        }
    }
}
