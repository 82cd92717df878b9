//! Octavia: load balancers. While one is not `ACTIVE`, every write to it and its children is refused (409): wait in between.

mod balancer;
mod traffic;

use paas_core::error::Result;
use serde_json::json;

pub use balancer::{
    ListenerTree, LoadBalancer, LoadBalancerChange, LoadBalancerFilter, MemberTree, MonitorTree,
    NewLoadBalancer, OperatingStatus, PoolTree, ProvisioningStatus, Reference, StatusTree,
};
pub use traffic::{
    Algorithm, HealthMonitor, HealthMonitorChange, Listener, ListenerFilter, Member, MemberChange,
    MemberFilter, MonitorType, NewHealthMonitor, NewListener, NewMember, NewPool, Pool, PoolFilter, Protocol,
};

use crate::{
    client::{Call, Client, segment, service::Kind},
    collection::{All, Collection, Create, Delete, List, Resource, Show, Update},
    wire::record,
};

/// Octavia, over a client.
#[derive(Debug, Clone, Copy)]
pub struct LoadBalancing<'c>(&'c Client);

impl Client {
    /// Octavia.
    pub fn load_balancer(&self) -> LoadBalancing<'_> {
        LoadBalancing(self)
    }
}

impl<'c> LoadBalancing<'c> {
    /// The project's load balancers.
    pub fn load_balancers(self) -> Collection<'c, LoadBalancer> {
        Collection::new(self.0)
    }

    /// The listeners of all its load balancers.
    pub fn listeners(self) -> Collection<'c, Listener> {
        Collection::new(self.0)
    }

    /// The pools of all its load balancers.
    pub fn pools(self) -> Collection<'c, Pool> {
        Collection::new(self.0)
    }

    /// The members of a pool.
    pub fn members(self, pool: &str) -> Collection<'c, Member> {
        Collection::at(self.0, format!("lbaas/pools/{}/members", segment(pool)))
    }

    /// The health monitors of all its pools.
    pub fn health_monitors(self) -> Collection<'c, HealthMonitor> {
        Collection::new(self.0)
    }

    /// What can make load balancers here.
    pub fn providers(self) -> Collection<'c, Provider> {
        Collection::new(self.0)
    }

    /// A project's limits; what is in use is not told.
    ///
    /// # Errors
    ///
    /// Class `Denied` for another project than the token's.
    pub async fn quota(self, project: &str) -> Result<LoadBalancerQuota> {
        let path = format!("lbaas/quotas/{}", segment(project));
        self.0
            .fetch(
                Call::get(Kind::LoadBalancer, "show load balancer quota", path),
                "quota",
            )
            .await
    }
}

record! {
    /// What makes load balancers.
    pub struct Provider {
        /// Its name.
        key name: String,
        /// Said about it.
        description: String,
    }
}

record! {
    /// A project's limits in Octavia: -1 is no limit, `None` what the cloud did not tell.
    pub struct LoadBalancerQuota {
        /// Load balancers.
        loadbalancer: Option<i64>,
        /// Listeners.
        listener: Option<i64>,
        /// Pools.
        pool: Option<i64>,
        /// Members.
        member: Option<i64>,
        /// Health monitors.
        healthmonitor: Option<i64>,
    }
}

impl Collection<'_, LoadBalancer> {
    /// Deletes it with everything in it. A floating IP and a port that were given to it stay.
    ///
    /// # Errors
    ///
    /// Class `Conflict` while it is being changed.
    pub async fn delete_cascade(&self, id: &str) -> Result<()> {
        let path = self.one("delete", id, "")?;
        let call = Call::delete(Kind::LoadBalancer, "delete load balancer", path).query("cascade", "true");
        self.client.send(call).await.map(drop)
    }

    /// It with everything in it and how it works, in one call.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if there is none.
    pub async fn status(&self, id: &str) -> Result<StatusTree> {
        let path = self.one("show status of", id, "/status")?;
        let tree: Statuses = self
            .client
            .fetch(
                Call::get(Kind::LoadBalancer, "show load balancer status", path),
                "statuses",
            )
            .await?;
        Ok(tree.loadbalancer)
    }
}

record! {
    /// What stands around a tree.
    struct Statuses {
        key loadbalancer: StatusTree,
    }
}

impl Collection<'_, Member> {
    /// Makes these the members of the pool: what is not said goes. One call, and one change of the balancer.
    ///
    /// # Errors
    ///
    /// Class `Conflict` while the balancer is being changed.
    pub async fn replace(&self, members: &[NewMember]) -> Result<()> {
        let call = Call::put(Kind::LoadBalancer, "replace members", self.path.clone());
        self.client
            .send(call.body(json!({ "members": members })))
            .await
            .map(drop)
    }
}

/// All that is Octavia's is said alike.
macro_rules! resource {
    ($of:ty, $said:literal, $many_said:literal, $path:literal, $one:literal, $many:literal, $filter:ty $(, $new:ty, $change:ty)?) => {
        impl Resource for $of {
            const KIND: Kind = Kind::LoadBalancer;
            const SAID: &'static str = $said;
            const SAID_MANY: &'static str = $many_said;
            const PATH: &'static str = $path;
            const ONE: Option<&'static str> = Some($one);
        }
        impl List for $of {
            const MANY: &'static str = $many;
            type Filter = $filter;
        }
        $(
            impl Show for $of {}
            impl Create for $of {
                type New = $new;
            }
            impl Update for $of {
                type Change = $change;
            }
            impl Delete for $of {}
        )?
    };
}

resource!(
    LoadBalancer,
    "load balancer",
    "load balancers",
    "lbaas/loadbalancers",
    "loadbalancer",
    "loadbalancers",
    LoadBalancerFilter,
    NewLoadBalancer,
    LoadBalancerChange
);
resource!(
    Listener,
    "listener",
    "listeners",
    "lbaas/listeners",
    "listener",
    "listeners",
    ListenerFilter,
    NewListener,
    LoadBalancerChange
);
resource!(
    Pool,
    "pool",
    "pools",
    "lbaas/pools",
    "pool",
    "pools",
    PoolFilter,
    NewPool,
    LoadBalancerChange
);
resource!(
    Member,
    "member",
    "members",
    "lbaas/pools",
    "member",
    "members",
    MemberFilter,
    NewMember,
    MemberChange
);
resource!(
    HealthMonitor,
    "health monitor",
    "health monitors",
    "lbaas/healthmonitors",
    "healthmonitor",
    "healthmonitors",
    All,
    NewHealthMonitor,
    HealthMonitorChange
);
resource!(
    Provider,
    "load balancer provider",
    "load balancer providers",
    "lbaas/providers",
    "provider",
    "providers",
    All
);
