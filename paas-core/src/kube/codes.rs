//! The error codes of talking to a Kubernetes cluster (area K8S).

crate::codes! {
    K8S_REFUSED = "PAAS-K8S-0001", "the API server refuses an object",
        "A rule of the object's kind, a quota, or an admission policy does not allow it.",
        "The answer names the field or the rule: correct the spec, or ask who wrote the rule.";
    K8S_STORAGE = "PAAS-K8S-0020", "a volume can neither shrink nor move to another storage class",
        "storage.size is smaller than it was, or storage.class is another one.",
        "Put the former size and class back; for another volume, make a new instance and load a dump into it.";
    K8S_MAJOR = "PAAS-K8S-0021", "another major version cannot open these files",
        "engine.version names another major version than the one that the data was made with.",
        "Put the former major version back; make a new instance of the other version and load a dump into it.";
}
