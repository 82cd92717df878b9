//! The error codes of OpenStack (area OS).

paas_core::codes! {
    OS_NO_CLOUD = "PAAS-OS-0001", "no such cloud is configured",
        "No clouds.yaml was found, or it has no cloud of that name, or none was chosen and there are several.",
        "Name one with OS_CLOUD; `paas cloud list` shows the clouds and the files that were read.";
    OS_FILE = "PAAS-OS-0002", "a file of clouds cannot be read",
        "It is a folder, larger than 4 MiB, no text, or closed to this user although it was asked for by name.",
        "Correct the file that the message names, or name another one with OS_CLIENT_CONFIG_FILE.";
    OS_SYNTAX = "PAAS-OS-0003", "a file of clouds is not understood",
        "It is not YAML or JSON, or it has no map of clouds. openstacksdk passes over such a file and takes the next; that would be another cloud.",
        "Correct the line that the message names.";
    OS_VALUE = "PAAS-OS-0004", "a value of a cloud is wrong",
        "A field has something that it cannot have, or that two readers of YAML take for two different things.",
        "Correct the value at the place named; texts that look like numbers or booleans need quotes.";
    OS_INCOMPLETE = "PAAS-OS-0005", "something that is needed to log in is missing",
        "The entry, its profile, secure.yaml and the environment do not say where Keystone is, or who asks with which secret.",
        "Add what the message names to the entry in clouds.yaml, secrets better to secure.yaml.";
    OS_AUTH_TYPE = "PAAS-OS-0006", "this way to log in is not supported",
        "Supported are passwords, application credentials and tokens; not federation, several factors, trusts or Keystone v2.",
        "Make an application credential (`openstack application credential create`) and use it with auth_type: v3applicationcredential.";
    OS_PROFILE = "PAAS-OS-0007", "a profile that is a URL is not fetched",
        "Whoever answers at that URL would decide where the password is sent.",
        "Write auth_url into the entry, or put the profile into clouds-public.yaml.";
    OS_NO_REGION = "PAAS-OS-0008", "the cloud has no such region",
        "The entry lists its regions, and the one asked for, by OS_REGION_NAME or by name, is not among them.",
        "Use one that the message lists; names of regions are case-sensitive.";
    OS_CONTRADICTION = "PAAS-OS-0009", "a configuration says two things that exclude each other",
        "A token can be for one project, one domain or the system; a cloud in a file has the name that stands for the environment.",
        "Remove one of the two that the message names.";
}
