//! What is told of an installation while it is changed: the events of everything else here, so that they look alike.

use std::sync::Arc;

use paas_core::{
    event::{Event, EventSink, State},
    plan::Verb,
    render,
    resource::{Change, Key},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::App,
    ui::progress::{Progress, TICK},
};

use super::api::title;

/// Changes of one object that are shown; definitions have hundreds.
const SHOWN: usize = 6;

/// One object, and what becomes of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Step {
    /// `Deployment/paas-system/paas-operator`.
    pub(super) object: String,
    /// `None` if it is as it should be.
    pub(super) verb: Option<Verb>,
    /// What changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changes: Vec<Change>,
}

impl Step {
    /// The lines for people.
    pub(super) fn lines(&self, paint: render::Paint) -> Vec<String> {
        let Some(verb) = self.verb else {
            return Vec::new();
        };
        let sign = match verb {
            Verb::Create => paint.good(render::sign(verb)),
            Verb::Delete => paint.bad(render::sign(verb)),
            Verb::Update | Verb::Replace => paint.change(render::sign(verb)),
        };
        let mut lines = vec![format!("  {sign} {}", self.object)];
        for change in self.changes.iter().take(SHOWN) {
            let Change { field, from, to, .. } = change;
            let line = format!("      {field}: {from} → {to}");
            lines.push(paint.dim(&render::clean(&line)));
        }
        if self.changes.len() > SHOWN {
            let more = self.changes.len() - SHOWN;
            lines.push(paint.dim(&format!("      and {more} more")));
        }
        lines
    }
}

/// Tells what happens.
#[derive(Debug)]
pub(super) struct Teller {
    progress: Progress,
    owner: String,
}

impl Teller {
    /// Of the installation in a namespace.
    pub(super) fn new(app: &App, namespace: &str) -> Self {
        Self {
            progress: Progress::new(Arc::clone(&app.printer)),
            owner: format!("Operator/{namespace}"),
        }
    }

    /// It was done.
    pub(super) fn done(&self, verb: Verb, object: &Value) {
        self.emit(&title(object), &verb.to_string(), State::Done, String::new());
    }

    /// It is waited for.
    pub(super) fn waits(&self, key: &str, why: &str) {
        self.emit(key, "observe", State::Waiting, why.to_owned());
    }

    /// What was waited for is there.
    pub(super) fn is_there(&self, key: &str) {
        self.emit(key, "ready", State::Done, String::new());
    }

    fn emit(&self, key: &str, verb: &str, state: State, message: String) {
        self.progress.emit(&Event {
            at: jiff::Timestamp::now(),
            owner: self.owner.clone(),
            stage: "install".to_owned(),
            key: Key::new(key).ok(),
            verb: verb.to_owned(),
            state,
            reason: format!("{state:?}"),
            message,
            request_id: None,
        });
    }

    /// Does the work while the line moves, until it ends or is interrupted.
    ///
    /// # Errors
    /// Those of the work; [`paas_core::codes::CORE_CANCELLED`].
    pub(super) async fn during<T>(
        &self,
        app: &App,
        work: impl Future<Output = Result<T, paas_core::error::Error>>,
    ) -> Result<T, paas_core::error::Error> {
        let moving = async {
            loop {
                tokio::time::sleep(TICK).await;
                self.progress.tick();
            }
        };
        let done = tokio::select! {
            done = work => done,
            never = moving => never,
            () = app.interrupt.cancel.cancelled() => Err(interrupted()),
        };
        self.progress.clear();
        done
    }
}

/// A person stopped it.
pub(super) fn interrupted() -> paas_core::error::Error {
    use paas_core::error::{Class, Error};
    Error::new(&paas_core::codes::CORE_CANCELLED, Class::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_shows_a_few_changes_and_counts_the_others() {
        let change = |n: usize| Change {
            field: format!("spec.f{n}"),
            from: "1".to_owned(),
            to: "2".to_owned(),
            brings: None,
        };
        let step = Step {
            object: "Role/shop/paas-operator".to_owned(),
            verb: Some(Verb::Update),
            changes: (0..10).map(change).collect(),
        };
        let lines = step.lines(render::Paint::Plain);
        assert_eq!(lines[0], "  ~ Role/shop/paas-operator");
        assert_eq!(lines[1], "      spec.f0: 1 → 2");
        assert_eq!(lines.last().unwrap(), "      and 4 more");
        let same = Step { verb: None, ..step };
        assert!(same.lines(render::Paint::Plain).is_empty());
    }
}
