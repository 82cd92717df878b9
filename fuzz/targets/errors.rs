//! Error bodies of services and of proxies: words, class, and no secret in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use paas_openstack::client::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::error_body(bytes));
