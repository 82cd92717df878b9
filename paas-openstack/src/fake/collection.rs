//! Resources as JSON objects, in the order in which they were made, and what is to happen to them when.

use jiff::Timestamp;
use serde_json::Value;

/// A resource as its service shows it. Members that begin with `_` are for the fake alone and never shown; `_seeded` marks what
/// was there at the start or belongs to the service itself, and so is no leftover of a test.
pub type Object = serde_json::Map<String, Value>;

/// Resources of one kind, the oldest first.
#[derive(Debug, Default, Clone)]
pub(super) struct Collection(Vec<Object>);

impl Collection {
    pub(super) fn get(&self, id: &str) -> Option<&Object> {
        self.0.iter().find(|one| text(one, "id") == id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Object> {
        self.0.iter_mut().find(|one| text(one, "id") == id)
    }

    pub(super) fn insert(&mut self, object: Object) {
        self.0.push(object);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Object> {
        let at = self.0.iter().position(|one| text(one, "id") == id)?;
        Some(self.0.remove(at))
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Object> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Object> {
        self.0.iter_mut()
    }

    /// Those whose member is this text: `of("network_id", id)`.
    pub(super) fn of<'a>(&'a self, member: &'a str, is: &'a str) -> impl Iterator<Item = &'a Object> {
        self.0.iter().filter(move |one| text(one, member) == is)
    }

    /// How many a project has.
    pub(super) fn count(&self, project: &str) -> usize {
        self.of("project_id", project).count()
    }
}

/// A text member, empty if it is absent or something else.
pub(super) fn text<'a>(object: &'a Object, member: &str) -> &'a str {
    object.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A number member, 0 if it is absent or something else. Numbers in strings count: some clients send them.
pub(super) fn number(object: &Object, member: &str) -> i64 {
    match object.get(member) {
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        Some(value) => value.as_i64().unwrap_or_default(),
        None => 0,
    }
}

/// A truth member, false if it is absent. `"true"` and `"True"` count.
pub(super) fn flag(object: &Object, member: &str) -> bool {
    match object.get(member) {
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(value) => value.as_bool().unwrap_or_default(),
        None => false,
    }
}

/// The object of a `json!({…})`.
pub(super) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

/// What is shown of an object: without the members that begin with `_`.
pub(super) fn shown(object: &Object) -> Object {
    object
        .iter()
        .filter(|(name, _)| !name.starts_with('_'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What is to happen when. `settle` of a service carries out what is due.
#[derive(Debug)]
pub(super) struct Schedule<T>(Vec<(Timestamp, T)>);

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Schedule<T> {
    pub(super) fn at(&mut self, when: Timestamp, what: T) {
        self.0.push((when, what));
    }

    /// Takes out the earliest that is due, with its time. Call it until it gives none: carrying one out may add others.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let (at, _) = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, (when, _))| *when <= now)
            .min_by_key(|(_, (when, _))| *when)?;
        Some(self.0.remove(at))
    }

    /// Forgets what was to happen to something.
    pub(super) fn forget(&mut self, mut which: impl FnMut(&T) -> bool) {
        self.0.retain(|(_, what)| !which(what));
    }
}

/// A time as Nova, Keystone's resources and most others say it: `2026-11-23T02:00:00Z`.
pub(super) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as Cinder, Octavia (without zone) and the database columns say it: `2026-11-23T02:00:00.000000`.
pub(super) fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}
