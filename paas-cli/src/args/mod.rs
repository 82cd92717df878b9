//! The command line as types; nothing here reads files or starts anything.

mod adopt;
mod backup;
mod cloud;
mod cluster;
mod db;
mod dump;
mod forward;
mod gc;
mod operate;
mod operator;
mod vm;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use adopt::Adopt;
pub(crate) use backup::{DbBackup, DbBackupVerb, DbBackups, DbClone, DbRestore};
pub(crate) use cloud::{Cloud, CloudList, CloudShow};
pub(crate) use cluster::{ClusterAt, ClusterReplace, ClusterVerb, Kubeconfig};
pub(crate) use db::{
    Db, DbAdopt, DbAt, DbCheck, DbConnect, DbCreate, DbDelete, DbEnv, DbList, DbPurge, DbRotate, DbSet,
    DbSql, DbUpgrade, EnvFormat, Room,
};
pub(crate) use dump::{DbDump, DbLoad};
pub(crate) use forward::DbForward;
pub(crate) use gc::Gc;
pub(crate) use operate::{DbLogs, DbRestart, DbSwitchover, DbTop, Service};
pub(crate) use operator::{Choices, Operator, OperatorInstall, OperatorUninstall, OperatorUpgrade, Patience};
pub(crate) use vm::{ConsoleUrl, Vm, VmAt, VmConsole, VmCreate, VmDelete, VmList, VmShow};

const EXAMPLES: &str = "\
Examples:
  paas up                          a PostgreSQL on this machine, with nothing written before
  psql \"$(paas db url demo)\"       use it
  paas init && paas up             the same from a file that you can change
  paas down                        stop it and keep the data

Exit codes: 0 done, 1 failed, 2 usage, 3 changes (plan --detailed-exitcode), 4 blocked,
5 timed out and still progressing, 130 interrupted";

/// From raw infrastructure to a managed database.
#[derive(Debug, Parser)]
#[command(name = "paas", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads a command line; as kubectl's plugin it is called `kubectl paas`.
    pub(crate) fn read(words: &[OsString], plugin: bool) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        if plugin {
            command = command.bin_name("kubectl paas");
        }
        let mut matches = command.clone().try_get_matches_from(words)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|e| e.format(&mut command))
    }
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where everything is kept on this machine
    #[arg(
        long,
        global = true,
        env = "PAAS_HOME",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub(crate) home: Option<PathBuf>,
    /// How data is printed
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true
    )]
    pub(crate) output: Output,
    /// Never ask, also on a terminal
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) cluster: InCluster,
}

/// Whether databases of a Kubernetes cluster are meant, and of which; else those of this machine.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "In a Kubernetes cluster instead of on this machine")]
pub(crate) struct InCluster {
    /// In the cluster of the current context of the kubeconfig
    #[arg(long, global = true)]
    pub(crate) cluster: bool,
    /// In the cluster of this context of the kubeconfig; PAAS_CONTEXT says it too
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// In the cluster of this kubeconfig; left out, the one that kubectl would read
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The namespace; left out, the one of the context, and for `paas operator` paas-system
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Where this Platform is: known here, else in the cluster of the current context; PAAS_PLATFORM says it too
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) platform: Option<String>,
}

impl InCluster {
    /// True if a cluster is meant, whichever.
    pub(crate) fn named(&self) -> bool {
        self.cluster || self.context.is_some() || self.kubeconfig.is_some() || self.namespace.is_some()
    }
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented paas.yaml
    Init(Init),
    /// Make what paas.yaml says; where there is none, a first database on this machine
    Up(Up),
    /// Show what up would do, and change nothing
    Plan(Plan),
    /// Stop everything and keep the data
    Down(Down),
    /// Take over a network, router or server that is there, without changing it
    Adopt(Adopt),
    /// How everything is doing, since when, and what it waits for
    Status(Status),
    /// What happened
    Events(Events),
    /// Have the databases back after a reboot: install, uninstall, status
    #[command(subcommand)]
    Service(Service),
    /// Look for what is wrong with this machine, its home and databases
    #[command(
        after_help = "Examples:\n  paas doctor\n  paas doctor -o json\n\nExits with 1 if something needs care."
    )]
    Doctor,
    /// Databases: create, use, check, back up, change and delete them
    #[command(subcommand)]
    Db(Db),
    /// OpenStack clouds: which ones are configured, and whether they are right
    #[command(subcommand)]
    Cloud(Cloud),
    /// Kubernetes clusters that platforms made of machines: show, doctor, replace
    #[command(subcommand)]
    Cluster(ClusterVerb),
    /// Access to the cluster of a platform, for kubectl and all who read its configuration
    Kubeconfig(Kubeconfig),
    /// Find what is left over in a project of a cloud, and delete it
    Gc(Gc),
    /// The operator in a cluster: install, upgrade, look at and uninstall it
    #[command(subcommand)]
    Operator(Operator),
    /// Virtual machines: one with network, key and address outside in one command
    #[command(subcommand)]
    Vm(Vm),
    /// Explain an error code, or why an object is as it is
    Explain(Explain),
    /// Print the CustomResourceDefinitions of all kinds
    #[command(
        after_help = "Examples:\n  paas crds | kubectl apply --server-side -f -\n  paas crds --policies | kubectl apply --server-side -f -"
    )]
    Crds {
        /// Print the policies too that have the cluster refuse to delete what is protected
        #[arg(long)]
        policies: bool,
    },
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  source <(paas completions bash)")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Which files are meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Files {
    /// A file, a folder, or - for stdin; may be repeated
    #[arg(short, long, value_name = "PATH")]
    pub(crate) file: Vec<PathBuf>,
}

