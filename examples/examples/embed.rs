//! A managed PostgreSQL inside a Rust program: made, used, deleted with everything in it.
//!
//! `cargo run -p paas-examples --example embed`

use paas_core::local::{instance::LocalInstance, machine::LocalMachine};
use paas_core::{error::Result, secrets::ExposeSecret, spec::DatabaseInstanceSpec};

#[tokio::main]
async fn main() -> Result<()> {
    let home = std::env::temp_dir().join(format!("paas-embed-{}", std::process::id()));
    let machine = LocalMachine::open(&home)?;
    let database = LocalInstance::new(machine, "default", "demo", DatabaseInstanceSpec::default());
    database.up().await?;
    let answer = ask(database.connection().await?.url().expose_secret()).await;
    database.delete("demo").await?; // `down()` would keep the data for the next `up()`
    std::fs::remove_dir_all(&home).ok();
    paas_examples::say(&format!("{}\n", answer.unwrap_or_else(|e| e.to_string())));
    Ok(())
}

/// Any client takes the URL; this one is tokio-postgres.
async fn ask(url: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client.query_one("SELECT version()", &[]).await?.get(0))
}
