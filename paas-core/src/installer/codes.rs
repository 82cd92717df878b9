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
}
