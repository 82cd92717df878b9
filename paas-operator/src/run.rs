//! The operator as a value: for the program, for embedders, for tests.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use kube::{Client, Config, client::Body, config::KubeConfigOptions};
use paas_core::{
    clock::{Clock, SystemClock},
    error::{Class, Error},
    kube::access,
    ledger::{LedgerStore, MemoryLedger},
    owner::Identity,
    policy::Bounds,
    spec::Kind,
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use crate::{
    backup::Backups,
    calls::CountCalls,
    codes, context,
    context::{Context, Ledgers},
    database::Databases,
    engines::Engines,
    events::Events,
    health::{self, Health},
    holdings::Holdings,
    identity,
    lease::{Election, LeaseFence, Timings},
    metrics::Metrics,
    namespaces,
    platform::Platforms,
    status::Pace,
    watch::{Cache, Place, control},
};

/// So long what is still to be told may take when the operator ends.
const FAREWELL: Duration = Duration::from_secs(3);

/// How an operator runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The namespaces whose objects are reconciled; empty for all.
    pub namespaces: Vec<String>,
    /// The uid of the namespace `kube-system`, for an operator whose role is of its own namespaces alone: nothing of the cluster is asked
    /// then. It tells this cluster from others; with a wrong one nothing that was made before is found. `None` if the cluster is asked.
    pub cluster: Option<String>,
    /// Where metrics and health are served; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// How many objects are reconciled at once, of all kinds together.
    pub concurrency: usize,
    /// How often is looked.
    pub pace: Pace,
    /// How a pass is carried out.
    pub bounds: Bounds,
    /// Who leads.
    pub lease: Lease,
}

/// The lease that makes one operator the leader.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Its namespace; `None` for that of the client.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Who we are in it; no other process may have the same.
    pub identity: String,
    /// Its times.
    pub timings: Timings,
}

impl Default for Settings {
    fn default() -> Self {
        // The name of a pod or a machine tells people who it is; the rest makes it unlike every other process.
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "paas-operator".to_owned());
        Self {
            namespaces: Vec::new(),
            cluster: None,
            listen: None,
            concurrency: 8,
            pace: Pace::default(),
            bounds: context::bounds(),
            lease: Lease {
                namespace: None,
                name: "paas-operator".to_owned(),
                identity: format!("{host}_{}", uuid::Uuid::new_v4()),
                timings: Timings::default(),
            },
        }
    }
}

/// The controllers of a cluster, with what they work with.
pub struct Operator {
    client: Client,
    engines: Arc<dyn Engines>,
    settings: Settings,
    ledgers: Ledgers,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    chance: fn() -> f64,
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator")
            .field("engines", &self.engines)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// An operator with a ledger that is not kept: what it shortens is looked up anew after a restart.
    pub fn new(client: Client, engines: Arc<dyn Engines>, settings: Settings) -> Self {
        Self {
            client,
            engines,
            settings,
            ledgers: one(Arc::new(MemoryLedger::default())),
            clock: Arc::new(SystemClock),
            metrics: Arc::default(),
            chance,
        }
    }

    /// The same with a ledger for all objects.
    #[must_use]
    pub fn ledger(mut self, ledger: Arc<dyn LedgerStore>) -> Self {
        self.ledgers = one(ledger);
        self
    }

    /// The same with a ledger for each namespace, made by its name.
    #[must_use]
    pub fn ledgers(mut self, of: impl Fn(&str) -> Arc<dyn LedgerStore> + Send + Sync + 'static) -> Self {
        self.ledgers = Arc::new(of);
        self
    }

