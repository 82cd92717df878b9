//! Where machines are: their consoles, their power, and who finds whom in their network.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{Machine, Trouble, gate::Gate, init, join, kubelet::Kubelet, user_data::FirstBoot};
use crate::{
    clock::{Clock, SystemClock},
    testing::{kube::ControlPlane, locked},
};

/// Waits of kubeadm that take minutes on a real machine are so many times shorter.
pub const HURRY: u32 = 20;

/// What our script writes before what programs read.
const MARK: &str = "paas-boot: ";

/// All machines.
#[derive(Debug, Default)]
pub(super) struct World(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    machines: BTreeMap<String, Known>,
    troubles: BTreeMap<String, VecDeque<Trouble>>,
    /// True as long as nobody comes in from outside.
    unreachable: bool,
}

#[derive(Debug)]
struct Known {
    address: String,
    console: String,
    began: Duration,
    power: Option<CancellationToken>,
    plane: Option<Plane>,
    kubelet: Option<Kubelet>,
}

/// An API server on a machine.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    pub(super) servers: ControlPlane,
    /// The certificate by which it is known, PEM.
    pub(super) trusted: String,
    /// The version of its nodes.
    pub(super) version: String,
    gate: Arc<Mutex<Option<Arc<Gate>>>>,
}

impl Plane {
    pub(super) fn new(servers: ControlPlane, trusted: String, version: String) -> Self {
        let gate = Arc::default();
        Self {
            servers,
            trusted,
            version,
            gate,
        }
    }

    pub(super) fn gate_shut(&self) {
        if let Some(gate) = &*locked(&self.gate) {
            gate.shut();
        }
    }

    fn gate(&self, outside: Ipv4Addr) -> Option<Arc<Gate>> {
        let far = self.servers.address()?;
        let mut gate = locked(&self.gate);
        Some(Arc::clone(
            gate.get_or_insert_with(|| Arc::new(Gate::new(outside, far))),
        ))
    }
}

impl World {
    pub(super) fn trouble(&self, name: &str, trouble: Trouble) {
        let mut state = locked(&self.0);
        state
            .troubles
            .entry(name.to_owned())
            .or_default()
            .push_back(trouble);
    }

    pub(super) async fn reach(&self, id: &str, outside: Ipv4Addr) {
        let gate = {
            let state = locked(&self.0);
            let known = state
                .machines
                .get(id)
                .filter(|k| k.power.is_some() && !state.unreachable);
            known.and_then(|k| k.plane.as_ref()).and_then(|p| p.gate(outside))
        };
        if let Some(gate) = gate
            && let Err(error) = gate.open().await
        {
            tracing::warn!(%error, %outside, "nobody gets in there");
        }
    }

    pub(super) async fn reachable(&self, reachable: bool) {
        let gates: Vec<Arc<Gate>> = {
            let mut state = locked(&self.0);
            state.unreachable = !reachable;
            let planes = state.machines.values().filter_map(|k| k.plane.as_ref());
            planes.filter_map(|p| locked(&p.gate).clone()).collect()
        };
        for gate in gates {
            match reachable {
                true => drop(gate.open().await),
                false => gate.shut(),
            }
        }
    }

    pub(super) fn cut_power(&self, id: &str) -> Option<Plane> {
        let mut state = locked(&self.0);
        let known = state.machines.get_mut(id)?;
        known.power.take()?.cancel();
        known.plane.clone()
    }

    pub(super) fn remove(&self, id: &str) {
        let gone = locked(&self.0).machines.remove(id);
        if let Some(gone) = gone {
            gone.power.iter().for_each(CancellationToken::cancel);
            gone.plane.iter().for_each(Plane::gate_shut);
        }
    }

    pub(super) fn known(&self) -> Vec<String> {
        locked(&self.0).machines.keys().cloned().collect()
    }

    pub(super) fn is_on(&self, id: &str) -> bool {
        let state = locked(&self.0);
        state.machines.get(id).is_some_and(|k| k.power.is_some())
    }

    pub(super) fn console(&self, id: &str) -> String {
        let state = locked(&self.0);
        state
            .machines
            .get(id)
            .map(|k| k.console.clone())
            .unwrap_or_default()
    }

    pub(super) fn any_plane(&self) -> Option<Plane> {
        let state = locked(&self.0);
        state.machines.values().find_map(|k| k.plane.clone())
    }
}

/// One machine that runs.
#[derive(Debug, Clone)]
pub(super) struct Site {
    world: Arc<World>,
    pub(super) machine: Arc<Machine>,
    off: CancellationToken,
}

impl Site {
    /// Gives the machine power; `None` if it has some. With what it did before, if it did.
    pub(super) fn enter(
        world: &Arc<World>,
        machine: Machine,
        power: &CancellationToken,
    ) -> Option<(Self, Option<()>)> {
        let off = power.child_token();
        let mut state = locked(&world.0);
        let before = match state.machines.get_mut(&machine.id) {
            Some(known) if known.power.is_some() => return None,
            Some(known) => {
                known.power = Some(off.clone());
                Some(())
            }
            None => {
                let known = Known {
                    address: machine.address.clone(),
                    console: String::new(),
                    began: SystemClock.elapsed(),
                    power: Some(off.clone()),
                    plane: None,
                    kubelet: None,
                };
                state.machines.insert(machine.id.clone(), known);
                None
            }
        };
        drop(state);
        let site = Self {
            world: Arc::clone(world),
            machine: Arc::new(machine),
            off,
        };
        Some((site, before))
    }

