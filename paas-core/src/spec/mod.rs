//! The user's words: `Platform`, `DatabaseInstance`, `DatabaseBackup`.
//!
//! One set of structs is read from files, is the Kubernetes custom resources, and is spoken over REST. Their JSON
//! schema ([`schema`]) carries every rule, plain keywords and CEL alike, so that `validate` here and an API server
//! there come to the same verdict with the same words.

pub mod codes;
#[cfg(feature = "load")]
pub mod load;
pub mod schema;
#[cfg(feature = "load")]
pub mod validate;

pub(crate) mod backup;
mod builtin;
mod common;
mod contents;
pub(crate) mod database;
mod document;
mod engine;
mod kubernetes;
mod meta;
mod openstack;
pub(crate) mod platform;
mod quantity;
mod roles;
mod upkeep;

pub use backup::{BackupMethod, DatabaseBackupSpec, DatabaseBackupStatus};
pub use builtin::quickstart;
#[cfg(feature = "load")]
pub use builtin::template;
pub use common::{Binding, BlockedStatus, BlockedStep, Condition, ConditionStatus, LocalRef, Requests};
pub use contents::{Database, ParameterValue, User};
pub use database::{
    DatabaseInstanceSpec, DatabaseInstanceStatus, DeletionPolicy, Exposure, LoadBalancer, PoolMode, Pooler,
    Storage,
};
pub use document::{Document, Kind, Object, Spec, UnknownKind};
pub use engine::{Engine, EngineType, EngineVersion, EngineVersionError, Plan, Resources, Runtime};
pub use kubernetes::{Addons, ControlPlane, Installer, Kubernetes, Packages, Pool};
pub use meta::Meta;
pub use openstack::{AntiAffinity, Existing, FlavorAtLeast, FloatingIps, OpenStack};
pub use platform::{Infrastructure, InfrastructureType, Local, PlatformSpec, PlatformStatus, Stackit};
pub use quantity::{Cpu, Quantity, QuantityError};
pub use roles::{CONTROL_PLANE, Role};
pub use upkeep::{BackupPlan, MaintenanceWindow, Weekday};

/// The API group of all kinds.
pub const GROUP: &str = "paas.rs";
/// The version of all kinds.
pub const VERSION: &str = "v1alpha1";
/// `group/version`, as it stands in `apiVersion`.
pub const API_VERSION: &str = "paas.rs/v1alpha1";