    /// The same with a clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same with metrics that others look at or count into.
    #[must_use]
    pub fn metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Runs until `stop`: then calls under way are finished, the lease is let go, and it returns.
    ///
    /// # Errors
    /// The address for metrics is taken, the times of the lease contradict each other, or the cluster cannot be asked who it is.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Settings { listen, lease, .. } = &self.settings;
        let namespace = lease
            .namespace
            .as_deref()
            .unwrap_or(self.client.default_namespace());
        let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
        let election = Election::new(
            client,
            namespace,
            &lease.name,
            &lease.identity,
            lease.timings,
            clock,
        )?;
        let health = Arc::new(Health::default());
        let served = CancellationToken::new();
        let serving: BoxFuture<'_, ()> = match listen {
            Some(address) => {
                let (metrics, health) = (Arc::clone(&self.metrics), Arc::clone(&health));
                let (bound, serving) = health::serve(*address, metrics, health, served.clone()).await?;
                tracing::info!(address = %bound, "metrics and health are served");
                serving.boxed()
            }
            None => std::future::ready(()).boxed(),
        };
        let identity = match &self.settings.cluster {
            Some(uid) => identity::known(uid)?,
            None => identity::asked(&self.client).await?,
        };
        self.metrics.workers_at_most(self.settings.concurrency);
        let leading = async {
            election
                .run(&stop, |fence, lead| {
                    self.lead(identity.clone(), fence, lead, Arc::clone(&health))
                })
                .await;
            served.cancel();
        };
        tokio::join!(serving, leading);
        Ok(())
    }

    /// Runs the controllers until `lead` ends.
    async fn lead(
        &self,
        identity: Identity,
        fence: LeaseFence,
        lead: CancellationToken,
        health: Arc<Health>,
    ) {
        let metrics = Arc::clone(&self.metrics);
        let (events, writing) = Events::new(
            self.client.clone(),
            &self.settings.lease.identity,
            Arc::clone(&metrics),
        );
        let writing = tokio::spawn(writing);
        let cx = Arc::new(Context {
            client: self.client.clone(),
            engines: Arc::clone(&self.engines),
            ledgers: Arc::clone(&self.ledgers),
            clock: Arc::clone(&self.clock),
            identity,
            asks_own_namespaces_alone: self.settings.cluster.is_some(),
            metrics,
            events,
            fence: Arc::new(fence),
            cancel: lead.clone(),
            turns: Semaphore::new(self.settings.concurrency.max(1)),
            pace: self.settings.pace,
            bounds: self.settings.bounds.clone(),
            chance: self.chance,
            own: Default::default(),
            owners: Default::default(),
            failures: Default::default(),
            void: Default::default(),
            unwritten: Default::default(),
        });
        let places: Vec<Place> = match self.settings.namespaces.as_slice() {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        };
        self.metrics.leads(true);
        health.leads(places.len() * 3);
        let controllers = places.into_iter().map(|place| {
            let (cx, health) = (Arc::clone(&cx), Arc::clone(&health));
            controllers(cx, place, health, lead.clone())
        });
        futures::future::join_all(controllers).await;
        self.metrics.leads(false);
        health.follows();
        // The last sinks go with the context; then what waits is written.
        drop(cx);
        let written = tokio::select! {
            written = writing => written.is_ok(),
            () = self.clock.sleep(FAREWELL) => false,
        };
        if !written {
            tracing::debug!("some events were not written");
        }
    }
}

/// Runs the controllers of one place until `lead` ends.
async fn controllers(cx: Arc<Context>, place: Place, health: Arc<Health>, lead: CancellationToken) {
    let changed = Arc::new(Notify::new());
    let holdings = Arc::new(Holdings::new(&changed));
    let [databases, platforms] = namespaces::KINDS.map(|kind| Cache::new(kind, &changed, &holdings));
    let backups = Cache::new(Kind::DatabaseBackup, &Arc::default(), &holdings);
    let shown = [&databases, &platforms].map(|cache| cache.writer.as_reader());
    let shown = namespaces::Shown {
        objects: namespaces::KINDS.into_iter().zip(shown).collect(),
        holdings,
        changed,
    };
    let guard = namespaces::guard(Arc::clone(&cx), place.clone(), shown, lead.clone());
    tokio::join!(
        control::<Databases>(
            Arc::clone(&cx),
            place.clone(),
            databases,
            Arc::clone(&health),
            lead.clone()
        ),
        control::<Platforms>(
            Arc::clone(&cx),
            place.clone(),
            platforms,
            Arc::clone(&health),
            lead.clone()
        ),
        control::<Backups>(cx, place, backups, health, lead),
        guard,
    );
}

/// A client by the kubeconfig, or by the service account of a pod, as [`client`] makes it.
///
/// # Errors
/// [`codes::OP_CLUSTER`] if there is neither; those of [`client`].
pub async fn connect(
    context: Option<&str>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Result<Client, Error> {
    let none = |e: String| {
        Error::new(&codes::OP_CLUSTER, Class::NotFound)
            .attempted("find the cluster")
            .happened(e)
    };
    let config = match context {
        Some(context) => {
            let options = KubeConfigOptions {
                context: Some(context.to_owned()),
                ..KubeConfigOptions::default()
            };
            Config::from_kubeconfig(&options)
                .await
                .map_err(|e| none(e.to_string()))?
        }
        None => Config::infer().await.map_err(|e| none(e.to_string()))?,
    };
    client(config, metrics, clock)
}

/// A client by its configuration ([`access::client`]): a read is sent again where the API server is busy, and nothing else ever is.
/// Calls are counted in `metrics`, a read with its repetitions as one.
///
/// # Errors
/// `PAAS-K8S` and its number for a configuration that cannot be used.
pub fn client(config: Config, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Result<Client, Error> {
    let host = config.cluster_url.authority();
    let host = host.map_or_else(String::new, ToString::to_string);
    let namespace = config.default_namespace.clone();
    let client = access::client(config)?;
    let calls = tower::service_fn(move |request: http::Request<Body>| {
        let client = client.clone();
        async move { client.send(request).await }
    });
    let counted = CountCalls { host, metrics, clock }.layer(calls);
    Ok(Client::new(counted, namespace))
}

/// One ledger for all namespaces.
fn one(ledger: Arc<dyn LedgerStore>) -> Ledgers {
    Arc::new(move |_| Arc::clone(&ledger))
}

/// A number in 0 to 1.
fn chance() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_context_that_is_not_there_is_named() {
        let made = connect(Some("no-such-context"), Arc::default(), Arc::new(SystemClock)).await;
        let error = made.map(|_| ()).unwrap_err();
        assert_eq!(error.code().id, codes::OP_CLUSTER.id);
    }

    #[test]
    fn chance_lies_between_nought_and_one() {
        assert!((0..1000).map(|_| chance()).all(|c| (0.0..=1.0).contains(&c)));
    }
}
