//! What was struck, and what came of it.

use std::{collections::BTreeMap, fmt};

use super::Fault;

/// Good points of all points, by scene and fault. [`fmt::Display`] prints it.
///
/// ```
/// use paas_core::testing::faults::{Fault, Table};
///
/// let mut table = Table::default();
/// table.point("create", Fault::LostReply, "patch configmaps", Ok(()));
/// table.point("create", Fault::LostReply, "create secrets", Err("two secrets".to_owned()));
/// assert_eq!((table.points(), table.is_good()), (2, false));
/// assert!(table.to_string().ends_with("create, LostReply at create secrets: two secrets\n"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Table {
    cells: BTreeMap<(String, Fault), (usize, usize)>,
    unstruck: usize,
    failures: Vec<String>,
}

impl Table {
    /// Notes a point: where the fault struck, and what was wrong in the end.
    pub fn point(&mut self, scene: &str, fault: Fault, at: &str, outcome: Result<(), String>) {
        let (good, all) = self.cells.entry((scene.to_owned(), fault)).or_default();
        *all += 1;
        match outcome {
            Ok(()) => *good += 1,
            Err(why) => self.failures.push(format!("{scene}, {fault} at {at}: {why}")),
        }
    }

    /// Notes a point whose call was not made this time: it is not counted as one.
    pub fn unstruck(&mut self) {
        self.unstruck += 1;
    }

    /// Puts another table below this one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (place, (good, all)) in other.cells {
            let cell = self.cells.entry(place).or_default();
            *cell = (cell.0 + good, cell.1 + all);
        }
        self.unstruck += other.unstruck;
        self.failures.extend(other.failures);
        self
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.cells.values().map(|(_, all)| all).sum()
    }

    /// True if every point is good.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    /// What was wrong, point by point.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scenes: Vec<&str> = self.cells.keys().map(|(scene, _)| scene.as_str()).collect();
        scenes.dedup();
        let is_there = |fault: &Fault| self.cells.keys().any(|(_, f)| f == fault);
        let faults: Vec<Fault> = Fault::ALL.into_iter().filter(is_there).collect();
        write!(f, "{:<22}", "scene")?;
        for fault in &faults {
            write!(f, " {:>15}", fault.to_string())?;
        }
        writeln!(f)?;
        for scene in scenes {
            write!(f, "{scene:<22}")?;
            for fault in &faults {
                let cell = self.cells.get(&(scene.to_owned(), *fault));
                let words = cell.map_or("-".to_owned(), |(good, all)| format!("{good}/{all}"));
                write!(f, " {words:>15}")?;
            }
            writeln!(f)?;
        }
        let good: usize = self.cells.values().map(|(good, _)| good).sum();
        writeln!(f, "{good} of {} points are good", self.points())?;
        if self.unstruck > 0 {
            writeln!(
                f,
                "{} calls were not made this time, and are no points",
                self.unstruck
            )?;
        }
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        Ok(())
    }
}
