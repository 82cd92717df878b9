//! The pass itself: consent first, then exactly one call of the pipeline.

use std::sync::Arc;

use paas_core::{
    error::{Class, Error},
    owner::Owner,
    pipeline::{Context as Pass, Outcome, Wanted},
    policy::{Consent, Policy},
    spec::{BlockedStatus, Object},
    view::PlanView,
};

use super::{Case, Found, Managed, failed};
use crate::{
    codes, consent,
    engines::Engine,
    object,
    status::{Note, Verdict},
};

/// Makes one pass. `None` if it was stopped: another one leads, or the operator ends.
pub(super) async fn attempt<M: Managed>(
    case: &Case<'_, M>,
    object: &Object<M::Spec>,
    owner: &Owner,
    engine: &Engine<M::Facts>,
    wanted: Wanted,
) -> Result<Option<Found<M::Facts>>, Error> {
    let pipeline = &engine.pipeline;
    let mut pass = case.pass(object, owner);
    let stages: Vec<String> = pipeline.stages().map(str::to_owned).collect();
    let mut agreed = None;
    // Nobody can agree to what was never shown, and an old word costs no look.
    if let (Some(word), Some(shown)) = (object::consent(&case.object), M::common(&case.status).blocked) {
        match due(case, object, owner, engine, wanted).await {
            Ok(Some((plan, due))) => {
                if case.agree(word, plan, &due, &shown, &mut pass) {
                    agreed = Some(if shown.plan_hash == word { shown } else { due });
                }
            }
            Ok(None) => {}
            Err(error) => return Ok(stopped(&error, stages)),
        }
    }
    let passed = match wanted {
        Wanted::Spec => pipeline.advance(&mut pass).await,
        Wanted::Nothing => pipeline.retire(&mut pass).await,
    };
    let outcome = match passed {
        Ok(outcome) => outcome,
        Err(error) => return Ok(stopped(&error, stages)),
    };
    let mut blocked = None;
    if agreed.is_some() {
        // What was agreed to stays in the status until the pass that ends it: one word is for all its passes.
        blocked = agreed.filter(|_| outcome != Outcome::Converged);
    } else if matches!(outcome, Outcome::Blocked { .. }) {
        blocked = match due(case, object, owner, engine, wanted).await {
            Ok(due) => due.map(|(_, due)| due),
            Err(error) => return Ok(stopped(&error, stages)),
        };
    }
    Ok(Some(Found {
        facts: Some(engine.facts(&pass.outputs)),
        verdict: Verdict::Passed(wanted, outcome),
        stages,
        blocked,
    }))
}

/// The steps that need the owner's word, and the plan with it.
async fn due<M: Managed>(
    case: &Case<'_, M>,
    object: &Object<M::Spec>,
    owner: &Owner,
    engine: &Engine<M::Facts>,
    wanted: Wanted,
) -> Result<Option<(PlanView, BlockedStatus)>, Error> {
    let mut pass = case.pass(object, owner);
    pass.consent = Consent::none().and(owner.name(), owner);
    let plan = engine.pipeline.plan(&mut pass, wanted).await?;
    let due = consent::asked(&plan, &case.uid);
    Ok(due.map(|due| (plan, due)))
}

/// A pass that did not come to its end: silent if we have to stop.
fn stopped<F>(error: &Error, stages: Vec<String>) -> Option<Found<F>> {
    (error.class() != Class::Cancelled).then(|| Found {
        stages,
        ..Found::verdict(failed(error))
    })
}

impl<M: Managed> Case<'_, M> {
    /// What a pass over the object works with.
    pub(super) fn pass(&self, object: &Object<M::Spec>, owner: &Owner) -> Pass {
        let policy = Policy {
            bounds: self.cx.bounds.clone(),
            ..M::policy(&object.spec)
        };
        let tools = self
            .cx
            .tools(owner, self.hold.clone(), Arc::new(self.events.clone()));
        let seen = M::common(&self.status).observed_generation;
        Pass {
            asked_anew: seen != self.object.metadata.generation,
            ..Pass::new(owner.clone(), policy, tools)
        }
    }

    /// Lets `pass` do what `due` says if the owner's word is for it.
    fn agree(
        &self,
        word: &str,
        plan: PlanView,
        due: &BlockedStatus,
        shown: &BlockedStatus,
        pass: &mut Pass,
    ) -> bool {
        if consent::covers(word, due, Some(shown)) {
            pass.consent = Consent::none().and(pass.owner.name(), &pass.owner);
            pass.shown = Some(plan);
            return true;
        }
        // It stands there until somebody changes it, and looks go on.
        if !self.cx.void.is_news(&self.uid, word) {
            return false;
        }
        let void = Error::new(&codes::OP_CONSENT_VOID, Class::Blocked);
        self.events.tell(&Note {
            warning: true,
            reason: "ConsentVoid".to_owned(),
            action: "Reconcile".to_owned(),
            note: format!("{void}; {}", void.advice()),
        });
        false
    }

    /// What stays when everything goes, in a sentence.
    pub(super) async fn kept(
        &self,
        object: &Object<M::Spec>,
        owner: &Owner,
        engine: &Engine<M::Facts>,
    ) -> Result<String, Error> {
        let plan = engine
            .pipeline
            .plan(&mut self.pass(object, owner), Wanted::Nothing)
            .await?;
        let kept: Vec<String> = plan
            .stages
            .iter()
            .flat_map(|s| {
                s.kept
                    .iter()
                    .map(move |k| format!("{}/{} stays: {}", s.stage, k.key, k.why))
            })
            .collect();
        Ok(if kept.is_empty() {
            "everything that was made for it is gone".to_owned()
        } else {
            kept.join("; ")
        })
    }
}
