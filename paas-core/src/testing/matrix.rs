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
mod scene;
mod table;

pub use point::Phase;
pub(super) use scene::exactly;
pub use scene::{OneStage, Scene, Stand};
pub use table::{Failure, Row, Table};

use super::Fault;

/// Every call index × every fault that fits it × every phase of one scene.
///
/// For each point: a fresh world, the phase with one fault, and again until it has converged. Then each wanted key is there exactly
/// once and as wanted, foreign things are untouched, another pass changes nothing, and `down` leaves nothing of ours.
pub async fn run(scene: &dyn Scene, faults: &[Fault]) -> Table {
    let mut table = Table::default();
    for phase in Phase::ALL {
        let calls = match point::calls(scene, phase).await {
            Ok(calls) => calls,
            Err(why) => {
                table.broken(scene.name(), phase, why);
                continue;
            }
        };
        let mut row = Row::new(scene.name(), phase, calls.len());
        for fault in faults {
            for (at, call) in calls.iter().enumerate().filter(|(_, c)| fault.fits(**c)) {
                match point::check(scene, phase, at, *fault).await {
                    Ok(Some(asked)) => row.good(*fault, asked),
                    // The fault needs something that was not there yet: not a point.
                    Ok(None) => {}
                    Err(why) => {
                        row.bad(*fault);
                        table.failures.push(Failure {
                            scene: scene.name().to_owned(),
                            phase,
                            at,
                            call: *call,
                            fault: *fault,
                            why,
                        });
                    }
                }
            }
        }
        table.rows.push(row);
    }
    table
}
