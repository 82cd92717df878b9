//! What is plugged into a server, and what was done to it. Source: api-ref `os-interface.inc`, `os-volume-attachments.inc`,
//! `os-instance-actions.inc`.

use serde::Serialize;

use crate::{
    network::FixedIp,
    wire::{Stamp, open_enum, record, request},
};

record! {
    /// A port of a server.
    pub struct Interface {
        /// The port's id.
        key port_id: String,
        /// The network's id.
        net_id: String,
        /// The card's address.
        mac_addr: String,
        /// The port's status.
        port_state: String,
        /// Its addresses.
        fixed_ips: Vec<FixedIp>,
        /// From 2.70.
        tag: Option<String>,
    }
}

request! {
    /// A volume to be attached.
    pub struct NewAttachment {
        must {
            /// The volume's id.
            #[serde(rename = "volumeId")]
            volume: String,
        }
        may {
            /// Told to the server in its metadata; from 2.49.
            tag: String,
        }
    }
}

record! {
    /// A volume attached to a server.
    pub struct VolumeAttachment {
        /// The volume's id.
        #[serde(rename = "volumeId")]
        key volume_id: String,
        /// The server's id.
        #[serde(rename = "serverId")]
        server_id: String,
        /// `/dev/vdb`, as the hypervisor guesses; the server may name it otherwise.
        device: Option<String>,
        /// From 2.70.
        tag: Option<String>,
        /// Whether it goes with the server; from 2.79.
        delete_on_termination: bool,
    }
}

record! {
    /// Something that was asked of a server. Nova keeps it also for a while after the server is gone (from 2.21).
    pub struct InstanceAction {
        /// Nova's own request id.
        key request_id: String,
        /// `create`, `stop`, `delete`.
        action: String,
        /// What went wrong, if anything; Nova shows little of it to users.
        message: Option<String>,
        /// When it began.
        start_time: Stamp,
        /// When its last step ended; from 2.58.
        updated_at: Option<Stamp>,
        /// Its steps; only where one action is asked for.
        events: Vec<InstanceEvent>,
    }
}

record! {
    /// A step of an action.
    pub struct InstanceEvent {
        /// Its name.
        key event: String,
        /// `Success` or `Error`; none while it runs.
        result: Option<String>,
        /// When it began.
        start_time: Stamp,
        /// When it ended.
        finish_time: Option<Stamp>,
    }
}

/// What can be asked of a server. Nova answers at once and works on; look at `task_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Power on.
    Start,
    /// Shut down.
    Stop,
    /// Shut down and power on.
    Reboot,
    /// Off and on.
    HardReboot,
    /// Refuse changes.
    Lock,
    /// Take changes again.
    Unlock,
    /// Stop in memory.
    Pause,
    /// Stop on disk.
    Suspend,
    /// Run on after a pause.
    Unpause,
    /// Run on after a suspension.
    Resume,
    /// Come back from the shelf.
    Unshelve,
    /// Boot from its own disk again.
    Unrescue,
    /// Go back to the flavor from before a resize that waits for a word.
    RevertResize,
}

impl Action {
    /// How people say it.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::Start => "start server",
            Self::Stop => "stop server",
            Self::Reboot => "reboot server",
            Self::HardReboot => "hard-reboot server",
            Self::Lock => "lock server",
            Self::Unlock => "unlock server",
            Self::Pause => "pause server",
            Self::Suspend => "suspend server",
            Self::Unpause => "unpause server",
            Self::Resume => "resume server",
            Self::Unshelve => "unshelve server",
            Self::Unrescue => "unrescue server",
            Self::RevertResize => "revert resize of server",
        }
    }

    /// The body on the wire.
    pub(super) fn body(self) -> serde_json::Value {
        match self {
            Self::Start => serde_json::json!({ "os-start": null }),
            Self::Stop => serde_json::json!({ "os-stop": null }),
            Self::Reboot => serde_json::json!({ "reboot": { "type": "SOFT" } }),
            Self::HardReboot => serde_json::json!({ "reboot": { "type": "HARD" } }),
            Self::Lock => serde_json::json!({ "lock": null }),
            Self::Unlock => serde_json::json!({ "unlock": null }),
            Self::Pause => serde_json::json!({ "pause": null }),
            Self::Suspend => serde_json::json!({ "suspend": null }),
            Self::Unpause => serde_json::json!({ "unpause": null }),
            Self::Resume => serde_json::json!({ "resume": null }),
            Self::Unshelve => serde_json::json!({ "unshelve": null }),
            Self::Unrescue => serde_json::json!({ "unrescue": null }),
            Self::RevertResize => serde_json::json!({ "revertResize": null }),
        }
    }
}

open_enum! {
    /// How servers of a group lie to each other.
    pub enum GroupPolicy {
        /// On one host, or not at all.
        Affinity = "affinity",
        /// On different hosts, or not at all.
        AntiAffinity = "anti-affinity",
        /// On one host if that is possible; from 2.15.
        SoftAffinity = "soft-affinity",
        /// On different hosts if that is possible; from 2.15.
        SoftAntiAffinity = "soft-anti-affinity",
    }
}

request! {
    /// A server group to be made. From 2.64.
    pub struct NewServerGroup {
        must {
            /// Not unique.
            name: String,
            /// How its servers lie.
            policy: GroupPolicy,
        }
        may {
            /// For `anti-affinity` only.
            rules: GroupRules,
        }
    }
}

record! {
    /// More about a policy.
    #[derive(Serialize)]
    pub struct GroupRules {
        /// How many servers a host may have.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_server_per_host: Option<u32>,
    }
}

record! {
    /// A group of servers that lie together or apart.
    pub struct ServerGroup {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// How its servers lie; from 2.64.
        policy: Option<GroupPolicy>,
        /// The same, below 2.64.
        policies: Vec<GroupPolicy>,
        /// Ids of its servers; they leave it when they are deleted.
        members: Vec<String>,
        /// More about the policy; from 2.64.
        rules: GroupRules,
        /// The project it belongs to; from 2.13.
        project_id: Option<String>,
        /// Who made it; from 2.13.
        user_id: Option<String>,
    }
}

impl ServerGroup {
    /// How its servers lie, whatever the microversion.
    pub fn policy(&self) -> Option<&GroupPolicy> {
        self.policy.as_ref().or_else(|| self.policies.first())
    }
}
