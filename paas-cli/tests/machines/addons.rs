//! A crash after every write of the addons: a fresh engine goes on, and nothing is there twice.

use paas_core::{
    pipeline::{Context, Outcome, Pipeline, Stage, Wanted},
    spec::PlatformSpec,
    testing::faults::{Fault, Plan, Table},
};

use crate::place::{LIMIT, Place, spec};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addons_that_are_half_applied_are_finished_whenever_the_engine_died() {
    let Some(place) = Place::new().await else { return };
    let one = spec(1);
    // Each engine dies right after its first write, so that the next one finds one object more, until there is none to write.
    let mut table = Table::default();
    let mut writes = Vec::new();
    loop {
        place.injector.arm(Plan::nth(0, Fault::DiesAfter));
        let pipeline = place.pipeline(&one, &[]);
        let mut cx = place.context(&one);
        // One write after the other, so that there is nothing beside the one that is its last.
        cx.policy.bounds.parallel = 1;
        let ended = tokio::select! {
            biased;
            () = place.injector.died() => None,
            ended = pipeline.run(&mut cx, Wanted::Spec, Some(LIMIT)) => Some(ended),
        };
        match ended {
            None => writes.extend(place.injector.hits()),
            Some(ended) => {
                assert!(matches!(ended, Ok(Outcome::Converged)), "{ended:#?}");
                break;
            }
        }
        assert!(writes.len() < 100, "it writes for ever: {writes:#?}");
    }
    for hit in &writes {
        table.point("half applied", hit.fault, &hit.call.to_string(), Ok(()));
    }
    place.has_nodes(&["control-plane-1", "workers-1"]).await;
    place.injector.arm(Plan::none());
    place.up(&one).await;
    assert_eq!(place.injector.writes(), [], "all is as wanted");

    let full = std::env::var("PAAS_TEST_FULL").is_ok_and(|said| said == "1");
    let count = writes.len();
    for n in (0..count).step_by(if full { 1 } else { count.div_ceil(2) }) {
        for fault in Fault::WRITES
            .into_iter()
            .skip(if full { 0 } else { n % 5 })
            .step_by(if full { 1 } else { 5 })
        {
            let (at, ended) = point(&place, &one, n, fault).await;
            table.point("from nothing", fault, &at, ended);
        }
    }
    println!("{table}");
    assert!(table.is_good(), "{table}");
    place.down(&one).await;
}

/// All addons go, and come again with one fault on the way.
async fn point(place: &Place, spec: &PlatformSpec, n: usize, fault: Fault) -> (String, Result<(), String>) {
    let mut cx = place.context(spec);
    place.pipeline(spec, &[]).advance(&mut cx).await.unwrap();
    let nothing: PlatformSpec = {
        let mut spec = spec.clone();
        let addons = spec.addons.as_mut().unwrap();
        (addons.cni, addons.local_storage) = (Some(false), Some(false));
        spec
    };
    place.injector.arm(Plan::none());
    let gone = alone(place, &nothing, &mut cx).await;
    assert!(matches!(gone, Ok(Outcome::Converged)), "{gone:#?}");
    place.injector.arm(Plan::nth(n, fault));
    let mut last = String::new();
    for _ in 0..6 {
        let ended = tokio::select! {
            biased;
            () = place.injector.died() => None,
            ended = alone(place, spec, &mut cx) => Some(ended),
        };
        match ended {
            None => place.injector.revive(),
            Some(Ok(Outcome::Converged)) => {
                let at = place
                    .injector
                    .hits()
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                place.injector.arm(Plan::none());
                let again = alone(place, spec, &mut cx).await;
                let writes = place.injector.writes();
                return match (again, writes.is_empty()) {
                    (Ok(Outcome::Converged), true) => (at, Ok(())),
                    (again, _) => (at, Err(format!("again: {again:?}, {writes:?}"))),
                };
            }
            Some(other) => last = format!("{other:?}"),
        }
    }
    (n.to_string(), Err(format!("it does not converge: {last}")))
}

/// The stage alone, in the cluster that the others gave.
async fn alone(place: &Place, spec: &PlatformSpec, cx: &mut Context) -> paas_core::error::Result<Outcome> {
    let stages: Vec<Box<dyn Stage>> = vec![Box::new(place.addons(spec))];
    cx.asked_anew = true;
    Pipeline::new(stages).run(cx, Wanted::Spec, Some(LIMIT)).await
}
