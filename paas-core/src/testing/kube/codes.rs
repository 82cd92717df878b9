//! The error codes of Kubernetes for tests (area TEST): programs for users never show them.

crate::codes! {
    TEST_KUBE_ABSENT = "PAAS-TEST-0001", "there is no Kubernetes API server for tests",
        "No cluster and no programs are named in the environment, and Go, which builds the programs once, is missing or too old.",
        "Install Go 1.26 or newer, or name a cluster in PAAS_TEST_KUBECONFIG, or a folder with etcd and kube-apiserver in KUBEBUILDER_ASSETS.";
    TEST_KUBE_BUILD = "PAAS-TEST-0002", "Kubernetes for tests could not be built",
        "The Go modules could not be fetched, or the disk is full, or the build was ended from outside.",
        "Read Go's words; run again: what was built is kept.";
    TEST_KUBE_START = "PAAS-TEST-0003", "Kubernetes for tests did not start",
        "A server ended by itself or was not ready within its deadline.",
        "Read the server's last words in the message; a machine with 1 GiB of free memory has room for it.";
    TEST_KUBE_FOREIGN = "PAAS-TEST-0004", "a cluster that exists is not ours to stop",
        "PAAS_TEST_KUBECONFIG names a cluster, whose servers this harness did not start.",
        "Use ControlPlane::start_own in tests that stop servers: it never uses that cluster.";
}
