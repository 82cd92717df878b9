//! Which options an installation has: those that it had, changed by those that were given.

use k8s_openapi::api::apps::v1::Deployment;
use paas_core::error::{Class, Error};
use paas_operator::install::{NAME, Options};
use serde_json::Value;

use super::api::{Calls, DEPLOYMENT, NAMESPACE, NODE};
use crate::{
    args::{Choices, Place},
    codes::CLI_OPERATOR_OPTION,
};

/// An installation that is there.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    /// Its Deployment.
    pub(super) deployment: Value,
    /// Its options; `None` if this version cannot read them.
    pub(super) options: Option<Options>,
}

/// What is installed in a namespace.
///
/// # Errors
/// The API server's.
pub(super) async fn installed(calls: &Calls, namespace: &str) -> Result<Option<Installed>, Error> {
    let found = calls.get(DEPLOYMENT, namespace, NAME).await?;
    Ok(found.map(|deployment| Installed {
        options: read(&deployment),
        deployment,
    }))
}

/// The options in a Deployment.
pub(super) fn read(deployment: &Value) -> Option<Options> {
    let deployment: Deployment = serde_json::from_value(deployment.clone()).ok()?;
    Options::read(&deployment)
}

/// How many nodes take pods; `None` if we may not look.
pub(super) async fn nodes(calls: &Calls) -> Option<usize> {
    let all = calls.list(NODE, None, "").await.ok()?;
    let takes = |node: &&Value| {
        let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
        node["spec"]["unschedulable"] != true && !taints.any(|t| t["effect"] != "PreferNoSchedule")
    };
    Some(all.iter().filter(takes).count())
}

/// The options that are wanted. `before` are those that are installed.
///
/// # Errors
/// [`CLI_OPERATOR_OPTION`] if there is no image, or a uid that is none.
pub(super) fn options(place: &Place, choices: &Choices, before: Option<Options>) -> Result<Options, Error> {
    let refused = |words: &str, remedy: &str| {
        Error::new(&CLI_OPERATOR_OPTION, Class::Invalid)
            .attempted("read the options of the installation")
            .happened(words)
            .remedy(remedy)
    };
    let image = choices.image.clone().filter(|i| !i.is_empty());
    let mut options = match (before, image) {
        (Some(before), image) => Options {
            image: image.unwrap_or(before.image.clone()),
            ..before
        },
        (None, Some(image)) => Options::new(image),
        (None, None) => {
            return Err(refused(
                "which image the operator has is not said",
                "give --image, or set PAAS_OPERATOR_IMAGE, to where your cluster finds the image of this version",
            ));
        }
    };
    options.namespace.clone_from(&place.namespace);
    if let Some(replicas) = choices.replicas {
        options.replicas = replicas;
    }
    if choices.watch_all {
        options.watch.clear();
    }
    if !choices.watch_namespace.is_empty() {
        options.watch.clone_from(&choices.watch_namespace);
        options.watch.sort();
        options.watch.dedup();
    }
    if choices.cluster_id.is_some() {
        options.cluster_id.clone_from(&choices.cluster_id);
    }
    if choices.server_image.is_some() {
        options.server_image.clone_from(&choices.server_image);
    }
    options.server_user = choices.server_user.or(options.server_user);
    if let Some(log) = &choices.log {
        options.log.clone_from(log);
    }
    options.policies = choices.policies.unwrap_or(options.policies);
    if let Some(uid) = &options.cluster_id
        && uuid::Uuid::parse_str(uid).is_err()
    {
        return Err(refused(
            &format!("'{}' is no uid", uid.escape_debug()),
            "take the output of `kubectl get namespace kube-system -o jsonpath={.metadata.uid}`",
        ));
    }
    Ok(options)
}

/// What tells the cluster from others, for an operator that may not ask by itself. What stands there is checked against the cluster, if
/// we may.
///
/// # Errors
/// [`CLI_OPERATOR_OPTION`] if it cannot be found out, or is another cluster's.
pub(super) async fn identify(options: &mut Options, calls: &Calls) -> Result<(), Error> {
    if options.watch.is_empty() {
        // It asks; an id that stayed here would be of no cluster after a move of the manifests.
        options.cluster_id = None;
        return Ok(());
    }
    let found = calls.get(NAMESPACE, "", "kube-system").await;
    let uid = found.map(|system| system.and_then(|s| s["metadata"]["uid"].as_str().map(str::to_owned)));
    match (&options.cluster_id, uid) {
        (Some(given), Ok(Some(uid))) if *given != uid => {
            Err(Error::new(&CLI_OPERATOR_OPTION, Class::Invalid)
                .attempted("tell the cluster from others")
                .happened(format!(
                    "--cluster-id is {given}, and the namespace kube-system of this cluster has the uid {uid}"
                ))
                .remedy("leave --cluster-id out"))
        }
        (Some(_), _) => Ok(()),
        (None, Ok(Some(uid))) => {
            options.cluster_id = Some(uid);
            Ok(())
        }
        (None, answer) => Err(Error::new(&CLI_OPERATOR_OPTION, Class::Denied)
            .attempted("tell the cluster from others by the uid of its namespace kube-system")
            .happened(answer.map_or_else(|e| e.words().to_owned(), |_| "there is no such namespace".to_owned()))
            .remedy("ask somebody who may for `kubectl get namespace kube-system -o jsonpath={.metadata.uid}`, and give it as --cluster-id")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            context: None,
            kubeconfig: None,
            namespace: "ops".to_owned(),
        }
    }

    #[test]
    fn what_is_not_said_stays_as_it_is_installed() {
        let mut before = Options::new("x:1");
        before.replicas = 3;
        before.watch = vec!["shop".to_owned()];
        before.log = "debug".to_owned();
        let said = Choices {
            image: Some("x:2".to_owned()),
            ..Choices::default()
        };
        let after = options(&place(), &said, Some(before.clone())).unwrap();
        let expected = Options {
            image: "x:2".to_owned(),
            namespace: "ops".to_owned(),
            ..before.clone()
        };
        assert_eq!(after, expected);
        let all = Choices {
            watch_all: true,
            ..Choices::default()
        };
        let after = options(&place(), &all, Some(before)).unwrap();
        assert_eq!((after.watch, after.image), (Vec::new(), "x:1".to_owned()));
    }

    #[test]
    fn the_first_installation_needs_an_image_and_a_uid_is_one() {
        let none = options(&place(), &Choices::default(), None).unwrap_err();
        assert_eq!(none.code().id, CLI_OPERATOR_OPTION.id);
        let wrong = Choices {
            image: Some("x".to_owned()),
            cluster_id: Some("kube-system".to_owned()),
            ..Choices::default()
        };
        let wrong = options(&place(), &wrong, None).unwrap_err();
        assert!(wrong.to_string().contains("'kube-system' is no uid"), "{wrong}");
    }
}
