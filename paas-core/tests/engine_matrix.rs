//! The fault matrix on the cloud in memory: every call, every fault, every phase, every shape.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use paas_core::testing::{
    Fault, Pace, matrix,
    shapes::{Shape, Shaped},
};

async fn matrix_of(shape: Shape, pace: Pace) {
    let scene = matrix::OneStage::new(Shaped::new(shape, pace));
    let table = matrix::run(&scene, &Fault::ALL).await;
    println!("{table}");
    assert!(table.is_good(), "{table}");
    assert!(table.points() > 100, "{table}");
}

#[tokio::test]
async fn a_chain_survives_every_fault_at_every_call() {
    matrix_of(Shape::Chain, Pace::looks(1)).await;
}

#[tokio::test]
async fn a_fan_out_survives_every_fault_at_every_call() {
    matrix_of(Shape::FanOut, Pace::looks(1)).await;
}

#[tokio::test]
async fn two_nodes_survive_every_fault_at_every_call() {
    matrix_of(Shape::TwoNodes, Pace::looks(1)).await;
}

#[tokio::test]
async fn two_nodes_survive_every_fault_where_everything_happens_at_once() {
    matrix_of(Shape::TwoNodes, Pace::default()).await;
}
