//! The laws of an actuator, as a suite.
