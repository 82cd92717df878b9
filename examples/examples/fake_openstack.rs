//! An OpenStack in memory, for other programs: it writes a clouds.yaml and runs until its input ends.
//!
//! `cargo run -p paas-examples --example fake_openstack -- --clouds-file clouds.yaml`, then `OS_CLIENT_CONFIG_FILE=clouds.yaml OS_CLOUD=lab openstack server list`
