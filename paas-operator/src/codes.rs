//! The error codes of the operator (area OP).

paas_core::codes! {
    OP_CLUSTER = "PAAS-OP-0001", "no cluster can be reached",
        "There is no kubeconfig here and no service account of a pod, or what they say is wrong.",
        "Set KUBECONFIG or choose a context with `kubectl config use-context`; `kubectl get --raw /version` must answer.";
    OP_API = "PAAS-OP-0002", "the API server refused or failed a call of the operator",
        "The operator's role lacks a verb, the API server is away, or a rule of the cluster does not let the call through.",
        "Read the API server's words. It is tried again; a missing verb belongs into the operator's ClusterRole.";
    OP_BROKEN = "PAAS-OP-0003", "an object cannot be read",
        "It was stored before its definition had the rules that it breaks, or by another version of the definition.",
        "Correct the field that the message names with `kubectl edit`; the other objects are not concerned.";
    OP_LISTEN = "PAAS-OP-0004", "the address for metrics and health cannot be listened on",
        "Another process has the port, or the address is not one of this machine.",
        "Name another one with --metrics; port 0 takes a free one.";
    OP_NO_ENGINE = "PAAS-OP-0005", "this operator has no engine for that",
        "The runtime or the infrastructure that the spec asks for is not linked into this build.",
        "Choose one that the message lists, or run an operator that has it.";
    OP_LOCAL = "PAAS-OP-0006", "an object in a cluster cannot be this machine",
        "A Platform of type Local is the machine of the person who runs `paas up`; an operator in a cluster has no such machine.",
        "Keep it in a file for `paas up`, and delete it here; or choose OpenStack or Stackit.";
    OP_PROTECTED = "PAAS-OP-0007", "it is being deleted and its spec protects it",
        "Somebody deleted the object while spec.deletionProtection was true. Nothing was stopped or deleted.",
        "If it is to go, set spec.deletionProtection to false. A deletion cannot be taken back: to keep it, leave it so and make a copy under another name.";
    OP_CONSENT_VOID = "PAAS-OP-0008", "the consent is for other steps than those that are due",
        "What would be done has changed since the hash in the annotation paas.rs/consent was shown.",
        "Read status.blocked again and, if you agree, write its planHash into the annotation.";
    OP_BACKUP = "PAAS-OP-0009", "backups are not made by this version",
        "DatabaseBackup is a kind of this group, and nothing carries it out yet.",
        "Use CloudNativePG's own backups, or `pg_dump` with the binding secret, until a version does.";
    OP_ARGUMENT = "PAAS-OP-0010", "a setting of the operator cannot be used",
        "Times of the lease contradict each other, or a log filter is not understood.",
        "Correct the setting that the message names.";
    OP_RUNTIME = "PAAS-OP-0011", "what runs a database is not changed while it lives",
        "spec.runtime names another runtime than the one that the data is in, or data of two runtimes is there.",
        "Put the former runtime back, or Auto. To move: make a new instance of the other runtime, load a dump into it, and delete this one.";
    OP_ROTATION = "PAAS-OP-0012", "a request for new passwords is not understood",
        "The annotation paas.rs/rotate-overlap is no number of seconds.",
        "Give the seconds for which the former password still works, such as 600, or remove the annotation.";
    OP_NAMESPACE = "PAAS-OP-0013", "a namespace cannot be labelled",
        "The operator marks namespaces that hold protected objects or data with paas.rs/protected, and may not write namespaces here.",
        "Allow the operator list, watch and patch on namespaces. Databases are not concerned; the policy that refuses to delete such a namespace does not see it until then.";
    OP_TRACES = "PAAS-OP-0016", "traces cannot be sent to the collector that was named",
        "The endpoint of --otlp-endpoint is no http:// URL; or this build has no traces (feature `otel`).",
        "Name a collector or an agent in the same network as http://HOST:4318, which forwards them over TLS if they have to go further.";
    OP_PANIC = "PAAS-OP-0017", "a pass over an object panicked",
        "An engine has a bug that this object brings out. The other objects are not concerned, and what was begun is looked at anew.",
        "Pause the object with the annotation paas.rs/paused and report the log around this message. It is tried again, ever more rarely.";
    OP_IDENTITY = "PAAS-OP-0018", "the operator does not know which cluster this is",
        "What it owns is told apart by the uid of the namespace kube-system, which its role does not let it read; or --cluster-id is no uid.",
        "Give --cluster-id the output of `kubectl get namespace kube-system -o jsonpath={.metadata.uid}`; `paas operator install` does that.";
}
