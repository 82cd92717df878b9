//! A platform on a fake cloud, with what its program remembers.

use std::{sync::Arc, time::Duration};

use paas_core::actuator::{Actuator as _, Reach};
use paas_core::{
    error::Error,
    event::Silent,
    execute::{Alone, Fence, Tools},
    graph::Observed,
    ledger::{Ledger, LedgerStore, MemoryLedger, Scope},
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    resource::Key,
    secrets::FileSecrets,
    spec::PlatformSpec,
    testing::ManualClock,
    view::PlanView,
};
use paas_openstack::{
    Client,
    client::Options,
    fake::{Fake, Setup},
    provider::{OpenStackActuator, OpenStackDriver, OpenStackResource},
};
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) fake: Fake,
    pub(crate) client: Client,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) owner: Owner,
    pub(crate) spec: PlatformSpec,
    ledger: Arc<MemoryLedger>,
    secrets: tempfile::TempDir,
}

impl Place {
    pub(crate) fn spec(cloud: &str, machines: &str, more: &str) -> PlatformSpec {
        let text = format!(
            r#"{{"infrastructure": {{"type": "OpenStack", "openStack": {cloud}}}, "kubernetes": {machines}{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    /// A cloud with nothing in it yet.
    pub(crate) async fn new(cloud: &str, machines: &str, more: &str) -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake = Fake::start(Setup {
            clock: clock.clone(),
            ..Setup::default()
        })
        .await
        .unwrap();
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        Self {
            client: Client::new(fake.cloud(), options).unwrap(),
            fake,
            clock,
            owner: Owner::new(
                &Identity::of(&["openstack", "fake"]),
                "Platform",
                "default",
                "demo",
            ),
            spec: Self::spec(cloud, machines, more),
            ledger: Arc::default(),
            secrets: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn tools(&self) -> Tools {
        self.guarded(Arc::new(Alone))
    }

    pub(crate) fn guarded(&self, fence: Arc<dyn Fence>) -> Tools {
        Tools {
            ledger: self.ledger.clone(),
            fence,
            clock: self.clock.clone(),
            events: Arc::new(Silent),
            cancel: CancellationToken::new(),
        }
    }

    fn context(&self) -> Context {
        Context::new(self.owner.clone(), self.spec.policy(), self.tools())
    }

    fn pipeline(&self) -> Pipeline {
        let secrets = Arc::new(FileSecrets::new(self.secrets.path()));
        let driver = OpenStackDriver::new(self.client.clone(), secrets, &self.spec);
        Pipeline::new(vec![Box::new(DriverStage::new(driver, self.spec.clone()))])
    }

    pub(crate) async fn plan(&self) -> PlanView {
        self.pipeline()
            .plan(&mut self.context(), Wanted::Spec)
            .await
            .unwrap()
    }

    pub(crate) async fn try_up(&self) -> Result<Outcome, Error> {
        let within = Some(Duration::from_secs(3600));
        self.pipeline()
            .run(&mut self.context(), Wanted::Spec, within)
            .await
    }

    pub(crate) async fn up(&self) -> Outcome {
        self.try_up().await.unwrap()
    }

    pub(crate) async fn down(&self) {
        let within = Some(Duration::from_secs(3600));
        let mut cx = self.context();
        cx.policy.retention = paas_core::policy::Retention::Delete;
        cx.policy.data_may_go = true;
        let outcome = self.pipeline().run(&mut cx, Wanted::Nothing, within).await;
        assert_eq!(outcome.unwrap(), Outcome::Converged);
    }

    /// The program forgets everything.
    pub(crate) fn forget(&mut self) {
        self.ledger = Arc::default();
    }

    /// What is under way comes to its end.
    pub(crate) fn settle(&self) {
        self.clock.advance(Duration::from_secs(600));
    }

    pub(crate) fn hands(&self) -> OpenStackActuator {
        let secrets = Arc::new(FileSecrets::new(self.secrets.path()));
        let cloud = self.spec.infrastructure.open_stack.as_ref().unwrap();
        OpenStackActuator::of(self.client.clone(), secrets, cloud)
    }

    pub(crate) async fn hints(&self) -> Ledger {
        let scope = Scope {
            owner: self.owner.clone(),
            stage: OpenStackDriver::STAGE.to_owned(),
        };
        self.ledger.load(&scope).await.unwrap()
    }

    fn seen(&self) -> Observed<OpenStackResource> {
        let look = async {
            self.hands()
                .observe(&self.owner, &self.hints().await, Reach::Own)
                .await
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(look)).unwrap()
    }

    /// Keys that begin so, with their ids.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<(String, String)> {
        let seen = self.seen();
        let fits = seen.live.iter().filter(|(k, _)| k.as_str().starts_with(prefix));
        fits.map(|(k, l)| (k.to_string(), l.id.clone())).collect()
    }

    /// The id of what is live under a key, or was the last time that anybody remembered.
    pub(crate) fn id(&self, key: &str) -> String {
        let seen = self.seen();
        let key = Key::new(key).unwrap();
        let id = seen.live.get(&key).map(|l| l.id.clone());
        // Without a name and without a ledger it is known by its id alone.
        id.unwrap_or_else(|| seen.unreadable.keys().next().unwrap().clone())
    }

    /// `PUT /network/v2.0/networks/…` for each call that changed something.
    pub(crate) fn mutations(&self) -> Vec<String> {
        let all = self.fake.calls();
        let made = all.iter().filter(|c| c.mutates());
        made.map(|c| format!("{} {}", c.method, c.path)).collect()
    }
}
