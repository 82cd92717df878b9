//! Fifty databases by one operator, as the API server's audit log tells it: what it asks and writes when nothing is to be done.
//!
//! CloudNativePG is stood in for: what is counted are our own calls. `-- --nocapture` prints the numbers.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic")]

#[path = "support/cnpg.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several tests, each of which uses a part"
)]
mod cnpg;
mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use paas_core::{
    clock::{Clock, SystemClock},
    crd,
    spec::Kind,
    testing::kube::{self as harness, ControlPlane, Options},
};
use serde_json::{Value, json};
use support::{Place, says};
use tokio_util::sync::CancellationToken;

const DATABASES: usize = 50;

/// Reads of one look, at most: a list a kind, the ledger, and what an engine asks besides. It does not grow with the number of objects.
const READS_A_LOOK: usize = 12;

/// So often every database is looked at while nothing is to be done.
const LOOKS_EACH: usize = 3;

/// The operator as a process, ended with this value.
struct Operator {
    program: Child,
    metrics: String,
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Operator {
    async fn start(place: &Place) -> Self {
        let log = tempfile();
        let program = Command::new(env!("CARGO_BIN_EXE_paas-operator"))
            .env("KUBECONFIG", place.namespace.cluster().kubeconfig())
            .args([
                "run",
                "--log",
                "json",
                "--metrics",
                "127.0.0.1:0",
                "--resync",
                "5",
            ])
            .args(["--namespace", place.namespace.name()])
            .args(["--lease-namespace", place.namespace.name()])
            .stderr(Stdio::from(std::fs::File::create(&log).unwrap()))
            .spawn()
            .unwrap();
        let metrics = loop {
            let said = std::fs::read_to_string(&log).unwrap();
            let lines = said.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
            let address = lines
                .filter_map(|l| l["address"].as_str().map(str::to_owned))
                .next();
            if let Some(address) = address {
                break address;
            }
            SystemClock.sleep(Duration::from_millis(20)).await;
        };
        std::fs::remove_file(log).unwrap();
        Self { program, metrics }
    }

    /// The sum of the metrics whose lines begin so.
    async fn metric(&self, line: &str) -> usize {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&self.metrics).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let found = text.lines().filter(|l| l.starts_with(line));
        found
            .map(|l| l.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
            .sum()
    }

    async fn looks(&self) -> usize {
        self.metric("controller_runtime_reconcile_total").await
    }

    /// Resident memory now and at most, in MiB.
    fn memory(&self) -> [u64; 2] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        ["VmRSS:", "VmHWM:"].map(|name| {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
        })
    }
}

fn tempfile() -> PathBuf {
    let name = format!("paas-scale-{}-{}", std::process::id(), uuid::Uuid::new_v4());
    std::env::temp_dir().join(name)
}

/// Calls of the operator by verb and kind, from the audit log; not counted is what its lease costs.
fn calls(audit: &Path) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for line in std::fs::read_to_string(audit).unwrap().lines() {
        let Ok(call) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let resource = call["objectRef"]["resource"].as_str().unwrap_or("discovery");
        let ours = call["userAgent"].as_str().is_some_and(|a| a.starts_with("paas/"));
        if ours && resource != "leases" {
            let verb = call["verb"].as_str().unwrap();
            let below = call["objectRef"]["subresource"]
                .as_str()
                .map_or(String::new(), |s| format!("/{s}"));
            *all.entry(format!("{verb} {resource}{below}")).or_default() += 1;
        }
    }
    all
}

/// What came after `before`.
fn since(before: &BTreeMap<String, usize>, now: BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    now.into_iter()
        .map(|(call, count)| {
            let was = before.get(&call).copied().unwrap_or_default();
            (call, count - was)
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn sum(calls: &BTreeMap<String, usize>, verbs: &[&str]) -> usize {
    let of = |call: &str| verbs.contains(&call.split(' ').next().unwrap());
    calls.iter().filter(|(call, _)| of(call)).map(|(_, n)| n).sum()
}

const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
const READS: [&str; 2] = ["get", "list"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_idle_databases_cost_reads_that_are_bounded_and_no_write() {
    let audit = tempfile();
    let made = ControlPlane::start_own(Options {
        audit_log: Some(audit.clone()),
        ..Options::default()
    })
    .await;
    let Some(cluster) = harness::unless_absent(made).unwrap() else {
        return;
    };
    if !cnpg::define(&cluster, "fifty databases").await {
        return;
    }
    cluster.define(&crd::all()).await.unwrap();
    let place = Place::of(&cluster, "fifty databases").await;
    let stop = CancellationToken::new();
    let name = place.namespace.name().to_owned();
    let standing_in = tokio::spawn(cnpg::stand_in(place.client.clone(), name, stop.clone()));
    let operator = Operator::start(&place).await;
    let names: Vec<String> = (1..=DATABASES).map(|n| format!("db-{n}")).collect();
    let (first, last) = names.split_at(DATABASES / 2);
    for name in first {
        place.database(name, json!({})).await;
    }
    // The name is CloudNativePG's own: it can never be carried out, in the midst of the others.
    let taken = json!({"users": [{"name": "app"}, {"name": "streaming_replica"}]});
    place.database("broken", taken).await;
    for name in last {
        place.database(name, json!({})).await;
    }
    for name in &names {
        place.until_ready(name).await;
    }
    let stalled = |o: &Value| says(o, "Stalled")[0] == "True";
    place
        .until(Kind::DatabaseInstance, "broken", "stalled", stalled)
        .await;
    let made = calls(&audit);
    let [now, most] = operator.memory();
    eprintln!(
        "{DATABASES} databases made ready: {} writes and {} reads in {} looks, {now} MiB ({most} MiB at most); {made:?}",
        sum(&made, &WRITES),
        sum(&made, &READS),
        operator.looks().await,
    );

    // Events of the last passes are still on their way: the first round of looks is not counted.
    let mut from = operator.looks().await + DATABASES;
    while operator.looks().await < from {
        SystemClock.sleep(Duration::from_millis(50)).await;
    }
    from = operator.looks().await;
    let before = calls(&audit);
    while operator.looks().await < from + LOOKS_EACH * DATABASES {
        SystemClock.sleep(Duration::from_millis(50)).await;
    }
    let looks = operator.looks().await - from;
    let idle = since(&before, calls(&audit));
    let (writes, reads) = (sum(&idle, &WRITES), sum(&idle, &READS));
    let [now, most] = operator.memory();
    eprintln!(
        "idle: {writes} writes and {reads} reads in {looks} looks, {:.1} a look, {now} MiB ({most} MiB at most); {idle:?}",
        reads as f64 / looks as f64
    );
    assert_eq!(writes, 0, "{idle:?}");
    // Looks that had begun when the counting did are in it too.
    assert!(
        reads <= READS_A_LOOK * (looks + 8),
        "{reads} reads in {looks} looks: {idle:?}"
    );
    stop.cancel();
    standing_in.await.unwrap();
    drop(operator);
    std::fs::remove_file(audit).unwrap();
}
