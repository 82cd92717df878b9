//! The kinds of objects that a database by CloudNativePG is made of.

use super::{health, judge};
use crate::kube::{ObjectKind, kind};

/// The API group of CloudNativePG.
pub const GROUP: &str = "postgresql.cnpg.io";

const fn cnpg(name: &'static str, plural: &'static str, word: &'static str) -> ObjectKind {
    ObjectKind::core(name, plural, word).of(GROUP, "v1")
}

/// The servers.
pub static CLUSTER: ObjectKind = cnpg("Cluster", "clusters", "cluster")
    .judged_by(health::of_cluster)
    .changed_by(judge::cluster);
/// A database in the servers.
pub static DATABASE: ObjectKind = cnpg("Database", "databases", "database")
    .judged_by(health::of_content)
    .changed_by(judge::content);
/// A role in the servers; a kind that CloudNativePG has since 1.30.
pub static ROLE: ObjectKind = cnpg("DatabaseRole", "databaseroles", "databaseRole")
    .judged_by(health::of_content)
    .changed_by(judge::content);
/// A pool of connections in front of the servers.
pub static POOLER: ObjectKind = cnpg("Pooler", "poolers", "pooler").judged_by(health::of_pooler);
/// What Prometheus reads; a cluster without its operator lacks the kind.
pub static POD_MONITOR: ObjectKind = ObjectKind::core("PodMonitor", "podmonitors", "podMonitor")
    .of("monitoring.coreos.com", "v1")
    .or_absent();

/// A volume of a server, which its Cluster makes.
pub static VOLUME: ObjectKind = ObjectKind::core("PersistentVolumeClaim", "persistentvolumeclaims", "volume");

/// All kinds that an instance may have objects of.
pub static ALL: [&ObjectKind; 7] = [
    &kind::SECRET,
    &CLUSTER,
    &ROLE,
    &DATABASE,
    &POOLER,
    &kind::NETWORK_POLICY,
    &POD_MONITOR,
];

/// Their words.
pub(super) const WORDS: &[&str] = &[
    "secret",
    "cluster",
    "databaseRole",
    "database",
    "pooler",
    "networkPolicy",
    "podMonitor",
    "volume",
];
