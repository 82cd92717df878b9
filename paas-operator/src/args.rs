//! The command line of `paas-operator`.

use std::{io::Write, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand};
use paas_core::{
    clock::SystemClock,
    database::statefulset::Image,
    error::{Class, Error},
    kube::KubeLedger,
};
use tokio_util::sync::CancellationToken;

use crate::{
    codes,
    engines::{InCluster, Reach},
    metrics::Metrics,
    run::{Operator, Settings, connect},
    telemetry,
};

pub use crate::telemetry::Log;

/// Where a pod has the token of its service account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The operator of the platform: Platform, DatabaseInstance and DatabaseBackup as objects of a Kubernetes cluster.
#[derive(Debug, Parser)]
#[command(name = "paas-operator", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controllers, in a pod or outside with the current context of the kubeconfig.
    Run(Run),
}

/// What `run` takes.
#[derive(Debug, Args)]
pub struct Run {
    /// Only objects of this namespace; give it several times for several. Without it, all namespaces.
    #[arg(long = "namespace", short = 'n', value_name = "NS")]
    pub namespaces: Vec<String>,
    /// The uid of the namespace kube-system, for an operator whose role is of its namespaces alone; left out, the cluster is asked.
    #[arg(long, value_name = "UID", requires = "namespaces")]
    pub cluster_id: Option<String>,
    /// The context of the kubeconfig, instead of its current one.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Where /metrics, /healthz and /readyz are served; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub metrics: SocketAddr,
    /// The form of the log on stderr.
    #[arg(long, value_enum, default_value_t)]
    pub log: Log,
    /// What is logged, by the rules of RUST_LOG.
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    pub log_filter: String,
    /// A collector that takes traces by OTLP over HTTP: http://HOST:4318; left out, there are none. Needs a build with the feature otel.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// How many objects are reconciled at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// How often an object that is as it should be is looked at, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    pub resync: u64,
    /// The namespace of the lease that makes one operator the leader; left out, the one of the pod or of the context.
    #[arg(long, value_name = "NS")]
    pub lease_namespace: Option<String>,
    /// The repository of the image of servers that run as StatefulSets; the version is its tag.
    #[arg(long, value_name = "REPOSITORY", default_value_t = Image::default().repository)]
    pub server_image: String,
    /// The number of the user postgres in that image.
    #[arg(long, value_name = "UID", default_value_t = Image::default().user, value_parser = clap::value_parser!(i64).range(1..))]
    pub server_user: i64,
    /// How servers are reached; left out, by services in a pod, and through the API server elsewhere.
    #[arg(long, value_enum)]
    pub reach: Option<Reach>,
}

/// Runs the program by its arguments.
pub fn main() -> ExitCode {
    let Command::Run(run) = Cli::parse().command;
    match start(&run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "error: {error}\n  {}", error.advice());
            ExitCode::FAILURE
        }
    }
}

fn start(run: &Run) -> Result<(), Error> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| {
        Error::new(&codes::OP_ARGUMENT, Class::Internal)
            .attempted("start the threads")
            .happened(e.to_string())
    })?;
    runtime.block_on(async {
        let _sending = telemetry::start(run.log, &run.log_filter, run.otlp_endpoint.as_deref())?;
        let clock = Arc::new(SystemClock);
        let metrics = Arc::new(Metrics::default());
        let client = connect(run.context.as_deref(), Arc::clone(&metrics), clock.clone()).await?;
        let mut settings = Settings {
            namespaces: run.namespaces.clone(),
            cluster: run.cluster_id.clone(),
            listen: Some(run.metrics),
            concurrency: usize::from(run.concurrency),
            ..Settings::default()
        };
        settings.pace.resync = Duration::from_secs(run.resync);
        settings.lease.namespace.clone_from(&run.lease_namespace);
        let stop = CancellationToken::new();
        let ends = stop.clone();
        tokio::spawn(async move {
            terminated().await;
            tracing::info!("asked to stop: calls under way are finished first");
            ends.cancel();
        });
        let image = Image {
            repository: run.server_image.clone(),
            user: run.server_user,
        };
        let here = match std::path::Path::new(TOKEN).exists() {
            true => Reach::Services,
            false => Reach::Forwarded,
        };
        let reach = run.reach.unwrap_or(here);
        let engines = InCluster::new(client.clone()).image(image).reach(reach);
        let engines = Arc::new(engines);
        let kept = client.clone();
        Operator::new(client, engines, settings)
            .ledgers(move |namespace| Arc::new(KubeLedger::new(kept.clone(), namespace)))
            .metrics(metrics)
            .clock(clock)
            .run(stop)
            .await
    })
}

/// Waits for SIGTERM or Ctrl-C.
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = terminate => {}
        () = interrupt => {}
    }
}