    /// Does something as long as there is power.
    pub(super) async fn until_off<F: Future<Output = ()> + Send>(self, does: impl FnOnce(Self) -> F + Send) {
        let off = self.off.clone();
        tokio::select! {
            () = off.cancelled() => {}
            () = does(self) => {}
        }
    }

    /// Goes on with something in the background as long as there is power.
    pub(super) fn goes_on(&self, with: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.clone().until_off(|_| with));
    }

    fn known<T>(&self, of: impl FnOnce(&mut Known) -> T) -> Option<T> {
        locked(&self.world.0).machines.get_mut(&self.machine.id).map(of)
    }

    /// A line on the console, with the time since the machine began.
    pub(super) fn says(&self, line: &str) {
        self.known(|known| {
            let since = SystemClock.elapsed().saturating_sub(known.began).as_secs_f32();
            known.console.push_str(&format!("[{since:12.6}] {line}\n"));
        });
    }

    /// The trouble that comes first, if it is one of these.
    fn has<T>(&self, of: impl Fn(&Trouble) -> Option<T>) -> Option<T> {
        let mut state = locked(&self.world.0);
        let troubles = state.troubles.get_mut(&self.machine.name)?;
        let found = of(troubles.front()?)?;
        troubles.pop_front();
        Some(found)
    }

    /// True if a try of kubeadm is lost now.
    pub(super) fn loses_join(&self) -> bool {
        let mut state = locked(&self.world.0);
        let Some(troubles) = state.troubles.get_mut(&self.machine.name) else {
            return false;
        };
        match troubles.front_mut() {
            Some(Trouble::JoinsLost(0)) => drop(troubles.pop_front()),
            Some(Trouble::JoinsLost(left)) => {
                *left -= 1;
                return true;
            }
            _ => {}
        }
        false
    }

    /// The API server at an address inside, `10.20.0.7:6443`, if it runs.
    pub(super) fn plane_at(&self, endpoint: &str) -> Option<Plane> {
        let address = endpoint.strip_suffix(":6443")?;
        let state = locked(&self.world.0);
        let mut there = state
            .machines
            .values()
            .filter(|k| k.address == address && k.power.is_some());
        there.find_map(|k| k.plane.clone())
    }

    pub(super) fn serves(&self, plane: Plane) {
        self.known(|known| known.plane = Some(plane));
    }

    /// From now on it is a node, and again whenever it has power.
    pub(super) fn is_node(&self, kubelet: Kubelet) {
        self.known(|known| known.kubelet = Some(kubelet.clone()));
        self.goes_on(kubelet.run());
    }

    pub(super) async fn first_boot(self) {
        self.says("Linux version 6.1.0-played (debian-kernel@lists.debian.org)");
        if let Some(latch) = self.has(|t| match t {
            Trouble::Held(latch) => Some(latch.clone()),
            _ => None,
        }) {
            latch.wait().await;
        }
        if self
            .has(|t| matches!(t, Trouble::NoCloudInit).then_some(()))
            .is_some()
        {
            return self.says(&format!("{} login: ", self.machine.name));
        }
        self.says("cloud-init[312]: Cloud-init v. 25.2 running 'init'");
        let boot = FirstBoot::read(&self.machine.user_data, &self.machine.id);
        match boot {
            Ok(boot) => self.script(&boot).await,
            Err(why) => self.says(&format!("cloud-init[312]: util.py[WARNING]: {why}")),
        }
    }

    /// The script of a first boot, phase by phase.
    async fn script(&self, boot: &FirstBoot) {
        for phase in &boot.phases {
            if self
                .has(|t| matches!(t, Trouble::PowerLost { phase: at } if at == phase).then_some(()))
                .is_some()
            {
                self.script_says(&format!("phase={phase}"));
                return drop(self.world.cut_power(&self.machine.id));
            }
            self.script_says(&format!("phase={phase}"));
            let words = self.has(|t| match t {
                Trouble::Fails { phase: at, words } if at == phase => Some(words.clone()),
                _ => None,
            });
            let done = match (words, phase.as_str()) {
                (Some(words), _) => Err(words),
                (None, "kubeadm-init") => init::init(self, boot).await.map_err(|e| vec![e]),
                (None, "kubeadm-join") => join::join(self, boot).await.map_err(|e| vec![e]),
                (None, _) => Ok(()),
            };
            if let Err(words) = done {
                self.script_says(&format!("failed phase={phase} status=1"));
                return words
                    .iter()
                    .for_each(|line| self.script_says(&format!("| {line}")));
            }
        }
        self.script_says("done");
    }

    fn script_says(&self, words: &str) {
        self.says(&format!("cloud-init[612]: {MARK}{words}"));
    }

    /// What starts by itself on a machine that has been set up.
    pub(super) async fn boot_again(self) {
        self.says("Linux version 6.1.0-played (debian-kernel@lists.debian.org)");
        let had = self.known(|known| (known.plane.clone(), known.kubelet.clone()));
        let (plane, kubelet) = had.unwrap_or_default();
        if let Some(plane) = &plane {
            init::start_again(&self, plane).await;
        }
        if let Some(kubelet) = kubelet {
            kubelet.run().await;
        }
    }
}
