//! An OpenStack in memory, for programs that are not written in Rust: it writes a clouds.yaml and runs until its input ends.
//!
//! `cargo run -p paas-examples --example fake_openstack -- --clouds-file clouds.yaml`, and in another terminal
//! `OS_CLIENT_CONFIG_FILE=clouds.yaml openstack --os-cloud lab server list`. With `--volumev3-only` the catalog names Cinder as older
//! clouds do.

use std::{io, path::PathBuf, time::Duration};

use paas_examples::say;
use paas_openstack::fake::{ApplicationCredential, Fake, Flavor, Image, Project, Setup, User};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut setup = lab();
    let mut file: Option<PathBuf> = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--clouds-file" => file = words.next().map(PathBuf::from),
            "--volumev3-only" => setup.shape.volumev3_only = true,
            other => return Err(io::Error::other(format!("there is no option {other}"))),
        }
    }
    let fake = Fake::start(setup).await?;
    if let Some(file) = file {
        // Whoever waits for the file must not see half of it.
        let half = file.with_extension("half");
        std::fs::write(&half, fake.clouds_yaml())?;
        std::fs::rename(half, file)?;
    }
    say(&format!("ready: {}\n", fake.auth_url()));
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    for left in fake.leftovers() {
        say(&format!("left behind: {left:?}\n"));
    }
    Ok(())
}

/// Two tenants, an administrator, and an application credential of the first; all as small as can be.
fn lab() -> Setup {
    let member: &[&str] = &["member", "reader", "load-balancer_member"];
    let mut setup = Setup {
        projects: vec![project(1, "lab"), project(2, "lab-other"), project(3, "admin")],
        users: vec![
            user(1, "lab", "lab", member),
            user(2, "lab-other", "lab-other", member),
            user(3, "lab-admin", "admin", &["admin", "member", "reader"]),
        ],
        credentials: vec![ApplicationCredential {
            id: format!("{:032x}", 0xC0),
            name: "lab-appcred".into(),
            secret: "lab-appcred-secret".into(),
            user: "lab".into(),
            project: "lab".into(),
            unrestricted: false,
            lifetime: None,
        }],
        flavors: vec![
            Flavor::new("lab.tiny", 1, 512, 1),
            Flavor::new("lab.small", 2, 4096, 20),
            Flavor::new("lab.medium", 4, 8192, 40),
            Flavor::new("lab.large", 8, 16384, 80),
            Flavor::new("lab.toobig", 4096, 4096, 1),
        ],
        images: vec![Image {
            id: "11111111-0000-4000-8000-000000000001".into(),
            name: "lab-debian-12".into(),
            size: 1 << 20,
            min_disk: 1,
            min_ram: 256,
            properties: vec![
                ("os_distro".into(), "debian".into()),
                ("os_version".into(), "12".into()),
            ],
        }],
        volume_types: vec!["lab".into()],
        ..Setup::default()
    };
    setup.quotas.instances = 1000;
    setup.quotas.cores = -1;
    setup.quotas.ram = -1;
    setup.times.boot = Duration::from_millis(300);
    setup.times.load_balancer = Duration::from_millis(300);
    setup
}

fn project(number: u8, name: &str) -> Project {
    Project {
        id: format!("{:032x}", 0xA0 + u16::from(number)),
        name: name.into(),
    }
}

fn user(number: u8, name: &str, project: &str, roles: &[&str]) -> User {
    User {
        id: format!("{:032x}", 0xB0 + u16::from(number)),
        name: name.into(),
        password: format!("{name}-password").into(),
        projects: vec![project.into()],
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        default_project: true,
        enabled: true,
    }
}
