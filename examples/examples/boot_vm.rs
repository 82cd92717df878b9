//! Boots a virtual machine, prints its addresses, deletes it, and proves that nothing is left.
//!
//! `OS_CLOUD=mycloud cargo run -p paas-examples --example boot_vm` does it in the cloud of that name in clouds.yaml. Without `OS_CLOUD` it
//! starts a fake cloud on this machine, so that it runs anywhere.

use std::{collections::BTreeMap, env, error::Error, sync::Arc, time::Duration};

use paas_core::{
    clock::SystemClock,
    event::Silent,
    execute::{Alone, Tools},
    ledger::MemoryLedger,
    pipeline::{Context, Outcome, Wanted},
    policy::Policy,
    secrets::FileSecrets,
};
use paas_openstack::{
    Client, Cloud,
    client::Options,
    config::{self, Choice, Sources},
    fake::{Fake, Setup},
    provider,
    vm::{self, VmSpec},
};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (cloud, _fake) = match env::var("OS_CLOUD") {
        Ok(name) => (configured(&name)?, None),
        Err(_) => {
            let fake = Fake::start(Setup::default()).await?;
            (fake.cloud(), Some(fake))
        }
    };
    let client = Client::new(cloud, Options::default())?;

    // What is wanted. All choices have defaults; `choose` looks them up before anything is made.
    let spec = VmSpec::named("hello");
    let chosen = vm::choose(&client, &spec).await?;
    say(&format!("{} on {}", chosen.image.name, chosen.flavor.name));

    // Whose it is: the same owner on every machine and in every process. What is made bears its mark.
    let project = provider::identity(&client).await?;
    let owner = vm::owner(&project, &spec.name);
    let mut cx = Context::new(
        owner.clone(),
        Policy::default(),
        Tools {
            ledger: Arc::new(MemoryLedger::default()),
            fence: Arc::new(Alone),
            clock: Arc::new(SystemClock),
            events: Arc::new(Silent),
            cancel: CancellationToken::new(),
        },
    );
    let secrets = Arc::new(FileSecrets::new(env::temp_dir().join("paas-boot-vm")));
    let pipeline = vm::pipeline(client.clone(), secrets, spec);

    let plan = pipeline.plan(&mut cx, Wanted::Spec).await?;
    say(&format!("{} things to make", plan.stages[0].steps.len()));
    let outcome = pipeline.run(&mut cx, Wanted::Spec, Some(PATIENCE)).await?;
    let up = outcome == Outcome::Converged;
    match vm::show(&client, &owner, 1).await? {
        Some(vm) if up => say(&format!(
            "{} inside {:?} outside {:?}",
            vm.status, vm.inside, vm.outside
        )),
        _ => say(&format!("it is not up: {outcome:?}")),
    }

    // The same engine with nothing wanted; afterwards it looks again.
    pipeline.run(&mut cx, Wanted::Nothing, Some(PATIENCE)).await?;
    let left = pipeline.plan(&mut cx, Wanted::Nothing).await?;
    if !up || !left.is_empty() {
        return Err(format!("it was not made, or something is left: {left:?}").into());
    }
    say("nothing is left");
    Ok(())
}

/// The library never reads the environment or files by itself: it is given a snapshot.
fn configured(name: &str) -> Result<Cloud, Box<dyn Error>> {
    let environment: BTreeMap<String, String> = env::vars().collect();
    let sources = Sources::new(environment, env::current_dir()?);
    Ok(config::resolve(&sources, &Choice::cloud(name))?.cloud)
}

#[allow(clippy::print_stdout, reason = "an example prints what it does")]
fn say(text: &str) {
    println!("{text}");
}
