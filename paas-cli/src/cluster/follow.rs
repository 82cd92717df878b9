//! Waiting for objects of a cluster under the eyes of a person: what happens, what is waited for, and why it ends.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use futures::{StreamExt, stream};
use paas_core::{
    clock::{Clock, SystemClock},
    codes::CORE_TIMED_OUT,
    error::{Class, Error},
    event::{Event, EventSink, State},
    kube::{
        Declared,
        codes::K8S_ANOTHER,
        happenings::{self, Happening, Known},
        presence::{self, Presence},
        standing::{self, Stand, Standing},
    },
};

use super::Cluster;
use crate::{
    app::App,
    codes::{CLI_NO_OPERATOR, CLI_STALLED},
    ui::progress::{Progress, TICK},
};

/// How many objects are looked at side by side.
const PARALLEL: usize = 16;

/// After so long without an operator's word it is looked whether there is one.
const SILENCE: Duration = Duration::from_secs(4);

/// After so long without any operator there will be none.
const NOBODY: Duration = Duration::from_secs(12);

/// How often the last word about an object is looked for.
const LOOKS: usize = 10;

/// Waits for one object.
pub(super) struct Watch<'a> {
    app: &'a App,
    cluster: &'a Cluster,
    progress: &'a Progress,
    declared: Declared,
    known: Known,
    told: BTreeSet<String>,
    /// What was last said to be waited for.
    why: String,
    silent_since: Option<Duration>,
    presence: Option<Presence>,
    /// Warnings of the operator about the object since it is watched.
    warnings: Vec<Event>,
    /// What the operator said when it let go of the object: what stays.
    last_word: Option<String>,
}

impl<'a> Watch<'a> {
    /// From now on. What happened before is not told.
    pub(super) async fn begin(
        app: &'a App,
        cluster: &'a Cluster,
        progress: &'a Progress,
        declared: Declared,
    ) -> Self {
        let mut known = Known::new();
        known.add(declared.kind, declared.name());
        let mut watch = Self {
            app,
            cluster,
            progress,
            declared,
            known,
            told: BTreeSet::new(),
            why: String::new(),
            silent_since: None,
            presence: None,
            warnings: Vec::new(),
            last_word: None,
        };
        watch.told = watch.happenings().await.into_iter().map(|h| h.mark).collect();
        watch
    }

    /// Who may not list events is told less.
    async fn happenings(&self) -> Vec<Happening> {
        let client = &self.cluster.client;
        happenings::list(client, self.declared.namespace(), &self.known)
            .await
            .unwrap_or_default()
    }

    /// Tells what happened since, and notes that something is waited for.
    async fn look(&mut self, why: &str) {
        for happening in self.happenings().await {
            if !self.told.insert(happening.mark) {
                continue;
            }
            let event = happening.event;
            if happening.own && event.reason == "Retired" {
                self.last_word = Some(event.message.clone());
            }
            let bad = matches!(event.state, State::Failed | State::Blocked);
            if happening.own && bad {
                self.warnings.push(event.clone());
            }
            // What an object says of itself stands in its conditions; its effects and what goes wrong are news.
            let effect = happening.own && event.key.is_some() && event.state == State::Done;
            if effect || bad || self.app.printer.verbose() {
                self.progress.emit(&event);
                self.why.clear();
            }
        }
        if self.why != why && !why.is_empty() {
            why.clone_into(&mut self.why);
            self.progress.emit(&self.event(State::Waiting, "wait", why));
        }
    }

    /// What the operator said when it let go of the object. Its events come beside its work, so it is waited a moment for this one.
    pub(super) async fn last_word(mut self) -> Option<String> {
        for _ in 0..LOOKS {
            self.look("").await;
            if self.last_word.is_some() {
                break;
            }
            SystemClock.sleep(TICK * 2).await;
        }
        self.last_word
    }

    fn event(&self, state: State, verb: &str, message: &str) -> Event {
        Event {
            at: SystemClock.now(),
            owner: self.declared.title(),
            stage: self.declared.name().to_owned(),
            key: None,
            verb: verb.to_owned(),
            state,
            reason: verb.to_owned(),
            message: message.to_owned(),
            request_id: None,
        }
    }

    /// The object has come to where it was wanted.
    fn over(&self, verb: &str) {
        self.progress.emit(&self.event(State::Done, verb, ""));
    }

