//! What Nova is told to make a server. Source: api-ref `servers.inc`, "Create server".

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::user_data::UserData;
use crate::wire::{open_enum, request};

request! {
    /// A server to be made.
    ///
    /// ```
    /// use paas_openstack::compute::{NewServer, Networks};
    /// let server = NewServer::new("web-0", "42", Networks::port("7d3f…")).image("70a5…").key_name("mine");
    /// ```
    pub struct NewServer {
        must {
            /// 1 to 255 characters; not unique.
            name: String,
            /// The flavor's id.
            #[serde(rename = "flavorRef")]
            flavor: String,
            /// What it is connected to.
            networks: Networks,
        }
        may {
            /// The image's id; left out when it boots from a volume.
            #[serde(rename = "imageRef")]
            image: String,
            /// The key pair, of the user who asks.
            key_name: String,
            /// What it reads when it boots.
            user_data: UserData,
            /// Whether metadata and user data also come on a drive.
            config_drive: bool,
            /// Where to; `zone`, or for administrators `zone:host`.
            availability_zone: String,
            /// At most 128 items, keys and values up to 255 characters.
            metadata: BTreeMap<String, String>,
            /// At most 50, up to 60 characters each, without `/` and `,`; from 2.52.
            tags: Vec<String>,
            /// Its disks, the root among them.
            #[serde(rename = "block_device_mapping_v2")]
            disks: Vec<NewDisk>,
            /// By name or id; for ports that Nova makes only, given ports keep theirs.
            #[serde(serialize_with = "by_name")]
            security_groups: Vec<String>,
            /// Its host name; from 2.90, before it is made from the name.
            hostname: String,
            /// Said about it; from 2.19.
            description: String,
            /// The server group that it belongs to; sent as a scheduler hint.
            #[serde(skip)]
            group: String,
        }
    }
}

impl NewServer {
    /// The oldest microversion that has everything that is said here.
    pub(super) fn needs(&self) -> &'static str {
        let volume_type = |disk: &NewDisk| disk.volume_type.is_some();
        if self.hostname.is_some() {
            "2.90"
        } else if self.disks.iter().flatten().any(volume_type) {
            "2.67"
        } else if self.tags.is_some() {
            "2.52"
        } else {
            // `networks` is required, and devices may have tags, from here on.
            "2.42"
        }
    }
}

/// What a server is connected to.
#[derive(Debug, Clone, PartialEq)]
pub enum Networks {
    /// To the project's network, which Nova makes where there is none.
    Auto,
    /// To nothing.
    None,
    /// To these, in this order.
    These(Vec<NewNic>),
}

impl Networks {
    /// A port that was made before: the one way that a repeated create cannot make a second server.
    pub fn port(id: impl Into<String>) -> Self {
        Self::These(vec![NewNic::default().port(id)])
    }

    /// A port that Nova makes in this network.
    pub fn network(id: impl Into<String>) -> Self {
        Self::These(vec![NewNic::default().network(id)])
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => to.serialize_str("auto"),
            Self::None => to.serialize_str("none"),
            Self::These(nics) => nics.serialize(to),
        }
    }
}

request! {
    /// A network card of a server to be made: a port, or a network in which Nova makes one.
    #[derive(Default)]
    pub struct NewNic {
        must {}
        may {
            /// A port's id.
            port: String,
            /// A network's id.
            #[serde(rename = "uuid")]
            network: String,
            /// The address in that network.
            fixed_ip: String,
            /// Told to the server in its metadata; from 2.42.
            tag: String,
        }
    }
}

request! {
    /// A disk of a server to be made.
    pub struct NewDisk {
        must {
            /// What it is made from.
            source_type: DiskSource,
            /// Whether it is a volume or a disk of the host.
            destination_type: DiskTarget,
        }
        may {
            /// The id of the image, snapshot or volume.
            uuid: String,
            /// 0 is the root; -1 is never booted from.
            boot_index: i32,
            /// In GiB; needed when a volume is made.
            volume_size: u64,
            /// The new volume's type; from 2.67.
            volume_type: String,
            /// Whether it goes with the server.
            delete_on_termination: bool,
            /// Told to the server in its metadata; from 2.42.
            tag: String,
        }
    }
}

impl NewDisk {
    /// A root volume made from an image, which goes with the server.
    pub fn root_from_image(image: impl Into<String>, gib: u64) -> Self {
        Self::new(DiskSource::Image, DiskTarget::Volume)
            .uuid(image)
            .boot_index(0)
            .volume_size(gib)
            .delete_on_termination(true)
    }

