//! In which order objects are told: what is needed first, and of what is free to come, the kinds in their order and then the names.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::catalog::Section;

/// What the order depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// The earliest section it may stand in.
    pub(super) section: Section,
    /// The place of its kind.
    pub(super) rank: usize,
    /// The nodes that must come before it, by index.
    pub(super) needs: BTreeSet<usize>,
}

/// The order by index, each with the section that it comes to stand in: its own, or that of the latest thing it needs. Input order decides
/// between equals.
///
/// # Errors
/// The nodes that need each other in a circle.
pub(super) fn order(nodes: &[Node]) -> Result<Vec<(usize, Section)>, Vec<usize>> {
    let mut waits: Vec<usize> = nodes.iter().map(|n| n.needs.len()).collect();
    let mut needed_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for need in &node.needs {
            needed_by.entry(*need).or_default().push(index);
        }
    }
    let mut section: Vec<Section> = nodes.iter().map(|n| n.section).collect();
    let mut ready: BinaryHeap<Reverse<(Section, usize, usize)>> = BinaryHeap::new();
    for (index, node) in nodes.iter().enumerate() {
        if waits[index] == 0 {
            ready.push(Reverse((node.section, node.rank, index)));
        }
    }
    let mut done = Vec::with_capacity(nodes.len());
    while let Some(Reverse((at, _, index))) = ready.pop() {
        done.push((index, at));
        for next in needed_by.get(&index).into_iter().flatten() {
            section[*next] = section[*next].max(at);
            waits[*next] -= 1;
            if waits[*next] == 0 {
                ready.push(Reverse((section[*next], nodes[*next].rank, *next)));
            }
        }
    }
    if done.len() == nodes.len() {
        return Ok(done);
    }
    Err(circle(nodes, &waits))
}

/// One circle among the nodes that still wait.
fn circle(nodes: &[Node], waits: &[usize]) -> Vec<usize> {
    let Some(mut at) = waits.iter().position(|w| *w > 0) else {
        return Vec::new();
    };
    let mut way = Vec::new();
    while !way.contains(&at) {
        way.push(at);
        // Who waits needs somebody who waits too.
        match nodes[at].needs.iter().find(|n| waits[**n] > 0) {
            Some(next) => at = *next,
            None => break,
        }
    }
    let begin = way.iter().position(|w| *w == at).unwrap_or_default();
    way.split_off(begin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(section: Section, rank: usize, needs: &[usize]) -> Node {
        Node {
            section,
            rank,
            needs: needs.iter().copied().collect(),
        }
    }

    fn indexes(nodes: &[Node]) -> Vec<usize> {
        order(nodes).unwrap().into_iter().map(|(i, _)| i).collect()
    }

    #[test]
    fn what_is_needed_comes_first_and_then_the_kinds_in_their_order() {
        let nodes = [
            node(Section::Before, 2, &[1]),
            node(Section::Before, 3, &[]),
            node(Section::Before, 1, &[]),
        ];
        assert_eq!(indexes(&nodes), [2, 1, 0]);
    }

    #[test]
    fn a_view_that_needs_a_key_is_told_after_the_rows() {
        let nodes = [
            node(Section::Before, 0, &[]),
            node(Section::Before, 1, &[0, 2]),
            node(Section::After, 0, &[0]),
        ];
        let ordered = order(&nodes).unwrap();
        assert_eq!(
            ordered,
            [(0, Section::Before), (2, Section::After), (1, Section::After)]
        );
    }

    #[test]
    fn a_circle_is_named_without_what_only_waits_for_it() {
        let nodes = [
            node(Section::Before, 0, &[1]),
            node(Section::Before, 0, &[2]),
            node(Section::Before, 0, &[1]),
        ];
        assert_eq!(order(&nodes).unwrap_err(), [1, 2]);
    }

    proptest! {
        #[test]
        fn nothing_comes_before_what_it_needs_and_sections_never_go_back(
            edges in prop::collection::vec((0usize..30, 0usize..30), 0..80), ranks in prop::collection::vec(0usize..5, 30),
        ) {
            let mut nodes: Vec<Node> = ranks.iter().map(|r| {
                node(if *r == 4 { Section::After } else { Section::Before }, *r, &[])
            }).collect();
            for (a, b) in edges {
                if a != b { nodes[a.max(b)].needs.insert(a.min(b)); }
            }
            let ordered = order(&nodes).unwrap();
            let place = |i: usize| ordered.iter().position(|(n, _)| *n == i).unwrap();
            for (i, n) in nodes.iter().enumerate() {
                for need in &n.needs { prop_assert!(place(*need) < place(i)); }
            }
            prop_assert!(ordered.windows(2).all(|w| w[0].1 <= w[1].1));
        }
    }
}
