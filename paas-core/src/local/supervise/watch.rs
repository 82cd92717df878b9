//! One instance under supervision.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Supervisor, strikes::Strikes, tell};
use crate::{
    error::{Class, Error, Result},
    event::State,
    execute::Alone,
    local::{
        codes::{LOC_BREAKS, LOC_LOCKED},
        instance::LocalInstance,
        lock::Lock,
    },
    owner::Owner,
    pipeline::{Outcome, Wanted},
    render::Counts,
    view::PlanView,
};

/// How soon it is looked at again while another command is at work on it.
const BUSY: Duration = Duration::from_secs(1);

/// How long it is waited for under the lock; a large recovery is waited for in the next rounds.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// How long another command's work is waited for before the server is to be stopped.
const LAST: Duration = Duration::from_secs(20);

/// A chore that failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(60);

/// From this attempt on it is said that it breaks again and again.
const OFTEN: u32 = 2;

/// The end of a watch.
#[derive(Debug)]
pub(super) struct Ended {
    /// Of whom.
    pub(super) owner: Owner,
    /// How stopping went; nothing if it was let go.
    pub(super) stopped: Option<Result<()>>,
}

/// Watches one instance, with the right to do so in hand.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    of: &'a Supervisor,
    instance: LocalInstance,
    _right: Lock,
    cancel: &'a CancellationToken,
    strikes: Strikes,
    due: Vec<Option<Timestamp>>,
    told: Option<String>,
}

