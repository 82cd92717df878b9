//! What people and clouds do wrong: each ends in a clear, coded error within its deadline on the clock, and leaves nothing that a later
//! `down` would not find.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod provided;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use paas_core::{
    event::{Event, EventSink, Silent, State},
    pipeline::{Obstruction, Outcome, Wanted},
    spec::PlatformSpec,
};
use paas_openstack::{
    client::service::Kind,
    cloud::Cloud,
    fake::{Fake, Setup},
    image::NewImage,
    network::NewNetwork,
};
use provided::{LIMIT, Place, allow, spec};
use serde_json::json;

fn plain() -> PlatformSpec {
    spec("{}", "{}")
}

/// Planned and shown, or just carried out: the same error, and nothing is there.
async fn is_refused_before_the_first_write(
    place: &mut Place,
    spec: &PlatformSpec,
    code: &str,
) -> Obstruction {
    place.fake.forget_calls();
    let before = (place.clock.elapsed(), place.fake.leftovers());
    let plan = place.plan(spec).await;
    let mut told = Vec::new();
    for shown in [Some(plan), None] {
        place.cx.shown = shown;
        let Outcome::Blocked { because, .. } = place.up(spec).await else {
            panic!("it was begun");
        };
        assert!(because.iter().all(|b| b.code == code), "{because:#?}");
        told.push(because);
    }
    assert_eq!(told[0], told[1]);
    assert!(place.clock.elapsed() - before.0 < LIMIT);
    place.is_untouched();
    assert_eq!(place.fake.leftovers(), before.1);
    told.remove(0).remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flavor_too_small_for_the_image() {
    let mut setup = Setup::default();
    setup.images[0].min_ram = 1024;
    let mut place = Place::new(setup).await;
    let tiny = spec(r#"{"flavor": "m1.tiny"}"#, "{}");
    let error = is_refused_before_the_first_write(&mut place, &tiny, "PAAS-OS-0035").await;
    assert!(
        error.why.contains("512 MiB") && error.why.contains("1024 MiB"),
        "{error:#?}"
    );
    assert!(error.remedy.contains("at least 1024 MiB"), "{error:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_quota() {
    let mut place = Place::new(Setup::default()).await;
    allow(&place, Kind::Compute, json!({"cores": 3})).await;
    let error = is_refused_before_the_first_write(&mut place, &plain(), "PAAS-OS-0034").await;
    assert_eq!(error.why, "cores: 4 more are needed, 3 of 3 are free");
    assert!(error.remedy.starts_with("ask for a quota of 4"), "{error:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_somebody_else_uses_up_between_plan_and_run() {
    let mut place = Place::new(Setup::default()).await;
    place.cx.shown = Some(place.plan(&plain()).await);
    allow(&place, Kind::Compute, json!({"instances": 1})).await;
    let Outcome::Blocked { because, .. } = place.up(&plain()).await else {
        panic!("two servers where one may be");
    };
    assert_eq!(because.len(), 1, "{because:#?}");
    assert_eq!(because[0].code, "PAAS-OS-0016");
    assert!(
        because[0].why.contains("Quota exceeded for instances"),
        "{because:#?}"
    );
    place.down(&plain()).await;
    assert_eq!(place.fake.leftovers(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_has_no_data_yet() {
    let mut place = Place::new(Setup::default()).await;
    let new = NewImage::new("fresh", "qcow2", "bare");
    let image = place.client.image().images().create(&new).await.unwrap();
    for word in ["fresh", &image.id] {
        let booting = spec(&format!(r#"{{"image": "{word}"}}"#), "{}");
        let error = is_refused_before_the_first_write(&mut place, &booting, "PAAS-OS-0041").await;
        assert!(error.why.contains("it is queued"), "{error:#?}");
    }
    // With its data it boots.
    place
        .client
        .image()
        .images()
        .upload(&image.id, "disk")
        .await
        .unwrap();
    let booting = spec(r#"{"image": "fresh"}"#, "{}");
    assert_eq!(place.up(&booting).await, Outcome::Converged);
    place.down(&booting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_the_same_name_twice() {
    let mut place = Place::new(Setup::default()).await;
    let networks = place.client.network().networks();
    let first = networks.create(&NewNetwork::new("office")).await.unwrap();
    let second = networks.create(&NewNetwork::new("office")).await.unwrap();
    let named = |word: &str| spec(&format!(r#"{{"existing": {{"network": "{word}"}}}}"#), "{}");
    let error = is_refused_before_the_first_write(&mut place, &named("office"), "PAAS-OS-0041").await;
    assert!(
        error.why.contains(&first.id) && error.why.contains(&second.id),
        "{error:#?}"
    );
    assert!(error.remedy.contains("by its id"), "{error:#?}");
    // By its id it is clear, and it stays when everything goes.
    let clear = named(&first.id);
    assert_eq!(place.up(&clear).await, Outcome::Converged);
    place.down(&clear).await;
    let left: Vec<String> = place.fake.leftovers().into_iter().map(|l| l.name).collect();
    assert_eq!(left, ["office", "office"]);
}

/// Cuts the access when so many steps were done.
#[derive(Debug)]
struct Scissors {
    fake: Arc<Fake>,
    after: usize,
    done: AtomicUsize,
    cut: fn(&Fake, bool),
}

impl EventSink for Scissors {
    fn emit(&self, event: &Event) {
        let done = match event.state {
            State::Done => self.done.fetch_add(1, Ordering::Relaxed) + 1,
            _ => self.done.load(Ordering::Relaxed),
        };
        if done == self.after {
            (self.cut)(&self.fake, false);
        }
    }
}

/// So many steps go well; then access is taken away in the middle of it. Gives the code, and how much is there.
async fn cut_off(after: usize, cloud: fn(&Fake) -> Cloud, cut: fn(&Fake, bool)) -> (String, usize) {
    let mut place = Place::by(Setup::default(), cloud).await;
    place.cx.tools.events = Arc::new(Scissors {
        fake: place.fake.clone(),
        after,
        done: AtomicUsize::new(0),
        cut,
    });
    let pipeline = place.pipeline(&plain());
    let before = place.clock.elapsed();
    let code = match pipeline.run(&mut place.cx, Wanted::Spec, Some(LIMIT)).await {
        Err(error) => error.code().id.to_owned(),
        Ok(Outcome::Blocked { because, .. }) => because[0].code.clone(),
        Ok(other) => panic!("after {after} steps: {other:?}"),
    };
    assert!(
        place.clock.elapsed() - before < Duration::from_secs(60),
        "it was tried for too long"
    );
    let there = place.fake.leftovers().len();

    // Whatever was made until then is found by a later `down` with good credentials.
    place.cx.tools.events = Arc::new(Silent);
    cut(&place.fake, true);
    place.log_in_again();
    place.down(&plain()).await;
    assert_eq!(place.fake.leftovers(), [], "after {after} steps");
    (code, there)
}

/// Before the first thing, between things, and when the last ones are made: seventeen steps make this platform.
const MOMENTS: [usize; 6] = [0, 1, 3, 7, 11, 16];

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_taken_back_mid_way() {
    for cloud in [Fake::cloud as fn(&Fake) -> Cloud, Fake::cloud_by_credential] {
        for after in MOMENTS {
            let (code, _) = cut_off(after, cloud, |fake, on| fake.switch_user("demo", on)).await;
            assert_eq!(code, "PAAS-OS-0011", "after {after} steps");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_vanishes_mid_way() {
    let mut made = Vec::new();
    for after in MOMENTS {
        let (code, there) = cut_off(after, Fake::cloud, |fake, on| fake.switch_project("demo", on)).await;
        assert_eq!(code, "PAAS-OS-0011", "after {after} steps");
        made.push(there);
    }
    assert!(
        made.is_sorted() && made[0] == 0 && made[2] < made[4],
        "the middle was never reached: {made:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_not_there() {
    let moon = |fake: &Fake| Cloud {
        region: Some("Moon".into()),
        ..fake.cloud()
    };
    let mut place = Place::by(Setup::default(), moon).await;
    let pipeline = place.pipeline(&plain());
    let error = pipeline.plan(&mut place.cx, Wanted::Spec).await.unwrap_err();
    assert_eq!(error.code().id, "PAAS-OS-0029");
    assert!(error.words().contains("RegionOne"), "{error}");
    place.is_untouched();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_by_a_credential_that_was_taken_back_says_so_and_asks_no_further() {
    let mut place = Place::new(Setup::default()).await;
    place.plan(&plain()).await;
    place.fake.switch_user("demo", false);
    place.fake.forget_calls();
    let pipeline = place.pipeline(&plain());
    let error = pipeline.plan(&mut place.cx, Wanted::Spec).await.unwrap_err();
    assert_eq!(error.code().id, "PAAS-OS-0011", "{error}");
    place.is_untouched();
}
