//! A fake cloud, a login to it, and what is done there.

use std::{sync::Arc, time::Duration};

use paas_core::{
    event::{EventSink, Silent},
    execute::{Alone, Tools},
    ledger::MemoryLedger,
    owner::Owner,
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::Policy,
    secrets::FileSecrets,
    spec::PlatformSpec,
    testing::ManualClock,
};
use paas_openstack::{
    Client, Cloud,
    client::Options,
    cloud::{Credential, Domain, Identity, Named, Scope},
    fake::{Fake, Setup},
    gc::{Chosen, Collected, Findings, collect, survey},
    identity::NewApplicationCredential,
    provider::{OpenStackDriver, identity},
};
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) fake: Fake,
    pub(crate) client: Client,
    clock: Arc<ManualClock>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let clock = Arc::new(ManualClock::default());
        let setup = Setup {
            clock: clock.clone(),
            ..setup
        };
        let fake = Fake::start(setup).await.unwrap();
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let client = Client::new(fake.cloud(), options).unwrap();
        Self { fake, client, clock }
    }

    /// The same cloud as another user of it sees it.
    pub(crate) async fn as_user(&self, name: &str) -> Client {
        let mut cloud = self.fake.cloud();
        let named = |name: &str| Named::Name {
            name: name.into(),
            domain: Domain::Name("Default".into()),
        };
        cloud.identity = Identity::Password {
            user: named(name),
            password: format!("{name}-password").into(),
        };
        cloud.scope = Scope::Project(named(name));
        self.login(cloud)
    }

    /// The same cloud by an application credential that is made for it.
    pub(crate) async fn by_credential(&self, new: &NewApplicationCredential) -> Client {
        let user = self.client.token().await.unwrap().user.id.clone();
        let credentials = self.client.identity().application_credentials(&user);
        let made = credentials.create(new, None).await.unwrap();
        let mut cloud = self.fake.cloud();
        cloud.identity = Identity::ApplicationCredential {
            credential: Credential::Id(made.credential.id),
            secret: made.secret,
        };
        cloud.scope = Scope::Unspecified;
        self.login(cloud)
    }

    fn login(&self, cloud: Cloud) -> Client {
        let options = Options {
            clock: self.clock.clone(),
            ..Options::default()
        };
        Client::new(cloud, options).unwrap()
    }

    pub(crate) async fn owner(&self, name: &str) -> Owner {
        Owner::new(
            &identity(&self.client).await.unwrap(),
            "Platform",
            "default",
            name,
        )
    }

    pub(crate) fn tools(&self, events: Arc<dyn EventSink>, cancel: CancellationToken) -> Tools {
        Tools {
            ledger: Arc::new(MemoryLedger::default()),
            fence: Arc::new(Alone),
            clock: self.clock.clone(),
            events,
            cancel,
        }
    }

    /// What `paas up` does, with everything on this machine forgotten afterwards.
    pub(crate) async fn up(&self, name: &str, spec: &str) {
        let spec: PlatformSpec = serde_json::from_str(spec).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secrets = Arc::new(FileSecrets::new(folder.path()));
        let driver = OpenStackDriver::new(self.client.clone(), secrets, &spec);
        let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(driver, spec))]);
        let tools = self.tools(Arc::new(Silent), CancellationToken::new());
        let mut cx = Context::new(self.owner(name).await, Policy::default(), tools);
        let outcome = pipeline
            .run(&mut cx, Wanted::Spec, Some(Duration::from_secs(600)))
            .await;
        assert_eq!(outcome.unwrap(), Outcome::Converged);
    }

    pub(crate) async fn survey(&self) -> Findings {
        survey(&self.client).await.unwrap()
    }

    pub(crate) async fn collect(&self, findings: &Findings, chosen: Chosen) -> Collected {
        let tools = self.tools(Arc::new(Silent), CancellationToken::new());
        self.collect_with(findings, chosen, tools).await
    }

    pub(crate) async fn collect_with(&self, findings: &Findings, chosen: Chosen, tools: Tools) -> Collected {
        collect(&self.client, findings, chosen, tools, Duration::from_secs(600))
            .await
            .unwrap()
    }
}

/// Two machines with everything that a Platform can have.
pub(crate) const EVERYTHING: &str = r#"{
  "infrastructure": {"type": "OpenStack", "openStack": {
    "loadBalancer": true, "floatingIps": "All",
    "sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK me"
  }},
  "kubernetes": {"pools": [{"name": "workers", "replicas": 2, "volumeSize": "10Gi", "dataVolumeSize": "1Gi"}]}
}"#;
