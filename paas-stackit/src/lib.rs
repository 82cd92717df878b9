//! STACKIT and its Kubernetes Engine (SKE) as an infrastructure provider.
//!
//! Nothing is here yet: the crate holds the place of the client, the stateful fake and the provider that will implement
//! [`paas_core::driver::InfrastructureProvider`]. A `Platform` with `infrastructure.type: Stackit` is understood by the
//! loader and refused with words by `paas up`.
