//! Text with places for secrets, which are put in last: what is written, shown and compared before that holds none.

use crate::{
    error::Result,
    secrets::{ExposeSecret, SecretRef, SecretString},
};

/// A place in a text for a secret, or for something that follows from one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placeholder {
    /// Which secret of the owner.
    pub secret: SecretRef,
    /// What of it.
    pub part: Part,
}

/// What of a secret is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All of it, as it is stored.
    Whole,
    /// The key of an authority, PEM.
    Key,
    /// The public half of a key, PEM.
    PublicKey,
    /// The certificate of an authority, PEM.
    Certificate,
    /// By what kubeadm knows an authority: `sha256:` and 64 digits.
    Pin,
    /// By what k3s knows an authority: 64 digits.
    Hash,
    /// The half of a token that names it.
    TokenId,
    /// The half of a token that is secret.
    TokenSecret,
}

impl Placeholder {
    /// A part of the secret with that name.
    pub fn new(secret: impl Into<String>, part: Part) -> Self {
        let (name, fingerprint) = (secret.into(), String::new());
        Self {
            secret: SecretRef { name, fingerprint },
            part,
        }
    }

    /// How the place looks where there is no secret in it: nothing that YAML takes for anything but text once it is quoted, and nothing
    /// that a spec can hold.
    pub fn marker(&self) -> String {
        let part = match self.part {
            Part::Whole => "value",
            Part::Key => "key",
            Part::PublicKey => "public key",
            Part::Certificate => "certificate",
            Part::Pin => "pin",
            Part::Hash => "hash",
            Part::TokenId => "id",
            Part::TokenSecret => "secret",
        };
        format!("<<{part} of {}>>", self.secret.name)
    }
}

/// Text with places for secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Secret(Placeholder),
}

impl Content {
    /// Text without any secret.
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// A secret and nothing else.
    pub fn secret(placeholder: Placeholder) -> Self {
        Self(vec![Piece::Secret(placeholder)])
    }

    /// A text that was written with the markers of `places`.
    pub fn marked(text: &str, places: &[Placeholder]) -> Self {
        let mut pieces = vec![Piece::Text(text.to_owned())];
        for place in places {
            let marker = place.marker();
            pieces = pieces
                .into_iter()
                .flat_map(|piece| match piece {
                    Piece::Text(text) => split(&text, &marker, place),
                    secret @ Piece::Secret(_) => vec![secret],
                })
                .collect();
        }
        Self(pieces)
    }

    /// The places in it.
    pub fn places(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Secret(place) => Some(place),
            Piece::Text(_) => None,
        })
    }

    /// The text with the markers of its places.
    pub fn plain(&self) -> String {
        let word = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Secret(place) => place.marker(),
        };
        self.0.iter().map(word).collect()
    }

    /// The text with its secrets.
    ///
    /// # Errors
    /// Those of `resolve`.
    pub fn resolved(&self, resolve: Resolve<'_>) -> Result<SecretString> {
        let mut whole = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                Piece::Secret(place) => whole.push_str(resolve(place)?.expose_secret()),
            }
        }
        Ok(whole.into())
    }
}

/// Gives what belongs into a place.
pub type Resolve<'a> = &'a (dyn Fn(&Placeholder) -> Result<SecretString> + Send + Sync);

fn split(text: &str, marker: &str, place: &Placeholder) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (n, between) in text.split(marker).enumerate() {
        if n > 0 {
            pieces.push(Piece::Secret(place.clone()));
        }
        if !between.is_empty() {
            pieces.push(Piece::Text(between.to_owned()));
        }
    }
    pieces
}
