//! Runs the fake cloud until its standard input ends, for clients that are other programs.
//!
//! Writes a clouds.yaml to the file that is named, then a line `ready <auth url>` to standard output.
//!
//! ```text
//! cargo run -p paas-openstack --features fake --example fake_cloud -- /tmp/clouds.yaml
//! OS_CLIENT_CONFIG_FILE=/tmp/clouds.yaml OS_CLOUD=fake openstack server list
//! ```
#![allow(
    clippy::print_stdout,
    reason = "a program that talks to the one who started it"
)]

use std::io::Write;

use paas_openstack::fake::{Fake, Setup};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let fake = Fake::start(Setup::default().with_tenant("other")).await?;
    if let Some(file) = std::env::args().nth(1) {
        std::fs::write(file, fake.clouds_yaml())?;
    }
    println!("ready {}", fake.auth_url());
    std::io::stdout().flush()?;
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await?;
    for one in fake.leftovers() {
        println!("left {:?} {} {} {}", one.service, one.kind, one.id, one.name);
    }
    Ok(())
}
