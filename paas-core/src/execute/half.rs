//! Building and clearing.

use crate::step::Verb;

/// Which half of a plan a pass carries out: over several stages, creates go up and deletes come down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Creates and updates.
    Build,
    /// Deletions, also those of replacements.
    Clear,
    /// Both.
    Both,
}

impl Half {
    pub(super) fn covers(self, verb: Verb) -> bool {
        match self {
            Self::Build => !verb.removes(),
            Self::Clear => verb.removes(),
            Self::Both => true,
        }
    }
}
