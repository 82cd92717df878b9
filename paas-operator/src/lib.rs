//! The Kubernetes operator: a thin loop that calls [`paas_core::pipeline::Pipeline::advance`] once per reconcile.
//!
//! Nothing is here yet but the place. The objects that it will reconcile exist: `paas crds` prints them.
