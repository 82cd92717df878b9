//! The error codes of OpenStack (area OS).

paas_core::codes! {
    OS_NO_CLOUD = "PAAS-OS-0001", "no such cloud is configured",
        "No clouds.yaml was found, or it has no cloud of that name, or none was chosen and there are several.",
        "Name one with OS_CLOUD; `paas cloud list` shows the clouds and the files that were read.";
    OS_SHAPE = "PAAS-OS-0040", "the machines cannot be laid out",
        "Two groups of machines would have the same names, or more is asked for than the network has addresses.",
        "Change the names or the sizes that the message shows.";
}
