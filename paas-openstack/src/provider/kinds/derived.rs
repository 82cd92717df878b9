//! What the cluster made in the cloud, and what bears no mark of ours because of that.

use paas_core::resource::{Diff, Need, View};

use super::{Kind, view};

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A load balancer of a Service.
    LoadBalancer,
    /// A floating IP of such a balancer.
    FloatingIp,
    /// A security group of such a balancer.
    SecurityGroup,
    /// A volume of a PersistentVolumeClaim.
    Volume,
    /// A port that a balancer left behind.
    Port,
}

impl Made {
    /// The word for its kind, which is that of ours.
    pub fn word(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadBalancer",
            Self::FloatingIp => "floatingIp",
            Self::SecurityGroup => "securityGroup",
            Self::Volume => "volume",
            Self::Port => "port",
        }
    }

    /// The first segment of its key.
    pub fn segment(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load-balancer",
            Self::FloatingIp => "floating-ip",
            Self::SecurityGroup => "security-group",
            Self::Volume => "volume",
            Self::Port => "port",
        }
    }
}

/// Something that the cluster's cloud controller or storage driver made. It is never wanted; it goes when all goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// What it is.
    pub made: Made,
    /// What it is called.
    pub name: String,
    /// What it is for, in the words of who made it.
    pub about: Option<String>,
    /// What it stands on: where it is, what goes later than it.
    pub needs: Vec<Need>,
}

impl Kind for Derived {
    const WORD: &'static str = "derived";

    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }

    /// Nobody wants it in another way.
    fn diff(&self, _live: &Self) -> Diff {
        Diff::Same
    }

    fn view(&self) -> View {
        view([("name", Some(self.name.clone())), ("about", self.about.clone())])
    }
}
