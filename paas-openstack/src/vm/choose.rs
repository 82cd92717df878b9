//! What is chosen, looked up before anything is made: a machine that the cloud cannot have costs nothing.

use paas_core::error::{Class, Error, Result};

use super::{Place, VmSpec, login};
use crate::{client::Client, codes::OS_VM, compute::Flavor, image::Image, provider::lookup::Lookups};

/// What the choices of a spec mean in a cloud today.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The image.
    pub image: Image,
    /// The flavor.
    pub flavor: Flavor,
    /// The id of the external network, if one is needed.
    pub external: Option<String>,
    /// Who logs in, if the image or its distribution says so.
    pub user: Option<String>,
}

/// Looks up image, flavor and external network, and whether the flavor suffices for the image.
///
/// # Errors
/// `PAAS-OS-0041` with what there is; `PAAS-OS-0044` for a flavor that is too small.
pub async fn choose(client: &Client, spec: &VmSpec) -> Result<Chosen> {
    spec.check()?;
    let lookups = Lookups::default();
    let image = Box::pin(async {
        let id = lookups.image(client, &spec.image).await?;
        client.image().images().show(&id).await
    });
    let flavor = Box::pin(async {
        let id = lookups.flavor(client, &spec.flavor).await?;
        client.compute().flavors().show(&id).await
    });
    let external = Box::pin(async {
        if !spec.floating_ip && matches!(spec.place, Place::Existing { .. }) {
            return Ok(None);
        }
        lookups.external(client, &spec.external).await.map(Some)
    });
    let (image, flavor, external) = tokio::try_join!(image, flavor, external)?;
    suffices(spec, &flavor, &image)?;
    let user = login(&image);
    Ok(Chosen {
        image,
        flavor,
        external,
        user,
    })
}

/// Nova refuses a flavor that has less than the image says; a disk of 0 is as large as the image, and a root volume has its own size.
fn suffices(spec: &VmSpec, flavor: &Flavor, image: &Image) -> Result<()> {
    let (disk, of) = match spec.root_volume {
        Some(size) => (u64::from(size), "its root volume has"),
        None => (flavor.disk, "the flavor has"),
    };
    let mut lacks = Vec::new();
    if disk != 0 && disk < image.min_disk {
        lacks.push(format!("{} GiB of disk, and {of} {disk}", image.min_disk));
    }
    if flavor.ram < image.min_ram {
        lacks.push(format!(
            "{} MiB of memory, and the flavor has {}",
            image.min_ram, flavor.ram
        ));
    }
    if lacks.is_empty() {
        return Ok(());
    }
    Err(Error::new(&OS_VM, Class::Invalid)
        .attempted(format!(
            "create the virtual machine {} with the flavor {}",
            spec.name, flavor.name
        ))
        .happened(format!("the image {} needs {}", image.name, lacks.join("; ")))
        .remedy("choose a larger flavor or root volume, or another image"))
}
