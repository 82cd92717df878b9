//! `paas cloud`: one verb a file.

pub(crate) mod list;
pub(crate) mod show;