    /// Waits until `judge` breaks; it is asked only about this very object.
    ///
    /// # Errors
    /// [`K8S_ANOTHER`] if another one has its name; [`CLI_NO_OPERATOR`]; those of the waiting.
    #[allow(
        clippy::future_not_send,
        reason = "a command runs on one thread, and an async closure has no way to promise more"
    )]
    pub(super) async fn until<T>(
        &mut self,
        patience: Duration,
        gone: impl Fn() -> Result<T, Error>,
        mut judge: impl AsyncFnMut(&Declared, &Standing, &[Event]) -> Result<ControlFlow<T>, Error>,
    ) -> Result<T, Error> {
        let wait = self.cluster.wait(self.app, patience);
        let (kind, namespace, name) = (
            self.declared.kind,
            self.declared.namespace().to_owned(),
            self.declared.name().to_owned(),
        );
        let uid = self.declared.uid().to_owned();
        let seen = async |seen: Option<Declared>| {
            let Some(seen) = seen.filter(|s| s.uid() == uid) else {
                return ControlFlow::Break(gone());
            };
            let said = standing::of(&seen);
            let why = match &self.presence {
                Some(presence) => format!("{}; {presence}", said.message),
                None => standing::brief(&said.message),
            };
            self.look(&why).await;
            match judge(&seen, &said, &self.warnings).await {
                Err(error) => return ControlFlow::Break(Err(error)),
                Ok(ControlFlow::Break(done)) => return ControlFlow::Break(Ok(done)),
                Ok(ControlFlow::Continue(())) => {}
            }
            match self.listen(&said).await {
                Some(error) => ControlFlow::Break(Err(error)),
                None => ControlFlow::Continue(said.message),
            }
        };
        let waited = wait.until(kind, &namespace, &name, seen).await;
        waited.map_err(|error| match &self.presence {
            Some(presence) if error.code() == &CORE_TIMED_OUT && self.silent_since.is_some() => {
                nobody(&self.declared, presence)
            }
            _ => error,
        })
    }

    /// Looks for an operator where none says anything. An error if there will be none.
    async fn listen(&mut self, said: &Standing) -> Option<Error> {
        let silent = said.stand == Stand::Unseen || (said.stand == Stand::Deleting && said.reason.is_empty());
        if !silent {
            (self.silent_since, self.presence) = (None, None);
            return None;
        }
        let now = SystemClock.elapsed();
        let silence = now.saturating_sub(*self.silent_since.get_or_insert(now));
        if silence < SILENCE {
            return None;
        }
        let client = &self.cluster.client;
        // Who may not look at leases waits without knowing.
        let presence = presence::look(client, self.declared.namespace(), SystemClock.now())
            .await
            .ok()?;
        let never = presence == Presence::Never && silence >= NOBODY;
        let error = never.then(|| nobody(&self.declared, &presence));
        self.presence = Some(presence);
        error
    }
}

fn nobody(declared: &Declared, presence: &Presence) -> Error {
    Error::new(&CLI_NO_OPERATOR, Class::Blocked)
        .attempted(format!("wait for {}", declared.title()))
        .happened(presence.to_string())
}

/// It was deleted under our eyes.
pub(super) fn vanished(declared: &Declared) -> Error {
    Error::new(&K8S_ANOTHER, Class::Conflict)
        .attempted(format!("wait for {}", declared.title()))
        .happened("somebody deleted it meanwhile")
}

/// The operator does not go on with it.
pub(super) fn stalled(declared: &Declared, said: &Standing) -> Error {
    Error::new(&CLI_STALLED, Class::Blocked)
        .attempted(format!("bring {} up", declared.title()))
        .happened(format!("{}: {}", said.reason, said.message))
}

/// Waits until an object is ready: as it is then.
pub(super) async fn ready(watch: &mut Watch<'_>, patience: Duration) -> Result<Declared, Error> {
    let declared = watch.declared.clone();
    let done = watch
        .until(
            patience,
            || Err(vanished(&declared)),
            async |seen, said, _| match said.stand {
                Stand::Ready => Ok(ControlFlow::Break(seen.clone())),
                Stand::Stalled | Stand::Paused => Err(stalled(seen, said)),
                Stand::Unseen | Stand::Progressing | Stand::Deleting => Ok(ControlFlow::Continue(())),
            },
        )
        .await?;
    watch.over("ready:");
    Ok(done)
}

/// Waits until all of them are ready, side by side; an error about one hides no other.
pub(super) async fn all_ready(
    app: &App,
    cluster: &Cluster,
    progress: &Progress,
    all: &[Declared],
    patience: Duration,
) -> Vec<Result<Declared, Error>> {
    let one = |declared: &Declared| {
        let declared = declared.clone();
        async move {
            let mut watch = Watch::begin(app, cluster, progress, declared).await;
            ready(&mut watch, patience).await
        }
    };
    let waits = stream::iter(all.iter().map(one)).buffered(PARALLEL).collect();
    moving(progress, waits).await
}

/// Runs `work` while the progress moves.
pub(super) async fn moving<T>(progress: &Progress, work: impl Future<Output = T>) -> T {
    let ticks = async {
        loop {
            tokio::time::sleep(TICK).await;
            progress.tick();
        }
    };
    let done = tokio::select! {
        done = work => done,
        never = ticks => never,
    };
    progress.clear();
    done
}
