//! Our client and its typed calls against real services: the OpenStack lab. Runs only if `PAAS_LAB_OPENSTACK` names the folder in which a
//! lab is up (its clouds.yaml and its `run/` are there); says so otherwise. With `PAAS_LAB_OPENSTACK_UP`, the lab's own program that starts
//! what is not running, Keystone is also killed and started again.

#[path = "lab/errors.rs"]
mod errors;
#[path = "lab/outage.rs"]
mod outage;
#[path = "lab/walk.rs"]
mod walk;

use std::{
    collections::BTreeMap,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use paas_core::error::Result;
use paas_openstack::{
    Client,
    client::{
        Options,
        trace::{Exchange, Trace},
    },
    config::{Choice, Sources, resolve},
};
use tokio::sync::RwLock;

/// Who takes Keystone away does so alone.
static ALONE: RwLock<()> = RwLock::const_new(());

/// A lab that is up.
struct Lab {
    folder: PathBuf,
}

impl Lab {
    /// The lab, or a word on standard error that the test is left out.
    fn here() -> Option<Self> {
        let folder = std::env::var_os("PAAS_LAB_OPENSTACK").map(PathBuf::from);
        if folder.is_none() {
            // Written past the test harness, which keeps what passing tests print.
            let _ = writeln!(
                std::io::stderr(),
                "left out: PAAS_LAB_OPENSTACK names no folder of an OpenStack lab"
            );
        }
        Some(Self { folder: folder? })
    }

    /// A client of one of its clouds.
    fn client(&self, cloud: &str) -> Client {
        self.watched(cloud).0
    }

    /// A client, and what it does.
    fn watched(&self, cloud: &str) -> (Client, Arc<Seen>) {
        let mut sources = Sources::new(BTreeMap::new(), &self.folder);
        sources.file = Some(self.folder.join("clouds.yaml"));
        let cloud = resolve(&sources, &Choice::cloud(cloud))
            .expect("the lab's cloud resolves")
            .cloud;
        let seen = Arc::new(Seen::default());
        let mut options = Options::default();
        options.trace = Some(seen.clone());
        (Client::new(cloud, options).expect("a client"), seen)
    }
}

/// What a client did.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<Exchange>>);

impl Trace for Seen {
    fn exchanged(&self, exchange: &Exchange) {
        self.0.lock().expect("nobody panics here").push(exchange.clone());
    }
}

impl Seen {
    fn count(&self, what: impl Fn(&Exchange) -> bool) -> usize {
        self.0
            .lock()
            .expect("nobody panics here")
            .iter()
            .filter(|e| what(e))
            .count()
    }

    fn logins(&self) -> usize {
        self.count(|e| e.method == "POST" && e.url.contains("/auth/tokens"))
    }
}

/// A name that no other run has.
fn name(part: &str) -> String {
    format!("rust-{part}-{}", uuid::Uuid::new_v4().simple())
}

/// Asks until the answer suits; the lab is slow on a busy machine.
async fn until<T, F: Future<Output = Result<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
    suits: impl Fn(&Result<T>) -> bool,
) -> Result<T>
where
    T: std::fmt::Debug,
{
    let end = Instant::now() + Duration::from_secs(180);
    loop {
        let answer = ask().await;
        if suits(&answer) {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
