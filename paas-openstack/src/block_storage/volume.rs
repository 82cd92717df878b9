//! Volumes. Source: cinder `api-ref/source/v3/volumes-v3-volumes.inc`, samples of 3.65.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::wire::{Flag, Quota, Stamp, filter, open_enum, record, request};

open_enum! {
    /// How a volume is.
    pub enum VolumeStatus {
        /// Being made.
        Creating = "creating",
        /// An image is being written to it.
        Downloading = "downloading",
        /// Can be attached or deleted.
        Available = "available",
        /// Promised to a server.
        Reserved = "reserved",
        /// On its way to a server.
        Attaching = "attaching",
        /// On its way from a server.
        Detaching = "detaching",
        /// Attached.
        InUse = "in-use",
        /// Being worked on.
        Maintenance = "maintenance",
        /// About to go.
        Deleting = "deleting",
        /// Could not be made.
        Error = "error",
        /// Could not be deleted.
        ErrorDeleting = "error_deleting",
        /// Could not be made larger.
        ErrorExtending = "error_extending",
        /// Being made larger.
        Extending = "extending",
        /// Changing its type.
        Retyping = "retyping",
        /// Being backed up.
        BackingUp = "backing-up",
        /// Offered to another project.
        AwaitingTransfer = "awaiting-transfer",
        /// Being made an image.
        Uploading = "uploading",
    }
}

record! {
    /// A volume.
    pub struct Volume {
        /// Its id.
        key id: String,
        /// Not unique; may be empty.
        name: String,
        /// Said about it.
        description: String,
        /// How it is.
        status: VolumeStatus,
        /// In GiB.
        size: u64,
        /// Its type's name.
        volume_type: Option<String>,
        /// Whether a server can boot from it; true only once its image is written.
        bootable: Flag,
        /// Whether it is encrypted.
        encrypted: bool,
        /// Whether several servers may have it.
        multiattach: bool,
        /// Its metadata.
        metadata: BTreeMap<String, String>,
        /// What its image said of itself when it was written to it: `image_name`, `os_distro`.
        #[serde(rename = "volume_image_metadata")]
        image: BTreeMap<String, Value>,
        /// Where it is attached.
        attachments: Vec<Attachment>,
        /// Its zone, which is Cinder's and not Nova's.
        availability_zone: Option<String>,
        /// The snapshot it was made from.
        snapshot_id: Option<String>,
        /// The volume it was made from.
        source_volid: Option<String>,
        /// The project it belongs to; not shown to everybody.
        #[serde(rename = "os-vol-tenant-attr:tenant_id")]
        project_id: Option<String>,
        /// Who made it.
        user_id: String,
        /// When it was made.
        created_at: Stamp,
    }
}

record! {
    /// Where a volume is attached.
    pub struct Attachment {
        /// The server's id.
        server_id: String,
        /// `/dev/vdb`, as the hypervisor guesses.
        device: Option<String>,
        /// The attachment's id.
        attachment_id: Option<String>,
    }
}

filter! {
    /// Which volumes.
    pub struct VolumeFilter of Volume {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// In this status.
        status: VolumeStatus = "status", |it, want| it.status == *want;
        /// With all these metadata.
        metadata: Metadata = "metadata", |it, want| want.0.iter().all(|(k, v)| it.metadata.get(k) == Some(v));
    }
}

/// Metadata as Cinder's filter reads them: a Python dictionary of strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(pub BTreeMap<String, String>);

impl From<BTreeMap<String, String>> for Metadata {
    fn from(all: BTreeMap<String, String>) -> Self {
        Self(all)
    }
}

impl From<(&str, &str)> for Metadata {
    fn from((key, value): (&str, &str)) -> Self {
        Self(BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }
}

impl std::fmt::Display for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(k, v)| format!("{}: {}", quoted(k), quoted(v)))
            .collect();
        write!(f, "{{{}}}", pairs.join(", "))
    }
}

request! {
    /// A volume to be made. Name and metadata are there from the start.
    pub struct NewVolume {
        must {
            /// In GiB.
            size: u64,
        }
        may {
            /// Not unique.
            name: String,
            /// Said about it.
            description: String,
            /// The type's name; not said, the cloud's default.
            volume_type: String,
            /// Cinder's zone.
            availability_zone: String,
            /// The image that is written to it.
            #[serde(rename = "imageRef")]
            image: String,
            /// The snapshot that it is made from.
            snapshot_id: String,
            /// The volume that it is made from.
            source_volid: String,
            /// Whether several servers may have it; below 3.50 only.
            multiattach: bool,
            /// Its metadata; the one filter that finds a volume after its reply was lost.
            metadata: BTreeMap<String, String>,
        }
    }
}

request! {
    /// What is to be changed of a volume.
    #[derive(Default)]
    pub struct VolumeChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it.
            description: String,
            /// All its metadata: what is not said goes.
            metadata: BTreeMap<String, String>,
        }
    }
}

record! {
    /// A type of volumes.
    pub struct VolumeType {
        /// Its id.
        key id: String,
        /// Its name.
        name: String,
        /// Said about it.
        description: Option<String>,
        /// Whether every project has it.
        is_public: Option<bool>,
        /// What back ends must have; not shown to everybody.
        extra_specs: BTreeMap<String, String>,
    }
}

record! {
    /// What a project may have and has, as Cinder counts. A limit of -1 is none.
    pub struct VolumeLimits {
        /// Volumes.
        #[serde(rename = "maxTotalVolumes")]
        max_volumes: Option<i64>,
        /// Volumes that there are.
        #[serde(rename = "totalVolumesUsed")]
        volumes_used: i64,
        /// GiB of volumes and snapshots.
        #[serde(rename = "maxTotalVolumeGigabytes")]
        max_gigabytes: Option<i64>,
        /// GiB in use.
        #[serde(rename = "totalGigabytesUsed")]
        gigabytes_used: i64,
        /// Snapshots.
        #[serde(rename = "maxTotalSnapshots")]
        max_snapshots: Option<i64>,
        /// Snapshots that there are.
        #[serde(rename = "totalSnapshotsUsed")]
        snapshots_used: i64,
    }
}

record! {
    /// A project's quota in Cinder, with what is in use.
    pub struct VolumeQuota {
        /// Volumes.
        volumes: Quota,
        /// GiB of volumes and snapshots.
        gigabytes: Quota,
        /// Snapshots.
        snapshots: Quota,
        /// GiB of one volume; nothing is counted here.
        per_volume_gigabytes: Quota,
        /// The same by type, as `volumes_<type>` and `gigabytes_<type>`, and whatever else this cloud counts.
        #[serde(flatten)]
        others: OtherQuotas,
    }
}

/// Quotas by a name that this version does not know: `gigabytes_ssd`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherQuotas(pub BTreeMap<String, Quota>);

impl<'de> Deserialize<'de> for OtherQuotas {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let all: BTreeMap<String, Value> = BTreeMap::deserialize(from)?;
        // The id of the project stands among them.
        let quotas = all.into_iter().filter(|(_, value)| value.get("limit").is_some());
        let quotas = quotas.filter_map(|(name, value)| Some((name, serde_json::from_value(value).ok()?)));
        Ok(Self(quotas.collect()))
    }
}

record! {
    /// `{"absolute": {…}}`: what stands around limits.
    pub(super) struct Absolute {
        /// They.
        absolute: VolumeLimits,
    }
}
