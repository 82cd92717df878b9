//! Examples live beside this crate, one file each; see `examples/*.rs`.
