//! One virtual machine with all that it needs: network, way out, security group, key, volumes, address outside.
//!
//! It is made by the same engine as a Platform, of the same kinds, so it is planned before it is made, made once, and taken down to
//! nothing. The cloud is the state: another program, or another laptop, finds it by its marks.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use paas_core::{pipeline::{Context, Wanted}, secrets::SecretStore};
//! # async fn f(client: paas_openstack::Client, secrets: Arc<dyn SecretStore>, mut cx: Context) -> paas_core::error::Result<()> {
//! use paas_openstack::vm::{self, VmSpec};
//! let spec = VmSpec::named("web");
//! vm::choose(&client, &spec).await?;
//! vm::pipeline(client, secrets, spec).run(&mut cx, Wanted::Spec, None).await?;
//! # Ok(()) }
//! ```

mod choose;
mod desired;
mod driver;
mod fixed;
mod list;
mod login;
mod place;
mod show;
mod spec;

use std::sync::Arc;

use paas_core::{
    error::Result,
    owner::{Identity, Owner},
    pipeline::{DriverStage, Pipeline},
    resource::Key,
    secrets::{SecretRef, SecretStore, SecretString},
};

pub use choose::{Chosen, choose};
pub use desired::desired;
pub use driver::VmDriver;
pub use fixed::fixed;
pub use list::{Summary, list};
pub use login::login;
pub use place::place;
pub use show::{Console, Opening, Vm, VolumeSeen, show};
pub use spec::{Allowed, DEFAULT_CIDR, Place, VmSpec, range};

use crate::client::Client;

/// The kind of the owner of a machine's parts.
pub const KIND: &str = "VirtualMachine";

/// The namespace that machines are in.
pub const NAMESPACE: &str = "default";

/// Who owns the parts of a machine, in the project that this identity is of.
pub fn owner(project: &Identity, name: &str) -> Owner {
    Owner::new(project, KIND, NAMESPACE, name)
}

/// The stages of a machine: one.
pub fn pipeline(client: Client, secrets: Arc<dyn SecretStore>, spec: VmSpec) -> Pipeline {
    let driver = VmDriver::new(client, secrets, &spec);
    Pipeline::new(vec![Box::new(DriverStage::new(driver, spec))])
}

/// Keeps the user-data of a first boot where the actuator finds it, and gives the word for it. Other text gets another name.
///
/// # Errors
/// `PAAS-OS-0030` if it is too large; the store's.
pub async fn keep_user_data(
    secrets: &dyn SecretStore,
    owner: &Owner,
    text: &SecretString,
) -> Result<SecretRef> {
    use paas_core::secrets::ExposeSecret as _;
    crate::compute::UserData::new(text.expose_secret().as_bytes())?;
    let reference = SecretRef::to("user-data", text);
    let name = format!("user-data-{}", reference.fingerprint.get(..8).unwrap_or_default());
    secrets.put_if_absent(owner, &name, text.clone()).await?;
    Ok(SecretRef { name, ..reference })
}

/// The name of a machine's key pair in Nova: it belongs to the user, not to the project.
pub fn key_pair_name(owner: &Owner) -> Result<String> {
    Ok(paas_core::names::for_kind(
        owner,
        "keyPair",
        &Key::new(desired::KEY_PAIR)?,
    ))
}
