//! The infrastructure provider: what a Platform is made of on OpenStack, and whose a resource is.

mod actuator;
pub mod adopt;
pub mod choice;
mod consoles;
mod desired;
pub(crate) mod driver;
mod identity;
pub mod kinds;
pub(crate) mod lookup;
mod machine;
pub mod made;
pub mod marks;
pub(crate) mod preflight;
pub mod resource;
mod shape;
mod tags;

pub use actuator::OpenStackActuator;
pub use consoles::ServerConsoles;
pub use desired::{Layout, desired};
pub use driver::{OpenStackDriver, bounds};
pub use identity::identity;
pub use resource::OpenStackResource;
