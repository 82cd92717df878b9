//! What a fake cloud lacks: every server that it says is on has a machine that runs, and tells its console.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paas_core::testing::machines::{Machine, Machines};
use paas_openstack::fake::{Fake, Guest};
use secrecy::ExposeSecret as _;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Between two looks at the cloud.
const LOOK: Duration = Duration::from_millis(50);

/// Plays the hypervisor until it is dropped.
pub(crate) struct Bridge {
    _running: DropGuard,
    booted: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Bridge {
    pub(crate) fn start(fake: Arc<Fake>, machines: Machines) -> Self {
        let ends = CancellationToken::new();
        let booted = Arc::<Mutex<BTreeMap<String, usize>>>::default();
        let (until, count) = (ends.clone(), booted.clone());
        tokio::spawn(async move {
            let mut seen = BTreeMap::new();
            while !until.is_cancelled() {
                look(&fake, &machines, &mut seen, &count).await;
                tokio::time::sleep(LOOK).await;
            }
        });
        Self {
            _running: ends.drop_guard(),
            booted,
        }
    }

    /// How many servers of that name were switched on so far.
    pub(crate) fn boots(&self, name: &str) -> usize {
        self.booted.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

/// One look. `seen` are the servers that were on at the last one.
async fn look(
    fake: &Fake,
    machines: &Machines,
    seen: &mut BTreeMap<String, bool>,
    booted: &Mutex<BTreeMap<String, usize>>,
) {
    let guests = fake.guests();
    let there: BTreeSet<&str> = guests.iter().map(|g| g.id.as_str()).collect();
    for id in machines.known() {
        if !there.contains(id.as_str()) {
            machines.cut_power(&id).await;
            machines.remove(&id);
            seen.remove(&id);
        }
    }
    for guest in &guests {
        let (id, was_on) = (guest.id.as_str(), seen.get(&guest.id).copied());
        let is_on = guest.status == "ACTIVE";
        match (is_on, was_on, machines.is_on(id)) {
            // It went off by itself.
            (true, Some(true), false) => {
                fake.power_lost(id);
                seen.insert(id.to_owned(), false);
                continue;
            }
            (true, _, false) => {
                if let Some(machine) = machine(guest) {
                    *booted.lock().unwrap().entry(guest.name.clone()).or_default() += 1;
                    machines.boot(machine).await;
                }
            }
            (false, Some(true), true) if guest.status != "BUILD" => machines.cut_power(id).await,
            _ => {}
        }
        if is_on || was_on.is_some() {
            seen.insert(id.to_owned(), is_on);
        }
        if let Some(outside) = guest.public_address.as_ref().and_then(|a| a.parse().ok()) {
            machines.reach(id, outside).await;
        }
        if was_on.is_some() {
            fake.write_console(id, machines.console(id));
        }
    }
}

fn machine(guest: &Guest) -> Option<Machine> {
    let user_data = guest.user_data.as_ref()?.expose_secret();
    Some(Machine {
        id: guest.id.clone(),
        name: guest.name.clone(),
        address: guest.address.clone()?,
        user_data: STANDARD.decode(user_data).unwrap(),
    })
}
