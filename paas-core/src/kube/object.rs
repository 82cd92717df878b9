//! A Kubernetes object, as a driver wants it or as it was found.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    ObjectKind,
    compare::{compare, sorted},
};
use crate::{
    resource::{Change, Diff, Key, Need, Resource, View},
    secrets::SecretRef,
};

/// A Kubernetes object.
///
/// What is wanted is a manifest without our marks, and without secrets: a string in it may hold the placeholders that
/// [`KubeObject::secret`] names, and whoever applies it puts the values in.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeObject {
    of: &'static ObjectKind,
    namespace: String,
    name: String,
    manifest: Arc<Value>,
    secrets: BTreeMap<String, SecretRef>,
    needs: Vec<Need>,
    after: Vec<Key>,
    precious: bool,
    brief: bool,
    patience: Duration,
    seen: Option<Arc<Seen>>,
}

/// What was found of an object that is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// The fingerprint that it was applied with the last time; `None` if we never did.
    pub applied: Option<String>,
    /// `metadata.managedFields`.
    pub managed: Value,
    /// The object as it was listed: whole where the kind is [`ObjectKind::whole`], else its metadata.
    pub object: Value,
}

impl KubeObject {
    /// An object of a kind; `namespace` is empty for a kind without one. `manifest` is everything beside `apiVersion`, `kind` and
    /// the names: `{"metadata": {"labels": …}, "spec": …}`.
    pub fn new(
        kind: &'static ObjectKind,
        namespace: impl Into<String>,
        name: impl Into<String>,
        manifest: Value,
    ) -> Self {
        Self {
            of: kind,
            namespace: namespace.into(),
            name: name.into(),
            manifest: Arc::new(manifest),
            secrets: BTreeMap::new(),
            needs: Vec::new(),
            after: Vec::new(),
            precious: false,
            brief: false,
            patience: Duration::from_secs(600),
            seen: None,
        }
    }

    /// An object that is there; `manifest` is what was applied the last time, as far as it is known, else null.
    pub fn found(
        kind: &'static ObjectKind,
        namespace: impl Into<String>,
        name: impl Into<String>,
        manifest: Value,
        seen: Seen,
    ) -> Self {
        Self {
            seen: Some(Arc::new(seen)),
            ..Self::new(kind, namespace, name, manifest)
        }
    }

    /// Has a secret put in wherever a string of the manifest holds `placeholder`.
    #[must_use]
    pub fn secret(mut self, placeholder: impl Into<String>, secret: SecretRef) -> Self {
        self.secrets.insert(placeholder.into(), secret);
        self
    }

    /// Needs another object first.
    #[must_use]
    pub fn need(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Is made only once another object is ready, and goes whatever becomes of that one: where somebody else lets go of it then.
    #[must_use]
    pub fn after(mut self, key: Key) -> Self {
        self.after.push(key);
        self
    }

    /// Holds data that cannot be made again.
    #[must_use]
    pub fn holding_data(mut self) -> Self {
        self.precious = true;
        self
    }

    /// Is shown and remembered by its fingerprint: its manifest is too large for a plan and a ledger.
    #[must_use]
    pub fn brief(mut self) -> Self {
        self.brief = true;
        self
    }

    /// May take so long to become ready or to leave.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What kind of object it is.
    pub fn object_kind(&self) -> &'static ObjectKind {
        self.of
    }

    /// The namespace, empty for a kind without one.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wanted of it, or was applied the last time.
    pub fn manifest(&self) -> &Value {
        &self.manifest
    }

    /// The secrets, by the placeholder that stands for them.
    pub fn secrets(&self) -> &BTreeMap<String, SecretRef> {
        &self.secrets
    }

