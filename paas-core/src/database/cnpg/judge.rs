//! What a change of a manifest comes to.

use super::{
    cluster::HIBERNATION,
    codes::{CNPG_CONTENT, CNPG_STORAGE, CNPG_VERSION},
    images, parameters,
};
use crate::{
    codes::Code,
    resource::{Change, Diff},
    spec::Quantity,
};

/// Changes of a `Cluster`: what each brings, or what cannot be had. Its volumes hold data, so it is never made anew.
pub fn cluster(changes: Vec<Change>) -> Diff {
    let verdicts: Vec<Verdict> = changes.iter().map(verdict).collect();
    let code = verdicts.iter().find_map(|v| match v {
        Verdict::Refused(code) => Some(*code),
        Verdict::Brings(_) | Verdict::Nothing => None,
    });
    if let Some(code) = code {
        return Diff::Refuse { changes, code };
    }
    let told = changes
        .into_iter()
        .zip(verdicts)
        .map(|(change, verdict)| match verdict {
            Verdict::Brings(what) => change.brings(what),
            Verdict::Nothing | Verdict::Refused(_) => change,
        });
    Diff::Update(told.collect())
}

/// Changes of a `Database` or a `DatabaseRole`, whose name and Cluster cannot be changed.
pub fn content(changes: Vec<Change>) -> Diff {
    let fixed = |c: &Change| matches!(c.field.as_str(), "spec.name" | "spec.cluster.name");
    if changes.iter().any(fixed) {
        let code = &CNPG_CONTENT;
        return Diff::Refuse { changes, code };
    }
    Diff::Update(changes)
}

enum Verdict {
    Nothing,
    Brings(&'static str),
    Refused(&'static Code),
}

/// One server after another is stopped and started, the primary last.
const ROLLING: &str = "a restart of each server, the primary last";

fn verdict(change: &Change) -> Verdict {
    let field = change.field.as_str();
    if let Some(rest) = field.strip_prefix("spec.") {
        let part = rest.split(['.', '[']).next().unwrap_or(rest);
        return match part {
            "storage" => storage(rest, change),
            "imageName" | "imageCatalogRef" => image(rest, change),
            "postgresql" => postgresql(rest, change),
            "resources" | "affinity" => Verdict::Brings(ROLLING),
            "instances" => instances(change),
            "bootstrap" => Verdict::Brings("nothing: only a new instance is set up by it"),
            "managed" => Verdict::Brings("another service for clients from elsewhere"),
            "enableSuperuserAccess" | "superuserSecret" => Verdict::Brings("a login of postgres"),
            _ => Verdict::Nothing,
        };
    }
    let annotation = field.strip_prefix("metadata.annotations.");
    let whole = field == "metadata" || field == "metadata.annotations";
    match annotation {
        Some(HIBERNATION) if change.to == "on" => Verdict::Brings("all servers are stopped"),
        Some(HIBERNATION) => Verdict::Brings("the servers are started"),
        _ if whole && change.to.contains(HIBERNATION) => Verdict::Brings("all servers are stopped"),
        _ if whole && change.from.contains(HIBERNATION) => Verdict::Brings("the servers are started"),
        _ => Verdict::Nothing,
    }
}

/// A volume grows if its class allows it; CloudNativePG's webhook refuses that it shrinks, and would take another class for further
/// servers only, in silence.
fn storage(rest: &str, change: &Change) -> Verdict {
    let bytes = |text: &str| text.parse::<Quantity>().map(|q| q.bytes());
    match (rest, bytes(&change.from), bytes(&change.to)) {
        ("storage.size", Ok(from), Ok(to)) if to >= from => {
            Verdict::Brings("larger volumes, if their class lets them grow")
        }
        _ => Verdict::Refused(&CNPG_STORAGE),
    }
}

/// Within a major version the servers are restarted; to a newer one all of them are stopped and `pg_upgrade` runs; an older one does not
/// read the data. With no version at all CloudNativePG would choose, and might choose another major one.
fn image(rest: &str, change: &Change) -> Verdict {
    let version = |text: &str| match rest {
        "imageCatalogRef.major" => text.parse().ok(),
        "imageName" => images::major(text),
        _ => None,
    };
    match (version(&change.from), version(&change.to)) {
        (Some(from), Some(to)) if to < from => Verdict::Refused(&CNPG_VERSION),
        // CloudNativePG's webhook: collations cannot be carried over to 14 and 15.
        (Some(from), Some(to)) if to > from && to < 16 => Verdict::Refused(&CNPG_VERSION),
        (Some(from), Some(to)) if to > from => {
            Verdict::Brings("a major upgrade: all servers are stopped until pg_upgrade is through")
        }
        (_, None) if change.to == "-" && rest == "imageName" => Verdict::Refused(&CNPG_VERSION),
        _ => Verdict::Brings(ROLLING),
    }
}

fn postgresql(rest: &str, change: &Change) -> Verdict {
    let Some(name) = rest.strip_prefix("postgresql.parameters.") else {
        return match rest {
            "postgresql.synchronous" => Verdict::Brings("a reload"),
            _ if rest.starts_with("postgresql.synchronous.") => Verdict::Brings("a reload"),
            _ if rest.starts_with("postgresql.shared_preload_libraries") => Verdict::Brings(ROLLING),
            // The section as a whole came or went.
            _ if restarts(&change.from) || restarts(&change.to) => Verdict::Brings(ROLLING),
            _ => Verdict::Brings("a reload"),
        };
    };
    if parameters::needs_restart(name) {
        Verdict::Brings(ROLLING)
    } else {
        Verdict::Brings("a reload")
    }
}

/// True if a map of parameters as text has one that needs a restart.
fn restarts(json: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let maps = [&value, &value["parameters"]];
    let names = maps.iter().filter_map(|m| m.as_object()).flat_map(|m| m.keys());
    names.into_iter().any(|name| parameters::needs_restart(name))
}

fn instances(change: &Change) -> Verdict {
    match (change.from.parse::<u16>(), change.to.parse::<u16>()) {
        (Ok(from), Ok(to)) if to < from => Verdict::Brings("standbys go, with their copies of the data"),
        (Ok(from), Ok(to)) if to > from => Verdict::Brings("new standbys"),
        _ => Verdict::Nothing,
    }
}
