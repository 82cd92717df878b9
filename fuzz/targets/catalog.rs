//! What a cloud says of itself: tokens with their catalog, version documents, next pages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use paas_openstack::client::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::token(bytes);
    fuzzing::versions(bytes);
    fuzzing::next_page(bytes);
});
