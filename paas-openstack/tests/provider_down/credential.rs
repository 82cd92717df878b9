//! The application credential of the cluster.

use std::time::Duration;

use paas_core::{
    names,
    pipeline::{Outcome, Wanted},
    resource::Key,
    secrets::{ExposeSecret as _, FileSecrets, SecretStore as _, SecretString},
};
use paas_openstack::{
    Client,
    client::service::Kind,
    cloud::{Cloud, Credential, Identity, Named, Scope},
    fake::{Fault, Setup, What},
    identity::{ApplicationCredential, ApplicationCredentialFilter, NewApplicationCredential},
};

use super::place::{Place, SMALL, left, spec};

fn platform() -> paas_core::spec::PlatformSpec {
    let addons = r#"{"cloudController": true}"#;
    spec(r#"{"antiAffinity": "Off"}"#, SMALL, addons)
}

async fn credentials(client: &Client, place: &Place) -> Vec<ApplicationCredential> {
    let user = client.token().await.unwrap().user.id.clone();
    let all = client.identity().application_credentials(&user);
    let all = all.all(&ApplicationCredentialFilter::all()).await.unwrap();
    let mark = place.owner.mark();
    all.into_iter()
        .filter(|c| c.description.as_deref() == Some(&*mark))
        .collect()
}

async fn secret(place: &Place) -> Option<SecretString> {
    let store = FileSecrets::new(place.secrets.path());
    store.get(&place.owner, "credential-cluster").await.unwrap()
}

/// The cloud as somebody with this credential sees it.
fn by(place: &Place, id: &str, secret: SecretString) -> Cloud {
    let mut cloud = place.fake.cloud();
    cloud.identity = Identity::ApplicationCredential {
        credential: Credential::Id(id.to_owned()),
        secret,
    };
    cloud.scope = Scope::Unspecified;
    cloud
}

#[tokio::test]
async fn it_works_with_the_secret_that_is_stored_and_goes_last_with_it() {
    let place = Place::new(platform()).await;
    place.up().await;
    let made = credentials(&place.client, &place).await;
    assert_eq!((made.len(), made[0].unrestricted), (1, false));
    let cloud = by(&place, &made[0].id, secret(&place).await.unwrap());
    assert!(place.client_for(cloud).token().await.unwrap().restricted);
    assert!(place.plan(Wanted::Spec).await.is_empty());
    place.fake.forget_calls();
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
    assert!(left(&place).is_empty(), "{:?}", left(&place));
    let last = place.changes().last().cloned().unwrap();
    assert!(last.0 == "DELETE" && last.1.ends_with(&made[0].id), "{last:?}");
    assert!(secret(&place).await.is_none(), "its secret went with it");
}

#[tokio::test]
async fn a_lost_answer_loses_no_secret() {
    let place = Place::new(platform()).await;
    let lost = Fault::new(What::LoseAnswer)
        .on(Kind::Identity)
        .call("POST", "**/application_credentials");
    place.fake.inject(lost);
    place.up().await;
    let made = credentials(&place.client, &place).await;
    assert_eq!(made.len(), 1);
    let cloud = by(&place, &made[0].id, secret(&place).await.unwrap());
    assert!(place.client_for(cloud).token().await.is_ok());
}

#[tokio::test]
async fn one_whose_secret_is_lost_is_made_anew() {
    let place = Place::new(platform()).await;
    place.up().await;
    let (first, old) = (
        credentials(&place.client, &place).await,
        secret(&place).await.unwrap(),
    );
    let store = FileSecrets::new(place.secrets.path());
    store.delete(&place.owner, "credential-cluster").await.unwrap();
    place.up().await;
    let (second, new) = (
        credentials(&place.client, &place).await,
        secret(&place).await.unwrap(),
    );
    assert_eq!(second.len(), 1);
    assert_ne!(first[0].id, second[0].id);
    assert_ne!(old.expose_secret(), new.expose_secret());
    let cloud = by(&place, &second[0].id, new);
    assert!(place.client_for(cloud).token().await.is_ok());
}

#[tokio::test]
async fn a_platform_that_needs_none_any_more_has_none() {
    let mut place = Place::new(platform()).await;
    let mut cx = place.context();
    let outcome = place.run(&mut cx, Wanted::Spec).await.unwrap();
    assert_eq!(outcome, Outcome::Converged);
    place.spec.addons = None;
    assert_eq!(
        place.run(&mut cx, Wanted::Spec).await.unwrap(),
        Outcome::Converged
    );
    assert!(credentials(&place.client, &place).await.is_empty());
}

#[tokio::test]
async fn a_restricted_login_gives_the_cluster_its_own_and_says_so_before_anything_is_made() {
    let mut place = Place::new(platform()).await;
    let cloud = place.fake.cloud_by_credential();
    place.client = place.client_for(cloud.clone());
    let plan = place.plan(Wanted::Spec).await;
    assert!(plan.stages[0].blocked.is_empty(), "{:?}", plan.stages[0].blocked);
    let told: Vec<&str> = plan.stages[0].findings.iter().map(|f| f.code.as_str()).collect();
    assert!(told.contains(&"PAAS-OS-0043"), "{told:?}");
    let mut cx = place.context();
    assert_eq!(
        place.run(&mut cx, Wanted::Spec).await.unwrap(),
        Outcome::Converged
    );
    assert!(credentials(&place.client, &place).await.is_empty());
    assert!(cx.outputs.cloud.is_some());
    let Identity::ApplicationCredential { secret: own, .. } = cloud.identity else {
        panic!("it is a credential")
    };
    let given = secret(&place).await.unwrap();
    assert_eq!(given.expose_secret(), own.expose_secret());
    assert!(place.plan(Wanted::Spec).await.is_empty());
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
    assert!(left(&place).is_empty(), "{:?}", left(&place));
    assert!(secret(&place).await.is_none(), "nothing of it is kept here");
    assert!(place.client.token().await.is_ok(), "it is still good");
}

#[tokio::test]
async fn the_one_that_we_are_logged_in_with_is_deleted_by_the_last_call_and_the_proof_stands() {
    let place = Place::new(platform()).await;
    // As somebody makes it who wants to log in with the platform's own: under its name, with its mark, free to make others.
    let key = Key::new("credential/cluster").unwrap();
    let name = names::for_kind(&place.owner, "applicationCredential", &key);
    let new = NewApplicationCredential::new(name)
        .description(place.owner.mark())
        .unrestricted(true);
    let user = place.client.token().await.unwrap().user.id.clone();
    let all = place.client.identity().application_credentials(&user);
    let made = all.create(&new, None).await.unwrap();
    let own = place.client_for(by(&place, &made.credential.id, made.secret));
    let mut without = Place {
        spec: spec(r#"{"antiAffinity": "Off"}"#, SMALL, "null"),
        ..place
    };
    without.up().await;
    let volume = without.cluster_works().await.volume;
    without.spec = platform();
    without.fake.forget_calls();
    let (outcome, proof) = without.down_as(&own).await;
    assert_eq!(outcome, Outcome::Converged);
    let last = without.changes().last().cloned().unwrap();
    assert!(
        last.0 == "DELETE" && last.1.ends_with(&made.credential.id),
        "{last:?}"
    );
    let found: Vec<&str> = proof.found.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(
        found,
        [volume.as_str()],
        "what was kept is told, and nothing else is left"
    );
    assert_eq!(left(&without), [(Kind::BlockStorage, volume)]);
}

#[tokio::test]
async fn a_restricted_one_that_we_are_logged_in_with_stays_and_is_named() {
    let mut place = Place::new(platform()).await;
    place.up().await;
    let made = credentials(&place.client, &place).await;
    let cloud = by(&place, &made[0].id, secret(&place).await.unwrap());
    place.client = place.client_for(cloud);
    let outcome = place.down().await.unwrap();
    let Outcome::Blocked { because, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(because.len(), 1, "{because:?}");
    assert_eq!(because[0].code, "PAAS-OS-0043");
    assert_eq!(left(&place).len(), 1, "all else is gone: {:?}", left(&place));
}

/// Why nothing is begun by somebody with this login.
async fn told_to(place: &mut Place, cloud: Cloud) -> String {
    place.client = place.client_for(cloud);
    place.fake.forget_calls();
    let outcome = place.down().await.unwrap();
    assert_eq!(place.fake.mutations(), 0, "{:#?}", place.changes());
    let Outcome::Blocked { because, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    because
        .iter()
        .map(|b| format!("{} {}\n", b.code, b.why))
        .collect()
}

#[tokio::test]
async fn a_login_that_ends_soon_begins_nothing() {
    let mut setup = Setup::default();
    setup.credentials[0].lifetime = Some(Duration::from_secs(20 * 60));
    let mut place = Place::with(setup, spec(r#"{"antiAffinity": "Off"}"#, SMALL, "null")).await;
    place.up().await;
    place.clock.advance(Duration::from_secs(600));
    let cloud = place.fake.cloud_by_credential();
    let words = told_to(&mut place, cloud).await;
    assert!(
        words.contains("PAAS-OS-0011") && words.contains("demo-credential"),
        "{words}"
    );
    place.client = place.client_for(place.fake.cloud());
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
}

#[tokio::test]
async fn somebody_who_may_only_look_begins_nothing() {
    let mut setup = Setup::default();
    let mut reader = setup.users[0].clone();
    reader.id = "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0".to_owned();
    reader.name = "looker".to_owned();
    reader.roles = vec!["reader".to_owned()];
    setup.users.push(reader);
    // Octavia shows nothing at all to somebody who has none of its roles.
    setup.shape.without = vec![Kind::LoadBalancer];
    let mut place = Place::with(setup, spec(r#"{"antiAffinity": "Off"}"#, SMALL, "null")).await;
    place.up().await;
    let mut cloud = place.fake.cloud();
    if let Identity::Password {
        user: Named::Name { name, .. },
        ..
    } = &mut cloud.identity
    {
        *name = "looker".to_owned();
    }
    let words = told_to(&mut place, cloud).await;
    assert!(
        words.contains("PAAS-OS-0013") && words.contains("may only look"),
        "{words}"
    );
}
