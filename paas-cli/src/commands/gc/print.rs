//! What was found, and what would go.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use paas_core::render::clean;
use paas_openstack::{
    Cloud,
    gc::{self, Findings, Kind, Leftover, Outlook, Remains},
};
use serde_json::{Value, json};

use super::choose::Selection;
use crate::{
    app::App,
    args::{Gc, Output},
    ui::table::table,
};

/// What there is, and what would become of it.
pub(super) fn findings(
    app: &App,
    args: &Gc,
    cloud: &Cloud,
    findings: &Findings,
    selection: &Selection,
    outlook: &Outlook,
) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&value(findings, selection, outlook)),
        Output::Name => {
            let chosen = findings
                .owners
                .iter()
                .filter(|it| selection.chosen.owners.contains(&it.uid));
            chosen.for_each(|it| printer.data(&it.uid.to_string()));
        }
        Output::Table | Output::Wide => {
            let now = Timestamp::now();
            if !findings.owners.is_empty() {
                let wide = printer.output() == Output::Wide;
                printer.data(&if wide {
                    all_of(findings, selection, outlook, now)
                } else {
                    owners(findings, selection, now)
                });
            }
            stays(app, findings, outlook);
            summary(app, args, cloud, findings, selection, outlook);
        }
    }
    unseen(app, findings);
}

/// One line an owner.
fn owners(findings: &Findings, selection: &Selection, now: Timestamp) -> String {
    let row = |it: &Remains| {
        vec![
            owner(it),
            it.uid.to_string(),
            what(&it.leftovers),
            it.leftovers.len().to_string(),
            since(it.youngest(), now),
            since(it.oldest(), now),
            selection
                .spared
                .get(&it.uid)
                .cloned()
                .unwrap_or_else(|| "would go".to_owned()),
        ]
    };
    table(
        &["OWNER", "UID", "WHAT", "COUNT", "YOUNGEST", "OLDEST", "NOTE"],
        findings.owners.iter().map(row),
    )
}

/// One line a thing.
fn all_of(findings: &Findings, selection: &Selection, outlook: &Outlook, now: Timestamp) -> String {
    let rows = findings.owners.iter().flat_map(|remains| {
        remains.leftovers.iter().map(move |it| {
            let data = if it.holds_data { "data, " } else { "" };
            vec![
                owner(remains),
                it.it.kind.said().to_owned(),
                clean(&it.name),
                clean(&it.it.id),
                since(it.made, now),
                clean(&format!("{data}{}", it.state)),
                match selection.spared.get(&remains.uid) {
                    Some(why) => why.clone(),
                    None if outlook.stays.contains_key(&it.it) => "stays".to_owned(),
                    None => "would go".to_owned(),
                },
            ]
        })
    });
    table(&["OWNER", "KIND", "NAME", "ID", "AGE", "STATE", "NOTE"], rows)
}

/// An owner by its object's name, or by its uid in brackets.
pub(super) fn owner(it: &Remains) -> String {
    it.name
        .as_deref()
        .map_or_else(|| format!("({})", it.short()), clean)
}

/// `2 servers, 1 volume with data, 9 more`: what costs money or holds data, and the rest as a number.
fn what(leftovers: &[Leftover]) -> String {
    let data = leftovers.iter().filter(|it| it.holds_data).count();
    let count = |kind: Kind| leftovers.iter().filter(|it| it.it.kind == kind).count();
    let mut told = 0;
    let mut parts = Vec::new();
    for kind in [Kind::Server, Kind::Volume, Kind::LoadBalancer, Kind::FloatingIp] {
        let all = count(kind);
        told += all;
        let plain = if kind == Kind::Volume { all - data } else { all };
        parts.extend(counted(plain, kind.said()));
        if kind == Kind::Volume {
            parts.extend(counted(data, "volume").map(|text| format!("{text} with data")));
        }
    }
    match leftovers.len() - told {
        0 => {}
        rest if parts.is_empty() => parts.extend(alike(leftovers).or_else(|| counted(rest, "thing"))),
        rest => parts.push(format!("{rest} more")),
    }
    parts.join(", ")
}

/// Where everything is of a few kinds, these.
fn alike(leftovers: &[Leftover]) -> Option<String> {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for it in leftovers {
        *kinds.entry(it.it.kind).or_default() += 1;
    }
    let said: Vec<String> = kinds
        .iter()
        .filter_map(|(kind, n)| counted(*n, kind.said()))
        .collect();
    (said.len() <= 3).then(|| said.join(", "))
}

/// `1 volume`, `2 volumes`; nothing for none.
pub(super) fn counted(n: usize, what: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    }
}

fn since(made: Option<Timestamp>, now: Timestamp) -> String {
    made.map_or(String::new(), |made| {
        age(Duration::try_from(now.duration_since(made)).unwrap_or_default())
    })
}

/// A time for people: `42s`, `12m`, `5h12m`, `3d4h`.
pub(super) fn age(time: Duration) -> String {
    let two = |high: u64, h: &str, low: u64, l: &str| match low {
        0 => format!("{high}{h}"),
        low => format!("{high}{h}{low}{l}"),
    };
    let (seconds, minutes, hours) = (time.as_secs(), time.as_secs() / 60, time.as_secs() / 3600);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m"),
        3600..172_800 => two(hours, "h", minutes % 60, "m"),
        _ => two(hours / 24, "d", hours % 24, "h"),
    }
}

