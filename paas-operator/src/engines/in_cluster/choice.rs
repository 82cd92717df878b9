//! What runs a database: declared, chosen once, or found by what there is of it.

use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    core::ApiResource,
};
use paas_core::{
    database::{
        cnpg::kinds::{CLUSTER, GROUP},
        statefulset::{CLAIM, STATEFUL_SET},
    },
    error::{Class, Error, Result},
    kube::{OWNER, ObjectKind, STORE, fault},
    owner::Owner,
    spec::Runtime,
};

use crate::codes;

/// What runs a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// This runs it, as the spec has it.
    Runs(Runtime),
    /// Its data is in this, and the spec asks for another one.
    Lives(Runtime),
}

/// Decides. The cluster is asked only where the status does not say the same as the spec: `chosen` is what the status says.
///
/// # Errors
/// The API server's, and [`codes::OP_RUNTIME`] for data in two runtimes.
pub(super) async fn of(
    client: &Client,
    owner: &Owner,
    declared: Runtime,
    chosen: Option<Runtime>,
) -> Result<Choice> {
    match chosen {
        Some(chosen) if declared == Runtime::Auto || declared == chosen => return Ok(Choice::Runs(chosen)),
        _ => {}
    }
    let has_cnpg = has_cnpg(client).await?;
    let mut lives = Vec::new();
    if has_cnpg && is_there(client, owner, &CLUSTER).await? {
        lives.push(Runtime::CloudNativePG);
    }
    // With the volume alone it is one whose data was kept.
    if is_there(client, owner, &STATEFUL_SET).await? || is_there(client, owner, &CLAIM).await? {
        lives.push(Runtime::StatefulSet);
    }
    decide(owner, declared, &lives, has_cnpg)
}

/// What comes of it. Pure.
fn decide(owner: &Owner, declared: Runtime, lives: &[Runtime], has_cnpg: bool) -> Result<Choice> {
    match (lives, declared) {
        ([one], Runtime::Auto) => Ok(Choice::Runs(*one)),
        ([one], declared) if *one == declared => Ok(Choice::Runs(declared)),
        ([one], _) => Ok(Choice::Lives(*one)),
        ([], Runtime::Auto) if has_cnpg => Ok(Choice::Runs(Runtime::CloudNativePG)),
        ([], Runtime::Auto) => Ok(Choice::Runs(Runtime::StatefulSet)),
        ([], declared) => Ok(Choice::Runs(declared)),
        (_, Runtime::Auto) => Err(Error::new(&codes::OP_RUNTIME, Class::Blocked)
            .attempted(format!("find out what runs {owner}"))
            .happened(
                "a Cluster of CloudNativePG and a StatefulSet or its volume are there, both with its mark",
            )
            .remedy("name the one to go on with in spec.runtime; nothing of the other one is touched")),
        (many, declared) if many.contains(&declared) => Ok(Choice::Runs(declared)),
        (many, declared) => Ok(many
            .first()
            .map_or(Choice::Runs(declared), |one| Choice::Lives(*one))),
    }
}

async fn has_cnpg(client: &Client) -> Result<bool> {
    let groups = client.list_api_groups().await;
    let groups = groups.map_err(|e| fault::of("ask the cluster for its kinds of objects", false, e))?;
    Ok(groups.groups.iter().any(|g| g.name == GROUP))
}

async fn is_there(client: &Client, owner: &Owner, kind: &ObjectKind) -> Result<bool> {
    let resource = ApiResource {
        group: kind.group.to_owned(),
        version: kind.version.to_owned(),
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), owner.namespace(), &resource);
    let marked = ListParams::default()
        .labels(&format!("{OWNER}={},!{STORE}", owner.uid()))
        .limit(1);
    let listed = api.list_metadata(&marked).await;
    let listed = listed.map_err(|e| fault::of(&format!("look for {}s of {owner}", kind.kind), false, e))?;
    Ok(!listed.items.is_empty())
}

#[cfg(test)]
mod tests {
    use paas_core::owner::Identity;

    use super::*;

    fn decided(declared: Runtime, lives: &[Runtime], has_cnpg: bool) -> Option<Choice> {
        let owner = Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "shop", "orders");
        decide(&owner, declared, lives, has_cnpg).ok()
    }

    use Choice::{Lives, Runs};
    use Runtime::{Auto, CloudNativePG, StatefulSet};

    #[test]
    fn auto_takes_what_the_cluster_has_for_a_new_database() {
        assert_eq!(decided(Auto, &[], true), Some(Runs(CloudNativePG)));
        assert_eq!(decided(Auto, &[], false), Some(Runs(StatefulSet)));
    }

    #[test]
    fn a_choice_that_was_lost_is_found_again_by_what_there_is_and_does_not_flip() {
        assert_eq!(decided(Auto, &[StatefulSet], true), Some(Runs(StatefulSet)));
        assert_eq!(decided(Auto, &[CloudNativePG], true), Some(Runs(CloudNativePG)));
    }

    #[test]
    fn another_runtime_for_data_that_lives_is_told_apart_from_a_first_one() {
        assert_eq!(
            decided(CloudNativePG, &[StatefulSet], true),
            Some(Lives(StatefulSet))
        );
        assert_eq!(
            decided(StatefulSet, &[CloudNativePG], true),
            Some(Lives(CloudNativePG))
        );
        assert_eq!(
            decided(StatefulSet, &[StatefulSet], true),
            Some(Runs(StatefulSet))
        );
        assert_eq!(decided(StatefulSet, &[], true), Some(Runs(StatefulSet)));
    }

    #[test]
    fn data_in_two_runtimes_is_never_guessed_about() {
        let both = [CloudNativePG, StatefulSet];
        assert_eq!(decided(Auto, &both, true), None);
        assert_eq!(decided(StatefulSet, &both, true), Some(Runs(StatefulSet)));
    }
}