/// What a look came to.
enum Look {
    Fine,
    Busy,
    Again,
    LetGo,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        of: &'a Supervisor,
        instance: LocalInstance,
        right: Lock,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self {
            of,
            due: vec![None; of.chores.len()],
            instance: ours(instance, cancel),
            _right: right,
            cancel,
            strikes: Strikes::default(),
            told: None,
        }
    }

    /// Keeps it running until somebody takes it down, deletes it, or tells the supervisor to stop.
    pub(super) async fn keep(mut self) -> Ended {
        let stopped = loop {
            if self.cancel.is_cancelled() {
                break Some(self.stop().await);
            }
            let next = match self.round().await {
                Some(next) => next,
                None => break None,
            };
            let server = self.instance.running().ok().flatten();
            let ended = async {
                match &server {
                    Some(server) => server.process.ended(&*self.of.clock).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.of.clock.sleep(next) => {}
                () = ended => {}
                () = self.cancel.cancelled() => {}
            }
        };
        Ended {
            owner: self.instance.owner().clone(),
            stopped,
        }
    }

    /// One look, and the chores that are due; gives the time until the next, or nothing if it is let go.
    async fn round(&mut self) -> Option<Duration> {
        let before = self.strikes.count();
        let look = match self.look().await {
            Ok(look) => look,
            Err(e) if e.class() == Class::Cancelled => Look::Again,
            Err(e) => {
                if self.strikes.count() == before {
                    self.strikes.strike(self.of.clock.now());
                }
                self.complain("Failed", e.to_string());
                Look::Again
            }
        };
        Some(match look {
            Look::LetGo => return None,
            Look::Busy => BUSY,
            // What is told and left is seen again in the next round, or when its time has come.
            Look::Again => self.strikes.wait(self.of.clock.now()).max(BUSY),
            Look::Fine => {
                self.strikes.fine(self.of.clock.now());
                self.told = None;
                self.chores().await
            }
        })
    }

    /// Looks without a lock, and takes it only if there is something to do.
    async fn look(&mut self) -> Result<Look> {
        if !self.is_wanted()? {
            return Ok(Look::LetGo);
        }
        if is_idle(&self.plan().await?) {
            return Ok(Look::Fine);
        }
        let wait = self.strikes.wait(self.of.clock.now());
        if !wait.is_zero() {
            self.tell_wait(wait);
            return Ok(Look::Again);
        }
        let now = self.instance.clone().patience(Duration::ZERO);
        let lock = match now.lock(&|_| ()).await {
            Err(e) if e.code() == &LOC_LOCKED => return Ok(Look::Busy),
            taken => taken?,
        };
        // Whoever had the lock before may have changed everything.
        if !self.is_wanted()? {
            return Ok(Look::LetGo);
        }
        let plan = self.plan().await?;
        if is_idle(&plan) {
            return Ok(Look::Fine);
        }
        self.mend(plan, lock).await
    }

    async fn mend(&mut self, plan: PlanView, lock: Lock) -> Result<Look> {
        let counts = Counts::of([&plan]);
        if counts.removals() > 0 {
            self.strikes.strike(self.of.clock.now());
            let name = self.instance.owner().name();
            self.complain(
                "NeedsConsent",
                format!("its spec wants something replaced or deleted, which needs a person's word: run `paas up` for {name}"),
            );
            return Ok(Look::Again);
        }
        if counts.steps() > 0 {
            let what = match self.instance.running()? {
                None => "its server does not run; bringing it back",
                Some(_) => "it is not as its spec says; mending it",
            };
            tell(&self.instance, State::Started, "Mending", what.to_owned());
        }
        self.strikes.strike(self.of.clock.now());
        let mut cx = self.instance.context(Arc::new(lock));
        cx.shown = Some(plan);
        let pipeline = self.instance.pipeline();
        let began = self.of.clock.now();
        loop {
            match pipeline.advance(&mut cx).await? {
                Outcome::Converged => {
                    tell(
                        &self.instance,
                        State::Done,
                        "Mended",
                        "it is as it should be".to_owned(),
                    );
                    return Ok(Look::Fine);
                }
                // The lock is given back before the next attempt: somebody may want to mend it, or to take it down.
                Outcome::Progressing { failed, .. } if !failed.is_empty() => {
                    let lines: Vec<String> = failed
                        .iter()
                        .map(|f| format!("{}: {} [{}]", f.key, f.error.message, f.error.code))
                        .collect();
                    self.complain("Failed", lines.join("; "));
                    self.tell_wait(self.strikes.wait(self.of.clock.now()));
                    return Ok(Look::Again);
                }
                Outcome::Progressing { again_in, .. } => {
                    if self.of.clock.now().duration_since(began) > PATIENCE {
                        return Ok(Look::Again);
                    }
                    tokio::select! {
                        () = self.of.clock.sleep(again_in) => {}
                        () = self.cancel.cancelled() => return Ok(Look::Again),
                    }
                }
                Outcome::Blocked { because, .. } => {
                    let lines: Vec<String> = because
                        .iter()
                        .map(|b| format!("{}: {} [{}]", b.key, b.why, b.code))
                        .collect();
                    self.complain("Blocked", lines.join("; "));
                    if counts.steps() > 0 {
                        self.tell_wait(self.strikes.wait(self.of.clock.now()));
                    }
                    return Ok(Look::Again);
                }
            }
        }
    }

    /// Runs the chores that are due; gives the time until something is to be done again.
    async fn chores(&mut self) -> Duration {
        let clock = &*self.of.clock;
        let mut next = self.of.every;
        for (chore, due) in self.of.chores.iter().zip(&mut self.due) {
            let now = clock.now();
            if due.is_none_or(|due| due <= now) {
                *due = match chore.tend(&self.instance).await {
                    Ok(due) => due,
                    Err(e) if e.class() == Class::Cancelled => None,
                    Err(e) => {
                        let words = format!("{}: {e}", chore.name());
                        tell(&self.instance, State::Failed, "Chore", words);
                        now.checked_add(AGAIN).ok()
                    }
                };
            }
            if let Some(due) = due {
                let left = due.duration_since(clock.now());
                next = next.min(Duration::try_from(left).unwrap_or_default());
            }
        }
        // A chore that is always due must not make a busy loop.
        next.max(Duration::from_millis(100).min(self.of.every))
    }

    /// Whether it is accepted and not taken down; takes up its spec as it is now.
    fn is_wanted(&mut self) -> Result<bool> {
        let uid = self.instance.owner().uid();
        let all = self.of.accepted.instances()?;
        match all.into_iter().find(|i| i.owner().uid() == uid) {
            Some(instance) if !instance.is_taken_down() => {
                self.instance = ours(instance, self.cancel);
                Ok(true)
            }
            _ => {
                let words = "it was taken down or deleted; leaving it alone";
                tell(&self.instance, State::Done, "LetGo", words.to_owned());
                Ok(false)
            }
        }
    }

    async fn plan(&self) -> Result<PlanView> {
        let mut cx = self.instance.context(Arc::new(Alone));
        self.instance.pipeline().plan(&mut cx, Wanted::Spec).await
    }

    /// Stops the server. Nothing is noted: the next supervisor brings it back.
    async fn stop(&self) -> Result<()> {
        let last = self.instance.clone().cancelled_by(CancellationToken::new());
        let lock = last.clone().patience(LAST).lock(&|_| ()).await?;
        let mut cx = last.context(Arc::new(lock));
        last.run(&mut cx, Wanted::Nothing).await
    }

    fn tell_wait(&self, wait: Duration) {
        let count = self.strikes.count();
        if count >= OFTEN {
            let e = Error::new(&LOC_BREAKS, Class::Transient)
                .attempted(format!("keep {} running", self.instance.owner()))
                .happened(format!("tried {count} times in a row"));
            let words = format!("{e}; next in {} s", wait.as_secs() + 1);
            tell(&self.instance, State::Failed, "Breaks", words);
        }
    }

    /// Tells what is in the way, once as long as it stays the same.
    fn complain(&mut self, reason: &str, words: String) {
        if self.told.as_ref() != Some(&words) {
            tell(&self.instance, State::Failed, reason, words.clone());
            self.told = Some(words);
        }
    }
}

fn ours(instance: LocalInstance, cancel: &CancellationToken) -> LocalInstance {
    instance
        .doing("paas up --foreground")
        .cancelled_by(cancel.clone())
}

fn is_idle(plan: &PlanView) -> bool {
    plan.is_empty() && plan.stages.iter().all(|s| s.waiting.is_empty())
}
