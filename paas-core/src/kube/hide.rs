//! Secrets that are taken out of words: the API server quotes what it refuses.

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::core::Status;

use crate::secrets::{ExposeSecret, SecretString};

/// Texts that must not be told, each with the name that stands for it.
#[derive(Clone, Default)]
pub(super) struct Hidden(Vec<(SecretString, String)>);

impl Hidden {
    pub(super) fn nothing() -> Self {
        Self::default()
    }

    /// Hides a secret in all forms in which it can come back: plain, in base64, and quoted as JSON.
    pub(super) fn add(&mut self, name: &str, value: &SecretString) {
        let plain = value.expose_secret();
        let instead = format!("<secret {name}>");
        let quoted = serde_json::Value::from(plain).to_string();
        let forms = [
            STANDARD.encode(plain),
            quoted.trim_matches('"').to_owned(),
            plain.to_owned(),
        ];
        for form in forms.into_iter().filter(|f| !f.is_empty()) {
            self.0.push((form.into(), instead.clone()));
        }
    }

    /// The same text without the secrets.
    pub(super) fn text(&self, text: String) -> String {
        self.0.iter().fold(text, |text, (form, instead)| {
            text.replace(form.expose_secret(), instead)
        })
    }

    /// The same answer without the secrets.
    pub(super) fn within(&self, mut status: Status) -> Status {
        if self.0.is_empty() {
            return status;
        }
        status.message = self.text(status.message);
        for cause in status.details.iter_mut().flat_map(|d| &mut d.causes) {
            cause.message = self.text(std::mem::take(&mut cause.message));
            cause.field = self.text(std::mem::take(&mut cause.field));
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_it_can_come_back() {
        let mut hidden = Hidden::nothing();
        hidden.add("app", &"hunter\"2".to_owned().into());
        let text = format!(
            r#"plain hunter"2, quoted "hunter\"2", encoded {}"#,
            STANDARD.encode("hunter\"2")
        );
        let told = hidden.text(text);
        assert_eq!(
            told,
            r#"plain <secret app>, quoted "<secret app>", encoded <secret app>"#
        );
        assert_eq!(Hidden::nothing().text("as it is".to_owned()), "as it is");
    }

    #[test]
    fn longer_secrets_go_first_by_their_encoded_forms_and_an_empty_one_hides_nothing() {
        let mut hidden = Hidden::nothing();
        hidden.add("empty", &String::new().into());
        assert_eq!(hidden.text("abc".to_owned()), "abc");
    }
}
