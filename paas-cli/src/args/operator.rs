//! `paas operator`, as types.

use std::time::Duration;

use clap::{ArgAction, Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Operator {
    /// Install the operator in a cluster, or print its manifests for Git
    Install(OperatorInstall),
    /// Bring an installation up to this version, or change its options; no database is restarted
    Upgrade(OperatorUpgrade),
    /// What is installed, who leads, and how the objects are doing
    #[command(
        after_help = "Examples:\n  paas operator status\n  paas operator status -o json\n\nExits with 1 if it is not installed, or not every pod is ready."
    )]
    Status,
    /// Take the operator away; databases go on running, and nothing of theirs is deleted
    Uninstall(OperatorUninstall),
}

/// What is chosen. What is left out stays as it is installed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Choices {
    /// The operator's image; needed the first time
    #[arg(long, value_name = "REF", env = "PAAS_OPERATOR_IMAGE", hide_env_values = true)]
    pub(crate) image: Option<String>,
    /// How many pods there are, one of which works [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) replicas: Option<u16>,
    /// Look after this namespace alone, without rights in the cluster; may be repeated. Left out: all namespaces
    #[arg(long, value_name = "NS")]
    pub(crate) watch_namespace: Vec<String>,
    /// Look after all namespaces again
    #[arg(long, conflicts_with = "watch_namespace")]
    pub(crate) watch_all: bool,
    /// The uid of the namespace kube-system, where it may not be read; needed with --watch-namespace alone
    #[arg(long, value_name = "UID")]
    pub(crate) cluster_id: Option<String>,
    /// The repository of the image of servers that run as StatefulSets
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) server_image: Option<String>,
    /// The number of the user postgres in that image
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) server_user: Option<i64>,
    /// What the operator logs, by the rules of RUST_LOG [default: info]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Apply our definitions too; false where somebody else does, with `paas crds` [default: true]
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) crds: Option<bool>,
    /// Have the cluster refuse to delete what is protected [default: true]
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) policies: Option<bool>,
}

/// How long, and whether at all.
#[derive(Debug, Clone, Args)]
pub(crate) struct Patience {
    /// Show what would change, as the API server would have it, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long to wait until every pod is ready: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = super::duration)]
    pub(crate) timeout: Duration,
    /// Wait until every pod is ready; --wait=false begins and leaves
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        hide_default_value = true,
        hide_possible_values = true
    )]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas operator install --image registry.example/paas-operator:0.1.0\n  paas operator install --image registry.example/paas-operator:0.1.0 --print > operator.yaml\n  paas operator install --image registry.example/paas-operator:0.1.0 --watch-namespace shop"
)]
pub(crate) struct OperatorInstall {
    #[command(flatten)]
    pub(crate) choices: Choices,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Print the manifests and change nothing; the same options give the same text
    #[arg(long, conflicts_with_all = ["dry_run", "wait", "timeout"])]
    pub(crate) print: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas operator upgrade --image registry.example/paas-operator:0.2.0 --dry-run\n  paas operator upgrade --image registry.example/paas-operator:0.2.0\n  paas operator upgrade --replicas 3"
)]
pub(crate) struct OperatorUpgrade {
    #[command(flatten)]
    pub(crate) choices: Choices,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas operator uninstall --yes\n  paas operator uninstall --yes --crds\n\nDatabases go on running with their data, their users and their bindings. `paas operator install` takes all of them up again as they are."
)]
pub(crate) struct OperatorUninstall {
    /// Agree
    #[arg(long)]
    pub(crate) yes: bool,
    /// Also delete our definitions and policies; refused while there is an object of ours
    #[arg(long)]
    pub(crate) crds: bool,
    /// How long to wait until everything is gone: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = super::duration)]
    pub(crate) timeout: Duration,
}
