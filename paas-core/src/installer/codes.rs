//! The error codes of installing Kubernetes on machines (area INS).

crate::codes! {
    INS_VERSION = "PAAS-INS-0001", "that version of Kubernetes cannot be installed",
        "It is newer or older than what this program knows how to install, or not a version at all.",
        "Choose one of the versions that the message names for spec.kubernetes.version, or leave it out.";

    INS_MANIFEST = "PAAS-INS-0040", "the manifest of an addon cannot be read",
        "The mirror lacks the file, the address does not answer, or what it answers is too large to be a manifest.",
        "Make the address of the message reachable, put the file into the directory or URL of spec.addons.mirror, or turn the addon off.";
    INS_CHECKSUM = "PAAS-INS-0041", "the manifest of an addon is not the one that is expected",
        "Its SHA-256 differs from the one that this program knows, or from the one in the mirror's SHA256SUMS: it was changed, cut off, or is of another version.",
        "Fetch the file anew from the address that the message names; a mirror that changes manifests on purpose lists their sums in a file SHA256SUMS.";
    INS_CONTENT = "PAAS-INS-0042", "the manifest of an addon holds something that is not known here",
        "It is no YAML, or there is a kind of object in it that this program would not find again.",
        "Take the manifest of the version that the message names, unchanged but for its images.";
    INS_CLOUD = "PAAS-INS-0043", "the cluster has no access to its cloud",
        "The cloud's controller manager or its volumes are asked for, and there is no credential or network that they could use, or one of its values cannot be written down.",
        "Let the platform make an application credential (see the message), or set spec.addons.cloudController and spec.addons.csi to false.";
    INS_IMAGE = "PAAS-INS-0044", "the image of an addon cannot be fetched",
        "It does not exist under this name, or the nodes may not or cannot fetch it.",
        "Read the node's words: set spec.addons.imageRegistry to a registry that has the image, or make it reachable; it is tried again by itself.";
    INS_POD = "PAAS-INS-0045", "a pod of an addon does not start",
        "A container ends again and again, or cannot be made as it is asked for.",
        "Read the words, and the log with `kubectl logs`; it is tried again by itself.";
    INS_MIRROR = "PAAS-INS-0046", "the words about addons do not go together",
        "A registry, a mirror and the addons that are turned on were chosen so that something will be missing or there twice.",
        "Read the message: it names the fields of spec.addons and what they lead to.";
}
