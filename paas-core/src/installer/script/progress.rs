//! What a machine's console says of its first boot.

use super::{LAST_LINES, MARK, PHASES};

/// How far a first boot is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The phase that was begun last.
    pub phase: Option<String>,
    /// That it failed.
    pub failed: Option<Failure>,
    /// True at its end.
    pub done: bool,
}

/// A phase that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub phase: String,
    /// The exit status.
    pub status: i32,
    /// The last lines that it printed, at most [`LAST_LINES`].
    pub last_lines: Vec<String>,
}

/// Reads a console's log, whole or in part: what is not ours is passed over, whatever stands before a line of ours too, and a line that
/// is cut off counts only if nothing is missing in it. A phase that begins anew, as after another boot, counts for itself.
pub fn progress(console: &str) -> Progress {
    let mut seen = Progress::default();
    for line in console.split_inclusive('\n') {
        let whole = line.ends_with('\n');
        let Some((_, said)) = line.split_once(MARK) else {
            continue;
        };
        let said = said.trim_end_matches(['\r', '\n']);
        if let Some(text) = said.strip_prefix('|') {
            if let Some(failed) = seen.failed.as_mut().filter(|f| f.last_lines.len() < LAST_LINES) {
                let text = text.strip_prefix(' ').unwrap_or(text);
                let shown = text.chars().filter(|c| !c.is_control()).collect();
                failed.last_lines.push(shown);
            }
        } else if let Some(rest) = said.strip_prefix("failed ") {
            if let Some((phase, status)) = failure(rest, whole) {
                seen.done = false;
                seen.phase = Some(phase.clone());
                seen.failed = Some(Failure {
                    phase,
                    status,
                    last_lines: Vec::new(),
                });
            }
        } else if let Some(phase) = said.strip_prefix("phase=") {
            let known = PHASES.iter().any(|(name, ..)| *name == phase.trim_end());
            if let Some(phase) = name(phase).filter(|_| whole || known) {
                seen = Progress {
                    phase: Some(phase),
                    ..Progress::default()
                };
            }
        } else if said.trim_end() == "done" {
            seen.done = true;
            seen.failed = None;
        }
    }
    seen
}

fn failure(rest: &str, whole: bool) -> Option<(String, i32)> {
    let mut words = rest.split_ascii_whitespace();
    let phase = name(words.next()?.strip_prefix("phase=")?)?;
    let status = words.next().and_then(|word| word.strip_prefix("status="));
    match status.and_then(|status| status.parse().ok()) {
        Some(status) => Some((phase, status)),
        // That it failed is certain; with which status is lost.
        None => whole.then_some((phase, 1)),
    }
}

fn name(text: &str) -> Option<String> {
    let text = text.trim_end();
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ((1..=40).contains(&text.len()) && text.bytes().all(good)).then(|| text.to_owned())
}
