//! Parts for tests of engines, drivers and actuators: public, so that third parties hold theirs to the same laws.
/// The laws of an actuator, as a suite.
pub mod conformance {}
