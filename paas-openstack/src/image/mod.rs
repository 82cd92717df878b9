//! Glance: images.

#[allow(
    clippy::module_inception,
    reason = "an image is what the service is named after"
)]
mod image;

use paas_core::error::Result;
use serde_json::{Value, json};

pub use image::{Image, ImageFilter, ImageStatus, NewImage, Properties, Visibility};

use crate::{
    client::{Call, Client, service::Kind},
    collection::{Collection, Create, Delete, List, Resource, Show},
};

/// The kind of body that a change is.
const PATCH: &str = "application/openstack-images-v2.1-json-patch";

/// Glance, over a client.
#[derive(Debug, Clone, Copy)]
pub struct Images<'c>(&'c Client);

impl Client {
    /// Glance.
    pub fn image(&self) -> Images<'_> {
        Images(self)
    }
}

impl<'c> Images<'c> {
    /// The images that the project may use.
    pub fn images(self) -> Collection<'c, Image> {
        Collection::new(self.0)
    }

    /// The newest image that can be used and that the filter admits. Names are not unique, and whoever shares an image chooses its name:
    /// look at owner and visibility before it is trusted.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn newest(self, filter: &ImageFilter) -> Result<Option<Image>> {
        let mut found = self
            .images()
            .all(&filter.clone().status(ImageStatus::Active))
            .await?;
        // The id decides between two of the same moment, so that the choice is always the same.
        found.sort_by(|a, b| (a.created_at.at(), &a.id).cmp(&(b.created_at.at(), &b.id)));
        Ok(found.pop())
    }
}

impl Resource for Image {
    const KIND: Kind = Kind::Image;
    const SAID: &'static str = "image";
    const SAID_MANY: &'static str = "images";
    const PATH: &'static str = "images";
    const ONE: Option<&'static str> = None;
}

impl List for Image {
    const MANY: &'static str = "images";
    type Filter = ImageFilter;
}

impl Show for Image {}

impl Create for Image {
    type New = NewImage;
}

impl Delete for Image {}

impl Collection<'_, Image> {
    /// Sets properties of an image, its name or its tags among them.
    ///
    /// # Errors
    ///
    /// Class `Denied` for an image of another project.
    pub async fn set(&self, id: &str, properties: &[(&str, Value)]) -> Result<Image> {
        let path = self.one("update", id, "")?;
        let patch = |(name, value): &(&str, Value)| {
            // JSON pointers have two characters of their own.
            let name = name.replace('~', "~0").replace('/', "~1");
            json!({ "op": "add", "path": format!("/{name}"), "value": value })
        };
        let patch: Vec<Value> = properties.iter().map(patch).collect();
        let call =
            Call::patch(Kind::Image, "update image", path).bytes(PATCH, Value::from(patch).to_string());
        self.client.fetch(call, "").await
    }

    /// Gives an image its data, in memory; it must be `queued`.
    ///
    /// # Errors
    ///
    /// Class `Conflict` if it has data already, `Quota` if they are too many.
    pub async fn upload(&self, id: &str, data: impl Into<bytes::Bytes>) -> Result<()> {
        let path = self.one("upload", id, "/file")?;
        let call = Call::put(Kind::Image, "upload image", path).bytes("application/octet-stream", data);
        self.client.send(call).await.map(drop)
    }
}
