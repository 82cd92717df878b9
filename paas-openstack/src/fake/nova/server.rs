//! A server, and the states it goes through.

use jiff::Timestamp;
use serde_json::json;

use crate::fake::{
    collection::{Object, object},
    setup::Flavor,
};

/// A server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) project: String,
    pub(super) user: String,
    pub(super) description: Option<String>,
    pub(super) hostname: String,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) launched: Option<Timestamp>,
    pub(super) machine: Machine,
    /// What is being done to it.
    pub(super) task: Option<&'static str>,
    pub(super) fault: Option<Fault>,
    pub(super) flavor: Flavor,
    /// None when it boots from a volume.
    pub(super) image: Option<String>,
    pub(super) key_name: Option<String>,
    pub(super) user_data: Option<String>,
    pub(super) metadata: Object,
    pub(super) tags: Vec<String>,
    pub(super) config_drive: bool,
    pub(super) locked: bool,
    /// The zone that was asked for.
    pub(super) zone: Option<String>,
    /// The name of the hypervisor, once one was found.
    pub(super) host: Option<String>,
    pub(super) host_zone: String,
    pub(super) group: Option<String>,
    pub(super) nics: Vec<Nic>,
    pub(super) disks: Vec<Disk>,
    pub(super) actions: Vec<Action>,
    /// What it wrote, where a test says it.
    pub(super) console: Option<String>,
}

/// A server's part in a port.
#[derive(Debug, Clone)]
pub(super) struct Nic {
    pub(super) port: String,
    /// Nova made it, and deletes it with the server.
    pub(super) made: bool,
    pub(super) tag: Option<String>,
}

/// A server's part in a volume.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) volume: String,
    pub(super) device: String,
    /// The root disk.
    pub(super) boots: bool,
    pub(super) delete_on_termination: bool,
    pub(super) tag: Option<String>,
    pub(super) attachment: String,
}

/// Why it is in ERROR.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) words: String,
    pub(super) created: Timestamp,
}

/// What was done to it.
#[derive(Debug, Clone)]
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) request: String,
    pub(super) user: String,
    pub(super) at: Timestamp,
}

/// The state of the machine itself: `vm_state` in Nova's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    Building,
    Active,
    Stopped,
    Paused,
    Suspended,
    Error,
}

impl Machine {
    pub(super) fn vm_state(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Error => "error",
        }
    }

    /// 0 no state, 1 running, 3 paused, 4 shut down.
    pub(super) fn power_state(self) -> u8 {
        match self {
            Self::Building | Self::Error => 0,
            Self::Active => 1,
            Self::Paused => 3,
            Self::Stopped | Self::Suspended => 4,
        }
    }
}

impl Server {
    /// What users see of machine and task.
    pub(super) fn status(&self) -> &'static str {
        match (self.machine, self.task) {
            (Machine::Active, Some("rebooting")) => "REBOOT",
            (Machine::Active | Machine::Stopped, Some("rebooting_hard")) => "HARD_REBOOT",
            (Machine::Building, _) => "BUILD",
            (Machine::Active, _) => "ACTIVE",
            (Machine::Stopped, _) => "SHUTOFF",
            (Machine::Paused, _) => "PAUSED",
            (Machine::Suspended, _) => "SUSPENDED",
            (Machine::Error, _) => "ERROR",
        }
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.task == Some("deleting")
    }

    pub(super) fn is_up(&mut self, at: Timestamp) {
        if self.is_deleting() || self.machine != Machine::Building {
            return;
        }
        self.launched = Some(at);
        self.settles(Machine::Active, at);
    }

    pub(super) fn has_failed(&mut self, words: &str, at: Timestamp) {
        self.fault = Some(Fault {
            words: words.to_owned(),
            created: at,
        });
        self.settles(Machine::Error, at);
    }

    pub(super) fn settles(&mut self, machine: Machine, at: Timestamp) {
        if self.is_deleting() {
            return;
        }
        self.machine = machine;
        self.task = None;
        self.updated = at;
    }

    /// For the snapshot.
    pub(super) fn kept(&self) -> Object {
        let ports: Vec<&str> = self.nics.iter().map(|nic| nic.port.as_str()).collect();
        let volumes: Vec<&str> = self.disks.iter().map(|disk| disk.volume.as_str()).collect();
        object(json!({
            "id": self.id, "name": self.name, "project_id": self.project, "user_id": self.user, "status": self.status(),
            "task_state": self.task, "host": self.host, "flavor": self.flavor.name, "image": self.image, "key_name": self.key_name,
            "metadata": self.metadata, "tags": self.tags, "ports": ports, "volumes": volumes, "server_group": self.group,
        }))
    }
}
