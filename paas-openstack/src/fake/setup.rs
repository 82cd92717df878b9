//! What a cloud is made of before anybody uses it.

mod shape;

use std::{sync::Arc, time::Duration};

use paas_core::{
    clock::{Clock, SystemClock},
    secrets::{Generate, SystemRandom},
};
use secrecy::SecretString;

pub use shape::{Latency, Quotas, Shape, Times};

/// What a cloud is made of before anybody uses it.
///
/// The default is a small public cloud: project and user `demo` (with the roles `member`, `reader`, `load-balancer_member`), an
/// application credential `demo-credential`, a user and project `admin`, four flavors, the image `debian-12`, the external network
/// `public` (203.0.113.0/24) and three hypervisors.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Projects.
    pub projects: Vec<Project>,
    /// Users; the first one is whom [`super::Fake::cloud`] speaks as.
    pub users: Vec<User>,
    /// Application credentials; the first one is whom [`super::Fake::cloud_by_credential`] speaks as.
    pub credentials: Vec<ApplicationCredential>,
    /// Flavors.
    pub flavors: Vec<Flavor>,
    /// Public images that are active.
    pub images: Vec<Image>,
    /// External networks.
    pub networks: Vec<Network>,
    /// Where servers run.
    pub hypervisors: Vec<Hypervisor>,
    /// Volume types; the first one is the default.
    pub volume_types: Vec<String>,
    /// The name of the first region.
    pub region: String,
    /// How much a project may have.
    pub quotas: Quotas,
    /// How long each call takes.
    pub latency: Latency,
    /// How long things take after the call that began them.
    pub times: Times,
    /// How this cloud differs from others.
    pub shape: Shape,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where tokens and administrators' passwords come from. Ids do not: they come from a counter.
    pub random: Arc<dyn Generate>,
}

/// A project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its name, unique in the domain `Default`.
    pub name: String,
}

/// A user.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its name, unique in the domain `Default`.
    pub name: String,
    /// Its password.
    pub password: SecretString,
    /// The names of its projects. A token without a scope is for none of them unless `default_project` says so.
    pub projects: Vec<String>,
    /// The names of its roles in each of its projects.
    pub roles: Vec<String>,
    /// Whether its first project is what a token without a scope is for.
    pub default_project: bool,
    /// False refuses its password with the same words as a wrong one.
    pub enabled: bool,
}

/// An application credential that is there from the start.
#[derive(Debug, Clone, Default)]
pub struct ApplicationCredential {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its name, unique for its user.
    pub name: String,
    /// Its secret.
    pub secret: SecretString,
    /// The name of its user.
    pub user: String,
    /// The name of its project.
    pub project: String,
    /// Whether it may make and delete application credentials.
    pub unrestricted: bool,
    /// How long after the start it expires.
    pub lifetime: Option<Duration>,
}

/// A flavor.
#[derive(Debug, Clone, Default)]
pub struct Flavor {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u64,
    /// Memory in MiB.
    pub ram: u64,
    /// The root disk in GiB; 0 makes it as big as the image.
    pub disk: u64,
    /// What it says beyond that.
    pub extra_specs: Vec<(String, String)>,
}

/// An image that is active and public.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// A UUID.
    pub id: String,
    /// Its name, not unique.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The least root disk in GiB.
    pub min_disk: u64,
    /// The least memory in MiB.
    pub min_ram: u64,
    /// What it says beyond that, such as `os_distro`.
    pub properties: Vec<(String, String)>,
}

/// An external network with one subnet.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// A UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its addresses; the first is the gateway.
    pub cidr: String,
}

/// Where servers run.
#[derive(Debug, Clone, Default)]
pub struct Hypervisor {
    /// Its name.
    pub name: String,
    /// Its availability zone.
    pub zone: String,
    /// Virtual processors that it can give.
    pub vcpus: u64,
    /// Memory in MiB.
    pub ram: u64,
    /// Disk in GiB.
    pub disk: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            projects: vec![Project::new(1, "demo"), Project::new(2, "admin")],
            users: vec![
                User::new(1, "demo", &["member", "reader", "load-balancer_member"]),
                User::new(2, "admin", &["admin", "member", "reader"]),
            ],
            credentials: vec![ApplicationCredential {
                id: format!("{:032x}", 0xC0_0001),
                name: "demo-credential".into(),
                secret: SecretString::from("demo-credential-secret"),
                user: "demo".into(),
                project: "demo".into(),
                unrestricted: false,
                lifetime: None,
            }],
            flavors: vec![
                Flavor::new("m1.tiny", 1, 512, 1),
                Flavor::new("m1.small", 1, 2048, 20),
                Flavor::new("m1.medium", 2, 4096, 40),
                Flavor::new("m1.toobig", 4096, 4096, 40),
            ],
            images: vec![Image {
                id: "11111111-0000-4000-8000-000000000001".into(),
                name: "debian-12".into(),
                size: 1 << 20,
                min_disk: 0,
                min_ram: 0,
                properties: vec![
                    ("os_distro".into(), "debian".into()),
                    ("os_version".into(), "12".into()),
                ],
            }],
            networks: vec![Network {
                id: "22222222-0000-4000-8000-000000000001".into(),
                name: "public".into(),
                cidr: "203.0.113.0/24".into(),
            }],
            hypervisors: (0..3)
                .map(|n| Hypervisor::new(&format!("compute-{n}"), "nova"))
                .collect(),
            volume_types: vec!["ssd".into(), "hdd".into()],
            region: "RegionOne".into(),
            quotas: Quotas::default(),
            latency: Latency::default(),
            times: Times::default(),
            shape: Shape::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

impl Setup {
    /// One more project with a user of the same name, who has the same roles as `demo` there: for tests of who sees what.
    #[must_use]
    pub fn with_tenant(mut self, name: &str) -> Self {
        let number = self.projects.len() + self.users.len();
        self.projects.push(Project::new(number, name));
        self.users.push(User::new(
            number,
            name,
            &["member", "reader", "load-balancer_member"],
        ));
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Project {
    fn new(number: usize, name: &str) -> Self {
        Self {
            id: format!("{:032x}", 0xA0_0000 + number),
            name: name.into(),
        }
    }
}

impl User {
    fn new(number: usize, name: &str, roles: &[&str]) -> Self {
        Self {
            id: format!("{:032x}", 0xB0_0000 + number),
            name: name.into(),
            password: SecretString::from(format!("{name}-password")),
            projects: vec![name.into()],
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            default_project: false,
            enabled: true,
        }
    }
}

impl Flavor {
    /// A flavor whose id is its name: processors, MiB of memory, GiB of disk.
    pub fn new(name: &str, vcpus: u64, ram: u64, disk: u64) -> Self {
        Self {
            id: name.into(),
            name: name.into(),
            vcpus,
            ram,
            disk,
            extra_specs: Vec::new(),
        }
    }
}

impl Hypervisor {
    /// One with 64 processors, 256 GiB of memory and 4 TiB of disk.
    pub fn new(name: &str, zone: &str) -> Self {
        Self {
            name: name.into(),
            zone: zone.into(),
            vcpus: 64,
            ram: 256 * 1024,
            disk: 4096,
        }
    }
}
