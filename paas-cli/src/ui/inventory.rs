//! What there is of an object in its cloud, for people.

use paas_core::{inventory::Inventory, resource::Origin};

use super::table::table;

/// Columns of a listing.
const WIDTH: usize = 100;

/// How many there are of each kind, in lines that are not too long: `networks 0 · subnets 0`.
pub(crate) fn counts(all: &[Inventory]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for count in all.iter().flat_map(|i| &i.counts) {
        let word = format!("{} {}", count.words(), count.count);
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() + 3 <= WIDTH => {
                line.push_str(" · ");
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// What the object's cluster made, as a table; nothing if it made nothing.
pub(crate) fn derived(all: &[Inventory]) -> Option<String> {
    let made = all
        .iter()
        .flat_map(|i| &i.found)
        .filter(|f| f.origin == Origin::Derived);
    let text = |it: &paas_core::inventory::Found, field: &str| {
        let value = it.resource.get(field).and_then(|v| v.as_str());
        value.unwrap_or_default().to_owned()
    };
    let rows: Vec<Vec<String>> = made
        .map(|it| {
            vec![
                it.kind.clone(),
                text(it, "name"),
                it.id.clone(),
                text(it, "about"),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| table(&["MADE BY ITS CLUSTER", "NAME", "ID", "WHAT"], rows))
}

/// What holds data and is still there: `volume pvc-1 (ID), the claim default/data, 1 GiB`.
pub(crate) fn kept(all: &[Inventory]) -> Vec<String> {
    let precious = all.iter().flat_map(|i| &i.found).filter(|f| f.precious);
    precious
        .map(|it| {
            let text = |field: &str| it.resource.get(field).and_then(|v| v.as_str());
            let tail = text("about")
                .or_else(|| text("size"))
                .map_or(String::new(), |t| format!(", {t}"));
            let name = text("name").unwrap_or_else(|| it.key.as_str());
            format!("{} {name} ({}){tail}", it.kind, it.id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use paas_core::inventory::Count;

    use super::*;

    #[test]
    fn a_listing_has_no_long_lines() {
        let count = |n: usize| Count {
            kind: format!("aKindOfThingWithALongName{n}"),
            count: n,
        };
        let all = Inventory {
            counts: (0..9).map(count).collect(),
            ..Inventory::default()
        };
        let lines = counts(&[all]);
        assert!(
            lines.len() > 2 && lines.iter().all(|l| l.chars().count() <= WIDTH),
            "{lines:?}"
        );
        assert!(
            lines[0].starts_with("a kind of thing with a long name0s 0 · "),
            "{lines:?}"
        );
    }
}
