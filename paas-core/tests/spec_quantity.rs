//! Amounts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use paas_core::spec::{Cpu, EngineVersion, Plan, Quantity};

#[test]
fn amounts_are_counted_as_kubernetes_counts_them() {
    let bytes = |text: &str| text.parse::<Quantity>().unwrap().bytes();
    assert_eq!(bytes("10Gi"), 10 << 30);
    assert_eq!(bytes("10G"), 10_000_000_000);
    assert_eq!(bytes("1.5Gi"), 3 << 29);
    assert_eq!(bytes("1.001k"), 1001);
    assert_eq!(bytes("999999999Pi"), u64::MAX);
    let millis = |text: &str| text.parse::<Cpu>().unwrap().millis();
    assert_eq!(
        [millis("2"), millis("500m"), millis("0.5"), millis("1.25")],
        [2000, 500, 500, 1250]
    );
}

#[test]
fn a_wrong_amount_offers_the_right_ones() {
    let words = |text: &str| text.parse::<Quantity>().unwrap_err().to_string();
    for (text, offered) in [
        (
            "10GB",
            "write 10Gi (10 × 1024^3 bytes) or 10G (10 × 1000^3 bytes)",
        ),
        ("10 GiB", "write 10Gi"),
        ("5kb", "write 5Ki (5 × 1024^1 bytes) or 5k"),
        ("10", "write 10Gi, or 10Mi"),
        ("10parsecs", "use one of Ki Mi Gi"),
        ("-1Gi", "write a number and a unit"),
        ("ten", "write a number and a unit"),
        ("", "write a number and a unit"),
        ("0.5Gi", "512Mi instead of 0.5Gi"),
        ("1.2345Gi", "at most three"),
        ("9999999999Gi", "at most nine"),
    ] {
        assert!(words(text).contains(offered), "{text}: {}", words(text));
    }
}

#[test]
fn versions_have_a_major_and_perhaps_a_minor() {
    let version: EngineVersion = "18.4".parse().unwrap();
    assert_eq!((version.major(), version.minor()), (18, Some(4)));
    assert_eq!("18".parse::<EngineVersion>().unwrap().minor(), None);
    for wrong in ["", "9", "9.6", "018", "18.", "18.4.1", "latest", "١٨"] {
        assert!(wrong.parse::<EngineVersion>().is_err(), "{wrong}");
    }
}

#[test]
fn every_plan_has_processors_and_memory() {
    for plan in [Plan::Dev, Plan::Small, Plan::Medium] {
        let resources = plan.resources();
        assert!(resources.cpu.is_some() && resources.memory.is_some(), "{plan:?}");
    }
}
