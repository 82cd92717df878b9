//! Metrics in OpenMetrics, named as controller-runtime and client-go name theirs where they have one.

use std::{collections::HashSet, fmt, sync::Mutex, time::Duration};

use paas_core::spec::Kind;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::process::Process;

type Labels<const N: usize> = [(&'static str, String); N];
type Timed<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Everything that is measured. Clones of its parts share their values.
pub struct Metrics {
    registry: Registry,
    passes: Family<Labels<2>, Counter>,
    errors: Family<Labels<1>, Counter>,
    time: Timed<1>,
    workers: Family<Labels<1>, Gauge>,
    most_workers: Family<Labels<1>, Gauge>,
    depth: Family<Labels<1>, Gauge>,
    to_ready: Timed<1>,
    broken: Family<Labels<1>, Gauge>,
    broken_uids: Mutex<HashSet<(Kind, String)>>,
    panics: Family<Labels<1>, Counter>,
    steps: Family<Labels<3>, Counter>,
    calls: Family<Labels<3>, Counter>,
    call_time: Timed<2>,
    leader: Gauge,
    events_dropped: Counter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// How a reconcile ended, in controller-runtime's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is expected before something changes, but for the resync.
    Success,
    /// Another look was ordered.
    RequeueAfter,
    /// It failed.
    Error,
}

impl Ended {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
        }
    }
}

const SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];
const MINUTES: [f64; 12] = [
    1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn minutes() -> Histogram {
    Histogram::new(MINUTES)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut this = Self {
            registry: Registry::default(),
            passes: Family::default(),
            errors: Family::default(),
            time: Family::new_with_constructor(seconds),
            workers: Family::default(),
            most_workers: Family::default(),
            depth: Family::default(),
            to_ready: Family::new_with_constructor(minutes),
            broken: Family::default(),
            broken_uids: Mutex::default(),
            panics: Family::default(),
            steps: Family::default(),
            calls: Family::default(),
            call_time: Family::new_with_constructor(seconds),
            leader: Gauge::default(),
            events_dropped: Counter::default(),
        };
        this.register();
        this
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register_collector(Box::new(Process));
        r.register(
            "controller_runtime_reconcile",
            "Reconciles by their end",
            self.passes.clone(),
        );
        r.register(
            "controller_runtime_reconcile_errors",
            "Reconciles that failed",
            self.errors.clone(),
        );
        r.register(
            "controller_runtime_reconcile_panics",
            "Reconciles that panicked",
            self.panics.clone(),
        );
        r.register_with_unit(
            "controller_runtime_reconcile_time",
            "Time of a reconcile",
            Unit::Seconds,
            self.time.clone(),
        );
        r.register(
            "controller_runtime_active_workers",
            "Reconciles under way",
            self.workers.clone(),
        );
        r.register(
            "controller_runtime_max_concurrent_reconciles",
            "Reconciles that may be under way at once",
            self.most_workers.clone(),
        );
        r.register(
            "workqueue_depth",
            "Objects that wait for their turn",
            self.depth.clone(),
        );
        r.register_with_unit(
            "paas_time_to_ready",
            "Time from not ready, or from its creation, to ready",
            Unit::Seconds,
            self.to_ready.clone(),
        );
        r.register(
            "paas_broken_objects",
            "Objects that cannot be read",
            self.broken.clone(),
        );
        r.register(
            "paas_steps",
            "Steps that ended, by stage, verb and end",
            self.steps.clone(),
        );
        r.register(
            "rest_client_requests",
            "Calls to the API server and to whatever else is outside, by host",
            self.calls.clone(),
        );
        r.register_with_unit(
            "rest_client_request_duration",
            "Time to the head of the answer",
            Unit::Seconds,
            self.call_time.clone(),
        );
        r.register(
            "leader_election_master_status",
            "1 while this operator leads",
            self.leader.clone(),
        );
        r.register(
            "paas_events_dropped",
            "Events that were not written",
            self.events_dropped.clone(),
        );
    }

    /// The text that a scrape gets.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn workers_at_most(&self, most: usize) {
        for kind in Kind::ALL {
            let labels = [("controller", controller(kind))];
            self.most_workers
                .get_or_create(&labels)
                .set(i64::try_from(most).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn queued(&self, kind: Kind) -> Up {
        Up::new(&self.depth, [("name", controller(kind))])
    }

    pub(crate) fn working(&self, kind: Kind) -> Up {
        Up::new(&self.workers, [("controller", controller(kind))])
    }

    pub(crate) fn reconciled(&self, kind: Kind, ended: Ended, time: Duration) {
        let name = controller(kind);
        let labels = [
            ("controller", name.clone()),
            ("result", ended.as_str().to_owned()),
        ];
        self.passes.get_or_create(&labels).inc();
        self.time
            .get_or_create(&[("controller", name.clone())])
            .observe(time.as_secs_f64());
        if ended == Ended::Error {
            self.errors.get_or_create(&[("controller", name)]).inc();
        }
    }

    pub(crate) fn became_ready(&self, kind: Kind, after: Duration) {
        self.to_ready
            .get_or_create(&[("kind", kind.to_string())])
            .observe(after.as_secs_f64());
    }

    pub(crate) fn is_broken(&self, kind: Kind, uid: &str, broken: bool) {
        let Ok(mut all) = self.broken_uids.lock() else {
            return;
        };
        let one = (kind, uid.to_owned());
        let changed = if broken { all.insert(one) } else { all.remove(&one) };
        if changed {
            let count = all.iter().filter(|(k, _)| *k == kind).count();
            let gauge = self.broken.get_or_create(&[("kind", kind.to_string())]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn panicked(&self, kind: Kind) {
        self.panics
            .get_or_create(&[("controller", controller(kind))])
            .inc();
    }

    pub(crate) fn step(&self, stage: &str, verb: &str, state: &'static str) {
        let labels = [
            ("stage", stage.to_owned()),
            ("verb", verb.to_owned()),
            ("state", state.to_owned()),
        ];
        self.steps.get_or_create(&labels).inc();
    }

    /// Counts a call to `host` with the code of its answer, `<error>` if there was none. The operator counts its own calls of the API
    /// server; engines that speak to something else count theirs here.
    pub fn called(&self, host: &str, method: &str, code: &str, time: Duration) {
        let (host, method) = (host.to_owned(), method.to_owned());
        let labels = [
            ("method", method.clone()),
            ("code", code.to_owned()),
            ("host", host.clone()),
        ];
        self.calls.get_or_create(&labels).inc();
        self.call_time
            .get_or_create(&[("verb", method), ("host", host)])
            .observe(time.as_secs_f64());
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(crate) fn event_dropped(&self) {
        self.events_dropped.inc();
    }
}

/// A controller's name, as controller-runtime makes it of a kind.
fn controller(kind: Kind) -> String {
    kind.as_str().to_lowercase()
}

/// One more in a gauge, while it lives.
#[derive(Debug)]
pub(crate) struct Up(Gauge);

impl Up {
    fn new(family: &Family<Labels<1>, Gauge>, labels: Labels<1>) -> Self {
        let gauge = family.get_or_create(&labels).clone();
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_has_the_names_that_dashboards_of_controller_runtime_ask_for() {
        let metrics = Metrics::default();
        metrics.reconciled(
            Kind::DatabaseInstance,
            Ended::RequeueAfter,
            Duration::from_millis(20),
        );
        metrics.step("database", "create", "done");
        metrics.panicked(Kind::DatabaseInstance);
        metrics.called("cloud:443", "GET", "200", Duration::from_millis(2));
        metrics.leads(true);
        let waiting = metrics.queued(Kind::DatabaseInstance);
        let text = metrics.text();
        for line in [
            r#"controller_runtime_reconcile_total{controller="databaseinstance",result="requeue_after"} 1"#,
            r#"controller_runtime_reconcile_time_seconds_count{controller="databaseinstance"} 1"#,
            r#"controller_runtime_reconcile_panics_total{controller="databaseinstance"} 1"#,
            r#"rest_client_requests_total{method="GET",code="200",host="cloud:443"} 1"#,
            r#"rest_client_request_duration_seconds_count{verb="GET",host="cloud:443"} 1"#,
            r#"paas_steps_total{stage="database",verb="create",state="done"} 1"#,
            r#"workqueue_depth{name="databaseinstance"} 1"#,
            "leader_election_master_status 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        drop(waiting);
        assert!(
            metrics
                .text()
                .contains(r#"workqueue_depth{name="databaseinstance"} 0"#)
        );
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn an_object_is_broken_once() {
        let metrics = Metrics::default();
        metrics.is_broken(Kind::Platform, "a", true);
        metrics.is_broken(Kind::Platform, "a", true);
        metrics.is_broken(Kind::Platform, "b", true);
        metrics.is_broken(Kind::Platform, "b", false);
        assert!(
            metrics
                .text()
                .contains(r#"paas_broken_objects{kind="Platform"} 1"#)
        );
    }
}
