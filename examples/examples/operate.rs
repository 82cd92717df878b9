//! What else a program can do with its PostgreSQL: back it up, try the backup, change its password, restore, look at the way to it.
//!
//! `cargo run -p paas-examples --example operate`

use paas_core::{
    database::rotate::Rotation,
    error::Result,
    local::{
        backup::{self, Cause},
        check::Limits,
        instance::LocalInstance,
        machine::LocalMachine,
    },
    spec::DatabaseInstanceSpec,
};
use paas_examples::say;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<()> {
    let home = std::env::temp_dir().join(format!("paas-operate-{}", std::process::id()));
    let machine = LocalMachine::open(&home)?;
    let shop = LocalInstance::new(
        machine.clone(),
        "default",
        "shop",
        DatabaseInstanceSpec::default(),
    );
    shop.up().await?;
    let done = Box::pin(operate(&machine, &shop)).await;
    shop.delete("shop").await?;
    std::fs::remove_dir_all(&home).ok();
    done
}

async fn operate(machine: &LocalMachine, shop: &LocalInstance) -> Result<()> {
    let copy = backup::take(shop, Cause::Asked).await?;
    let verified = backup::verify(machine, &copy, &CancellationToken::new()).await?;
    say(&format!(
        "{} restores well: {}\n",
        copy.id,
        verified.databases.join(", ")
    ));

    let again = LocalInstance::new(machine.clone(), "default", "again", copy.spec()?);
    backup::restore(&again, &copy).await?;
    again.up().await?;
    say(&format!("restored: {}\n", again.connection().await?)); // its Display hides the password
    again.delete("again").await?;

    for changed in shop.rotate(None, &Rotation::default()).await? {
        say(&format!(
            "{} logs in as {} now, {} until {}\n",
            changed.user, changed.login, changed.former, changed.until
        ));
    }
    let report = shop.check("app", "app", &Limits::default()).await;
    say(&format!("every hop holds: {}\n", report.holds()));
    Ok(())
}
