//! `Platform`: reconciled by the stages of its infrastructure, where this operator has a provider for it.

mod reconcile;
mod status;

pub(crate) use reconcile::Platforms;
