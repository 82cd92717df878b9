//! An object of ours in the cluster that a Platform gives: written there, and waited for. The operator there does the rest.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kube::Client;
use serde_json::Value;

use super::{codes::INS_DECLARED, login::Login};
use crate::{
    clock::Clock,
    error::{Class, Error, Result},
    execute::Half,
    kube::{
        Declared,
        codes::{K8S_DEFINITIONS, K8S_NO_API},
        declare::{self, How},
        standing::{self, Stand},
    },
    ledger::later,
    pipeline::{Context, Obstruction, Outcome, Pending, Stage, Wanted},
    resource::{Key, View},
    spec::Kind,
    step::Verb,
    view::{NoteView, StageView, StepView},
};

/// How long the operator may take. What it waits for in its turn has deadlines of its own, which it tells.
const PATIENCE: Duration = Duration::from_secs(1200);

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// A database as a stage: its object in the cluster of its Platform.
#[derive(Debug)]
pub struct DeclaredStage {
    login: Arc<dyn Login>,
    clock: Arc<dyn Clock>,
    written: Value,
    key: Key,
}

/// What stands between what is written and what is there.
enum Way {
    /// The cluster is not there yet, or does not know our kinds yet.
    Unknown(String),
    /// It has to be written; true if it is there already.
    Write(bool),
    /// It is as it was written.
    Same(Box<Declared>),
}

impl DeclaredStage {
    /// The stage's name.
    pub const STAGE: &'static str = "database";

    /// The stage of a DatabaseInstance as it is written in a file: `kind`, `metadata`, `spec`. Where it runs is where it is written, so
    /// its platform need not be known there.
    ///
    /// # Errors
    /// `PAAS-CORE-0015` for a name that is none.
    pub fn new(login: Arc<dyn Login>, clock: Arc<dyn Clock>, written: &Value) -> Result<Self> {
        let mut written = written.clone();
        if let Some(spec) = written["spec"].as_object_mut() {
            spec.remove("platformRef");
        }
        if written["metadata"]["namespace"].is_null() {
            written["metadata"]["namespace"] = "default".into();
        }
        Ok(Self {
            key: Key::new("instance")?,
            login,
            clock,
            written,
        })
    }

    fn name(&self) -> (&str, &str) {
        let text = |key: &str| self.written["metadata"][key].as_str().unwrap_or_default();
        (text("namespace"), text("name"))
    }

    async fn client(&self, cx: &Context) -> Result<Option<Client>> {
        match &cx.outputs.cluster {
            Some(access) => self.login.client(access).await.map(Some),
            None => Ok(None),
        }
    }

    async fn there(&self, client: &Client) -> Result<Option<Declared>> {
        let (namespace, name) = self.name();
        Declared::get(client, Kind::DatabaseInstance, namespace, name).await
    }

    async fn way(&self, cx: &Context) -> Result<Way> {
        let Some(client) = self.client(cx).await? else {
            return Ok(Way::Unknown("known after its platform".to_owned()));
        };
        let there = match self.there(&client).await {
            Err(error) if is_without_us(&error) => {
                return Ok(Way::Unknown("known after the operator is there".to_owned()));
            }
            other => other?,
        };
        let Some(there) = there else {
            return Ok(Way::Write(false));
        };
        let how = How {
            dry_run: true,
            force: false,
        };
        let would = declare::apply(&client, &self.written, how).await?;
        let same = would.object.data.get("spec") == there.object.data.get("spec") && !there.deleting();
        Ok(match same {
            true => Way::Same(Box::new(there)),
            false => Way::Write(true),
        })
    }

    fn step(&self, verb: Verb, reason: &str) -> StepView {
        let (namespace, name) = self.name();
        StepView {
            key: self.key.clone(),
            kind: "databaseInstance".to_owned(),
            verb,
            reason: reason.to_owned(),
            changes: Vec::new(),
            id: Some(format!("{namespace}/{name}")).filter(|_| verb != Verb::Create),
            precious: false,
            never_ready: false,
            after: Vec::new(),
            hold: None,
            resource: View::from_iter([
                ("namespace".to_owned(), namespace.into()),
                ("name".to_owned(), name.into()),
            ]),
        }
    }

    fn waits(&self, cx: &Context, why: String, since: Option<jiff::Timestamp>) -> Outcome {
        let since = since.unwrap_or_else(|| self.clock.now());
        Outcome::Progressing {
            waiting: vec![Pending {
                stage: Self::STAGE.to_owned(),
                key: self.key.clone(),
                why,
                since,
                deadline: later(since, PATIENCE),
                elsewhere: false,
            }],
            failed: Vec::new(),
            again_in: PAUSE.max(cx.policy.bounds.poll),
            clears: false,
        }
    }