/// What would stay, once for each reason.
fn stays(app: &App, findings: &Findings, outlook: &Outlook) {
    let all = findings.owners.iter().flat_map(|it| &it.leftovers);
    let said: BTreeMap<_, String> = all.map(|it| (&it.it, it.said())).collect();
    let paint = app.printer.talk_paint();
    // Data is told as a whole.
    for (it, why) in outlook.stays.iter().filter(|(_, why)| *why != gc::HOLDS_DATA) {
        let name = said.get(it).map_or("", String::as_str);
        let line = format!("{} stays: {}", clean(name), clean(why));
        app.printer.talk(&format!("  {} {line}", paint.change("!")));
    }
}

fn summary(
    app: &App,
    args: &Gc,
    cloud: &Cloud,
    findings: &Findings,
    selection: &Selection,
    outlook: &Outlook,
) {
    let project = format!(
        "project {} of cloud {}",
        clean(&findings.project),
        clean(&cloud.name)
    );
    if findings.owners.is_empty() {
        app.printer.talk(&format!("Nothing is left over in {project}."));
        return;
    }
    let all: usize = findings.owners.iter().map(|it| it.leftovers.len()).sum();
    let (all, owners) = (counted(all, "thing"), counted(findings.owners.len(), "owner"));
    let found = format!(
        "{} of {} in {project}.",
        all.unwrap_or_default(),
        owners.unwrap_or_default()
    );
    let paint = app.printer.talk_paint();
    let what = match counted(outlook.goes.len(), "thing") {
        Some(things) => {
            let command = paint.name(&command(args, findings, selection));
            format!("Nothing was changed; {command} deletes {things}.")
        }
        None => "Nothing was changed, and nothing would be deleted.".to_owned(),
    };
    app.printer.talk(&format!("{found} {what}"));
    let kept = outlook
        .stays
        .values()
        .filter(|why| *why == gc::HOLDS_DATA)
        .count();
    let (stay, them) = if kept == 1 {
        ("stays", "it")
    } else {
        ("stay", "them")
    };
    if let Some(volumes) = counted(kept, "volume") {
        app.printer.talk(&format!(
            "  {volumes} with data {stay}: --delete-data --confirm NAME deletes {them} too."
        ));
    }
    let spared = |why: &str| selection.spared.values().any(|it| it == why);
    if spared("known here") {
        app.printer
            .talk("  What this machine knows is taken down with `paas down`, or named with --owner.");
    }
    if args.owner.is_empty() && !outlook.goes.is_empty() {
        app.printer.talk(
            "  What another machine or an operator still looks after looks the same: --owner names whose leftovers go.",
        );
    }
}

/// The command that does what was shown.
fn command(args: &Gc, findings: &Findings, selection: &Selection) -> String {
    let mut words = vec!["paas gc".to_owned()];
    words.extend(args.cloud.iter().map(|it| format!("--cloud {it}")));
    words.extend(args.region.iter().map(|it| format!("--region {it}")));
    words.extend(args.owner.iter().map(|it| format!("--owner {it}")));
    words.extend(args.owner.is_empty().then(|| "--all".to_owned()));
    words.extend(args.older_than.map(|it| format!("--older-than {}", age(it))));
    words.push("--yes".to_owned());
    if args.delete_data {
        let with_data =
            |it: &&Remains| selection.chosen.owners.contains(&it.uid) && it.data().next().is_some();
        let names: Vec<String> = findings
            .owners
            .iter()
            .filter(with_data)
            .map(Remains::short)
            .collect();
        words.push("--delete-data".to_owned());
        if !names.is_empty() {
            words.push(format!("--confirm {}", names.join(",")));
        }
    }
    clean(&words.join(" "))
}

/// What this login may not list may be left over too.
fn unseen(app: &App, findings: &Findings) {
    for it in &findings.unseen {
        let paint = app.printer.talk_paint();
        app.printer.talk(&format!(
            "{} this login may not list {}s, and there may be leftovers among them: {}",
            paint.bad("warning:"),
            it.kind,
            clean(&it.why)
        ));
    }
}

fn value(findings: &Findings, selection: &Selection, outlook: &Outlook) -> Value {
    let mut value = serde_json::to_value(findings).unwrap_or_default();
    for owner in value["owners"].as_array_mut().into_iter().flatten() {
        let uid = owner["uid"]
            .as_str()
            .and_then(|uid| uid.parse().ok())
            .unwrap_or_default();
        owner["chosen"] = json!(selection.chosen.owners.contains(&uid));
        owner["knownHere"] = json!(selection.known.contains(&uid));
        if let Some(why) = selection.spared.get(&uid) {
            owner["sparedBecause"] = json!(why);
        }
    }
    let stay = |(it, why)| json!({ "it": it, "why": why });
    value["goes"] = json!(outlook.goes);
    value["stays"] = outlook.stays.iter().map(stay).collect();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        for (seconds, said) in [
            (42, "42s"),
            (720, "12m"),
            (7200, "2h"),
            (18_720, "5h12m"),
            (273_600, "3d4h"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), said);
        }
    }
}
