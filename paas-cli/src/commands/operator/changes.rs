//! What an apply would change: the object as it is against the answer of a dry run.

use paas_core::view::ChangeView;
use serde_json::Value;

/// What the API server keeps for itself, and what changes by itself.
const NOT_OURS: [&str; 6] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
];
