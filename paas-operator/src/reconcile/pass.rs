//! The two directions: towards the spec, and towards nothing.

use std::sync::Arc;

use kube::ResourceExt;
use paas_core::{
    error::{Class, Error, ErrorView},
    owner::Owner,
    pipeline::{Outcome, Wanted},
    spec::Object,
    step::Verb,
};

use super::{Case, Found, Managed, failed, outcome::attempt};
use crate::{
    codes, finalizer,
    object::{has_finalizer, title},
    status::{Note, Verdict},
};

impl<M: Managed> Case<'_, M> {
    /// One pass towards the spec. `None` if it had to stop: there is nothing to say then.
    pub(super) async fn advance(
        &mut self,
        object: &Object<M::Spec>,
        owner: &Owner,
    ) -> Result<Option<Found<M::Facts>>, Error> {
        let engine = match M::engine(&*self.cx.engines, object, owner, &self.status).await {
            Ok(engine) => engine,
            Err(error) => return Ok(Some(Found::verdict(failed(&error)))),
        };
        if !self.cx.may_write().await {
            return Ok(None);
        }
        if !has_finalizer(&self.object) {
            let api = self.cx.api(M::KIND, &self.object.namespace().unwrap_or_default());
            self.object = Arc::new(finalizer::set(&api, M::KIND, &self.object).await?);
            self.cx.wrote(&self.object);
            self.hold.written(&self.object);
        }
        // Before the pass, whose look then shows what it leads to.
        let asked = M::asked(&engine, object, &self.status).await?;
        let found = attempt(self, object, owner, &engine, Wanted::Spec).await?;
        Ok(found.map(|found| match asked {
            None => found,
            Some((answer, note)) => {
                self.events.tell(&note);
                let facts = M::answered(found.facts.unwrap_or_default(), answer);
                Found {
                    facts: Some(facts),
                    ..found
                }
            }
        }))
    }

    /// One pass towards nothing; the finalizer goes with the last one. `None` if there is nothing to say any more.
    pub(super) async fn retire(
        &mut self,
        object: &Object<M::Spec>,
        owner: &Owner,
    ) -> Result<Option<Found<M::Facts>>, Error> {
        if M::policy(&object.spec).protected.is_some() {
            let error = Error::new(&codes::OP_PROTECTED, Class::Blocked)
                .attempted(format!("delete {}", title(M::KIND, &self.object)))
                .happened("spec.deletionProtection is true: everything runs on as it was");
            return Ok(Some(Found::verdict(Verdict::Protected(ErrorView::from(&error)))));
        }
        let engine = match M::engine(&*self.cx.engines, object, owner, &self.status).await {
            Ok(engine) => engine,
            Err(error) => return Ok(Some(Found::verdict(failed(&error)))),
        };
        if !self.cx.may_write().await {
            return Ok(None);
        }
        let found = attempt(self, object, owner, &engine, Wanted::Nothing).await?;
        let Some(found) = found else { return Ok(None) };
        if found.verdict != Verdict::Passed(Wanted::Nothing, Outcome::Converged) {
            return Ok(Some(found));
        }
        let kept = self.kept(object, owner, &engine).await?;
        if !self.cx.may_write().await {
            return Ok(None);
        }
        self.events.tell(&Note {
            warning: false,
            reason: "Retired".to_owned(),
            action: Verb::Delete.to_string(),
            note: kept,
        });
        let api = self.cx.api(M::KIND, &self.object.namespace().unwrap_or_default());
        finalizer::clear(&api, M::KIND, &self.object).await?;
        self.cx.forget(M::KIND, &self.uid);
        self.cx.owners.forget(owner);
        Ok(None)
    }
}
