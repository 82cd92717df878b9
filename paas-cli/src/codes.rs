//! The error codes of the command line (area CLI), and the tables of everything in this build.

use paas_core::codes::Code;

paas_core::codes! {
    CLI_USAGE = "PAAS-CLI-0001", "the command line is not understood",
        "A command, a flag or a value does not exist or is missing.",
        "Look at the command with --help.";
    CLI_EXISTS = "PAAS-CLI-0002", "the file is there already",
        "`paas init` does not overwrite what somebody wrote.",
        "Use the file that is there, name another one, or overwrite it with --force.";
    CLI_NO_OBJECT = "PAAS-CLI-0003", "there is no object of that name",
        "The name is misspelt, or the object was never made or is deleted.",
        "See what there is with `paas status`, or make it with `paas up -f FILE` (a database: `paas db create NAME`).";
    CLI_CONSENT = "PAAS-CLI-0004", "something would be stopped, replaced or deleted, and nobody can be asked",
        "There is no terminal, or --no-input was given.",
        "Look at the plan, then run the same command with --yes; data also needs --confirm NAME.";
    CLI_DECLINED = "PAAS-CLI-0005", "the answer was no",
        "The plan was shown and not agreed to.",
        "Nothing was changed. Run the same command again to be asked again.";
    CLI_NO_CODE = "PAAS-CLI-0006", "there is no such code",
        "Codes have the form PAAS-AREA-0001.",
        "List all codes with `paas explain`, and objects with `paas status`.";
    CLI_OBJECTS = "PAAS-CLI-0007", "the accepted objects cannot be read or written",
        "A file below objects/ in the home is damaged or closed.",
        "Correct the file that the message names, or move it away; `paas up -f FILE` then writes it anew.";
    CLI_NOT_DECLARED = "PAAS-CLI-0008", "the user or database is not declared",
        "Only users and databases of the object's spec are known here.",
        "Use one that the message lists, or add it to the spec and run `paas up`.";
    CLI_NOT_RUNNING = "PAAS-CLI-0009", "the database does not run",
        "It was never made, or it is stopped.",
        "Start it with `paas up`.";
    CLI_PLATFORM = "PAAS-CLI-0010", "the platform of a database is not clear",
        "platformRef names a Platform that there is not, or is left out while there are several.",
        "Set spec.platformRef.name to one of the platforms that the message lists.";
    CLI_DIFFERS = "PAAS-CLI-0011", "an object of that name exists and is different",
        "`paas db create` makes objects; it does not change them.",
        "Print it with `paas db show NAME -o yaml`, change it, and run `paas up -f FILE`.";
    CLI_PSQL = "PAAS-CLI-0012", "psql cannot be run",
        "The program was found, but the system refused to start it.",
        "Use `paas db sql NAME -c …`, which needs no psql.";
    CLI_EVENTS = "PAAS-CLI-0013", "the event log cannot be read or written",
        "A file below owners/ in the home is damaged or closed.",
        "Check the file that the message names; it may be moved away: nothing depends on it.";
    CLI_NO_SQL = "PAAS-CLI-0014", "there is no SQL to run",
        "Neither -c nor a file on stdin was given.",
        "Write `paas db sql NAME -c 'select 1'`, or pipe a file into it.";
    CLI_TAKEN = "PAAS-CLI-0015", "a database of that name exists",
        "`db restore` and `db clone` make new databases; they change none.",
        "Give another name with --to. If an earlier restore was interrupted, `paas up` brings it up.";
    CLI_BINDING = "PAAS-CLI-0017", "there is no binding directory",
        "A user has one binding, to the first database that it owns or else the first one there is, made by `paas up`.",
        "Run `paas up`, or use another --format, which knows every database.";
    CLI_DUMP_FILE = "PAAS-CLI-0022", "the file of a dump cannot be written or read",
        "The system refused it: the folder is not there, permissions, a full disk; or there is nothing on stdin.",
        "Name another file. A dump that was not finished leaves no file, and an older one of that name as it was.";
    CLI_PG_DUMP = "PAAS-CLI-0023", "pg_dump did not make the dump",
        "There is none here that knows the server's major version, or it failed.",
        "Leave --pg-dump out, or add --native: the dump is then made with the server alone.";
    CLI_KEPT = "PAAS-CLI-0025", "data of that name was kept, and is not taken up by the way",
        "An object of that name was deleted or lost while its data stayed. What is asked for now was not said of these data.",
        "Take them up as they are with `paas db adopt NAME`, then change them; or delete them with `paas db purge NAME --confirm NAME`.";
    CLI_ACCEPTED = "PAAS-CLI-0026", "it is not data that was kept: its object is accepted",
        "`paas db adopt` and `paas db purge` are for data that no object speaks for any more.",
        "Start it with `paas up`; delete it with `paas db delete NAME --delete-data --confirm NAME`.";
    CLI_UNSET = "PAAS-CLI-0024", "the setting is not declared",
        "`--unset` takes a declared parameter back; this one is not in the spec, or comes from its plan.",
        "See what is declared with `paas db show NAME`; a setting of the plan is changed with --param.";
    CLI_NO_LOG = "PAAS-CLI-0020", "there is no log",
        "No server of that database was ever started here, or its folder was removed.",
        "Start it with `paas up`; what a start that failed said is in its message and in `paas events NAME`.";
    CLI_TRACE = "PAAS-CLI-0028", "the trace cannot be written",
        "The file of --trace cannot be opened for writing: its folder is not there, it is a folder itself, or permissions.",
        "Name another file. It is appended to if it is there, and made for its owner alone if it is not.";
    CLI_NOT_CONNECTED = "PAAS-CLI-0029", "this command does not speak to clouds",
        "The object stands on a cloud, and the command is one for what is on this machine.",
        "Use `paas up`, `paas plan`, `paas status` or `paas down`.";
    CLI_ADOPT = "PAAS-CLI-0030", "nothing can be taken over into that object",
        "Only a Platform on OpenStack takes things over.",
        "Name a Platform whose spec.infrastructure.type is OpenStack; data on this machine are taken over with `paas db adopt`.";
    CLI_GC_OWNER = "PAAS-CLI-0033", "it is not clear whose leftovers are meant",
        "Several owners have that name, or --confirm names one of whom nothing is to be deleted.",
        "Name the owner by its uid, which `paas gc` shows, or as kind/namespace/name.";
    CLI_NO_VM = "PAAS-CLI-0031", "there is no virtual machine of that name",
        "The name is misspelt, the machine is in another cloud or project, or it was deleted.",
        "See what there is with `paas vm list`, with --cloud or OS_CLOUD for another cloud.";
    CLI_SSH_KEY = "PAAS-CLI-0032", "the SSH key cannot be used",
        "The file of --ssh-key cannot be read or holds no public key, or a new key cannot be written.",
        "Give the file with the public half, such as ~/.ssh/id_ed25519.pub; `ssh-keygen -y -f KEY` prints it.";
    CLI_NO_CLUSTER = "PAAS-CLI-0040", "this command does not speak to Kubernetes clusters",
        "A cluster was named, by a flag or by PAAS_CONTEXT, and the command is one for what is on this machine or on a cloud.",
        "Leave --cluster, --context, --kubeconfig and --namespace out.";
    CLI_NO_PLATFORM = "PAAS-CLI-0041", "there is no such platform with databases",
        "The Platform of that name is neither known on this machine nor in the cluster, or it has no cluster that databases can run on.",
        "See what there is with `paas status` and `paas status --cluster`.";
    CLI_NO_OPERATOR = "PAAS-CLI-0047", "no operator looks at the object",
        "The object is in the cluster, and nobody carries it out: no operator is installed, it does not run, or it is not for that namespace.",
        "Install one with `paas operator install`, or see how it does with `paas operator status`. The object stays; the first operator takes it up.";
    CLI_MEANT = "PAAS-CLI-0048", "it is not said which objects are meant",
        "A cluster has no quick start: without -f and without a paas.yaml here there is nothing to go by.",
        "Name a file with -f; `paas init` writes one to start from. One database: `paas --cluster db create NAME`.";
    CLI_STALLED = "PAAS-CLI-0049", "the operator does not go on without a person",
        "What the object asks for cannot be had, or needs somebody's word; the operator's own words and code stand in the message.",
        "Do what the message says; `paas explain` knows the code in it. Then run the same command again.";
    CLI_ELSEWHERE = "PAAS-CLI-0050", "this cannot be done there",
        "The command or the flag is for databases on this machine only, or for databases of a cluster only.",
        "Leave the flag out, or name a cluster with --cluster, as the message says.";
    CLI_REQUEST = "PAAS-CLI-0051", "the operator did not do what it was asked for",
        "A restart or a switchover was asked for by annotation, and it was refused or cannot be.",
        "Do what the message says, and look at `paas events --cluster NAME`; the annotation may stay, it asks only once.";
    CLI_NAMESPACE = "PAAS-CLI-0052", "the object is for another namespace",
        "The file names a namespace, and --namespace another one.",
        "Leave --namespace out, or the namespace out of the file.";
    CLI_PLATFORM_NOT_UP = "PAAS-CLI-0053", "the platform of a database is not up",
        "A database runs in the cluster of its platform, and that could not be brought up: its own error stands before this one.",
        "Do what the platform's error asks for, and run the same command again.";
    CLI_KUBECONFIG = "PAAS-CLI-0054", "the kubeconfig cannot be merged",
        "The file that kubectl reads is no kubeconfig, or it cannot be written. It was left as it is.",
        "Correct the file that the message names, name another with --into, or leave --merge out and keep what is printed.";
    CLI_OPERATOR_ABSENT = "PAAS-CLI-0034", "no operator is installed there",
        "The namespace has no Deployment of ours: it was never installed, or runs in another namespace or cluster.",
        "See where it is with `kubectl get deployments -A -l app.kubernetes.io/name=paas-operator` and give --namespace; install it with `paas operator install`.";
    CLI_OPERATOR_UNREADY = "PAAS-CLI-0035", "the operator does not get ready in time",
        "Its pods cannot be placed, its image cannot be had, or they end again: the message has their own words. What was applied stays.",
        "Do what the words ask for, then run the same command again; `paas operator status` and `kubectl logs` tell more.";
    CLI_OPERATOR_NEWER = "PAAS-CLI-0036", "something newer is installed",
        "This `paas` is older than what is in the cluster. Older definitions could lose fields of objects that are stored there.",
        "Use the `paas` of the version that is installed, or a newer one.";
    CLI_OPERATOR_TAKEN = "PAAS-CLI-0037", "something of somebody else is in the way",
        "An object has the name of one of ours and not our labels, or another operator looks after the same namespaces.",
        "Look at the object that the message names; rename or delete it if nobody needs it, or install into another namespace with --namespace.";
    CLI_OPERATOR_OPTION = "PAAS-CLI-0038", "an option of the installation is missing or wrong",
        "An installation has an image, and an operator of some namespaces is told which cluster it is in, for it may not ask.",
        "Give the option that the message names.";
    CLI_OPERATOR_OBJECTS = "PAAS-CLI-0039", "the definitions are still in use",
        "Every object of a kind goes with its definition, and nobody would be asked about the databases.",
        "Delete the objects first, while the operator still runs (`kubectl get paas -A` lists them), or leave --crds out.";
    CLI_NO_FORWARD = "PAAS-CLI-0042", "a database on this machine needs no forwarded port",
        "`paas db forward` leads into a Kubernetes cluster, and none is named.",
        "Use `paas db url NAME`; for a database in a cluster add --cluster or --context NAME.";
    CLI_NO_POOLER = "PAAS-CLI-0043", "there is no pool of connections",
        "The binding names none: the spec asks for no pooler, or it is not there yet.",
        "Leave --pooler out, or set spec.pooler and wait until the object is Ready.";
    CLI_COMMAND = "PAAS-CLI-0044", "the command cannot be run",
        "The program after -- is not in the search path, or the system refused to start it.",
        "Correct its name, or give its path.";
    CLI_FOLDER = "PAAS-CLI-0045", "the folder for clusters cannot be used",
        "Authorities' certificates and password files lie in `cluster` in the home; the system does not let it be made or written.",
        "Check the permissions and the room of the folder that the message names, or set PAAS_HOME to another.";
    CLI_ONLY_HERE = "PAAS-CLI-0046", "that is for databases on this machine",
        "The flag asks for the platform's administrator or for a program beside the server, and in a cluster there is neither.",
        "Leave the flag out.";
    CLI_PLACE = "PAAS-CLI-0019", "it is not clear where a service belongs",
        "HOME is not set, so there is no folder for units of this user.",
        "Set HOME, or run it in a login session.";
}

/// Every table of this build.
pub const TABLES: &[&[&Code]] = &[
    paas_core::codes::ALL,
    paas_core::spec::codes::ALL,
    paas_core::local::codes::ALL,
    paas_core::database::codes::ALL,
    paas_core::database::cnpg::codes::ALL,
    paas_core::database::statefulset::codes::ALL,
    paas_core::installer::codes::ALL,
    paas_core::kube::codes::ALL,
    paas_openstack::codes::ALL,
    paas_operator::codes::ALL,
    ALL,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_of_this_build_is_there_once_in_its_form() {
        let all: Vec<&Code> = TABLES.iter().flat_map(|t| t.iter().copied()).collect();
        let ids: BTreeSet<&str> = all.iter().map(|c| c.id).collect();
        assert_eq!(ids.len(), all.len());
        for code in all {
            let parts: Vec<&str> = code.id.split('-').collect();
            assert!(
                matches!(parts.as_slice(), ["PAAS", "CORE" | "SPEC" | "LOC" | "PG" | "OS" | "K8S" | "INS" | "OP" | "CLI", n] if n.len() == 4),
                "{}",
                code.id
            );
        }
    }
}
