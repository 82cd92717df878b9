//! The two stages of an instance: its server, and what is inside.

use std::sync::Arc;

use async_trait::async_trait;

use super::StatefulSetDriver;
use crate::{
    database::{
        binding::BindingStore,
        codes::PG_ROTATE,
        driver::{self, ContentDriver, service_binding},
        rotate::Rotation,
    },
    error::{Class, Error, Result},
    event::{Event, State},
    execute::Half,
    inventory::Inventory,
    kube::KubeBindings,
    pipeline::{Context, DriverStage, Outcome, Stage, Stillness, Wanted},
    policy::Retention,
    resource::Key,
    secrets::SecretStore,
    spec::DatabaseInstanceSpec,
    step::Verb,
    view::StageView,
};

/// What there is of an instance beside its objects.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Its passwords: they stay with its data, and go with it.
    pub secrets: Arc<dyn SecretStore>,
    /// What programs are bound by.
    pub bindings: KubeBindings,
}

/// The stages of one instance: `server`, and [`driver::STAGE`]. Each `rotation` with another word changes the passwords of all users
/// once.
pub fn stages(
    server: StatefulSetDriver,
    contents: ContentDriver,
    spec: &DatabaseInstanceSpec,
    stores: &Stores,
    rotation: Option<(String, Rotation)>,
) -> Vec<Box<dyn Stage>> {
    let contents = contents.bindings(Arc::new(stores.bindings.clone()));
    let answering = Arc::new(stores.bindings.clone().answering());
    vec![
        Box::new(ServerStage {
            inner: DriverStage::new(server, spec.clone()),
            secrets: Arc::clone(&stores.secrets),
        }),
        Box::new(ContentsStage {
            inner: contents.clone().stage(spec.clone()),
            answering: contents.bindings(answering),
            bindings: stores.bindings.clone(),
            spec: spec.clone(),
            rotation,
        }),
    ]
}

/// The server's stage, which forgets the passwords once the data is gone. With data that stays they stay: a later instance needs them.
#[derive(Debug)]
struct ServerStage {
    inner: DriverStage<StatefulSetDriver>,
    secrets: Arc<dyn SecretStore>,
}

#[async_trait]
impl Stage for ServerStage {
    fn name(&self) -> &str {
        StatefulSetDriver::STAGE
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView> {
        self.inner.plan(cx, wanted).await
    }

    async fn inventory(&self, cx: &mut Context) -> Result<Inventory> {
        self.inner.inventory(cx).await
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome> {
        let outcome = self.inner.pass(cx, wanted, half).await?;
        let gone = wanted == Wanted::Nothing && outcome == Outcome::Converged;
        if gone && cx.policy.retention == Retention::Delete {
            cx.tools.fence.check().await?;
            self.secrets.forget(&cx.owner).await?;
        }
        Ok(outcome)
    }

    async fn glance(&self, cx: &Context) -> Stillness {
        self.inner.glance(cx).await
    }
}

/// The stage of the contents, which changes passwords when that is asked for, and takes bindings back on the way down: what they lead
/// to goes with the server.
#[derive(Debug)]
struct ContentsStage {
    inner: Box<dyn Stage>,
    answering: ContentDriver,
    bindings: KubeBindings,
    spec: DatabaseInstanceSpec,
    rotation: Option<(String, Rotation)>,
}

impl ContentsStage {
    /// Answers the request for everybody who has not got an answer. The answer tells why somebody has to wait.
    async fn rotate(&self, cx: &Context) -> Result<Option<Error>> {
        let Some((word, how)) = &self.rotation else {
            return Ok(None);
        };
        let answered = self.bindings.answered(&cx.owner).await?;
        let declared = |user: &String| self.spec.users.iter().any(|u| u.name == *user);
        let mut due = answered
            .into_iter()
            .filter(|(user, last)| last != word && declared(user))
            .peekable();
        if due.peek().is_none() {
            return Ok(None);
        }
        let Some(hands) = self.answering.reach(&cx.outputs).await? else {
            return Ok(None);
        };
        let published = self.bindings.list(&cx.owner).await?;
        let mut waits = None;
        for (user, _) in due {
            let login = hands.look_up(&cx.owner, &user).await?;
            let former = login.as_ref().and_then(|l| l.retiring());
            if let Some((former, until)) = former {
                let name = former.turn.login(&user);
                let handed_out = published.iter().any(|p| p.entry("username") == name);
                if former.due.is_none() && !handed_out {
                    waits = Some(
                        Error::new(&PG_ROTATE, Class::Conflict)
                            .attempted(format!("change the password of {user}"))
                            .happened(format!("its former login {name} works until {until}"))
                            .remedy("it is changed by itself when that time is over"),
                    );
                    continue;
                }
            }
            cx.tools.fence.check().await?;
            let binding = service_binding(&self.spec, &user);
            let done = hands.rotate(&cx.owner, &user, binding.as_ref(), how).await?;
            cx.tools.events.emit(&Event {
                at: cx.tools.clock.now(),
                owner: cx.owner.to_string(),
                stage: driver::STAGE.to_owned(),
                key: Some(Key::new(format!("login/{user}"))?),
                verb: Verb::Update.to_string(),
                state: State::Done,
                reason: "Rotated".to_owned(),
                message: format!(
                    "{} is handed out; {} works until {}",
                    done.login, done.former, done.until
                ),
                request_id: None,
            });
        }
        Ok(waits)
    }
}

#[async_trait]
impl Stage for ContentsStage {
    fn name(&self) -> &str {
        driver::STAGE
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView> {
        self.inner.plan(cx, wanted).await
    }

    async fn inventory(&self, cx: &mut Context) -> Result<Inventory> {
        self.inner.inventory(cx).await
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome> {
        if wanted == Wanted::Nothing {
            cx.tools.fence.check().await?;
            self.bindings.forget(&cx.owner).await?;
            return self.inner.pass(cx, wanted, half).await;
        }
        let waits = match half {
            Half::Build | Half::Both => self.rotate(cx).await?,
            Half::Clear => None,
        };
        let outcome = self.inner.pass(cx, wanted, half).await?;
        match waits {
            // Programs get in as before: that new passwords have to wait says nothing about the database.
            Some(waits) if outcome == Outcome::Converged => Err(waits),
            _ => Ok(outcome),
        }
    }

    async fn glance(&self, cx: &Context) -> Stillness {
        self.inner.glance(cx).await
    }
}
