//! What planning and an idle pass cost.

use std::sync::Arc;

use divan::{Bencher, black_box};
use paas_core::{
    graph::{Desired, Observed},
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    plan::plan,
    policy::{Policy, Retention},
    resource::{Live, Origin},
    testing::{
        Fixed, ManualClock, Memory, Thing, Variant,
        shapes::{chain, fan_out},
        tools,
    },
};

const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

fn graph(shape: &str, n: usize, variant: Variant) -> Desired<Thing> {
    let graph = match shape {
        "chain" => chain(n, variant),
        _ => fan_out(n, variant),
    };
    graph.unwrap_or_else(|_| Desired::nothing())
}

fn seen(graph: &Desired<Thing>) -> Observed<Thing> {
    let mut observed = Observed::default();
    for (key, thing) in graph.wanted() {
        observed.found(key.clone(), Live::ready(key.as_str(), thing.clone()));
    }
    observed
}

fn bench(bencher: Bencher<'_, '_>, desired: &Desired<Thing>, observed: &Observed<Thing>) {
    let policy = Policy {
        retention: Retention::Delete,
        ..Policy::default()
    };
    bencher.bench(|| plan(black_box(desired), black_box(observed), &policy));
}

#[divan::bench(args = SIZES)]
fn create_chain(bencher: Bencher<'_, '_>, n: usize) {
    bench(bencher, &graph("chain", n, Variant::First), &Observed::default());
}

#[divan::bench(args = SIZES)]
fn create_fan_out(bencher: Bencher<'_, '_>, n: usize) {
    bench(
        bencher,
        &graph("fan-out", n, Variant::First),
        &Observed::default(),
    );
}

#[divan::bench(args = SIZES)]
fn converged_fan_out(bencher: Bencher<'_, '_>, n: usize) {
    let first = graph("fan-out", n, Variant::First);
    bench(bencher, &first, &seen(&first));
}

/// Nearly the whole chain goes and comes back.
#[divan::bench(args = SIZES)]
fn replace_chain(bencher: Bencher<'_, '_>, n: usize) {
    let first = graph("chain", n, Variant::First);
    bench(bencher, &graph("chain", n, Variant::Changed), &seen(&first));
}

#[divan::bench(args = SIZES)]
fn retire_chain(bencher: Bencher<'_, '_>, n: usize) {
    bench(
        bencher,
        &Desired::nothing(),
        &seen(&graph("chain", n, Variant::First)),
    );
}

#[divan::bench(args = SIZES)]
fn retire_fan_out(bencher: Bencher<'_, '_>, n: usize) {
    bench(
        bencher,
        &Desired::nothing(),
        &seen(&graph("fan-out", n, Variant::First)),
    );
}

/// Observe, plan, nothing to do, on the cloud in memory.
#[divan::bench(args = SIZES)]
fn idle_pass(bencher: Bencher<'_, '_>, n: usize) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return;
    };
    let clock = Arc::new(ManualClock::default());
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "bench");
    let (cloud, first) = (Memory::new(clock.clone()), graph("fan-out", n, Variant::First));
    for (key, thing) in first.wanted() {
        cloud.plant(&owner, key, thing.clone(), Origin::Ours);
    }
    let pipeline = Fixed::pipeline(Arc::new(cloud), first);
    let tools = tools(Arc::new(MemoryLedger::default()), clock);
    bencher.bench_local(|| {
        let mut cx = Context::new(owner.clone(), Policy::default(), tools.clone());
        let end = runtime.block_on(pipeline.run(&mut cx, Wanted::Spec, None));
        assert!(matches!(end, Ok(Outcome::Converged)), "{end:?}");
    });
}
