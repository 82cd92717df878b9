//! A database by CloudNativePG 1.30: a [`DatabaseInstanceSpec`](crate::spec::DatabaseInstanceSpec) as its objects, and what they say.
//!
//! Everything here is pure; the hands are given ([`CnpgDriver::hands`]). Of an instance `shop` with the user and the database `app`:
//!
//! | key | object | |
//! | --- | --- | --- |
//! | `cluster` | `Cluster/shop` | the servers; holds data |
//! | `role/app` | `DatabaseRole/shop.app` | the owner role, without login |
//! | `login/app_a`, `login/app_b` | `DatabaseRole/shop.app-a`, `shop.app-b` | the login roles that take turns ([`turns`]) |
//! | `password/app_a` | `Secret/shop.login.app-a` | a password, for CloudNativePG; only while the role is open |
//! | `database/app` | `Database/shop.app` | a database with its extensions |
//! | `binding/app` | `Secret/shop.binding` | what programs are bound by |
//! | `pooler` | `Pooler/shop-pooler` | only where the spec asks for one |
//! | `networkPolicy`, `podMonitor` | `NetworkPolicy/shop`, `PodMonitor/shop` | the latter only where the cluster has the kind |
//!
//! CloudNativePG itself makes services (`shop-rw`, `shop-ro`, `shop-r`), certificates and disruption budgets. Fields are written only
//! where the spec speaks of them: the webhook's defaults stay as they are.

mod acts;
pub mod adopt;
mod adoption;
mod authority;
mod cluster;
pub mod codes;
mod contents;
mod driver;
mod facts;
mod hands;
pub mod health;
pub mod images;
pub mod judge;
pub mod kinds;
pub mod names;
mod net;
pub mod parameters;
mod passwords;
mod pooler;
mod rest;
mod session;
pub mod steps;
pub mod turns;
mod wanted;
mod words;
pub mod worse;

pub use acts::CnpgActs;
pub use adoption::ADOPT;
pub use authority::authority;
pub use cluster::HIBERNATION;
pub use contents::{BINDING_TYPE, session_role};
pub use driver::{CnpgDriver, OPERATOR_NAMESPACE, STAGE};
pub use facts::Facts;
pub use hands::CnpgHands;
pub use images::Images;
pub use net::CLUSTER_LABEL;
pub use steps::Rotation;
pub use turns::{Logins, Turns};
pub use worse::worse;

use driver::{Administrator, Authority};
