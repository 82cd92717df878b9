//! What addons are made from: facts about one cluster, and whose images they take.

use serde_json::Value;

use super::cloud::CloudConfig;
use crate::owner::Owner;

/// The port of the API server on machines that we set up.
pub(super) const API_PORT: u16 = 6443;

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// A name that no other cluster of its cloud's project has ([`cluster_name`]).
    pub cluster: String,
    /// The address of the control plane inside the machines' network.
    pub control_plane: String,
    /// The addresses of pods.
    pub pod_cidr: String,
    /// The minor version of Kubernetes.
    pub minor: u32,
    /// Whose images are taken.
    pub registry: Registry,
    /// How the cluster speaks to its cloud; needed by the addons that do.
    pub cloud: Option<CloudConfig>,
    /// True if volumes come from the cloud, whose StorageClass is the default one then.
    pub cloud_volumes: bool,
}

/// The name by which a cluster's things are told apart in its cloud: `paas-` and the first twelve digits of its owner's uid. Two clusters
/// of one name fight over each other's load balancers.
pub fn cluster_name(owner: &Owner) -> String {
    let uid = owner.uid().simple().to_string();
    format!("paas-{}", uid.get(..12).unwrap_or(&uid))
}

/// The registry that images are taken from in the place of the host that each names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registry(Option<String>);

impl Registry {
    /// This one, or without one the images' own.
    pub fn new(instead: Option<&str>) -> Self {
        Self(instead.map(|r| r.trim_end_matches('/').to_owned()))
    }

    /// The image as it is taken from here.
    ///
    /// ```
    /// use paas_core::installer::addons::Registry;
    /// let here = Registry::new(Some("registry.example/mirror"));
    /// assert_eq!(here.image("ghcr.io/a/b:1"), "registry.example/mirror/a/b:1");
    /// assert_eq!(here.image("busybox:1"), "registry.example/mirror/library/busybox:1");
    /// assert_eq!(Registry::default().image("ghcr.io/a/b:1"), "ghcr.io/a/b:1");
    /// ```
    pub fn image(&self, image: &str) -> String {
        let Some(here) = &self.0 else {
            return image.to_owned();
        };
        let is_host = |first: &str| first.contains(['.', ':']) || first == "localhost";
        match image.split_once('/') {
            Some((host, rest)) if is_host(host) => format!("{here}/{rest}"),
            Some(_) => format!("{here}/{image}"),
            None => format!("{here}/library/{image}"),
        }
    }

    /// Takes the images of a document's containers from here, and what names one of them in their environment.
    pub(super) fn put_into(&self, document: &mut Value) {
        if self.0.is_none() {
            return;
        }
        let mut renamed = Vec::new();
        for container in containers(document) {
            if let Some(image) = container["image"].as_str().map(str::to_owned) {
                let here = self.image(&image);
                container["image"] = here.as_str().into();
                renamed.push((image, here));
            }
        }
        for container in containers(document) {
            for variable in container["env"].as_array_mut().into_iter().flatten() {
                let here = renamed
                    .iter()
                    .find(|(image, _)| variable["value"] == image.as_str());
                if let Some((_, here)) = here {
                    variable["value"] = here.as_str().into();
                }
            }
        }
    }
}

/// All containers of a document with a pod in it.
pub(super) fn containers(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let spec = document
        .pointer_mut("/spec/template/spec")
        .and_then(Value::as_object_mut);
    let lists = spec.into_iter().flat_map(|spec| spec.iter_mut());
    lists
        .filter(|(name, _)| matches!(name.as_str(), "containers" | "initContainers"))
        .filter_map(|(_, list)| list.as_array_mut())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::owner::Identity;

    #[test]
    fn the_name_of_a_cluster_is_short_and_its_own() {
        let of = |name| cluster_name(&Owner::new(&Identity::of(&["a"]), "Platform", "default", name));
        assert_eq!(of("a").len(), 17);
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn all_images_of_a_pod_are_renamed_and_what_names_them_too() {
        let mut document = json!({"spec": {"template": {"spec": {
            "initContainers": [{"image": "docker.io/a:1"}],
            "containers": [{"image": "ghcr.io/b/c:2", "env": [{"name": "IMAGE", "value": "ghcr.io/b/c:2"}, {"name": "OTHER", "value": "x"}]}],
        }}}});
        Registry::new(Some("r.example/")).put_into(&mut document);
        let pod = &document["spec"]["template"]["spec"];
        assert_eq!(pod["initContainers"][0]["image"], "r.example/a:1");
        assert_eq!(pod["containers"][0]["env"][0]["value"], "r.example/b/c:2");
        assert_eq!(pod["containers"][0]["env"][1]["value"], "x");
    }
}
