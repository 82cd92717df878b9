//! `paas cluster` and `paas kubeconfig`, as types.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{Act, Calls};

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterVerb {
    /// The cluster of a platform: its API, its nodes, its version
    Show(ClusterAt),
    /// Look for what is wrong with a cluster: API, etcd, nodes, network, DNS, certificates, what it left in its cloud
    #[command(after_help = "Example:\n  paas cluster doctor demo\n\nExits with 1 if something needs care.")]
    Doctor(ClusterAt),
    /// Make machines anew: their nodes are emptied and removed first
    Replace(ClusterReplace),
}

#[derive(Debug, Args)]
pub(crate) struct ClusterAt {
    /// The platform; left out, the only one with a cluster
    #[arg(value_name = "PLATFORM")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas cluster replace demo workers-2 --yes\n\nData on a machine's own disk goes with it: that needs --confirm PLATFORM."
)]
pub(crate) struct ClusterReplace {
    /// The platform
    #[arg(value_name = "PLATFORM")]
    pub(crate) name: String,
    /// The machines
    #[arg(value_name = "MACHINE", required = true)]
    pub(crate) machines: Vec<String>,
    #[command(flatten)]
    pub(crate) act: Act,
    #[command(flatten)]
    pub(crate) calls: Calls,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas kubeconfig demo > demo.kubeconfig\n  paas kubeconfig demo --exec --merge\n  kubectl --kubeconfig <(paas kubeconfig demo) get nodes\n\nWithout --exec the file holds a key that is good for --lifetime; with it, kubectl asks for a new one whenever it needs one."
)]
pub(crate) struct Kubeconfig {
    /// The platform; left out, the only one with a cluster
    #[arg(value_name = "PLATFORM")]
    pub(crate) name: Option<String>,
    /// Write no key: kubectl runs this program for one whenever it needs one
    #[arg(long)]
    pub(crate) exec: bool,
    /// How long the key is good: 30m, 8h
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = super::duration)]
    pub(crate) lifetime: Duration,
    /// Put it into the kubeconfig that kubectl reads here, beside what is in it, as the context paas-PLATFORM
    #[arg(long)]
    pub(crate) merge: bool,
    /// With --merge: into this file
    #[arg(long, value_name = "FILE", requires = "merge")]
    pub(crate) into: Option<PathBuf>,
    /// Print what an exec plugin prints
    #[arg(long, hide = true, conflicts_with_all = ["exec", "merge"])]
    pub(crate) credential: bool,
}