    /// What was found, if it is there.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_deref()
    }

    /// The SHA-256 of everything that is wanted, in hexadecimal digits: the manifest in the order of its keys' names, the needs,
    /// the fingerprints of the secrets, and whether it holds data.
    pub fn fingerprint(&self) -> String {
        let secrets: BTreeMap<&str, &str> = self
            .secrets
            .iter()
            .map(|(at, secret)| (at.as_str(), secret.fingerprint.as_str()))
            .collect();
        let all = json!([sorted(&self.manifest), self.needs_text(), secrets, self.precious]);
        Sha256::digest(all.to_string().as_bytes())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    }

    /// What it needs as text, for the annotation: `cluster,~secret/app`, where `~` stands before what is only to come earlier.
    pub fn needs_text(&self) -> String {
        let texts: Vec<String> = self
            .needs
            .iter()
            .map(|need| match need {
                Need::Built(key) => key.to_string(),
                Need::Order(key) => format!("~{key}"),
            })
            .collect();
        texts.join(",")
    }

    /// Has the needs that [`KubeObject::needs_text`] wrote; what is no key is left out.
    #[must_use]
    pub fn needing(mut self, text: &str) -> Self {
        self.needs = text
            .split(',')
            .filter_map(|one| match one.strip_prefix('~') {
                Some(key) => Key::new(key).ok().map(Need::Order),
                None => Key::new(one).ok().map(Need::Built),
            })
            .collect();
        self
    }

    /// Has the manifest and the secrets that `view` ([`Resource::view`]) tells of what was applied, if they are what the object's own
    /// annotation stands for; else it stays as it is. So memory can only tell more, never something else.
    #[must_use]
    pub fn remembering(self, view: &View) -> Self {
        let secrets = view.get("secrets").cloned().unwrap_or_else(|| json!({}));
        let (Some(manifest), Ok(secrets)) = (view.get("manifest"), serde_json::from_value(secrets)) else {
            return self;
        };
        let told = Self {
            manifest: Arc::new(manifest.clone()),
            secrets,
            ..self.clone()
        };
        let applied = self.seen().and_then(|s| s.applied.as_ref());
        match applied == Some(&told.fingerprint()) {
            true => told,
            false => self,
        }
    }

    /// What tells that it is another object altogether.
    fn elsewhere(&self, live: &Self) -> Vec<Change> {
        let place = |o: &Self| format!("{:?} {}/{}", o.of, o.namespace, o.name);
        match (self.of, &self.namespace, &self.name) == (live.of, &live.namespace, &live.name) {
            true => Vec::new(),
            false => vec![Change::new("object", place(live), place(self))],
        }
    }

    /// The fields of the manifest that differ from those of `live`, as far as it is known what was applied there.
    fn changes(&self, live: &Self) -> Vec<Change> {
        if live.manifest.is_null() {
            return vec![Change::new("manifest", "as it is", "as the spec says")];
        }
        let mut changes = Vec::new();
        compare(&live.manifest, &self.manifest, String::new(), &mut changes);
        for (at, secret) in &self.secrets {
            let before = live.secrets.get(at);
            if before.is_some_and(|b| b.fingerprint != secret.fingerprint) {
                changes.push(Change::new(
                    format!("secret {}", secret.name),
                    "the former",
                    "the current",
                ));
            }
        }
        if changes.is_empty() {
            changes.push(Change::new("manifest", "as it was applied", "as the spec says"));
        }
        changes
    }
}

impl Resource for KubeObject {
    fn kind(&self) -> &'static str {
        let ObjectKind { word, .. } = self.of;
        word
    }

    /// Of an object that is there these are the needs that its annotation tells, which are without those of [`KubeObject::after`].
    fn needs(&self) -> Vec<Need> {
        let after = self.after.iter().cloned().map(Need::Order);
        self.needs.iter().cloned().chain(after).collect()
    }

    fn diff(&self, live: &Self) -> Diff {
        let elsewhere = self.elsewhere(live);
        if !elsewhere.is_empty() {
            return Diff::Replace(elsewhere);
        }
        let Some(seen) = live.seen() else {
            return match self == live {
                true => Diff::Same,
                false => (self.of.judge)(self.changes(live)),
            };
        };
        if seen.applied.as_ref() != Some(&self.fingerprint()) {
            return (self.of.judge)(self.changes(live));
        }
        let taken = |path: String| Change::new(path, "changed by somebody", "as the spec says");
        let stored = super::manifest::stored(self.of, &self.manifest);
        let mut lost: Vec<Change> = super::ownership::lost(&stored, &seen.managed, super::MANAGER)
            .into_iter()
            .map(taken)
            .collect();
        if (self.needs_text(), self.precious) != (live.needs_text(), live.precious) {
            lost.push(taken("metadata.annotations".to_owned()));
        }
        match lost.is_empty() {
            true => Diff::Same,
            false => Diff::Update(lost),
        }
    }

    fn precious(&self) -> bool {
        self.precious
    }

    /// A name can be taken once, and a list shows it at once: the API server answers lists from where it wrote.
    fn natural(&self) -> bool {
        true
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn view(&self) -> View {
        let mut view = Map::new();
        if !self.namespace.is_empty() {
            view.insert("namespace".into(), self.namespace.as_str().into());
        }
        view.insert("name".into(), self.name.as_str().into());
        match self.brief {
            true => view.insert("fingerprint".into(), self.fingerprint().into()),
            false => view.insert("manifest".into(), (*self.manifest).clone()),
        };
        if !self.secrets.is_empty() {
            view.insert("secrets".into(), json!(self.secrets));
        }
        view
    }
}

#[cfg(test)]
mod tests;