/// What is told of the calls to a cloud.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Calls {
    /// Append every call to a cloud to a file, as lines of JSON; it has no tokens and no bodies
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

/// What becomes of fields of an object in a cluster that other programs manage.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Conflicts {
    /// In a cluster: take over fields that other programs manage
    #[arg(long)]
    pub(crate) force_conflicts: bool,
}

/// Consent and patience.
#[derive(Debug, Clone, Args)]
pub(crate) struct Act {
    /// Agree to what the plan stops, replaces or deletes; never covers data
    #[arg(long)]
    pub(crate) yes: bool,
    /// Agree that the data of these objects may be lost
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) confirm: Vec<String>,
    /// How long to wait: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Wait until it is done; --wait=false begins and leaves
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

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "write a time such as 90s, 5m or 1h".to_owned())?;
    Duration::try_from(span).map_err(|_| "a time to wait cannot be negative".to_owned())
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas init\n  paas init - | less\n  paas init team.yaml --force")]
pub(crate) struct Init {
    /// The file to write, or - for stdout
    #[arg(default_value = "paas.yaml")]
    pub(crate) path: PathBuf,
    /// Overwrite the file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas up\n  paas up -f team.yaml --yes\n  cat team.yaml | paas up -f - -o json\n  paas up --foreground"
)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) act: Act,
    #[command(flatten)]
    pub(crate) calls: Calls,
    /// Also take down accepted objects that the files do not have; their data is kept
    #[arg(long)]
    pub(crate) prune: bool,
    /// Take up data of these objects although the objects are not known here
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) adopt: Vec<String>,
    #[command(flatten)]
    pub(crate) conflicts: Conflicts,
    /// Stay, bring back what dies, and stop the databases on Ctrl-C
    #[arg(long, conflicts_with = "wait")]
    pub(crate) foreground: bool,
    /// With --foreground: only what was accepted before and not taken down since; for services
    #[arg(long, requires = "foreground", conflicts_with_all = ["file", "prune"])]
    pub(crate) resume: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas plan\n  paas plan -f team.yaml --detailed-exitcode\n  paas plan -o json | jq ."
)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) calls: Calls,
    /// Exit with 3 if there is something to do
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    #[command(flatten)]
    pub(crate) conflicts: Conflicts,
    /// Plan `paas down` instead
    #[arg(long)]
    pub(crate) down: bool,
    /// With --down: plan the deletion of the data too
    #[arg(long, requires = "down")]
    pub(crate) delete_data: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas down --yes\n  paas down demo --delete-data --confirm demo")]
pub(crate) struct Down {
    /// Only these objects
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) act: Act,
    #[command(flatten)]
    pub(crate) calls: Calls,
    /// Delete the data too; needs --confirm NAME, or typing the name on a terminal
    #[arg(long)]
    pub(crate) delete_data: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas status\n  paas status demo -o json\n  paas status demo --timeline")]
pub(crate) struct Status {
    /// Only these objects
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Those of all namespaces of the cluster
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
    /// What the last run of each platform spent its time on
    #[arg(long, conflicts_with = "all_namespaces")]
    pub(crate) timeline: bool,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) calls: Calls,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas events --last 20\n  paas events demo -f\n  paas events -o json")]
pub(crate) struct Events {
    /// Only events of these objects
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Go on with new events until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last N events
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<usize>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas explain PAAS-LOC-0001\n  paas explain demo\n  paas explain shop --cluster\n  paas explain"
)]
pub(crate) struct Explain {
    /// A code, or the name of an object; left out, all codes are listed
    #[arg(value_name = "CODE|NAME")]
    pub(crate) what: Option<String>,
}

impl Command {
    /// Whether the command also does its work in a Kubernetes cluster.
    pub(crate) fn in_cluster(&self) -> bool {
        match self {
            Self::Up(_)
            | Self::Plan(_)
            | Self::Down(_)
            | Self::Status(_)
            | Self::Events(_)
            | Self::Explain(_)
            | Self::Operator(_) => true,
            Self::Db(verb) => verb.in_cluster(),
            Self::Init(_)
            | Self::Adopt(_)
            | Self::Service(_)
            | Self::Doctor
            | Self::Cloud(_)
            | Self::Cluster(_)
            | Self::Kubeconfig(_)
            | Self::Gc(_)
            | Self::Vm(_)
            | Self::Crds { .. }
            | Self::Completions { .. } => false,
        }
    }
}
