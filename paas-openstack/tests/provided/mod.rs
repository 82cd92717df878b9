//! A Platform on a fake cloud, planned and carried out through the whole pipeline, for the tests of what goes wrong.
#![allow(dead_code, reason = "each test binary takes what it needs")]

use std::{sync::Arc, time::Duration};

use paas_core::{
    clock::{Clock, SystemClock},
    event::Kept,
    execute::{Alone, Tools},
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::Policy,
    preflight::Finding,
    secrets::FileSecrets,
    spec::PlatformSpec,
    testing::ManualClock,
    view::PlanView,
};
use paas_openstack::{
    Client, Cloud,
    client::{Options, service::Kind},
    fake::{Fake, Object, Setup},
    provider::OpenStackDriver,
};
use tokio_util::sync::CancellationToken;

/// The longest that anything here may take, on the manual clock.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// A Platform by the two members of its spec that matter.
pub(crate) fn spec(openstack: &str, kubernetes: &str) -> PlatformSpec {
    let text = format!(
        r#"{{"infrastructure": {{"type": "OpenStack", "openStack": {openstack}}}, "kubernetes": {kubernetes}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// One cloud and one Platform on it.
pub(crate) struct Place {
    pub(crate) fake: Arc<Fake>,
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cx: Context,
    secrets: tempfile::TempDir,
    patience: Option<Duration>,
}

impl Place {
    pub(crate) async fn new(setup: Setup) -> Self {
        Self::on(Arc::new(ManualClock::default()), setup, Fake::cloud).await
    }

    /// With another credential than the first user's password.
    pub(crate) async fn by(setup: Setup, cloud: impl Fn(&Fake) -> Cloud) -> Self {
        Self::on(Arc::new(ManualClock::default()), setup, cloud).await
    }

    /// Where time really passes, with so much patience for looking ahead.
    pub(crate) async fn real(setup: Setup, patience: Duration) -> Self {
        let mut place = Self::on(Arc::new(SystemClock), setup, Fake::cloud).await;
        place.patience = Some(patience);
        place
    }

    async fn on(clock: Arc<dyn Clock>, setup: Setup, cloud: impl Fn(&Fake) -> Cloud) -> Self {
        let fake = Arc::new(Fake::start(setup.with_clock(clock.clone())).await.unwrap());
        let owner = Owner::new(
            &Identity::of(&["openstack", "fake"]),
            "Platform",
            "default",
            "shop",
        );
        let tools = Tools {
            ledger: Arc::new(MemoryLedger::default()),
            fence: Arc::new(Alone),
            clock: clock.clone(),
            events: Arc::new(Kept::default()),
            cancel: CancellationToken::new(),
        };
        let client = client(&clock, cloud(&fake));
        Self {
            cx: Context::new(owner, Policy::default(), tools),
            secrets: tempfile::tempdir().unwrap(),
            patience: None,
            fake,
            client,
            clock,
        }
    }

    /// The cloud as its administrator sees it, in the administrator's own project.
    pub(crate) fn admin(&self) -> Client {
        let setup = Setup::default();
        let mut cloud = self.fake.cloud();
        let admin = &setup.users[1];
        cloud.identity = paas_openstack::cloud::Identity::Password {
            user: named("admin"),
            password: admin.password.clone(),
        };
        cloud.scope = paas_openstack::cloud::Scope::Project(named("admin"));
        client(&self.clock, cloud)
    }

    /// A client that nobody has refused yet.
    pub(crate) fn log_in_again(&mut self) {
        self.client = client(&self.clock, self.fake.cloud());
    }

    pub(crate) fn pipeline(&self, spec: &PlatformSpec) -> Pipeline {
        let secrets = Arc::new(FileSecrets::new(self.secrets.path()));
        let mut driver = OpenStackDriver::new(self.client.clone(), secrets, spec);
        if let Some(patience) = self.patience {
            driver = driver.looking_ahead_for(patience);
        }
        Pipeline::new(vec![Box::new(DriverStage::new(driver, spec.clone()))])
    }

    pub(crate) async fn plan(&mut self, spec: &PlatformSpec) -> PlanView {
        let pipeline = self.pipeline(spec);
        pipeline.plan(&mut self.cx, Wanted::Spec).await.unwrap()
    }

    /// What the plan of a spec finds.
    pub(crate) async fn findings(&mut self, spec: &PlatformSpec) -> Vec<Finding> {
        self.plan(spec).await.stages.remove(0).findings
    }

    pub(crate) async fn up(&mut self, spec: &PlatformSpec) -> Outcome {
        let pipeline = self.pipeline(spec);
        self.cx.asked_anew = true;
        pipeline
            .run(&mut self.cx, Wanted::Spec, Some(LIMIT))
            .await
            .unwrap()
    }

    /// Everything goes, and nothing of ours is left.
    pub(crate) async fn down(&mut self, spec: &PlatformSpec) {
        let pipeline = self.pipeline(spec);
        self.cx.shown = None;
        self.cx.asked_anew = true;
        let outcome = pipeline.run(&mut self.cx, Wanted::Nothing, Some(LIMIT)).await;
        assert_eq!(outcome.unwrap(), Outcome::Converged);
    }

    /// Nothing was written and nothing is there.
    pub(crate) fn is_untouched(&self) {
        let writes: Vec<_> = self.fake.calls().into_iter().filter(|c| c.mutates()).collect();
        assert!(writes.is_empty(), "{writes:#?}");
    }
}

pub(crate) fn client(clock: &Arc<dyn Clock>, cloud: Cloud) -> Client {
    let options = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    Client::new(cloud, options).unwrap()
}

pub(crate) fn named(name: &str) -> paas_openstack::cloud::Named {
    paas_openstack::cloud::Named::Name {
        name: name.to_owned(),
        domain: paas_openstack::cloud::Domain::Name("Default".into()),
    }
}

/// Sets quotas of the project `demo`, as its administrator does.
pub(crate) async fn allow(place: &Place, service: Kind, quotas: serde_json::Value) {
    use paas_openstack::client::Call;
    let project = place.client.token().await.unwrap().project.clone().unwrap().id;
    let (path, member) = match service {
        Kind::Network => (format!("quotas/{project}"), "quota"),
        Kind::LoadBalancer => (format!("lbaas/quotas/{project}"), "quota"),
        _ => (format!("os-quota-sets/{project}"), "quota_set"),
    };
    let call = Call::put(service, "set quota", path).body(serde_json::json!({ member: quotas }));
    place.admin().send(call).await.unwrap();
    place.fake.forget_calls();
}

/// `code what`, for what stands in the way.
pub(crate) fn told(findings: &[Finding]) -> Vec<String> {
    let sign = |f: &Finding| if f.is_error() { '✗' } else { '!' };
    let line = |f: &Finding| format!("{} {} {} → {}", sign(f), &f.code[5..], f.what, f.remedy);
    findings.iter().map(line).collect()
}

pub(crate) fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(|v| v.as_str()).unwrap_or_default()
}
