//! What exists: one state under one lock, with a part for each service.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    cinder, faults::Faults, glance, keystone, ledger::Ledger, neutron, nova, octavia, serve, setup::Setup,
};
use crate::client::service::Kind;

/// What every handler gets.
pub(super) type Shared = Arc<World>;

/// The cloud: how it was set up, what exists, what was asked, what goes wrong.
#[derive(Debug)]
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) ledger: Ledger,
    pub(super) faults: Faults,
    address: SocketAddr,
    ids: AtomicU64,
    /// Nanoseconds that [`World::advance`] added to the clock.
    ahead: AtomicU64,
    state: Mutex<State>,
}

/// What exists, by service. Services see each other's parts: a server binds Neutron's ports and Cinder's volumes.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) keystone: keystone::State,
    pub(super) nova: nova::State,
    pub(super) neutron: neutron::State,
    pub(super) glance: glance::State,
    pub(super) cinder: cinder::State,
    pub(super) octavia: octavia::State,
}

impl World {
    pub(super) fn new(setup: Setup, address: SocketAddr) -> Self {
        let world = Self {
            setup,
            ledger: Ledger::default(),
            faults: Faults::default(),
            address,
            ids: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            state: Mutex::default(),
        };
        {
            let mut state = world.state.lock().unwrap_or_else(PoisonError::into_inner);
            keystone::seed(&world, &mut state);
            glance::seed(&world, &mut state);
            neutron::seed(&world, &mut state);
            cinder::seed(&world, &mut state);
            octavia::seed(&world, &mut state);
            nova::seed(&world, &mut state);
        }
        world
    }

    /// What exists now: whatever is due by the clock has happened.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        // Volumes and images first: what a server waits for is there when the server looks.
        glance::settle(self, &mut state, now);
        cinder::settle(self, &mut state, now);
        neutron::settle(self, &mut state, now);
        nova::settle(self, &mut state, now);
        octavia::settle(self, &mut state, now);
        // A server that went may have begun to delete its volume.
        cinder::settle(self, &mut state, now);
        state
    }

    pub(super) fn now(&self) -> Timestamp {
        let ahead = Duration::from_nanos(self.ahead.load(Ordering::Relaxed));
        later(self.setup.clock.now(), ahead)
    }

    /// The time after a while.
    pub(super) fn after(&self, time: Duration) -> Timestamp {
        later(self.now(), time)
    }

    pub(super) fn advance(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.ahead.fetch_add(nanos, Ordering::Relaxed);
    }

    /// A new UUID, the next of a fixed sequence.
    pub(super) fn id(&self) -> String {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        let name = number.to_be_bytes();
        let mut bytes = *Uuid::new_v5(&Uuid::NAMESPACE_OID, &name).as_bytes();
        // Shaped as a random UUID: some clients and schemas look at the version.
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        Uuid::from_bytes(bytes).to_string()
    }

    /// A new id in Keystone's way: 32 hexadecimal digits.
    pub(super) fn hex_id(&self) -> String {
        self.id().replace('-', "")
    }

    /// The address of something of a service: `path` begins with `/` or is empty.
    pub(super) fn url(&self, kind: Kind, path: &str) -> String {
        format!("http://{}/{}{path}", self.address, serve::prefix(kind))
    }

    /// The same as version documents say it: some clouds' own links are wrong.
    pub(super) fn link(&self, kind: Kind, path: &str) -> String {
        let url = self.url(kind, path);
        if self.setup.shape.wrong_scheme_in_links {
            url.replacen("http:", "https:", 1)
        } else {
            url
        }
    }

    /// Host and port.
    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Sleeps as long as a call to a service takes.
    pub(super) async fn pause(&self, kind: Kind) {
        let latency = &self.setup.latency;
        let time = latency.fixed + latency.services.get(&kind).copied().unwrap_or_default();
        if !time.is_zero() {
            self.setup.clock.sleep(time).await;
        }
    }
}

/// A time and a duration later; the end of time if there is no such time.
pub(super) fn later(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| time.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}
