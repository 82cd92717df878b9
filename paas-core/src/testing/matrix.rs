//! The fault matrix: every call of a run, broken in every way; run again to the end; is all well?
//!
//! ```
//! # use paas_core::testing::{matrix, shapes::{Shape, Shaped}, Pace, Fault};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let scene = matrix::OneStage::new(Shaped::new(Shape::Chain, Pace::default()));
//! let table = matrix::run(&scene, &[Fault::LostReply]).await;
//! assert!(table.is_good(), "{table}");
//! # });
//! ```

mod point;
mod sample;
mod scene;
mod table;

pub use point::Phase;
pub use sample::Sample;
#[cfg(feature = "kube")]
pub(super) use sample::next;
pub(super) use scene::exactly;
pub use scene::{OneStage, Scene, Stand};
pub use table::{Failure, Row, Table};

use super::Fault;

/// Every call index × every fault that fits it × every phase of one scene.
///
/// For each point: a fresh world, the phase with one fault, and again until it has converged. Then each wanted key is there exactly
/// once and as wanted, foreign things are untouched, another pass changes nothing, and `down` leaves nothing of ours.
pub async fn run(scene: &dyn Scene, faults: &[Fault]) -> Table {
    check(scene, faults, None).await
}

/// As [`run`], at some points only: for worlds in which a point takes seconds.
pub async fn sample(scene: &dyn Scene, faults: &[Fault], sample: Sample) -> Table {
    check(scene, faults, Some(sample)).await
}

async fn check(scene: &dyn Scene, faults: &[Fault], sample: Option<Sample>) -> Table {
    let mut table = Table::default();
    let mut points = Vec::new();
    let mut clean = std::collections::BTreeMap::new();
    for phase in Phase::ALL {
        let alike = phase.alike().to_string();
        if !clean.contains_key(&alike) {
            clean.insert(alike.clone(), point::calls(scene, phase.alike()).await);
        }
        match &clean[&alike] {
            Ok(calls) => {
                let row = table.rows.len();
                table.rows.push(Row::new(scene.name(), phase, calls.len()));
                for fault in faults {
                    let fits = calls.iter().enumerate().filter(|(_, c)| fault.fits(**c));
                    points.extend(fits.map(|(at, call)| (row, phase, at, *call, *fault)));
                }
            }
            Err(why) => table.broken(scene.name(), phase, why.clone()),
        }
    }
    let most = sample.map_or(usize::MAX, |s| s.points);
    if let Some(sample) = sample {
        sample.shuffle(&mut points);
    }
    for (row, phase, at, call, fault) in points {
        if table.points() >= most {
            break;
        }
        match point::check(scene, phase, at, fault).await {
            Ok(Some(asked)) => table.rows[row].good(fault, asked),
            // The fault needs something that was not there yet: not a point.
            Ok(None) => {}
            Err(why) => {
                table.rows[row].bad(fault);
                table.failures.push(Failure {
                    scene: scene.name().to_owned(),
                    phase,
                    at,
                    call,
                    fault,
                    why,
                });
            }
        }
    }
    table
}
