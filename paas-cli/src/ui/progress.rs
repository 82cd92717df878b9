//! Live progress: what was done, and on a terminal one line that says what is waited for and why.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use paas_core::{
    event::{Event, EventSink, RUN_ENDED, RUN_STARTED, State, WAIT_OVER},
    plan::Verb,
    render::{self, Paint},
};
use serde::Serialize;

use super::printer::Printer;
use crate::args::Output;

/// How often the line moves.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Waits shorter than this are not told in plain lines: they are over before they are read.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// Shows events as they happen.
#[derive(Debug)]
pub(crate) struct Progress {
    printer: Arc<Printer>,
    manner: Manner,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// JSON lines on stdout.
    Json,
    /// Lines on stderr, the last of them moving.
    Live,
    /// Lines on stderr.
    Lines,
}

#[derive(Debug, Default)]
struct Seen {
    owner: String,
    under_way: BTreeMap<String, Doing>,
    drawn: bool,
    frame: usize,
}

#[derive(Debug)]
struct Doing {
    text: String,
    since: Instant,
    wait: bool,
    told: bool,
}

/// One line of JSON output.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Line<'a> {
    /// A plan, before anything is done.
    Plan(&'a paas_core::view::PlanView),
    /// Something that happened.
    Event(&'a Event),
    /// What it came to: the last line.
    Result(serde_json::Value),
}

impl Progress {
    /// Progress in the manner that fits output and terminal.
    pub(crate) fn new(printer: Arc<Printer>) -> Self {
        let manner = match printer.output() {
            Output::Json => Manner::Json,
            Output::Table | Output::Wide | Output::Yaml | Output::Name if Printer::watched() => Manner::Live,
            Output::Table | Output::Wide | Output::Yaml | Output::Name => Manner::Lines,
        };
        Self {
            printer,
            manner,
            seen: Mutex::default(),
        }
    }

    /// Moves the line on a terminal; tells long waits where there is none.
    pub(crate) fn tick(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match self.manner {
            Manner::Json => {}
            Manner::Live => {
                seen.frame += 1;
                seen.draw(self.printer.talk_paint());
            }
            Manner::Lines => {
                let paint = self.printer.talk_paint();
                for (key, doing) in &mut seen.under_way {
                    if doing.wait && !doing.told && doing.since.elapsed() >= WORTH_TELLING {
                        doing.told = true;
                        self.printer
                            .talk(&format!("  {} {key}: {}", paint.change("…"), doing.text));
                    }
                }
            }
        }
    }

    /// The owner that was named last, by a plan: it is not named again.
    pub(crate) fn named(&self, owner: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        owner.clone_into(&mut seen.owner);
    }

    /// Takes the moving line away.
    pub(crate) fn clear(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).erase();
    }
}

impl EventSink for Progress {
    fn emit(&self, event: &Event) {
        if self.manner == Manner::Json {
            self.printer.line(&Line::Event(event));
            return;
        }
        if event.reason == RUN_STARTED || event.reason == RUN_ENDED {
            return;
        }
        let paint = self.printer.talk_paint();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.erase();
        if seen.owner != event.owner {
            seen.owner.clone_from(&event.owner);
            self.printer.talk(&paint.strong(&event.owner));
        }
        let key = event
            .key
            .as_ref()
            .map_or(event.stage.clone(), ToString::to_string);
        let before = seen.under_way.remove(&key);
        if event.reason == WAIT_OVER {
            if self.manner == Manner::Live {
                seen.draw(paint);
            }
            return;
        }
        if event.stage == paas_core::local::supervise::STAGE {
            seen.under_way.clear();
            let mark = match event.state {
                State::Failed | State::Blocked => paint.bad("✗"),
                State::Done => paint.good("✓"),
                _ => paint.change("…"),
            };
            self.printer
                .talk(&format!("  {mark} {}", render::clean(&event.message)));
            return;
        }
        match event.state {
            State::Started => {
                let (name, text) = (key.clone(), format!("{} {key}", event.verb));
                seen.begin(key, text, false);
                if self.printer.verbose() {
                    self.printer
                        .talk(&format!("  {}", paint.dim(&render::event(event, Paint::Plain))));
                }
                // What broke by itself was in no plan: its own words are told as soon as they are known.
                if event.verb == Verb::Replace.to_string() && !event.message.is_empty() {
                    let why = render::clean(&event.message);
                    self.printer
                        .talk(&format!("  {} {name}: {why}", paint.change("…")));
                }
            }
            State::Waiting => {
                let text = event.message.clone();
                let told = before
                    .filter(|b| b.wait)
                    .map(|b| (b.since, b.told && b.text == text));
                seen.begin(key.clone(), text, true);
                if let (Some((since, told)), Some(now)) = (told, seen.under_way.get_mut(&key)) {
                    (now.since, now.told) = (since, told);
                }
            }
            State::Done | State::Failed | State::Blocked => {
                let took = before
                    .map(|b| b.since.elapsed())
                    .filter(|t| *t >= Duration::from_millis(50))
                    .map_or(String::new(), |t| format!("  {}", elapsed(t)));
                self.printer
                    .talk(&format!("  {}{}", render::event(event, paint), paint.dim(&took)));
                if event.state == State::Done && event.reason == "Settling" {
                    seen.begin(key, event.message.clone(), true);
                }
            }
            _ => self.printer.talk(&format!("  {}", render::event(event, paint))),
        }
        if self.manner == Manner::Live {
            seen.draw(paint);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Seen {
    fn begin(&mut self, key: String, text: String, wait: bool) {
        let doing = Doing {
            text,
            since: Instant::now(),
            wait,
            told: false,
        };
        self.under_way.insert(key, doing);
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }

    fn draw(&mut self, paint: Paint) {
        const FRAMES: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠛"];
        self.erase();
        let Some((key, first)) = self.under_way.iter().min_by_key(|(_, d)| d.since) else {
            return;
        };
        let mut text = if first.wait {
            format!("{key}: {}", first.text)
        } else {
            first.text.clone()
        };
        if self.under_way.len() > 1 {
            text.push_str(&format!(", and {} more", self.under_way.len() - 1));
        }
        // A line that wraps cannot be taken back.
        let text: String = render::clean(&text).replace('\n', " ").chars().take(70).collect();
        let line = format!(
            "  {} {text} {}",
            paint.change(FRAMES[self.frame % FRAMES.len()]),
            paint.dim(&elapsed(first.since.elapsed()))
        );
        let mut err = io::stderr().lock();
        let _ = err.write_all(line.as_bytes()).and_then(|()| err.flush());
        self.drawn = true;
    }
}

/// A time for people: `0.4s`, `12s`, `3m20s`.
pub(crate) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", time.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(elapsed(Duration::from_millis(420)), "0.4s");
        assert_eq!(elapsed(Duration::from_secs(42)), "42s");
        assert_eq!(elapsed(Duration::from_secs(200)), "3m20s");
    }
}
