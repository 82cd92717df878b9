//! A run's time, drawn: a bar for each resource, and the chain that decided how long it took.

use jiff::{SignedDuration, Timestamp};
use paas_core::{
    render::{Paint, clean},
    timeline::{Span, Timeline},
};

/// Columns of the bars.
const BAR: usize = 36;

/// The most columns of a key.
const KEY: usize = 38;

/// Shorter than this is not drawn by default, unless it is on the chain.
const SHORT: SignedDuration = SignedDuration::from_secs(1);

/// The timeline as text; with `all` what was short, too.
pub(crate) fn timeline(it: &Timeline, all: bool, paint: Paint) -> String {
    let whole = it.ended.duration_since(it.began);
    let head = format!(
        "{} · {} of {} · {}",
        it.owner,
        it.verb,
        it.began.strftime("%F %T UTC"),
        took(whole)
    );
    let mut out = format!("{}\n", paint.strong(&head));
    let is_drawn = |s: &&Span| all || s.critical || s.ended.duration_since(s.began) >= SHORT;
    let mut stages: Vec<&str> = Vec::new();
    for span in &it.spans {
        if !stages.contains(&span.stage.as_str()) {
            stages.push(&span.stage);
        }
    }
    for stage in stages {
        out += &format!("\n  {}\n", paint.strong(stage));
        let of_stage = || it.spans.iter().filter(|s| s.stage == stage);
        for span in of_stage().filter(is_drawn) {
            row(&mut out, it, span, paint);
        }
        let left_out = of_stage().count() - of_stage().filter(is_drawn).count();
        if left_out > 0 {
            out += &format!(
                "    {}\n",
                paint.dim(&format!("{left_out} more, each below {}", took(SHORT)))
            );
        }
    }
    let chain: Vec<String> = it.spans.iter().filter(|s| s.critical).map(step).collect();
    if !chain.is_empty() {
        out += &format!(
            "\n{} {}\n",
            paint.change("●"),
            "what it all waited for, one after the other:"
        );
        for step in chain {
            out += &format!("  {step}\n");
        }
    }
    out
}

fn row(out: &mut String, it: &Timeline, span: &Span, paint: Paint) {
    let mark = if span.critical {
        paint.change("●")
    } else {
        " ".to_owned()
    };
    let key = shortened(span.key.as_str());
    let bar = bar(it, span.began, span.ended);
    let bar = if span.critical { paint.change(&bar) } else { bar };
    let took = took(span.ended.duration_since(span.began));
    out.push_str(format!("  {mark} {key:<KEY$} {bar} {took:>7}").trim_end());
    out.push('\n');
}

/// A step of the chain with its longest wait: `server/a  12s, 9.1s of it for: it is BUILD`.
fn step(span: &Span) -> String {
    let took_ = took(span.ended.duration_since(span.began));
    let longest = span.waits.iter().max_by_key(|w| w.until.duration_since(w.from));
    let wait = longest.map_or(String::new(), |w| {
        let first = w.why.lines().next().unwrap_or_default();
        format!(
            ", {} of it: {}",
            took(w.until.duration_since(w.from)),
            clean(first)
        )
    });
    format!("{} {took_}{wait}", span.key)
}

fn bar(it: &Timeline, from: Timestamp, until: Timestamp) -> String {
    let whole = it.ended.duration_since(it.began).as_millis().max(1);
    let column = |at: Timestamp| {
        let at = at.duration_since(it.began).as_millis().clamp(0, whole);
        usize::try_from(at * (BAR as i128) / whole).unwrap_or(BAR)
    };
    let first = column(from).min(BAR - 1);
    let length = (column(until) - first.min(column(until))).max(1);
    format!(
        "{}{}{}",
        " ".repeat(first),
        "█".repeat(length),
        " ".repeat(BAR - first - length)
    )
}

fn shortened(key: &str) -> String {
    if key.chars().count() <= KEY {
        return key.to_owned();
    }
    let tail: String = key.chars().skip(key.chars().count() - (KEY - 1)).collect();
    format!("…{tail}")
}

fn took(time: SignedDuration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 9.95 => format!("{s:.1}s"),
        s if s < 99.5 => format!("{s:.0}s"),
        s => format!("{}m {:02}s", (s.round() as u64) / 60, (s.round() as u64) % 60),
    }
}

#[cfg(test)]
mod tests {
    use paas_core::{resource::Key, timeline::Waited};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn span(stage: &str, key: &str, (from, to): (i64, i64), critical: bool, why: &str) -> Span {
        let wait = Waited {
            why: why.to_owned(),
            from: at(from),
            until: at(to),
        };
        Span {
            stage: stage.into(),
            key: Key::new(key).unwrap(),
            verb: "create".into(),
            began: at(from),
            ended: at(to),
            waits: if why.is_empty() { Vec::new() } else { vec![wait] },
            critical,
        }
    }

    #[test]
    fn bars_stand_where_their_time_was_and_the_chain_is_told() {
        let it = Timeline {
            owner: "Platform/default/demo".into(),
            verb: "up".into(),
            began: at(0),
            ended: at(120),
            spans: vec![
                span("infrastructure", "network", (0, 0), false, ""),
                span(
                    "infrastructure",
                    "server/control-plane-1",
                    (0, 20),
                    true,
                    "it is BUILD",
                ),
                span(
                    "cluster",
                    "control-plane",
                    (20, 80),
                    true,
                    "its first boot is at init\nand more",
                ),
                span(
                    "addons",
                    "flannel/daemonSet/kube-flannel-ds-with-a-long-name",
                    (80, 120),
                    true,
                    "",
                ),
            ],
        };
        insta::assert_snapshot!(timeline(&it, false, Paint::Plain), @"
        Platform/default/demo · up of 2027-01-15 08:00:00 UTC · 2m 00s

          infrastructure
          ● server/control-plane-1                 ██████                                   20s
            1 more, each below 1.0s

          cluster
          ● control-plane                                ██████████████████                 60s

          addons
          ● …nSet/kube-flannel-ds-with-a-long-name                         ████████████     40s

        ● what it all waited for, one after the other:
          server/control-plane-1 20s, 20s of it: it is BUILD
          control-plane 60s, 60s of it: its first boot is at init
          flannel/daemonSet/kube-flannel-ds-with-a-long-name 40s
        ");
    }

    #[test]
    fn times_are_short_words() {
        let words = [0.04, 9.94, 9.96, 75.2, 125.0].map(|s| took(SignedDuration::from_secs_f64(s)));
        assert_eq!(words, ["0.0s", "9.9s", "10s", "75s", "2m 05s"]);
    }
}
