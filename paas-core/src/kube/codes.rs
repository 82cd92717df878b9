//! The error codes of talking to a Kubernetes cluster (area K8S).

crate::codes! {
    K8S_REFUSED = "PAAS-K8S-0001", "the API server refuses an object",
        "A rule of the object's kind, a quota, or an admission policy does not allow it.",
        "The answer names the field or the rule: correct the spec, or ask who wrote the rule.";
    K8S_DENIED = "PAAS-K8S-0002", "the cluster does not allow that",
        "The credentials are unknown or expired, or no role allows them this verb on this resource.",
        "Log in again, or bind a role that has the verb and the resource of the message; `kubectl auth can-i VERB RESOURCE` tells whether it is there.";
    K8S_UNREACHABLE = "PAAS-K8S-0003", "the API server does not answer",
        "The address is wrong, the cluster is down, its certificate is not the expected one, or something between cuts the connection.",
        "Try `kubectl get --raw /readyz` with the same context. Nothing is assumed to be gone meanwhile.";
    K8S_FAILED = "PAAS-K8S-0004", "the API server failed, or is too busy",
        "It answered with an error of its own (5xx), or asks to slow down (429).",
        "It is tried again by itself; if it lasts, look at the API server's log under the request id.";
    K8S_TAKEN = "PAAS-K8S-0005", "an object of that name is there and is not ours",
        "Somebody else made it, or it was made for another owner or under another key.",
        "Delete or rename that object if it is not needed, or give yours another name. It is never overwritten.";
    K8S_CONFLICT = "PAAS-K8S-0006", "the object changed while it was being written",
        "Somebody else wrote it, deleted it, or made it anew between the look and the write, or it is just leaving.",
        "It is looked at and decided again by itself.";
    K8S_NO_API = "PAAS-K8S-0007", "the cluster does not have that kind of object",
        "Its definition is not installed, or the version that is asked for is not served any more.",
        "Install the operator that brings the kind (`kubectl api-resources` lists what there is), or choose a runtime that needs none.";
    K8S_NOT_FOUND = "PAAS-K8S-0008", "something that the object needs is not in the cluster",
        "Mostly the namespace: it is never made by the way.",
        "Make what the message names (`kubectl create namespace NAME`), or correct the spec.";
    K8S_ACCESS = "PAAS-K8S-0009", "the kubeconfig cannot be used",
        "There is none, the context is not in it, or what it refers to cannot be read.",
        "Name a kubeconfig with KUBECONFIG and a context that `kubectl config get-contexts` lists.";
    K8S_MANAGED = "PAAS-K8S-0031", "another program manages these fields",
        "Somebody else wrote them with another value: kubectl, Argo CD, an autoscaler. They are not taken away by the way.",
        "Change them where they are managed, leave them out of the file, or take them over with --force-conflicts.";
    K8S_DEFINITIONS = "PAAS-K8S-0032", "the cluster does not know our kinds",
        "The definitions of Platform and DatabaseInstance are not installed there, or the context is another cluster than you think.",
        "Install the operator with `paas operator install`, or the definitions alone with `paas crds | kubectl apply --server-side -f -`.";
    K8S_ANOTHER = "PAAS-K8S-0033", "the object was deleted or made anew meanwhile",
        "Somebody deleted it while it was worked on; one of the same name that is there now is another one.",
        "Look at what there is with `paas status --cluster`, and run the command again if it is still meant.";
    K8S_STORAGE = "PAAS-K8S-0020", "a volume can neither shrink nor move to another storage class",
        "storage.size is smaller than it was, or storage.class is another one.",
        "Put the former size and class back; for another volume, make a new instance and load a dump into it.";
    K8S_MAJOR = "PAAS-K8S-0021", "another major version cannot open these files",
        "engine.version names another major version than the one that the data was made with.",
        "Put the former major version back; make a new instance of the other version and load a dump into it.";
    K8S_BINDING = "PAAS-K8S-0028", "the binding of a database cannot be used",
        "The operator publishes it as a Secret when the database can be entered for the first time; this one is not there, or lacks an entry.",
        "See what the object waits for with `kubectl get dbi NAME -o yaml`; a binding that was deleted or changed by hand is made anew by the operator.";
    K8S_NO_ENDPOINT = "PAAS-K8S-0029", "no pod is ready behind a service",
        "The service is not there, its selector fits no pod, or the pods that it fits are not ready: they start, fail over, rest, or end again and again.",
        "After a failover it lasts seconds; `paas db check NAME` names what is broken.";
    K8S_LISTEN = "PAAS-K8S-0030", "a local port cannot be listened on",
        "Another program has it, or the system does not give it to this user.",
        "Name another one with --port, or leave it out for a free one.";
}
