//! The cluster as a stage: an API that answers, and nodes. To make a node is to let its machine join; to delete one is to cordon, drain
//! and remove it.

mod actuator;
mod drain;
mod driver;
mod hands;
mod resource;
mod seen;
mod stage;

pub use actuator::ClusterActuator;
pub use driver::{ClusterDriver, Parts};
pub use resource::{ClusterResource, ControlPlane, Node};
pub use stage::ClusterStage;
