//! What was done to clusters, and what came of it.

use std::fmt;

/// Points by their fault, each with how it ended.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, usize, usize)>);

impl Table {
    /// A point at which all was well in the end without anybody's doing.
    pub(crate) fn converged(&mut self, fault: &str) {
        self.row(fault).1 += 1;
    }

    /// A point at which it was said within the deadline what is wrong, and all was well when that was done.
    pub(crate) fn explained(&mut self, fault: &str) {
        self.row(fault).2 += 1;
    }

    fn row(&mut self, fault: &str) -> &mut (String, usize, usize) {
        let at = self.0.iter().position(|(known, ..)| known == fault);
        let at = at.unwrap_or_else(|| {
            self.0.push((fault.to_owned(), 0, 0));
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<48} {:>9} {:>9}", "fault", "converged", "explained")?;
        for (fault, converged, explained) in &self.0 {
            writeln!(f, "{fault:<48} {converged:>9} {explained:>9}")?;
        }
        let points: usize = self.0.iter().map(|(_, c, e)| c + e).sum();
        writeln!(f, "{points} points")
    }
}
