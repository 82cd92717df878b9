//! The error codes of one server as a StatefulSet (area K8S).

crate::codes! {
    STS_FAILING = "PAAS-K8S-0022", "the server ends again and again",
        "PostgreSQL, or the step that makes its files, ends as soon as it is started.",
        "Read its last words in the message and in `kubectl logs`: mostly a parameter, too little memory, or data of another version. It is started again by itself.";
    STS_REFUSED = "PAAS-K8S-0023", "the cluster lets no pod be made for the server",
        "A quota of the namespace is used up, or an admission policy does not allow the pod.",
        "Read the API server's words: raise the quota, or ask for less; it is tried again by itself.";
    STS_EXPAND = "PAAS-K8S-0024", "the volume cannot be enlarged",
        "Its storage class does not allow that, or the storage failed to do it.",
        "Have the class allow it (allowVolumeExpansion: true). Where it cannot: delete the object with deletionPolicy Retain and make it again with the former size, which finds its data; or load a dump into a new instance of another class.";
}
