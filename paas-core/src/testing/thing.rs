//! A resource with everything a resource can have.

use std::time::Duration;

use serde_json::json;

use crate::resource::{Change, Diff, Key, Need, Resource, View};

/// What is in a [`super::Memory`] cloud: one field that updates, one that replaces, and all that a resource can say of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// The field's own word for it.
    pub kind: &'static str,
    /// What must be there first; another set of these is another thing.
    pub needs: Vec<Need>,
    /// Changed in place; `None` is not ours to judge.
    pub size: Option<u32>,
    /// Changed by making it anew; `None` is not ours to judge.
    pub image: Option<String>,
    /// Holds data.
    pub precious: bool,
    /// Whose replacements are bounded.
    pub group: Option<String>,
    /// Cannot be made twice.
    pub natural: bool,
    /// Gone as soon as its deletion is accepted.
    pub at_once: bool,
    /// Deleted together with what it is built on.
    pub along: bool,
    /// How long it may take.
    pub patience: Duration,
}

impl Thing {
    /// A thing of a kind, with nothing else to it.
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            needs: Vec::new(),
            size: None,
            image: None,
            precious: false,
            group: None,
            natural: false,
            at_once: false,
            along: false,
            patience: Duration::from_secs(600),
        }
    }

    /// Built on `key`.
    #[must_use]
    pub fn on(mut self, key: &Key) -> Self {
        self.needs.push(Need::Built(key.clone()));
        self
    }

    /// Only later than `key`.
    #[must_use]
    pub fn later_than(mut self, key: &Key) -> Self {
        self.needs.push(Need::Order(key.clone()));
        self
    }

    /// With a size, which is changed in place.
    #[must_use]
    pub fn size(mut self, size: u32) -> Self {
        self.size = Some(size);
        self
    }

    /// With an image, which is changed by making it anew.
    #[must_use]
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// Holding data.
    #[must_use]
    pub fn precious(mut self) -> Self {
        self.precious = true;
        self
    }

    /// In a group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Gone as soon as its deletion is accepted.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    /// Deleted at once, and together with what it is built on.
    #[must_use]
    pub fn along(mut self) -> Self {
        (self.at_once, self.along) = (true, true);
        self
    }

    /// Impossible to make twice.
    #[must_use]
    pub fn natural(mut self) -> Self {
        self.natural = true;
        self
    }
}

impl Resource for Thing {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }

    fn diff(&self, live: &Self) -> Diff {
        let mut anew = Vec::new();
        if self.needs != live.needs {
            let words = |t: &Self| {
                t.needs
                    .iter()
                    .map(|n| n.key().as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            anew.push(Change::new("needs", words(live), words(self)));
        }
        if let Some(image) = self.image.as_ref().filter(|i| live.image.as_ref() != Some(i)) {
            anew.push(Change::new(
                "image",
                live.image.as_deref().unwrap_or("none"),
                image,
            ));
        }
        if !anew.is_empty() {
            return Diff::Replace(anew);
        }
        match self.size {
            Some(size) if live.size != Some(size) => {
                let from = live.size.map_or("none".to_owned(), |s| s.to_string());
                Diff::Update(vec![Change::new("size", from, size)])
            }
            _ => Diff::Same,
        }
    }

    fn precious(&self) -> bool {
        self.precious
    }

    fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    fn natural(&self) -> bool {
        self.natural
    }

    fn goes_at_once(&self) -> bool {
        self.at_once
    }

    fn goes_along(&self) -> bool {
        self.along
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn view(&self) -> View {
        let mut view = View::new();
        if let Some(size) = self.size {
            view.insert("size".to_owned(), json!(size));
        }
        if let Some(image) = &self.image {
            view.insert("image".to_owned(), json!(image));
        }
        view
    }
}
