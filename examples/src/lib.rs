//! Examples live in `examples/examples/`, one program a file, and as YAML files beside this crate.

use std::io::Write;

/// Writes to standard output; a reader that went away is no failure of an example.
pub fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
