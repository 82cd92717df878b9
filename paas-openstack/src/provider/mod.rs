//! The infrastructure provider: what a Platform is made of on OpenStack, and whose a resource is.

pub mod choice;
pub mod kinds;
pub mod marks;
pub mod resource;

pub use resource::OpenStackResource;
