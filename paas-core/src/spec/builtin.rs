//! The documents that come with the program: the quick start, and the file that `paas init` writes.

use super::{DatabaseInstanceSpec, Document, Infrastructure, InfrastructureType, Meta, Object, PlatformSpec};
use crate::policy::{Drift, OnBroken};

/// What `paas up` makes when there is no file: this machine as Platform `local`, and on it DatabaseInstance `demo`.
pub fn quickstart() -> Vec<Document> {
    let infrastructure = Infrastructure {
        type_: InfrastructureType::Local,
        local: None,
        open_stack: None,
        stackit: None,
    };
    let platform = PlatformSpec {
        infrastructure,
        kubernetes: None,
        addons: None,
        deletion_protection: false,
        drift_policy: Drift::default(),
        on_broken: OnBroken::default(),
    };
    vec![
        Document::Platform(Object {
            metadata: Meta::named("local"),
            spec: platform,
        }),
        Document::DatabaseInstance(Object {
            metadata: Meta::named("demo"),
            spec: DatabaseInstanceSpec::default(),
        }),
    ]
}

/// The commented file that `paas init` writes. It loads, and describes what [`quickstart`] does.
#[cfg(feature = "load")]
pub fn template() -> &'static str {
    include_str!("template.yaml")
}
