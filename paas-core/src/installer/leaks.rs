//! What a cluster made in its cloud and nothing in the cluster is about any more.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PersistentVolume, Service};
use kube::{Api, Client, ResourceExt as _, api::ListParams};

use super::examine::{Check, State};
use crate::{
    error::Result,
    inventory::{Found, Inventory},
    kube::fault,
    resource::Origin,
};

const PART: &str = "cloud";

/// What the cluster still knows of.
#[derive(Debug, Default)]
struct Known {
    /// Ids of its volumes in the cloud.
    volumes: BTreeSet<String>,
    /// `namespace/name` of Services with a load balancer.
    services: BTreeSet<String>,
}

/// Compares what is in the cloud with the cluster's volumes and Services. Costs two lists.
///
/// # Errors
/// The API server's.
pub async fn check(client: &Client, cloud: &[Inventory]) -> Result<Check> {
    let derived: Vec<&Found> = cloud
        .iter()
        .flat_map(|i| &i.found)
        .filter(|f| f.origin == Origin::Derived)
        .collect();
    if derived.is_empty() {
        return Ok(Check::good(PART, "the cluster made nothing there"));
    }
    Ok(judged(&derived, &known(client).await?))
}

async fn known(client: &Client) -> Result<Known> {
    let all = ListParams::default();
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let volumes = volumes.list(&all).await;
    let volumes = volumes.map_err(|e| fault::of("list the volumes", false, e))?;
    let services: Api<Service> = Api::all(client.clone());
    let services = services.list(&all).await;
    let services = services.map_err(|e| fault::of("list the Services", false, e))?;
    let handle = |v: PersistentVolume| Some(v.spec?.csi?.volume_handle);
    let balanced = |s: &Service| {
        // One that is being deleted keeps its finalizer until its balancer is gone.
        let spec = s.spec.as_ref();
        spec.and_then(|s| s.type_.as_deref()) == Some("LoadBalancer")
    };
    let services = services.items.iter().filter(|s| balanced(s));
    Ok(Known {
        volumes: volumes.items.into_iter().filter_map(handle).collect(),
        services: services
            .map(|s| format!("{}/{}", s.namespace().unwrap_or_default(), s.name_any()))
            .collect(),
    })
}

fn judged(derived: &[&Found], known: &Known) -> Check {
    let field = |it: &Found, name: &str| {
        let text = it.resource.get(name).and_then(|v| v.as_str());
        text.map(str::to_owned)
    };
    let is_left = |it: &&&Found| {
        let about = field(it, "about").unwrap_or_default();
        match about.strip_prefix("the Service ") {
            Some(service) => !known.services.contains(service),
            None => it.kind == "volume" && !known.volumes.contains(&it.id),
        }
    };
    let left: Vec<String> = derived
        .iter()
        .filter(is_left)
        .map(|it| {
            let name = field(it, "name").unwrap_or_default();
            let about = field(it, "about").map_or(String::new(), |about| format!(" for {about}"));
            format!("{} {name} ({}){about}", it.kind, it.id)
        })
        .collect();
    match left.is_empty() {
        true => Check::good(
            PART,
            format!(
                "all {} things that the cluster made there are in use",
                derived.len()
            ),
        ),
        false => Check::of(
            PART,
            State::Warning,
            format!(
                "nothing in the cluster is about these any more: {}",
                left.join("; ")
            ),
            "see that nobody needs them, and delete them in the cloud; `paas down` takes them too",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Key;

    fn found(kind: &str, id: &str, name: &str, about: &str) -> Found {
        let view = json!({"name": name, "about": about});
        Found {
            key: Key::new(format!("derived/{kind}/{id}")).unwrap(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            origin: Origin::Derived,
            precious: kind == "volume",
            trouble: None,
            resource: serde_json::from_value(view).unwrap(),
        }
    }

    #[test]
    fn what_no_volume_and_no_service_is_about_is_left_over() {
        let all = [
            found("volume", "v-1", "pvc-1", "the claim default/data, 1 GiB"),
            found("volume", "v-2", "pvc-2", "the claim default/old, 1 GiB"),
            found(
                "loadBalancer",
                "b-1",
                "kube_service_demo_default_web",
                "the Service default/web",
            ),
            found("floatingIp", "f-2", "203.0.113.9", "the Service default/gone"),
            found("port", "p-1", "", "what nobody can tell"),
        ];
        let known = Known {
            volumes: ["v-1".to_owned()].into(),
            services: ["default/web".to_owned()].into(),
        };
        let check = judged(&all.iter().collect::<Vec<_>>(), &known);
        assert_eq!(check.state, State::Warning);
        assert!(check.what.ends_with(
            "any more: volume pvc-2 (v-2) for the claim default/old, 1 GiB; floatingIp 203.0.113.9 (f-2) for the Service default/gone"
        ));
        let used = [&all[0], &all[2]];
        assert_eq!(
            judged(&used, &known).what,
            "all 2 things that the cluster made there are in use"
        );
    }
}
