//! What the matrix found.

use std::{collections::BTreeMap, fmt};

use super::Phase;
use crate::testing::{Call, Fault};

/// The matrix, as a table that can be printed.
#[derive(Debug, Default)]
pub struct Table {
    /// A row a scene and phase.
    pub rows: Vec<Row>,
    /// Points at which something was wrong.
    pub failures: Vec<Failure>,
    broken: Vec<String>,
}

/// One scene and phase.
#[derive(Debug)]
pub struct Row {
    scene: String,
    phase: Phase,
    calls: usize,
    cells: BTreeMap<Fault, Cell>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Cell {
    points: usize,
    good: usize,
    asked: usize,
}

/// A point at which something was wrong.
#[derive(Debug)]
pub struct Failure {
    /// The scene.
    pub scene: String,
    /// The phase.
    pub phase: Phase,
    /// The call's index in the clean run, from 0.
    pub at: usize,
    /// The call.
    pub call: Call,
    /// The fault.
    pub fault: Fault,
    /// What was wrong.
    pub why: String,
}

impl Row {
    pub(super) fn new(scene: &str, phase: Phase, calls: usize) -> Self {
        Self {
            scene: scene.to_owned(),
            phase,
            calls,
            cells: BTreeMap::new(),
        }
    }

    pub(super) fn good(&mut self, fault: Fault, asked: usize) {
        let cell = self.cells.entry(fault).or_default();
        cell.points += 1;
        cell.good += 1;
        cell.asked = cell.asked.max(asked);
    }

    pub(super) fn bad(&mut self, fault: Fault) {
        self.cells.entry(fault).or_default().points += 1;
    }
}

impl Table {
    pub(super) fn broken(&mut self, scene: &str, phase: Phase, why: String) {
        self.broken
            .push(format!("{scene}, {phase}: without a fault: {why}"));
    }

    /// True if every point is good.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && self.broken.is_empty()
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.rows
            .iter()
            .flat_map(|r| r.cells.values())
            .map(|c| c.points)
            .sum()
    }

    /// How often a run had to be begun at most, with one fault: 2 where the process died or a person was needed.
    pub fn asked(&self) -> usize {
        let cells = self.rows.iter().flat_map(|r| r.cells.values());
        cells.map(|c| c.asked).max().unwrap_or(0)
    }

    /// Puts another table below this one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let Self {
            rows,
            failures,
            broken,
        } = other;
        self.rows.extend(rows);
        self.failures.extend(failures);
        self.broken.extend(broken);
        self
    }
}

/// Good points of all points, by fault; then what failed.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<Fault> = Fault::ALL
            .into_iter()
            .filter(|x| self.rows.iter().any(|r| r.cells.contains_key(x)))
            .collect();
        write!(f, "{:<18} {:<9} {:>5}", "scene", "phase", "calls")?;
        for fault in &faults {
            write!(f, " {:>16}", format!("{fault:?}"))?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(
                f,
                "{:<18} {:<9} {:>5}",
                row.scene,
                row.phase.to_string(),
                row.calls
            )?;
            for fault in &faults {
                let cell = row.cells.get(fault).copied().unwrap_or_default();
                write!(f, " {:>16}", format!("{}/{}", cell.good, cell.points))?;
            }
            writeln!(f)?;
        }
        let good: usize = self
            .rows
            .iter()
            .flat_map(|r| r.cells.values())
            .map(|c| c.good)
            .sum();
        writeln!(f, "{good} of {} points are good", self.points())?;
        for why in &self.broken {
            writeln!(f, "{why}")?;
        }
        for x in self.failures.iter().take(20) {
            writeln!(
                f,
                "{}, {}, {:?} at call {} ({:?}): {}",
                x.scene, x.phase, x.fault, x.at, x.call, x.why
            )?;
        }
        Ok(())
    }
}
