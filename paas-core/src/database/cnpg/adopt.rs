//! Taking over a Cluster that somebody else made.
//!
//! CloudNativePG restarts servers when what they run with changes, and not when somebody else's name stands at the fields. So a Cluster
//! is taken over without a restart if our manifest says what is there already: [`differs`] tells what it says otherwise, and what that
//! would bring. The Cluster has to be called as the instance's would be ([`super::names::cluster`]): an object cannot be renamed.

use serde_json::Value;

use crate::{
    kube::KubeObject,
    resource::{Change, Diff},
};

/// What would change at the object that is there if ours were applied: fields that ours does not speak of are not compared, and neither
/// is what only a new instance is set up by.
pub fn differs(wanted: &KubeObject, there: &Value) -> Diff {
    let mut changes = Vec::new();
    let mut manifest = wanted.manifest().clone();
    if let Some(spec) = manifest["spec"].as_object_mut() {
        spec.remove("bootstrap");
    }
    compare(&manifest, there, String::new(), &mut changes);
    match changes.is_empty() {
        true => Diff::Same,
        false => (wanted.object_kind().judge)(changes),
    }
}

/// True if nothing that it brings stops a server.
pub fn is_seamless(diff: &Diff) -> bool {
    let calm = |change: &Change| {
        let what = change.brings.as_deref().unwrap_or_default();
        !what.contains("restart") && !what.contains("stopped")
    };
    match diff {
        Diff::Same => true,
        Diff::Update(changes) => changes.iter().all(calm),
        Diff::Replace(_) | Diff::Refuse { .. } => false,
    }
}

fn compare(wanted: &Value, there: &Value, path: String, changes: &mut Vec<Change>) {
    if let (Value::Object(wanted), Value::Object(_) | Value::Null) = (wanted, there) {
        for (name, value) in wanted {
            let at = match path.as_str() {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            compare(value, &there[name.as_str()], at, changes);
        }
    } else if wanted != there && !equal(wanted, there) {
        changes.push(Change::new(path, said(there), said(wanted)));
    }
}

/// The API server keeps amounts in its own form: `1024Mi` is the same as `1Gi`.
fn equal(one: &Value, other: &Value) -> bool {
    let bytes = |value: &Value| {
        let text = value.as_str()?;
        text.parse::<crate::spec::Quantity>().ok().map(|q| q.bytes())
    };
    let millis = |value: &Value| {
        let text = value.as_str()?;
        text.parse::<crate::spec::Cpu>().ok().map(|c| c.millis())
    };
    let same = |a: Option<u64>, b: Option<u64>| a.is_some() && a == b;
    same(bytes(one), bytes(other)) || same(millis(one), millis(other))
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
