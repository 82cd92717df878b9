//! Lists the servers of a cloud.
//!
//! `OS_CLOUD=mycloud cargo run -p paas-examples --example list_servers` asks the cloud of that name in clouds.yaml. Without `OS_CLOUD` it
//! starts a fake cloud on this machine, boots a server there, and lists that.

use std::{collections::BTreeMap, env, error::Error, time::Duration};

use futures::TryStreamExt as _;
use paas_openstack::{
    Client, Cloud,
    client::Options,
    compute::{FlavorFilter, Networks, NewServer, ServerFilter},
    config::{self, Choice, Sources},
    fake::{Fake, Setup},
    image::ImageFilter,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (cloud, fake) = match env::var("OS_CLOUD") {
        Ok(name) => (configured(&name)?, None),
        Err(_) => {
            let fake = Fake::start(Setup::default()).await?;
            (fake.cloud(), Some(fake))
        }
    };
    let client = Client::new(cloud, Options::default())?;
    match &fake {
        Some(fake) => {
            say("OS_CLOUD is not set: this is a fake cloud, with one server.");
            boot(&client).await?;
            // Its time is not ours: a minute passes at once.
            fake.advance(Duration::from_secs(60));
        }
        None => say(&format!("the cloud {}", client.cloud().name)),
    }
    let mut servers = std::pin::pin!(client.compute().servers().list(&ServerFilter::all()));
    // Pages are fetched as they are needed.
    while let Some(server) = servers.try_next().await? {
        let addresses = server.addresses.values().flatten().map(|a| a.address.as_str());
        let addresses = addresses.collect::<Vec<_>>().join(", ");
        say(&format!(
            "{}  {:10}  {}  {addresses}",
            server.id, server.status, server.name
        ));
    }
    Ok(())
}

/// The library never reads the environment or files by itself: it is given a snapshot.
fn configured(name: &str) -> Result<Cloud, Box<dyn Error>> {
    let environment: BTreeMap<String, String> = env::vars().collect();
    let sources = Sources::new(environment, env::current_dir()?);
    Ok(config::resolve(&sources, &Choice::cloud(name))?.cloud)
}

async fn boot(client: &Client) -> Result<(), Box<dyn Error>> {
    let flavors = client
        .compute()
        .flavors()
        .all(&FlavorFilter::all().min_ram(2048_u64))
        .await?;
    let flavor = flavors.first().ok_or("no flavor fits")?;
    let image = client
        .image()
        .newest(&ImageFilter::all().name("debian-12"))
        .await?
        .ok_or("no such image")?;
    let new = NewServer::new("web-0", flavor.id.as_str(), Networks::None).image(image.id);
    client.compute().servers().create(&new).await?;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "an example prints what it found")]
fn say(text: &str) {
    println!("{text}");
}
