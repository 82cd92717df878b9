//! A stage whose world is inside a cluster that goes as a whole.

use async_trait::async_trait;

use crate::{
    error::Result,
    execute::Half,
    graph::{Desired, Observed},
    inventory::Inventory,
    kube::KubeObject,
    ledger::Scope,
    pipeline::{Context, Outcome, Stage, Stillness, Wanted},
    plan::plan,
    view::StageView,
};

/// A stage of objects in a cluster that the same platform makes: where everything goes they go with it, so that nothing is asked of them
/// and nothing deleted, and what is remembered of them is forgotten.
///
/// What they made outside of the cluster, such as load balancers and volumes, is found where it is ([`crate::actuator::Reach::All`]).
#[derive(Debug)]
pub struct InsideCluster<S>(S);

impl<S: Stage> InsideCluster<S> {
    /// The same stage, which goes with its cluster.
    pub fn new(stage: S) -> Self {
        Self(stage)
    }

    async fn forget(&self, cx: &Context) -> Result<()> {
        let scope = Scope {
            owner: cx.owner.clone(),
            stage: self.0.name().to_owned(),
        };
        cx.tools.fence.check().await?;
        cx.tools.ledger.forget(&scope).await
    }
}

#[async_trait]
impl<S: Stage> Stage for InsideCluster<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView> {
        if wanted == Wanted::Spec {
            return self.0.plan(cx, wanted).await;
        }
        let nothing = plan(
            &Desired::<KubeObject>::nothing(),
            &Observed::default(),
            &cx.policy_for(self.0.name(), wanted),
        );
        Ok(StageView::of(self.0.name(), &nothing))
    }

    async fn inventory(&self, cx: &mut Context) -> Result<Inventory> {
        self.0.inventory(cx).await
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome> {
        if wanted == Wanted::Spec {
            return self.0.pass(cx, wanted, half).await;
        }
        self.forget(cx).await?;
        Ok(Outcome::Converged)
    }

    async fn glance(&self, cx: &Context) -> Stillness {
        self.0.glance(cx).await
    }
}
