//! Images. Source: glance `api-ref/source/v2/images-images-v2.inc`, `images-parameters.yaml`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::wire::{Stamp, filter, open_enum, record, request};

open_enum! {
    /// How an image is.
    pub enum ImageStatus {
        /// Has no data yet.
        Queued = "queued",
        /// Its data are coming.
        Saving = "saving",
        /// Its data are coming, to be imported.
        Uploading = "uploading",
        /// Its data are being imported.
        Importing = "importing",
        /// Can be used.
        Active = "active",
        /// An administrator holds it back.
        Deactivated = "deactivated",
        /// Its data did not come.
        Killed = "killed",
        /// Gone.
        Deleted = "deleted",
        /// About to go.
        PendingDelete = "pending_delete",
    }
}

open_enum! {
    /// Who sees an image.
    pub enum Visibility {
        /// Everybody; an administrator made it so.
        Public = "public",
        /// Its project.
        Private = "private",
        /// Its project and those that it was shared with.
        Shared = "shared",
        /// Everybody who asks for such.
        Community = "community",
    }
}

record! {
    /// An image.
    pub struct Image {
        /// Its id. Who makes it may choose it.
        key id: String,
        /// Not unique: whoever shares an image chooses its name.
        name: String,
        /// How it is.
        status: ImageStatus,
        /// Who sees it.
        visibility: Visibility,
        /// The project it belongs to.
        owner: String,
        /// `qcow2`, `raw`.
        disk_format: Option<String>,
        /// `bare` as a rule.
        container_format: Option<String>,
        /// Bytes of its data.
        size: Option<u64>,
        /// Bytes of the disk that it becomes; not known to every cloud.
        virtual_size: Option<u64>,
        /// GiB of root disk that it needs.
        min_disk: u64,
        /// MiB of memory that it needs.
        min_ram: u64,
        /// Whether it refuses to be deleted.
        protected: bool,
        /// Whether lists leave it out.
        #[serde(rename = "os_hidden")]
        hidden: bool,
        /// Its tags.
        tags: Vec<String>,
        /// The algorithm of its hash.
        os_hash_algo: Option<String>,
        /// Its hash.
        os_hash_value: Option<String>,
        /// When it was made.
        created_at: Stamp,
        /// Everything else that is said of it: `os_distro`, `hw_disk_bus`.
        #[serde(flatten)]
        properties: Properties,
    }
}

impl Image {
    /// A property, if it is there and text.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.0.get(name).and_then(Value::as_str)
    }
}

/// What an image says of itself beyond what every image says.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub struct Properties(pub BTreeMap<String, Value>);

filter! {
    /// Which images. Images of the community and hidden ones are listed only if they are asked for.
    pub struct ImageFilter of Image {
        /// Exactly this name.
        name: String = "name" as one_of_one, |it, want| it.name == *want;
        /// In this status.
        status: ImageStatus = "status", |it, want| it.status == *want;
        /// Seen by these.
        visibility: Visibility = "visibility", |it, want| it.visibility == *want;
        /// Of this project.
        owner: String = "owner", |it, want| it.owner == *want;
        /// With this tag.
        tag: String = "tag", |it, want| it.tags.contains(want);
        /// Of this distribution.
        os_distro: String = "os_distro", |it, want| it.property("os_distro") == Some(want);
        /// Hidden ones only.
        hidden: bool = "os_hidden", |it, want| it.hidden == *want;
    }
}

/// A name as it is, unless Glance would read an operator in it (`in:a,b`, `eq:a`); then as a list of one, in quotes.
fn one_of_one(name: &str) -> String {
    if name.contains(':') || name.contains('"') {
        format!("in:\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        name.to_owned()
    }
}

request! {
    /// An image to be made. With an id that was chosen, a second create is refused (409).
    pub struct NewImage {
        must {
            /// Not unique.
            name: String,
            /// `qcow2`, `raw`.
            disk_format: String,
            /// `bare` as a rule.
            container_format: String,
        }
        may {
            /// A UUID.
            id: String,
            /// Who sees it.
            visibility: Visibility,
            /// GiB of root disk that it needs.
            min_disk: u64,
            /// MiB of memory that it needs.
            min_ram: u64,
            /// Whether it refuses to be deleted.
            protected: bool,
            /// Its tags.
            tags: Vec<String>,
            /// Everything else that is to be said of it.
            #[serde(flatten)]
            properties: BTreeMap<String, String>,
        }
    }
}
