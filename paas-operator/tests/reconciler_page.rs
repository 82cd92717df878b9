//! The book's page about the reconciler speaks of files, names and lines that are there.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::Path};

const PAGE: &str = include_str!("../../docs/src/reconciler.md");

fn source(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&file).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What stands between backticks in a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_file(text: &str) -> bool {
    text.contains('/') && text.ends_with(".rs")
}

/// Lines without their indentation.
fn flat(text: &str) -> String {
    text.lines().map(|l| format!("{}\n", l.trim())).collect()
}

#[test]
fn every_file_that_the_page_names_is_there() {
    let files: Vec<&str> = PAGE.lines().flat_map(quoted).filter(|q| is_file(q)).collect();
    assert!(files.len() > 20, "{}", files.len());
    for file in files {
        assert!(!source(file).is_empty(), "{file}");
    }
}

#[test]
fn every_name_that_the_page_puts_into_a_file_is_declared_there() {
    let mut seen = 0;
    for line in PAGE.lines().filter(|l| l.starts_with("| ")) {
        let Some((_, place)) = line.rsplit_once(" | ").filter(|_| line.contains(".rs`: ")) else {
            // Only heads of tables name no file.
            assert!(line.contains("where") || line.contains("---"), "{line}");
            continue;
        };
        let mut words = quoted(place.trim_end_matches(" |"));
        let (file, mut is_any) = (words.next().unwrap(), false);
        let text = source(file);
        for name in words {
            is_any = true;
            seen += 1;
            let kinds = ["fn", "struct", "enum", "trait"];
            let is_there = |kind: &&str| {
                let declared = format!("{kind} {name}");
                text.match_indices(&declared).any(|(at, found)| {
                    let next = text[at + found.len()..].chars().next();
                    next.is_some_and(|c| !c.is_alphanumeric() && c != '_')
                })
            };
            assert!(kinds.iter().any(is_there), "{file} declares no {name}");
        }
        assert!(is_any, "{line}");
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn every_excerpt_stands_in_its_file_as_it_is_shown() {
    let mut blocks = PAGE.split("```rust,ignore\n");
    let mut before = blocks.next().unwrap();
    let mut seen = 0;
    for block in blocks {
        let (excerpt, after) = block.split_once("```\n").unwrap();
        let named = before.trim_end().lines().last().unwrap();
        let file = quoted(named).next().unwrap();
        assert!(named.starts_with("From "), "{named}");
        assert!(
            flat(&source(file)).contains(&flat(excerpt)),
            "{file} has not, or not any more:\n{excerpt}"
        );
        before = after;
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}
