//! Cinder: volumes. Asked with microversions up to 3.59, the newest of most clouds that run.

mod volume;

use paas_core::error::Result;
use serde_json::json;

pub use volume::{
    Attachment, Metadata, NewVolume, OtherQuotas, Volume, VolumeChange, VolumeFilter, VolumeLimits,
    VolumeQuota, VolumeStatus, VolumeType,
};

use crate::{
    client::{Call, Client, Need, segment, service::Kind},
    codes::OS_NO_SERVICE,
    collection::{All, Collection, Create, Delete, List, Resource, Show, Update},
    wire::Zone,
};

/// The newest microversion that is understood.
const CEILING: &str = "3.59";

/// Cinder, over a client.
#[derive(Debug, Clone, Copy)]
pub struct BlockStorage<'c>(&'c Client);

impl Client {
    /// Cinder.
    pub fn block_storage(&self) -> BlockStorage<'_> {
        BlockStorage(self)
    }
}

impl<'c> BlockStorage<'c> {
    /// The project's volumes.
    pub fn volumes(self) -> Collection<'c, Volume> {
        Collection::new(self.0)
    }

    /// All volumes that fit; none where the cloud has no Cinder at all.
    ///
    /// # Errors
    ///
    /// The service's refusal. `PAAS-OS-0028` if the catalog has Cinder, only not where this configuration looks: volumes may be there.
    pub async fn all_volumes(self, which: &VolumeFilter) -> Result<Vec<Volume>> {
        match self.0.endpoint(Kind::BlockStorage).await {
            Ok(_) => self.volumes().all(which).await,
            Err(e)
                if e.code() == &OS_NO_SERVICE && self.0.token().await?.catalog.lacks(Kind::BlockStorage) =>
            {
                Ok(Vec::new())
            }
            Err(e) => Err(e),
        }
    }

    /// The types of volumes that the project may use.
    pub fn volume_types(self) -> Collection<'c, VolumeType> {
        Collection::new(self.0)
    }

    /// What the token's project may have and has.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn limits(self) -> Result<VolumeLimits> {
        let limits: volume::Absolute = self
            .0
            .fetch(read("show volume limits", "limits"), "limits")
            .await?;
        Ok(limits.absolute)
    }

    /// A project's quota with what is in use.
    ///
    /// # Errors
    ///
    /// Class `Denied` for another project than the token's.
    pub async fn quota(self, project: &str) -> Result<VolumeQuota> {
        let path = format!("os-quota-sets/{}", segment(project));
        self.0
            .fetch(
                read("show volume quota", path).query("usage", "True"),
                "quota_set",
            )
            .await
    }

    /// Where volumes can lie: not Nova's zones.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn availability_zones(self) -> Result<Vec<Zone>> {
        self.0
            .fetch(
                read("list volume zones", "os-availability-zone"),
                "availabilityZoneInfo",
            )
            .await
    }
}

fn read(operation: &'static str, path: impl Into<String>) -> Call {
    Call::get(Kind::BlockStorage, operation, path).microversion(Need::up_to(CEILING))
}

impl Resource for Volume {
    const KIND: Kind = Kind::BlockStorage;
    const SAID: &'static str = "volume";
    const SAID_MANY: &'static str = "volumes";
    const PATH: &'static str = "volumes";
    const ONE: Option<&'static str> = Some("volume");
    const CEILING: Option<&'static str> = Some(CEILING);
}

impl List for Volume {
    const DETAIL: &'static str = "/detail";
    const MANY: &'static str = "volumes";
    type Filter = VolumeFilter;
}

impl Show for Volume {}

impl Create for Volume {
    type New = NewVolume;
}

impl Update for Volume {
    type Change = VolumeChange;
}

impl Delete for Volume {}

impl Collection<'_, Volume> {
    /// Makes a volume larger, to this many GiB. Cinder only begins to.
    ///
    /// # Errors
    ///
    /// Class `Invalid` if it is not larger or the volume is not available, `Quota` if there is no room.
    pub async fn extend(&self, id: &str, gib: u64) -> Result<()> {
        let call = Call::post(
            Kind::BlockStorage,
            "extend volume",
            self.one("extend", id, "/action")?,
        )
        .body(json!({ "os-extend": { "new_size": gib } }))
        // Below 3.42 an attached volume is refused.
        .microversion(Need::up_to(CEILING));
        self.client.send(call).await.map(drop)
    }
}

impl Resource for VolumeType {
    const KIND: Kind = Kind::BlockStorage;
    const SAID: &'static str = "volume type";
    const SAID_MANY: &'static str = "volume types";
    const PATH: &'static str = "types";
    const ONE: Option<&'static str> = Some("volume_type");
    const CEILING: Option<&'static str> = Some(CEILING);
}

impl List for VolumeType {
    const MANY: &'static str = "volume_types";
    type Filter = All;
}

impl Show for VolumeType {}