    /// The flavor's own disk, filled from an image: has to be said where there are further disks.
    pub fn local_root(image: impl Into<String>) -> Self {
        Self::new(DiskSource::Image, DiskTarget::Local)
            .uuid(image)
            .boot_index(0)
            .delete_on_termination(true)
    }

    /// A volume that is there, as root (`0`) or as data (`-1`). It stays when the server goes.
    pub fn volume(id: impl Into<String>, boot_index: i32) -> Self {
        Self::new(DiskSource::Volume, DiskTarget::Volume)
            .uuid(id)
            .boot_index(boot_index)
            .delete_on_termination(false)
    }
}

open_enum! {
    /// What a disk is made from.
    pub enum DiskSource {
        /// Nothing.
        Blank = "blank",
        /// An image.
        Image = "image",
        /// A volume's snapshot.
        Snapshot = "snapshot",
        /// A volume, as it is.
        Volume = "volume",
    }
}

open_enum! {
    /// Where a disk lies.
    pub enum DiskTarget {
        /// On the host.
        Local = "local",
        /// In Cinder.
        Volume = "volume",
    }
}

request! {
    /// What is to be changed of a server.
    #[derive(Default)]
    pub struct ServerChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it; null takes it back. From 2.19.
            description: Option<String>,
        }
    }
}

/// What Nova is told to create, as it stands on the wire: hints stand beside the server.
pub(super) fn body(new: &NewServer) -> serde_json::Value {
    let mut body = serde_json::json!({ "server": new });
    if let Some(group) = &new.group {
        body["os:scheduler_hints"] = serde_json::json!({ "group": group });
    }
    body
}

#[allow(clippy::ref_option, reason = "serde gives what stands in the struct")]
fn by_name<S: Serializer>(names: &Option<Vec<String>>, to: S) -> Result<S::Ok, S::Error> {
    let names = names.as_deref().unwrap_or_default();
    let mut all = to.serialize_seq(Some(names.len()))?;
    for name in names {
        all.serialize_element(&serde_json::json!({ "name": name }))?;
    }
    all.end()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_said_is_not_sent_and_hints_stand_beside_the_server() {
        let new = NewServer::new("a", "1", Networks::port("p"))
            .group("g")
            .tags(vec!["t".to_owned()]);
        assert_eq!(
            body(&new),
            json!({
                "server": { "name": "a", "flavorRef": "1", "networks": [{ "port": "p" }], "tags": ["t"] },
                "os:scheduler_hints": { "group": "g" },
            })
        );
        assert_eq!(new.needs(), "2.52");
    }

    #[test]
    fn the_official_boot_from_volume_request_can_be_said() {
        let root = NewDisk::root_from_image("70a5", 1)
            .tag("disk1")
            .volume_type("lvm-1");
        let nic = NewNic::default().network("3cb9").tag("nic1");
        let new = NewServer::new("bfv", "1", Networks::These(vec![nic])).disks(vec![root]);
        assert_eq!(
            body(&new),
            json!({ "server": {
                "name": "bfv", "flavorRef": "1", "networks": [{ "uuid": "3cb9", "tag": "nic1" }],
                "block_device_mapping_v2": [{
                    "source_type": "image", "destination_type": "volume", "uuid": "70a5", "boot_index": 0,
                    "volume_size": 1, "volume_type": "lvm-1", "delete_on_termination": true, "tag": "disk1",
                }],
            }})
        );
        assert_eq!(new.needs(), "2.67");
        assert_eq!(new.hostname("h").needs(), "2.90");
    }

    #[test]
    fn security_groups_are_named_and_networks_may_be_words() {
        let new = NewServer::new("a", "1", Networks::Auto).security_groups(vec!["default".to_owned()]);
        let sent = body(&new);
        assert_eq!(sent["server"]["networks"], "auto");
        assert_eq!(sent["server"]["security_groups"], json!([{ "name": "default" }]));
    }

    #[test]
    fn user_data_are_sent_and_not_shown() {
        let data = UserData::new(b"#!/bin/sh\necho canary-55\n").expect("small");
        let new = NewServer::new("a", "1", Networks::None).user_data(data);
        assert_eq!(
            body(&new)["server"]["user_data"],
            "IyEvYmluL3NoCmVjaG8gY2FuYXJ5LTU1Cg=="
        );
        let shown = format!("{new:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("IyEvYmlu"),
            "{shown}"
        );
    }
}
