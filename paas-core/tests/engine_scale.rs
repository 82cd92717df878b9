//! How planning grows, by counts and not by time.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use std::cell::Cell;

use paas_core::{
    graph::{Desired, Observed},
    plan::plan,
    policy::{Policy, Retention},
    resource::{Diff, Key, Live, Need, Resource, View},
    testing::{
        Thing, Variant,
        shapes::{chain, fan_out},
    },
};

thread_local!(static CALLS: Cell<usize> = const { Cell::new(0) });

fn count() {
    CALLS.with(|c| c.set(c.get() + 1));
}

/// A thing that counts what it is asked and how often it is copied.
#[derive(Debug, PartialEq)]
struct Counted(Thing);

impl Clone for Counted {
    fn clone(&self) -> Self {
        count();
        Self(self.0.clone())
    }
}

impl Resource for Counted {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }
    fn needs(&self) -> Vec<Need> {
        count();
        self.0.needs()
    }
    fn diff(&self, live: &Self) -> Diff {
        count();
        self.0.diff(&live.0)
    }
    fn precious(&self) -> bool {
        count();
        false
    }
    fn group(&self) -> Option<&str> {
        count();
        Resource::group(&self.0)
    }
    fn view(&self) -> View {
        self.0.view()
    }
}

fn counted(graph: &Desired<Thing>) -> Desired<Counted> {
    let mut counted = Desired::builder();
    for (key, thing) in graph.wanted() {
        counted.add(key.clone(), Counted(thing.clone()));
    }
    counted.build().unwrap()
}

fn seen(graph: &Desired<Counted>) -> Observed<Counted> {
    let mut observed = Observed::default();
    for (key, thing) in graph.wanted() {
        observed.found(key.clone(), Live::ready(key.as_str(), thing.clone()));
    }
    observed
}

fn calls(desired: &Desired<Counted>, observed: &Observed<Counted>) -> usize {
    let policy = Policy {
        retention: Retention::Delete,
        ..Policy::default()
    };
    CALLS.with(|c| c.set(0));
    let plan = plan(desired, observed, &policy);
    assert!(plan.blocked.is_empty());
    CALLS.with(Cell::get)
}

#[test]
fn planning_ten_times_as_much_asks_about_ten_times_as_often() {
    type Make = fn(usize, Variant) -> Result<Desired<Thing>, paas_core::error::Error>;
    let shapes: [(&str, Make); 2] = [("chain", chain), ("fan-out", fan_out)];
    for (name, shape) in shapes {
        let of = |n: usize, what: &str| {
            let first = counted(&shape(n, Variant::First).unwrap());
            let changed = counted(&shape(n, Variant::Changed).unwrap());
            match what {
                "create" => calls(&first, &Observed::default()),
                "idle" => calls(&first, &seen(&first)),
                "change" => calls(&changed, &seen(&first)),
                _ => calls(&Desired::nothing(), &seen(&first)),
            }
        };
        for what in ["create", "idle", "change", "retire"] {
            let (small, large) = (of(1_000, what), of(10_000, what));
            println!("{name} {what}: {small} calls for 1,000, {large} for 10,000");
            assert!(
                small >= 1_000 && large <= small * 11,
                "{name} {what}: {small} and {large}"
            );
        }
    }
}

#[test]
fn a_graph_of_ten_thousand_keeps_its_order() {
    let graph = chain(10_000, Variant::First).unwrap();
    assert_eq!(graph.order().len(), 10_000);
    assert_eq!(graph.order()[9_999], Key::new("link/9999").unwrap());
}