    fn judged(&self, cx: &Context, there: &Declared) -> Outcome {
        let standing = standing::of(there);
        let overdue = standing
            .since
            .is_some_and(|since| later(since, PATIENCE) < self.clock.now());
        match standing.stand {
            Stand::Ready => Outcome::Converged,
            Stand::Stalled | Stand::Paused => self.blocked(&standing.message),
            Stand::Unseen | Stand::Progressing | Stand::Deleting if overdue => {
                self.blocked(&standing.message)
            }
            Stand::Unseen | Stand::Progressing | Stand::Deleting => {
                self.waits(cx, standing::brief(&standing.message), standing.since)
            }
        }
    }

    fn blocked(&self, why: &str) -> Outcome {
        let named = standing::codes(why).first().map(|code| (*code).to_owned());
        Outcome::Blocked {
            because: vec![Obstruction {
                stage: Self::STAGE.to_owned(),
                key: self.key.clone(),
                why: why.to_owned(),
                code: named.unwrap_or_else(|| INS_DECLARED.id.to_owned()),
                remedy: INS_DECLARED.remedy.to_owned(),
            }],
            clears: false,
        }
    }
}

/// The cluster does not know our kinds yet.
fn is_without_us(error: &Error) -> bool {
    error.code() == &K8S_DEFINITIONS || error.code() == &K8S_NO_API
}

#[async_trait]
impl Stage for DeclaredStage {
    fn name(&self) -> &str {
        Self::STAGE
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView, Error> {
        let mut view = StageView {
            stage: Self::STAGE.to_owned(),
            ..StageView::default()
        };
        if wanted == Wanted::Nothing {
            if let Some(client) = self.client(cx).await?
                && let Some(there) = self.there(&client).await.or_else(gone_with_the_kind)?
                && !there.deleting()
            {
                view.steps.push(self.step(Verb::Delete, "it is no longer wanted"));
            }
            return Ok(view);
        }
        match self.way(cx).await? {
            Way::Unknown(why) => {
                view.unknown = Some(why);
                view.steps.push(self.step(Verb::Create, "it does not exist"));
            }
            Way::Write(false) => view.steps.push(self.step(Verb::Create, "it does not exist")),
            Way::Write(true) => view.steps.push(self.step(Verb::Update, "its spec differs")),
            Way::Same(there) => {
                let standing = standing::of(&there);
                let note = |why: String| NoteView {
                    key: self.key.clone(),
                    why,
                    id: None,
                    code: None,
                };
                match standing.stand {
                    Stand::Ready => view.same = 1,
                    Stand::Stalled | Stand::Paused => view.blocked.push(note(standing.message)),
                    Stand::Unseen | Stand::Progressing | Stand::Deleting => {
                        view.waiting.push(note(standing::brief(&standing.message)));
                    }
                }
            }
        }
        Ok(view)
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome, Error> {
        if wanted == Wanted::Nothing {
            return self.retire(cx).await;
        }
        if half == Half::Clear {
            return Ok(Outcome::Converged);
        }
        match self.way(cx).await? {
            Way::Unknown(why) => Ok(self.waits(cx, why, None)),
            Way::Write(_) => {
                let Some(client) = self.client(cx).await? else {
                    return Ok(self.waits(cx, "known after its platform".to_owned(), None));
                };
                cx.tools.fence.check().await?;
                let how = How {
                    dry_run: false,
                    force: false,
                };
                let there = declare::apply(&client, &self.written, how).await?;
                Ok(self.judged(cx, &there))
            }
            Way::Same(there) => Ok(self.judged(cx, &there)),
        }
    }
}

impl DeclaredStage {
    /// Deletes the object; what becomes of its data is for its own policy to say.
    async fn retire(&self, cx: &Context) -> Result<Outcome> {
        let Some(client) = self.client(cx).await? else {
            return Ok(Outcome::Converged);
        };
        let Some(there) = self.there(&client).await.or_else(gone_with_the_kind)? else {
            return Ok(Outcome::Converged);
        };
        if there.deleting() {
            return Ok(self.judged(cx, &there));
        }
        cx.tools.fence.check().await?;
        declare::delete(&client, &there).await?;
        Ok(self.waits(cx, "the operator lets go of it".to_owned(), None))
    }
}

fn gone_with_the_kind(error: Error) -> Result<Option<Declared>> {
    match is_without_us(&error) || error.class() == Class::NotFound {
        true => Ok(None),
        false => Err(error),
    }
}
