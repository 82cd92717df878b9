//! The error codes of PostgreSQL by CloudNativePG (area K8S).

crate::codes! {
    CNPG_NAME = "PAAS-K8S-0010", "an instance's name cannot be one of its objects'",
        "CloudNativePG names services and pods after the Cluster, and so takes only a DNS label that begins with a letter.",
        "Choose a name of lower-case letters, digits and '-', beginning with a letter.";
    CNPG_STORAGE = "PAAS-K8S-0011", "volumes cannot be changed so",
        "A volume neither shrinks nor moves to another storage class.",
        "Keep size and class; to change them make a new instance and copy the data into it.";
    CNPG_VERSION = "PAAS-K8S-0012", "the version cannot be had",
        "Data of a newer major version is not read by an older one, or it is not said which image has the version.",
        "Ask for the version that runs, or a newer one; `paas db dump` takes data to an older one.";
    CNPG_BOOTSTRAP = "PAAS-K8S-0013", "a server could not be set up",
        "The job that fills a server's volume failed, and CloudNativePG does not try again.",
        "Read the job's words; once the cause is gone delete the failed job, or the instance if it never held data.";
    CNPG_IMAGE = "PAAS-K8S-0014", "the image cannot be fetched",
        "It does not exist under this name, or the nodes may not or cannot fetch it.",
        "Read the node's words: correct engine.version, or make the image reachable; it is tried again by itself.";
    CNPG_UNSCHEDULABLE = "PAAS-K8S-0015", "no node takes a server",
        "No node has the room, the volume, or the labels that it needs.",
        "Read the scheduler's words: add a node, or ask for less; it is tried again by itself.";
    CNPG_VOLUME = "PAAS-K8S-0016", "a server gets no volume",
        "There is no such storage class, no default one, or its provisioner failed.",
        "Set storage.class to one of `kubectl get storageclass`; read the words for what else it may be.";
    CNPG_STUCK = "PAAS-K8S-0017", "CloudNativePG does not go on by itself",
        "It says that the Cluster needs a person: it is fenced, its disk is full, its definition is refused, or too much of it is lost.",
        "Read its words: lift the fence, enlarge storage.size, or restore from a backup.";
    CNPG_CONTENT = "PAAS-K8S-0018", "PostgreSQL refuses a role or a database",
        "CloudNativePG tried to make it as it was asked for and was refused by the server.",
        "Read the server's words; it is tried again by itself.";
    CNPG_PARAMETER = "PAAS-K8S-0019", "CloudNativePG does not allow a parameter, a user or a database",
        "It sets the parameter itself, keeps the name for itself, or the memory is less than what the parameters ask for.",
        "Remove or rename it, or ask for more memory; the message names it.";
    CNPG_SWITCHOVER = "PAAS-K8S-0034", "that server cannot become the primary",
        "There is no standby of that name, it is not ready, or another switchover is under way.",
        "Name one of the standbys that the message lists, once it is ready (`paas db show NAME`).";
}
