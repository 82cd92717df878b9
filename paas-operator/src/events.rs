//! Events of the engine as Kubernetes Events: one per effect or transition, written beside the work and never in its way.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter},
};
use paas_core::event::{Event, EventSink, State, WAIT_OVER};
use tokio::sync::mpsc;

use crate::{metrics::Metrics, status::Note};

/// So many events may wait to be written; what comes then is counted and dropped.
const WAITING: usize = 1024;

/// The longest note that the API takes, in bytes.
const NOTE: usize = 1024;

/// The longest action and reason that the API takes, in bytes.
const WORD: usize = 128;

type Letter = (ObjectReference, KubeEvent);

/// Where events of all objects go.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    letters: mpsc::Sender<Letter>,
    metrics: Arc<Metrics>,
}

impl Events {
    /// A sink, and the work that empties it: it ends when all sinks are gone and everything is written.
    pub(crate) fn new(
        client: Client,
        identity: &str,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (letters, mut waiting) = mpsc::channel::<Letter>(WAITING);
        let reporter = Reporter {
            controller: "paas-operator".to_owned(),
            instance: Some(identity.to_owned()),
        };
        let recorder = Recorder::new(client, reporter);
        let dropped = Arc::clone(&metrics);
        let writing = async move {
            while let Some((about, event)) = waiting.recv().await {
                if let Err(error) = recorder.publish(&event, &about).await {
                    dropped.event_dropped();
                    tracing::warn!(%error, reason = event.reason, "an event was not written");
                }
            }
        };
        (Self { letters, metrics }, writing)
    }

    /// The events of one object.
    pub(crate) fn of(&self, about: ObjectReference) -> ObjectEvents {
        ObjectEvents {
            about,
            all: self.clone(),
        }
    }

    fn send(&self, about: &ObjectReference, event: KubeEvent) {
        if self.letters.try_send((about.clone(), event)).is_err() {
            self.metrics.event_dropped();
        }
    }
}

/// The events of one object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectEvents {
    about: ObjectReference,
    all: Events,
}

impl ObjectEvents {
    /// Tells a transition of the object.
    pub(crate) fn tell(&self, note: &Note) {
        let title = format!(
            "{}/{}",
            self.about.namespace.as_deref().unwrap_or_default(),
            self.about.name.as_deref().unwrap_or_default()
        );
        if note.warning {
            tracing::warn!(object = title, reason = note.reason, "{}", note.note);
        } else {
            tracing::info!(object = title, reason = note.reason, "{}", note.note);
        }
        self.all.send(
            &self.about,
            letter(note.warning, &note.reason, &note.action, &note.note),
        );
    }
}

impl EventSink for ObjectEvents {
    fn emit(&self, event: &Event) {
        let Event { stage, key, verb, .. } = event;
        tracing::info!(
            owner = event.owner, stage, key = key.as_ref().map(tracing::field::display), verb,
            state = ?event.state, reason = event.reason, request_id = event.request_id, "{}", event.message
        );
        let (warning, ended) = match event.state {
            // What begins has no effect yet; its end is told. That a wait is over shows in what follows it.
            State::Started => return,
            State::Done if event.reason == WAIT_OVER => return,
            State::Failed => (true, Some("failed")),
            State::Blocked => (true, None),
            State::Done => (false, Some("done")),
            _ => (false, None),
        };
        if let Some(state) = ended {
            self.all.metrics.step(stage, verb, state);
        }
        // The key stands in the action: events that differ in their note alone are counted as one.
        let action = key.as_ref().map_or_else(
            || format!("{verb} {stage}"),
            |key| format!("{verb} {stage}/{key}"),
        );
        let request = event
            .request_id
            .as_ref()
            .map_or(String::new(), |id| format!(" (request {id})"));
        let note = format!("{}{request}", event.message);
        self.all
            .send(&self.about, letter(warning, &event.reason, &action, &note));
    }
}

fn letter(warning: bool, reason: &str, action: &str, note: &str) -> KubeEvent {
    KubeEvent {
        type_: if warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: shortened(reason, WORD),
        note: Some(shortened(note, NOTE)),
        action: shortened(action, WORD),
        secondary: None,
    }
}

/// At most so many bytes, cut between characters.
fn shortened(text: &str, most: usize) -> String {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_between_characters() {
        assert_eq!(shortened("grün", 3), "gr");
        assert_eq!(shortened("grün", 4), "grü");
        assert_eq!(shortened("grün", 99), "grün");
    }
}
