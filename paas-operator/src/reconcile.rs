//! One reconcile of an object whose spec a pipeline carries out.

mod outcome;
mod pass;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt;
use kube::{
    ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    runtime::reflector::ObjectRef,
};
use paas_core::{
    error::{Class, Error, ErrorView},
    owner::Owner,
    pipeline::Outcome,
    policy::Policy,
    spec::{API_VERSION, Kind, Object, Spec},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tracing::{Instrument, field::Empty};

use crate::{
    FIELD_MANAGER, codes,
    condition::{READY, Reason, find, holds},
    context::Context,
    engines::{Engine, Engines},
    events::ObjectEvents,
    hold::Hold,
    metrics::Ended,
    object::{self, Phase, api_resource, born, title},
    refusal::{is_absent, is_conflict, refused},
    status::{Common, Note, Subject, Verdict, common, notes, requeue},
};

/// A kind that is reconciled.
#[async_trait]
pub(crate) trait Managed: Send + Sync + 'static {
    /// What is wanted.
    type Spec: Spec + DeserializeOwned;
    /// What is observed.
    type Status: Serialize + DeserializeOwned + Default + PartialEq + Clone + Send + Sync;
    /// What its engine tells beside the outcome.
    type Facts: Default + PartialEq + Send + Sync + 'static;
    /// The kind.
    const KIND: Kind;
    /// True if what it makes are objects of this cluster, so that their changes lead to a look.
    const OWNS: bool;

    /// What may happen to it, as far as its spec says so.
    fn policy(spec: &Self::Spec) -> Policy;

    /// Its pipeline.
    ///
    /// # Errors
    /// Nothing here can carry it out.
    async fn engine(
        engines: &dyn Engines,
        object: &Object<Self::Spec>,
        owner: &Owner,
        status: &Self::Status,
    ) -> Result<Engine<Self::Facts>, Error>;

    /// Does what somebody asked for once, and tells what came of it; `None` if there is nothing that was not answered.
    ///
    /// # Errors
    /// It may succeed later.
    async fn asked(
        _engine: &Engine<Self::Facts>,
        _object: &Object<Self::Spec>,
        _status: &Self::Status,
    ) -> Result<Option<(Self::Facts, Note)>, Error> {
        Ok(None)
    }

    /// What the engine told, with what was asked for.
    fn answered(facts: Self::Facts, _asked: Self::Facts) -> Self::Facts {
        facts
    }

    /// The common part of a status.
    fn common(status: &Self::Status) -> Common;

    /// The status with another common part and what the engine told.
    fn status(old: &Self::Status, common: Common, facts: Option<Self::Facts>) -> Self::Status;
}

/// An object under reconcile.
pub(crate) struct Case<'a, M: Managed> {
    cx: &'a Context,
    object: Arc<DynamicObject>,
    status: M::Status,
    events: ObjectEvents,
    hold: Arc<Hold>,
    uid: String,
}

/// What a reconcile found out, for status and requeue.
struct Found<F> {
    verdict: Verdict,
    stages: Vec<String>,
    blocked: Option<paas_core::spec::BlockedStatus>,
    facts: Option<F>,
}

impl<F> Found<F> {
    fn verdict(verdict: Verdict) -> Self {
        Self {
            verdict,
            stages: Vec::new(),
            blocked: None,
            facts: None,
        }
    }
}

/// Reconciles what a watch has shown. How long until the next look; `None` until something changes.
pub(crate) async fn reconcile<M: Managed>(cx: &Context, shown: Arc<DynamicObject>) -> Option<Duration> {
    let began = cx.clock.elapsed();
    let uid = shown.uid().unwrap_or_default();
    // Named by the conventions of OpenTelemetry for resources and controllers.
    let span = tracing::info_span!(
        "reconcile",
        kind = %M::KIND,
        k8s.namespace.name = shown.metadata.namespace,
        object = shown.metadata.name,
        result = Empty,
    );
    let (ended, next) = match attempt::<M>(cx, shown).instrument(span.clone()).await {
        Ok(Some((verdict, next))) => {
            let ended = match verdict {
                Verdict::Failed { .. } => Ended::Error,
                Verdict::Passed(_, Outcome::Progressing { .. }) => Ended::RequeueAfter,
                _ => Ended::Success,
            };
            (ended, Some(next))
        }
        Ok(None) => (Ended::Success, None),
        Err(error) => {
            tracing::warn!(%error, kind = %M::KIND, "a reconcile failed");
            let failures = cx.failures.another(&uid);
            let next = requeue(&failed(&error), &cx.pace, failures, cx.clock.now(), (cx.chance)());
            (Ended::Error, Some(next))
        }
    };
    span.record("result", ended.as_str());
    cx.metrics
        .reconciled(M::KIND, ended, cx.clock.elapsed().saturating_sub(began));
    next
}

