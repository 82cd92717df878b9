//! The planner alone: no cloud, no clock, no async. What would happen to three machines when their network is renumbered?
//!
//! `cargo run -p paas-examples --example plan_only`

use paas_core::{
    check::check,
    error::Error,
    graph::{Desired, Observed},
    plan::plan,
    policy::Policy,
    resource::{Change, Diff, Key, Live, Need, Resource, View},
};
use serde_json::json;

/// A network with its range, or a machine in it.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Network { range: &'static str },
    Machine { memory_gib: u32 },
}

impl Resource for Part {
    fn kind(&self) -> &'static str {
        match self {
            Self::Network { .. } => "network",
            Self::Machine { .. } => "machine",
        }
    }

    fn needs(&self) -> Vec<Need> {
        match self {
            Self::Network { .. } => Vec::new(),
            Self::Machine { .. } => Key::new("network").map(Need::Built).into_iter().collect(),
        }
    }

    fn diff(&self, live: &Self) -> Diff {
        match (self, live) {
            (Self::Network { range }, Self::Network { range: is }) if range != is => {
                Diff::Replace(vec![Change::new("range", is, range)])
            }
            (Self::Machine { memory_gib }, Self::Machine { memory_gib: is }) if memory_gib != is => {
                Diff::Update(vec![Change::new("memoryGiB", is, memory_gib).brings("a restart")])
            }
            _ => Diff::Same,
        }
    }

    fn view(&self) -> View {
        let value = match self {
            Self::Network { range } => json!({ "range": range }),
            Self::Machine { memory_gib } => json!({ "memoryGiB": memory_gib }),
        };
        value.as_object().cloned().unwrap_or_default()
    }
}

fn platform(range: &'static str) -> Result<Desired<Part>, Error> {
    let mut desired = Desired::builder().want(Key::new("network")?, Part::Network { range });
    for n in 1..=3 {
        desired.add(Key::new(format!("machine/{n}"))?, Part::Machine { memory_gib: 4 });
    }
    desired.build()
}

fn main() -> Result<(), Error> {
    let mut seen = Observed::default();
    for (key, part) in platform("10.0.0.0/24")?.wanted() {
        seen.found(key.clone(), Live::ready(format!("id-of-{key}"), part.clone()));
    }
    let (wanted, policy) = (platform("10.8.0.0/24")?, Policy::default());
    let plan = plan(&wanted, &seen, &policy);

    let mut out = String::new();
    for step in &plan.steps {
        out += &format!("{:8} {:10} {}\n", step.action.verb(), step.key, step.reason);
    }
    assert!(
        check(&wanted, &seen, &policy, &plan).is_empty(),
        "a plan keeps every law"
    );
    assert_eq!(plan.steps.len(), 4, "three machines go with their network");
    paas_examples::say(&out);
    Ok(())
}
