//! The error codes of installing Kubernetes on machines (area INS).

crate::codes! {
    INS_VERSION = "PAAS-INS-0001", "that version of Kubernetes cannot be installed",
        "It is newer or older than what this program knows how to install, or not a version at all.",
        "Choose one of the versions that the message names for spec.kubernetes.version, or leave it out.";
}
