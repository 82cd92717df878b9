//! How things that a cluster made in its cloud are told from those of others, by what cloud-provider-openstack writes into them.
//!
//! Source: cloud-provider-openstack `pkg/openstack/loadbalancer.go`, `loadbalancer_sg.go`, `pkg/csi/cinder/controllerserver.go`.

use paas_core::owner::Owner;

use super::marks;

/// `metadata` key of a volume with the name of the cluster whose storage driver made it.
pub const CSI_CLUSTER: &str = "cinder.csi.openstack.org/cluster";

const BALANCER: &str = "kube_service_";
const ADDRESS: &str = "Floating IP for Kubernetes external service ";
const GROUP: &str = "Security Group for ";
const OF_GROUP: &str = "Service LoadBalancer in cluster ";

/// True for the name of a load balancer of this owner's cluster: `kube_service_<cluster>_<namespace>_<service>`.
pub fn is_balancer_of(owner: &Owner, name: &str) -> bool {
    name.strip_prefix(BALANCER)
        .and_then(|rest| rest.strip_prefix(marks::cluster(owner).as_str()))
        .is_some_and(|rest| rest.starts_with('_'))
}

/// True for the name of a load balancer that a cloud controller made, of whatever cluster.
pub fn is_balancer(name: &str) -> bool {
    name.starts_with(BALANCER)
}

/// True for the description of a floating IP of this owner's cluster.
pub fn is_address_of(owner: &Owner, description: &str) -> bool {
    is_address(description) && description.ends_with(&format!(" from cluster {}", marks::cluster(owner)))
}

/// True for the description of a floating IP that a cloud controller took, of whatever cluster.
pub fn is_address(description: &str) -> bool {
    description.starts_with(ADDRESS)
}

/// True for the description of a security group of this owner's cluster; older controllers leave the service out.
pub fn is_group_of(owner: &Owner, description: &str) -> bool {
    description
        .strip_prefix(GROUP)
        .is_some_and(|rest| rest.ends_with(&format!("{OF_GROUP}{}", marks::cluster(owner))))
}

/// What such a description says that the thing is for: `the Service default/web`.
pub fn purpose(description: &str) -> Option<String> {
    let service = match description.strip_prefix(GROUP) {
        Some(rest) => rest.split_once(" Service LoadBalancer in cluster ")?.0,
        None => {
            description
                .split_once("external service ")?
                .1
                .split_once(" from cluster ")?
                .0
        }
    };
    Some(format!("the Service {service}"))
}

#[cfg(test)]
mod tests {
    use paas_core::owner::Identity;

    use super::*;

    #[test]
    fn what_a_cluster_made_is_told_from_what_others_made() {
        let of = |name: &str| Owner::new(&Identity::of(&["openstack", "test"]), "Platform", "default", name);
        let (ours, other) = (of("demo"), of("other"));
        let uid = ours.uid();
        let balancer = format!("kube_service_{uid}_default_web");
        assert!(is_balancer_of(&ours, &balancer) && !is_balancer_of(&other, &balancer));
        assert!(!is_balancer_of(
            &ours,
            &format!("kube_service_{uid}2_default_web")
        ));
        assert!(is_balancer("kube_service_kubernetes_default_web") && !is_balancer("web"));
        let address = format!("Floating IP for Kubernetes external service default/web from cluster {uid}");
        assert!(is_address_of(&ours, &address) && !is_address_of(&other, &address));
        assert!(!is_address_of(&ours, &format!("from cluster {uid}")));
        assert_eq!(purpose(&address).as_deref(), Some("the Service default/web"));
        let group = format!("Security Group for default/web Service LoadBalancer in cluster {uid}");
        let old = format!("Security Group for Service LoadBalancer in cluster {uid}");
        assert_eq!(purpose(&group), purpose(&address));
        assert_eq!((purpose(&old), purpose("somebody's")), (None, None));
        assert!(is_group_of(&ours, &group) && is_group_of(&ours, &old) && !is_group_of(&other, &group));
    }
}
