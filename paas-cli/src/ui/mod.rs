//! What people and programs get to see.

pub(crate) mod ask;
pub(crate) mod failure;
pub(crate) mod inventory;
pub(crate) mod printer;
pub(crate) mod progress;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod usage;
