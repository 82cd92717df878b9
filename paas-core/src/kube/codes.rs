//! The error codes of talking to a Kubernetes cluster (area K8S).

crate::codes! {
    K8S_REFUSED = "PAAS-K8S-0001", "the API server refuses an object",
        "A rule of the object's kind, a quota, or an admission policy does not allow it.",
        "The answer names the field or the rule: correct the spec, or ask who wrote the rule.";
}
