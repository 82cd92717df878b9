//! An activity as lines.

use paas_core::{
    database::activity::{Activity, Blocked, Running, Slow, Slowest},
    render::{self, Paint},
};

use crate::ui::table::table;

/// How many of each are shown.
const MANY: usize = 10;

/// One line, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Strong,
    Dim,
    Bad,
}

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone: Tone::Plain,
        }
    }

    fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }

    pub(super) fn dim(text: impl Into<String>) -> Self {
        Self::of(Tone::Dim, text)
    }

    /// The line as far as it fits.
    pub(super) fn paint(&self, width: usize, paint: Paint) -> String {
        let mut text: String = self.text.chars().take(width).collect();
        if text.len() < self.text.len() {
            text.pop();
            text.push('…');
        }
        match self.tone {
            Tone::Plain => text,
            Tone::Strong => paint.strong(&text),
            Tone::Dim => paint.dim(&text),
            Tone::Bad => paint.bad(&text),
        }
    }
}

/// Some words instead.
pub(super) fn told(words: &str) -> Vec<Line> {
    words.lines().map(Line::plain).collect()
}

pub(super) fn lines(name: &str, seen: &Activity) -> Vec<Line> {
    let c = &seen.connections;
    let states: Vec<String> = c.by_state.iter().map(|(s, n)| format!("{n} {s}")).collect();
    let states = match states.as_slice() {
        [] => String::new(),
        some => format!(": {}", some.join(", ")),
    };
    let hits = seen.cache_hit_ratio.map_or_else(
        || "nothing read yet".to_owned(),
        |r| format!("{:.1} % of reads", r * 100.0),
    );
    let mut lines = vec![
        Line::of(
            Tone::Strong,
            format!(
                "{name}   PostgreSQL {}, up for {}",
                clean(&seen.version),
                age(seen.up_seconds)
            ),
        ),
        Line::plain(format!("Connections    {} of {}{states}", c.total, c.max)),
        Line::plain(format!("Transactions   {}", rate(seen.transactions_per_second))),
        Line::plain(format!("Cache hits     {hits}")),
        Line::plain(""),
    ];
    let databases = seen.databases.iter().take(MANY).map(|d| {
        vec![
            clean(&d.name),
            d.bytes.map_or_else(String::new, size),
            d.connections.to_string(),
            rate(d.transactions_per_second),
        ]
    });
    tabled(
        &mut lines,
        &["DATABASE", "SIZE", "CONNECTIONS", "TRANSACTIONS"],
        databases,
    );
    lines.push(Line::plain(""));
    block(&mut lines, seen);
    run(&mut lines, seen);
    lines.push(Line::plain(""));
    slow(&mut lines, &seen.slowest);
    lines
}

fn run(lines: &mut Vec<Line>, seen: &Activity) {
    if seen.running.is_empty() {
        lines.push(Line::dim("No statement runs."));
        return;
    }
    let rows = seen.running.iter().take(MANY).map(|r| {
        vec![
            r.pid.to_string(),
            who(r),
            age(r.seconds),
            r.state.clone(),
            r.wait.clone().unwrap_or_default(),
            clean(&r.statement),
        ]
    });
    tabled(
        lines,
        &["PID", "USER@DATABASE", "FOR", "STATE", "WAITS FOR", "STATEMENT"],
        rows,
    );
}

/// What stands still comes first: a small terminal shows it too.
fn block(lines: &mut Vec<Line>, seen: &Activity) {
    if seen.blocked.is_empty() {
        return;
    }
    lines.push(Line::of(Tone::Strong, "BLOCKED"));
    for one in seen.blocked.iter().take(MANY) {
        lines.push(Line::of(Tone::Bad, wait(one)));
    }
    lines.push(Line::plain(""));
}

fn wait(one: &Blocked) -> String {
    let by: Vec<String> = one
        .waits
        .blocked_by
        .iter()
        .map(|pid| match one.by.iter().find(|r| r.pid == *pid) {
            Some(r) => format!("{pid} ({}, {}: {})", who(r), r.state, clean(&r.statement)),
            None if *pid == 0 => "a prepared transaction".to_owned(),
            None => pid.to_string(),
        })
        .collect();
    format!(
        "{} (runs for {}) waits for {}",
        one.waits.pid,
        age(one.waits.seconds),
        by.join(" and ")
    )
}

fn slow(lines: &mut Vec<Line>, slowest: &Slowest) {
    match slowest {
        Slowest::Unknown(why) => lines.push(Line::dim(format!("Slowest statements are not known: {why}."))),
        Slowest::Statements(all) if all.is_empty() => {
            lines.push(Line::dim("Slowest statements: none was run yet."));
        }
        Slowest::Statements(all) => {
            let rows = all.iter().take(MANY).map(|s: &Slow| {
                vec![
                    age(s.total_milliseconds / 1e3),
                    s.calls.to_string(),
                    age(s.mean_milliseconds / 1e3),
                    clean(&s.database),
                    clean(&s.statement),
                ]
            });
            tabled(
                lines,
                &["TOTAL", "CALLS", "MEAN", "DATABASE", "SLOWEST STATEMENTS"],
                rows,
            );
        }
    }
}

fn tabled(lines: &mut Vec<Line>, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let text = table(head, rows);
    for (at, line) in text.lines().enumerate() {
        let tone = if at == 0 { Tone::Strong } else { Tone::Plain };
        lines.push(Line::of(tone, line));
    }
}

fn who(r: &Running) -> String {
    clean(&format!("{}@{}", r.user, r.database))
}

fn clean(text: &str) -> String {
    render::clean(text).replace('\n', " ")
}

fn rate(a_second: Option<f64>) -> String {
    a_second.map_or_else(String::new, |r| match r {
        r if r < 10.0 => format!("{r:.1}/s"),
        r => format!("{r:.0}/s"),
    })
}

/// `1.5 ms`, `4.2 s`, `3m 07s`, `2h 05m`, `4d 03h`.
fn age(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a float's conversion saturates")]
    #[expect(clippy::cast_sign_loss, reason = "a time is not negative")]
    let whole = seconds as u64;
    match whole {
        0 if seconds < 0.0995 => format!("{:.1} ms", seconds * 1e3),
        0 => format!("{:.0} ms", seconds * 1e3),
        1..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        3600..86400 => format!("{}h {:02}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d {:02}h", whole / 86400, whole / 3600 % 24),
    }
}

fn size(bytes: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a size for people")]
    let mut value = bytes as f64;
    let mut unit = "kB";
    value /= 1e3;
    for larger in ["MB", "GB", "TB"] {
        if value < 1e3 {
            break;
        }
        value /= 1e3;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}
