//! A stateful OpenStack in memory, served over HTTP on loopback.
