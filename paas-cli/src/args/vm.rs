//! `paas vm`, as types.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use paas_core::spec::Quantity;

use super::{Act, Calls};

#[derive(Debug, Subcommand)]
pub(crate) enum Vm {
    /// Make one, or bring it to what is asked for now; network, key and address outside come with it
    Create(Box<VmCreate>),
    /// List those of the project, from whichever machine they were made
    List(VmList),
    /// Everything about one: state, addresses, volumes, what is open, the end of its console
    Show(VmShow),
    /// What one wrote to its console, or a URL that shows its screen
    Console(VmConsole),
    /// Delete one with all that was made for it; a data volume is kept
    Delete(VmDelete),
}

/// Which cloud is meant.
#[derive(Debug, Args)]
pub(crate) struct VmAt {
    /// The cloud; left out, OS_CLOUD or the only one
    #[arg(long, value_name = "NAME")]
    pub(crate) cloud: Option<String>,
    /// Another region of it
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    #[command(flatten)]
    pub(crate) calls: Calls,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas vm create web\n  paas vm create web --image-distro debian --cpus 2 --memory 4Gi --allow 80,443\n  paas vm create db --network team --no-floating-ip --data-volume 100Gi --user-data setup.yaml\n\nThe same name again with other flags shows the difference and makes it; what is left out goes back\nto its default. What would be deleted or replaced is asked for."
)]
pub(crate) struct VmCreate {
    /// The name, which becomes the host name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: VmAt,
    /// Name or id of the image; left out, the newest Ubuntu or Debian
    #[arg(
        long,
        value_name = "IMAGE",
        conflicts_with = "image_distro",
        help_heading = "Machine"
    )]
    pub(crate) image: Option<String>,
    /// The newest image of this distribution
    #[arg(long, value_name = "DISTRO", help_heading = "Machine")]
    pub(crate) image_distro: Option<String>,
    /// Name or id of the flavor; left out, the smallest that suffices
    #[arg(long, value_name = "FLAVOR", conflicts_with_all = ["cpus", "memory"], help_heading = "Machine")]
    pub(crate) flavor: Option<String>,
    /// Processors of the smallest flavor [default: 1]
    #[arg(long, value_name = "N", help_heading = "Machine")]
    pub(crate) cpus: Option<u32>,
    /// Memory of the smallest flavor [default: 1Gi]
    #[arg(long, value_name = "SIZE", help_heading = "Machine")]
    pub(crate) memory: Option<Quantity>,
    /// The availability zone
    #[arg(long, value_name = "ZONE", help_heading = "Machine")]
    pub(crate) zone: Option<String>,
    /// A root volume of this size instead of the flavor's disk
    #[arg(long, value_name = "SIZE", help_heading = "Machine")]
    pub(crate) volume: Option<Quantity>,
    /// A volume for data, which outlives the machine
    #[arg(long, value_name = "SIZE", help_heading = "Machine")]
    pub(crate) data_volume: Option<Quantity>,
    /// A file for the first boot: a script or cloud-config; - for stdin
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    pub(crate) user_data: Option<PathBuf>,
    /// The public key that may log in; left out, the one in ~/.ssh, else a new one
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    pub(crate) ssh_key: Option<PathBuf>,
    /// TCP ports to open beside 22: 80,443,8000-8100
    #[arg(long, value_name = "PORTS", value_delimiter = ',', value_parser = ports, help_heading = "Access")]
    pub(crate) allow: Vec<(u16, u16)>,
    /// Who may reach the open ports; may be repeated [default: 0.0.0.0/0]
    #[arg(long, value_name = "RANGE", value_delimiter = ',', help_heading = "Access")]
    pub(crate) from: Vec<String>,
    /// No address outside
    #[arg(long, help_heading = "Access")]
    pub(crate) no_floating_ip: bool,
    /// Name or id of the network that addresses outside come from; left out, the only one
    #[arg(long, value_name = "NETWORK", help_heading = "Network")]
    pub(crate) external_network: Option<String>,
    /// Name or id of a network that is there; left out, one of its own is made
    #[arg(long, value_name = "NETWORK", help_heading = "Network")]
    pub(crate) network: Option<String>,
    /// Name or id of a subnet of that network
    #[arg(long, value_name = "SUBNET", requires = "network", help_heading = "Network")]
    pub(crate) subnet: Option<String>,
    /// The range of its own network
    #[arg(long, value_name = "RANGE", default_value = paas_openstack::vm::DEFAULT_CIDR, conflicts_with = "network", help_heading = "Network")]
    pub(crate) cidr: String,
    #[command(flatten)]
    pub(crate) act: Act,
}

/// `443` or `8000-8100`.
fn ports(text: &str) -> Result<(u16, u16), String> {
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|p| *p > 0);
    let read = match text.split_once('-') {
        Some((first, last)) => port(first).zip(port(last)).filter(|(first, last)| first <= last),
        None => port(text).map(|one| (one, one)),
    };
    read.ok_or_else(|| "write a port from 1 to 65535 or a range of them: 443, 8000-8100".to_owned())
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas vm list\n  paas vm list --cloud work -o wide\n  paas vm list -o name"
)]
pub(crate) struct VmList {
    #[command(flatten)]
    pub(crate) at: VmAt,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas vm show web\n  paas vm show web --lines 0 -o yaml")]
pub(crate) struct VmShow {
    /// The name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: VmAt,
    /// How many of the last lines of its console
    #[arg(short = 'n', long, value_name = "N", default_value_t = 8)]
    pub(crate) lines: u32,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas vm console web\n  paas vm console web -f\n  paas vm console web --url\n\nPrograms may print secrets there at the first boot. Whoever has the URL has the screen."
)]
pub(crate) struct VmConsole {
    /// The name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: VmAt,
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub(crate) lines: u32,
    /// Go on with new lines until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print a URL for the browser instead; it ends by itself
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "novnc", conflicts_with_all = ["follow", "lines"])]
    pub(crate) url: Option<ConsoleUrl>,
}

/// A console for the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConsoleUrl {
    Novnc,
    Serial,
    Spice,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas vm delete web --yes\n  paas vm delete db --delete-data --confirm db"
)]
pub(crate) struct VmDelete {
    /// The name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: VmAt,
    #[command(flatten)]
    pub(crate) act: Act,
    /// Delete its data volume too; needs --confirm NAME, or typing the name on a terminal
    #[arg(long)]
    pub(crate) delete_data: bool,
}

#[cfg(test)]
mod tests {
    use super::ports;

    #[test]
    fn ports_are_one_or_a_range_and_nothing_else() {
        assert_eq!(ports("443"), Ok((443, 443)));
        assert_eq!(ports("8000-8100"), Ok((8000, 8100)));
        for wrong in ["", "0", "65536", "9-8", "-", "80-", "http", "1-2-3"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
