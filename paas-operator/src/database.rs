//! `DatabaseInstance`: reconciled by the pipeline of the runtime that fits.

mod reconcile;
mod requests;
mod status;

pub(crate) use reconcile::Databases;
