//! The cluster stage with its way down: what lives in a cluster goes with its machines, so it is asked about first.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{Api, Client, api::ListParams};

use super::{ClusterDriver, resource::CONTROL_PLANE};
use crate::{
    codes::CORE_BLOCKED,
    driver::ClusterAccess,
    error::{Class, Error, Result},
    execute::Half,
    installer::{codes::INS_UNSEEN, login::Login},
    inventory::Inventory,
    kube::{Declared, fault},
    ledger::Scope,
    pipeline::{Context, DriverStage, Obstruction, Outcome, Stage, Stillness, Wanted},
    policy::Retention,
    resource::Key,
    spec::{Kind, PlatformSpec},
    view::{NoteView, StageView},
};

/// A cluster on machines as a stage. Towards its spec it is a [`DriverStage`]; on the way down nodes are not emptied one by one, since
/// there is nowhere to go for what runs on them, and data in the cluster stops it unless that may go.
#[derive(Debug)]
pub struct ClusterStage {
    inner: DriverStage<ClusterDriver>,
    driver: ClusterDriver,
    /// It was entered on this way down, and held nothing.
    was_empty: AtomicBool,
}

impl ClusterStage {
    /// The stage of a Platform's cluster.
    pub fn new(driver: ClusterDriver, spec: PlatformSpec) -> Self {
        Self {
            inner: DriverStage::new(driver.clone(), spec),
            driver,
            was_empty: AtomicBool::new(false),
        }
    }

    fn scope(cx: &Context) -> Scope {
        Scope {
            owner: cx.owner.clone(),
            stage: ClusterDriver::STAGE.to_owned(),
        }
    }

    /// What of the cluster must not be lost by the way, each with the code that explains it.
    async fn in_the_way(&self, cx: &Context) -> Result<Vec<Obstruction>> {
        let agreed = cx.policy.retention == Retention::Delete && cx.consent.covers(&cx.owner);
        let known = cx.tools.ledger.load(&Self::scope(cx)).await?.outputs;
        let (Some(access), false) = (self.driver.access(&cx.outputs), agreed) else {
            return Ok(Vec::new());
        };
        // What never answered holds nothing.
        if known.is_none() {
            return Ok(Vec::new());
        }
        let name = cx.owner.name();
        let obstruction = |code: &'static crate::codes::Code, why: String| -> Result<Obstruction> {
            Ok(Obstruction {
                stage: ClusterDriver::STAGE.to_owned(),
                key: Key::new(CONTROL_PLANE)?,
                why,
                code: code.id.to_owned(),
                remedy: format!(
                    "delete it first, or add --delete-data --confirm {name} if it may be lost for good"
                ),
            })
        };
        match data(self.driver.login(), &access).await {
            Ok(data) if data.is_empty() => {
                self.was_empty.store(true, Ordering::Relaxed);
                Ok(Vec::new())
            }
            Ok(data) => {
                let why = format!(
                    "the cluster holds data that would go with it: {}",
                    data.join(", ")
                );
                Ok(vec![obstruction(&CORE_BLOCKED, why)?])
            }
            // Its machines go one after another, and its address before the last of them.
            Err(_) if self.was_empty.load(Ordering::Relaxed) => Ok(Vec::new()),
            Err(error) => Ok(vec![obstruction(&INS_UNSEEN, error.sentence())?]),
        }
    }
}

/// The data of a cluster, for people: its databases, and volumes that belong to none.
async fn data(login: &dyn Login, access: &ClusterAccess) -> Result<Vec<String>> {
    let client = login.client(access).await?;
    let mut data: Vec<String> = match Declared::list(&client, Kind::DatabaseInstance, None).await {
        Ok(all) => all.iter().map(Declared::title).collect(),
        // Without our definitions there is none.
        Err(error) if matches!(error.class(), Class::NotFound | Class::Unsupported) => Vec::new(),
        Err(error) => return Err(error),
    };
    data.extend(volumes(&client).await?);
    Ok(data)
}

async fn volumes(client: &Client) -> Result<Vec<String>> {
    let claims: Api<PersistentVolumeClaim> = Api::all(client.clone());
    let all = claims
        .list(&ListParams::default())
        .await
        .map_err(|e| fault::of("list the volumes of the cluster", false, e))?;
    let name = |claim: &PersistentVolumeClaim| {
        let (namespace, name) = (claim.metadata.namespace.as_ref()?, claim.metadata.name.as_ref()?);
        Some(format!("the volume {namespace}/{name}"))
    };
    Ok(all.items.iter().filter_map(name).collect())
}

#[async_trait]
impl Stage for ClusterStage {
    fn name(&self) -> &str {
        ClusterDriver::STAGE
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView, Error> {
        if wanted == Wanted::Spec {
            return self.inner.plan(cx, wanted).await;
        }
        let blocked = self.in_the_way(cx).await?.into_iter().map(|o| NoteView {
            key: o.key,
            why: o.why,
            id: None,
            code: Some(o.code),
        });
        Ok(StageView {
            stage: ClusterDriver::STAGE.to_owned(),
            blocked: blocked.collect(),
            ..StageView::default()
        })
    }

    async fn inventory(&self, cx: &mut Context) -> Result<Inventory, Error> {
        self.inner.inventory(cx).await
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome, Error> {
        if wanted == Wanted::Spec {
            return self.inner.pass(cx, wanted, half).await;
        }
        let because = self.in_the_way(cx).await?;
        if !because.is_empty() {
            return Ok(Outcome::Blocked {
                because,
                clears: false,
            });
        }
        // Once no machine is there any more, nothing is remembered of the cluster either.
        if cx.outputs.hosts.is_none() {
            cx.tools.fence.check().await?;
            cx.tools.ledger.forget(&Self::scope(cx)).await?;
        }
        Ok(Outcome::Converged)
    }

    async fn glance(&self, cx: &Context) -> Stillness {
        self.inner.glance(cx).await
    }
}
