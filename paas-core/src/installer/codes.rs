//! The error codes of installing Kubernetes on machines (area INS).

crate::codes! {
    INS_VERSION = "PAAS-INS-0001", "that version of Kubernetes cannot be installed",
        "It is newer or older than what this program knows how to install, or not a version at all.",
        "Choose one of the versions that the message names for spec.kubernetes.version, or leave it out.";
    INS_USER_DATA = "PAAS-INS-0002", "what a machine reads on its first boot is too long",
        "A cloud takes user-data up to a length only, and the spec makes them longer: many workers, labels or names.",
        "Make shorter what the message names as largest.";
    INS_AUTHORITY = "PAAS-INS-0003", "a certificate authority of the cluster cannot be used",
        "What is in the secret store was changed: it is damaged, its key and certificate do not belong together, or another program made it.",
        "Bring back the secret that the message names, as it was when the cluster was made; nothing is made anew in its place.";
    INS_NETWORK = "PAAS-INS-0004", "address ranges overlap, or are too small",
        "Machines, pods and Services each have a range of addresses of their own; an address in two of them leads nowhere.",
        "Choose other ranges for infrastructure.openStack.networkCidr, kubernetes.podCidr or kubernetes.serviceCidr.";
    INS_CONTROL_PLANE = "PAAS-INS-0005", "a control plane of several machines cannot be installed yet",
        "spec.kubernetes.controlPlane.replicas is more than 1.",
        "Set it to 1; a control plane of three machines comes with a later version.";
    INS_NODE_NAME = "PAAS-INS-0006", "a machine's name is none for a node",
        "A node's name has at most 63 lower-case letters, digits and '-'.",
        "Give the pool a shorter name.";
    INS_LABEL = "PAAS-INS-0007", "a node may not give itself that label",
        "Kubernetes keeps labels below kubernetes.io and k8s.io to itself but for a few, or the text is no label at all.",
        "Use a name of your own, such as example.com/disk, or put the label on the nodes with kubectl.";
    INS_NO_WORKERS = "PAAS-INS-0008", "no pool has a machine",
        "Every pool has replicas: 0.",
        "Give a pool at least one machine, unless this is meant.";
    INS_POOL = "PAAS-INS-0009", "two groups of machines have one name",
        "Two pools are called the same, or one as the control plane itself.",
        "Give the pool another name.";
    INS_TOKEN = "PAAS-INS-0010", "a machine's token for joining cannot be used",
        "What is in the secret store is no token; something else wrote it.",
        "Delete the secret that the message names; the machine gets another token.";
    INS_TEXT = "PAAS-INS-0011", "a name or address in spec.kubernetes cannot be used",
        "It has characters that no such name has.",
        "Write it as the message says.";
    INS_MACHINE = "PAAS-INS-0012", "nothing is known of that machine's first boot",
        "Its role is in no pool of the spec, or the spec's machines stay bare.",
        "This is a bug of whoever asked; report it with the message.";
    INS_COMBINATION = "PAAS-INS-0013", "these settings do not go together",
        "One of them makes the other impossible, or useless.",
        "Change one of the settings that the message names.";
    INS_BOOT = "PAAS-INS-0020", "the first boot of a machine failed",
        "A step that makes it a node ended with an error: packages that cannot be had, an image without cloud-init, an address that is taken.",
        "Read its last lines in the message. Once the cause is gone, `paas cluster replace MACHINE` makes the machine anew.";
    INS_DRAIN = "PAAS-INS-0021", "a node cannot be emptied yet",
        "Pods that run on it do not end, or a disruption budget does not let them go.",
        "It is tried again by itself. Look at the pods of the message: a budget that never allows a disruption, or a pod that nothing replaces, has to be changed by its owner.";
    INS_STRANGER = "PAAS-INS-0022", "somebody else answers where the cluster should be",
        "The certificate there was not made by the authority of this cluster: the keys here are others, or another machine has the address.",
        "Use the home or the store of secrets that the cluster was made with. An authority is never made anew for a cluster that exists.";
    INS_UNSEEN = "PAAS-INS-0023", "what a cluster holds cannot be seen",
        "Its API does not answer, so nobody knows which databases and volumes would go with it.",
        "Bring its control plane back (`paas cluster doctor`), or agree that all in it may be lost.";
    INS_UPGRADE = "PAAS-INS-0024", "the cluster runs another version of Kubernetes",
        "spec.kubernetes.version was changed; a cluster that runs is not upgraded by this version of the program.",
        "Set spec.kubernetes.version back to what runs, or make a new Platform and move the databases.";
    INS_DECLARED = "PAAS-INS-0025", "the operator does not bring the database up",
        "Its object is in the cluster, and the operator there says why it does not go on.",
        "Look at it with `paas explain NAME --platform PLATFORM`; the message names what it waits for.";
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