async fn attempt<M: Managed>(
    cx: &Context,
    shown: Arc<DynamicObject>,
) -> Result<Option<(Verdict, Duration)>, Error> {
    let Some(object) = cx.fresh(M::KIND, shown).await? else {
        return Ok(None);
    };
    let phase = object::phase(&object);
    let uid = object.uid().unwrap_or_default();
    let owner = cx.owner(M::KIND, &object);
    if phase == Phase::Over {
        cx.forget(M::KIND, &uid);
        cx.owners.forget(&owner);
        return Ok(None);
    }
    let kind = api_resource(M::KIND);
    cx.owners
        .note(&owner, ObjectRef::from_obj_with(&*object, kind.clone()));
    let api = cx.api(M::KIND, &object.namespace().unwrap_or_default());
    let mut case = Case::<M> {
        cx,
        hold: Arc::new(Hold::of(Arc::clone(&cx.fence), api, M::KIND, &object)),
        events: cx.events.of(kube::Resource::object_ref(&*object, &kind)),
        status: object::status(&object),
        object,
        uid,
    };
    let read = object::read::<M::Spec>(M::KIND, &case.object);
    cx.metrics.is_broken(M::KIND, &case.uid, read.is_err());
    let found = match (read, phase) {
        (Err(error), _) => Some(Found::verdict(Verdict::Invalid(ErrorView::from(&error)))),
        (Ok(_), Phase::Paused) => Some(Found::verdict(Verdict::Paused)),
        (Ok(spec), phase) => case.carry_out(&spec, &owner, phase).await,
    };
    let Some(found) = found else { return Ok(None) };
    // Whoever lost the lease has nothing to say any more.
    if !cx.may_write().await {
        return Ok(None);
    }
    case.tell(found).await.map(Some)
}

impl<M: Managed> Case<'_, M> {
    /// One pass in the direction of the phase. What goes wrong on the way is the object's news, even a panic of its engine, which
    /// would else be the end of all.
    async fn carry_out(
        &mut self,
        spec: &Object<M::Spec>,
        owner: &Owner,
        phase: Phase,
    ) -> Option<Found<M::Facts>> {
        let (cx, about) = (self.cx, title(M::KIND, &self.object));
        let pass = async {
            match phase {
                Phase::Retire | Phase::Over => self.retire(spec, owner).await,
                Phase::Advance | Phase::Paused => self.advance(spec, owner).await,
            }
        };
        match AssertUnwindSafe(pass).catch_unwind().await {
            Ok(Ok(found)) => found,
            // It has to stop: there is nothing to say.
            Ok(Err(error)) if error.class() == Class::Cancelled => None,
            Ok(Err(error)) => Some(Found::verdict(failed(&error))),
            Err(panic) => {
                cx.metrics.panicked(M::KIND);
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
                let error = Error::new(&codes::OP_PANIC, Class::Internal)
                    .attempted(format!("reconcile {about}"))
                    .happened(words.unwrap_or("it panicked without words"));
                Some(Found::verdict(Verdict::Failed {
                    may_pass: true,
                    error: ErrorView::from(&error),
                }))
            }
        }
    }

    /// Writes the status if it differs, tells transitions, and says when to look again.
    async fn tell(&mut self, found: Found<M::Facts>) -> Result<(Verdict, Duration), Error> {
        let Found {
            verdict,
            stages,
            blocked,
            facts,
        } = found;
        let now = self.cx.clock.now();
        let old = M::common(&self.status);
        let subject = Subject {
            generation: self.object.metadata.generation,
            observed: old.observed_generation,
            born: born(&self.object),
            deleting: self.object.metadata.deletion_timestamp.is_some(),
            conditions: &old.conditions,
            stages: &stages,
            blocked: blocked.as_ref(),
        };
        let new = common(subject, &verdict, now);
        let news = notes(&old.conditions, &new.conditions);
        let ready_after = (holds(&new.conditions, READY) && !holds(&old.conditions, READY)).then(|| {
            let was = find(&old.conditions, READY);
            let since = was.map(|c| c.last_transition_time).or(subject.born);
            let after = since.and_then(|s| Duration::try_from(now.duration_since(s)).ok());
            after.unwrap_or_default()
        });
        let status = M::status(&self.status, new, facts);
        let written = match status == self.status {
            true => Ok(()),
            false => self.write(&status).await,
        };
        // While it cannot be written it is news again each time, and told once.
        let summary = news.iter().map(|n| format!("{} {}\n", n.reason, n.note));
        if written.is_ok() || self.cx.unwritten.is_news(&self.uid, &summary.collect::<String>()) {
            news.iter().for_each(|note| self.events.tell(note));
        }
        written?;
        self.cx.unwritten.forget(&self.uid);
        if let Some(after) = ready_after {
            self.cx.metrics.became_ready(M::KIND, after);
        }
        let failures = match verdict {
            Verdict::Failed { .. } => self.cx.failures.another(&self.uid),
            _ => {
                self.cx.failures.over(&self.uid);
                0
            }
        };
        let next = requeue(&verdict, &self.cx.pace, failures, now, (self.cx.chance)());
        Ok((verdict, next))
    }

    async fn write(&self, status: &M::Status) -> Result<(), Error> {
        let name = self.object.name_any();
        let patch = json!({
            "apiVersion": API_VERSION,
            "kind": M::KIND.as_str(),
            "metadata": { "name": name, "uid": self.uid },
            "status": status,
        });
        let api = self.cx.api(M::KIND, &self.object.namespace().unwrap_or_default());
        let params = PatchParams::apply(FIELD_MANAGER).force();
        match api.patch_status(&name, &params, &Patch::Apply(&patch)).await {
            Ok(written) => {
                self.cx.wrote(&written);
                Ok(())
            }
            // It was deleted meanwhile: there is nobody to tell.
            Err(e) if is_absent(&e) || is_conflict(&e) => Ok(()),
            Err(e) => Err(refused(
                format!("write the status of {}", title(M::KIND, &self.object)),
                e,
            )),
        }
    }
}

/// A pass that failed as a whole.
fn failed(error: &Error) -> Verdict {
    match error.class() {
        Class::Unsupported => {
            let later = *error.code() == codes::OP_BACKUP;
            let reason = if later {
                Reason::NotSupportedYet
            } else {
                Reason::NotSupported
            };
            Verdict::Refused(reason, ErrorView::from(error))
        }
        _ => Verdict::Failed {
            may_pass: error.may_pass(),
            error: ErrorView::from(error),
        },
    }
}
