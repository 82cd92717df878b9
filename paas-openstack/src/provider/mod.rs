//! The infrastructure provider: what a Platform is made of on OpenStack, and whose a resource is.

pub mod choice;
mod desired;
pub mod kinds;
pub mod marks;
pub mod resource;
mod shape;

pub use desired::desired;
pub use resource::OpenStackResource;
pub use shape::CONTROL_PLANE;
