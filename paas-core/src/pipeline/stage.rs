//! A stage made of any driver.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use async_trait::async_trait;

use super::{
    Context, Outcome, Pending, Stage, Wanted,
    judge::outcome,
    look::Look,
    outcome::UNKNOWN,
    recent::{Recent, Sight, Stillness, Waited, departing},
    waits::{over, tell_waits, waits},
};
use crate::{
    actuator::Reach,
    codes,
    driver::{Driver, Outputs},
    error::{Class, Error},
    execute::{Half, Report, execute},
    graph::{Desired, Observed},
    inventory::Inventory,
    ledger::{Scope, Settled, Since, applied, doubts, later},
    plan::{Plan, Verb, plan},
    preflight::{Ahead, Finding},
    resource::{Health, Key, Live, Resource},
    view::StageView,
};

/// A [`Stage`] of one driver and one spec.
pub struct DriverStage<D: Driver> {
    driver: D,
    spec: D::Spec,
    recent: Recent<D::Resource>,
}

impl<D: Driver> DriverStage<D> {
    /// The stage of `driver` for `spec`.
    pub fn new(driver: D, spec: D::Spec) -> Self {
        Self {
            driver,
            spec,
            recent: Recent::default(),
        }
    }
}

impl<D: Driver> fmt::Debug for DriverStage<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverStage")
            .field("driver", &self.driver)
            .field("spec", &self.spec)
            .finish()
    }
}

impl<D: Driver> DriverStage<D> {
    fn scope(&self, cx: &Context) -> Scope {
        Scope {
            owner: cx.owner.clone(),
            stage: self.driver.stage().to_owned(),
        }
    }

    fn desired(&self, cx: &Context, wanted: Wanted) -> Result<Desired<D::Resource>, Error> {
        match wanted {
            Wanted::Spec => self.driver.desired(&self.spec, &cx.outputs),
            Wanted::Nothing => Ok(Desired::nothing()),
        }
    }

    /// Forgets what is remembered of a world that goes with another one, unless something may still appear in it.
    #[cfg(feature = "database")]
    pub(crate) async fn forget(&self, cx: &Context) -> Result<(), Error> {
        let scope = self.scope(cx);
        if cx.tools.ledger.load(&scope).await?.intents.is_empty() {
            cx.tools.ledger.forget(&scope).await?;
        }
        Ok(())
    }

    /// Observes and plans. `None` while the world of this stage is not known.
    async fn look(&self, cx: &mut Context, wanted: Wanted) -> Result<Option<Look<D::Resource>>, Error> {
        let scope = self.scope(cx);
        let mut ledger = cx.tools.ledger.load(&scope).await?;
        let desired = self.desired(cx, wanted)?;
        let Some(actuator) = self.driver.actuator(&cx.outputs).await? else {
            return Ok(None);
        };
        let now = cx.tools.clock.elapsed();
        let (at, seen) = match self.recent.take(now, self.driver.fresh(), wanted) {
            Some(Sight { at, seen, made, .. }) => match made {
                None => (at, Ok(seen)),
                Some(root) => (at, actuator.recheck(&cx.owner, &ledger, &seen, &root).await),
            },
            None => (now, actuator.observe(&cx.owner, &ledger, wanted.reach()).await),
        };
        let mut observed = match seen {
            Ok(observed) => observed,
            Err(error) => {
                // The last known outputs serve for advance, never for retire.
                if wanted == Wanted::Spec
                    && let Some(known) = ledger
                        .outputs
                        .and_then(|o| serde_json::from_value::<Outputs>(o).ok())
                {
                    cx.outputs.merge(known);
                }
                return Err(error);
            }
        };
        let raw = (!self.driver.fresh().is_zero()).then(|| (at, observed.clone()));
        let policy = cx.policy_for(self.driver.stage(), wanted);
        let (now, bounds) = (cx.tools.clock.now(), &policy.bounds);
        let desired = (self.driver).next(&self.spec, wanted, desired, &cx.outputs, &observed, now)?;
        let mut learned = Vec::new();
        if ledger.is_ahead_of(now, bounds.backoff_max) {
            learned.push(Settled::SetBack(now, bounds.backoff_max));
            ledger.settle(&learned);
        }
        learned.extend(doubts(&ledger, &mut observed, now, bounds, cx.asked_anew));
        let gives = self.driver.gives(&self.spec, &observed);
        if gives != Outputs::default() {
            let json = serde_json::to_value(&gives).ok();
            learned.extend(
                json.filter(|j| ledger.outputs.as_ref() != Some(j))
                    .map(Settled::Outputs),
            );
        }
        cx.outputs.merge(gives);
        cx.holds.extend(self.driver.holds(&self.spec, &observed));
        let plan = plan(&desired, &observed, &policy);
        ledger.settle(&learned);
        let mut over = over(&ledger, &plan);
        over.extend(applied(&ledger, &desired, &observed, &plan));
        ledger.settle(&over);
        learned.extend(over);
        Ok(Some(Look {
            ledger,
            desired,
            observed,
            raw,
            policy,
            plan,
            learned,
            actuator,
        }))
    }
}

#[async_trait]
impl<D: Driver> Stage for DriverStage<D> {
    fn name(&self) -> &str {
        self.driver.stage()
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView, Error> {
        if let Some(mut look) = self.look(cx, wanted).await? {
            self.driver.foretells(&going(&look.plan, true), &mut cx.outputs);
            if let Some((at, seen)) = look.raw.take() {
                self.recent.keep(at, wanted, seen, None);
            }
            return Ok(StageView {
                findings: self.findings(cx, &look).await?,
                ..StageView::of(self.driver.stage(), &look.plan)
            });
        }
        let plan = plan(
            &self.desired(cx, wanted)?,
            &Observed::default(),
            &cx.policy_for(self.driver.stage(), wanted),
        );
        let unknown = Some(UNKNOWN.to_owned());
        Ok(StageView {
            unknown,
            findings: self.driver.foresees(&self.spec),
            ..StageView::of(self.driver.stage(), &plan)
        })
    }

    async fn inventory(&self, cx: &mut Context) -> Result<Inventory, Error> {
        let ledger = cx.tools.ledger.load(&self.scope(cx)).await?;
        let mut observed = Observed::default();
        if let Some(actuator) = self.driver.actuator(&cx.outputs).await? {
            let now = cx.tools.clock.elapsed();
            observed = match self.recent.take(now, self.driver.fresh(), Wanted::Nothing) {
                Some(Sight { seen, made: None, .. }) => seen,
                _ => actuator.observe(&cx.owner, &ledger, Reach::All).await?,
            };
        }
        cx.outputs.merge(self.driver.gives(&self.spec, &observed));
        Ok(Inventory::of(self.driver.stage(), self.driver.kinds(), &observed))
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome, Error> {
        let scope = self.scope(cx);
        self.recent.wait(Waited::Unclear);
        let Some(mut look) = self.look(cx, wanted).await? else {
            self.recent.wait(Waited::Nothing);
            return self.unknown(cx, wanted).await;
        };
        self.driver.foretells(&going(&look.plan, false), &mut cx.outputs);
        settle(cx, &scope, &look.learned).await?;
        if wanted == Wanted::Spec && self.is_unseen_start(cx, &look) {
            let because = StageView {
                findings: self.findings(cx, &look).await?,
                ..StageView::of(self.driver.stage(), &look.plan)
            }
            .obstructions();
            if !because.is_empty() {
                return Ok(Outcome::Blocked {
                    because,
                    clears: false,
                });
            }
        }
        let parts = (&look.desired, &look.observed, &look.plan);
        let report = execute(
            &scope,
            &*look.actuator,
            half,
            parts,
            (&look.ledger, &look.policy.bounds),
            &cx.tools,
        )
        .await;
        let now = cx.tools.clock.now();
        let departing = self.departing(cx, &look, &report).await;
        let waits = waits(&look, &report, &departing, half, now);
        if waits != look.ledger.waits {
            tell_waits(cx, &scope, &look.ledger.waits, &waits);
            settle(cx, &scope, &[Settled::Waits(waits.clone())]).await?;
        }
        if let Some(error) = report.stopped {
            return Err(error);
        }
        let outcome = outcome(&scope, &look, &report, &waits, now);
        self.recent
            .wait(Waited::after(&look, &report, &waits, &departing));
        if let Some(root) = look.desired.root()
            && report.failed.is_empty()
            && matches!(report.done.as_slice(), [(made, Verb::Create)] if made == root)
            && let Some((at, seen)) = look.raw.take()
        {
            self.recent.keep(at, wanted, seen, Some(root.clone()));
        }
        // The end of a `down` and its proof are one look.
        if wanted == Wanted::Nothing
            && outcome == Outcome::Converged
            && report.done.is_empty()
            && let Some((at, seen)) = look.raw.take()
        {
            self.recent.keep(at, wanted, seen, None);
        }
        let empty = look.observed.live.is_empty()
            && look.desired.wanted().is_empty()
            && look.ledger.intents.is_empty();
        if empty && outcome == Outcome::Converged {
            cx.tools.fence.check().await?;
            cx.tools.ledger.forget(&scope).await?;
        }
        Ok(outcome)
    }

    async fn glance(&self, cx: &Context) -> Stillness {
        let (waited, more) = match self.recent.waited() {
            Waited::Nothing => return Stillness::Nothing,
            Waited::Unclear => return Stillness::Stirred,
            Waited::For(waited, more) => (waited, more),
        };
        let Ok(Some(actuator)) = self.driver.actuator(&cx.outputs).await else {
            return Stillness::Stirred;
        };
        match actuator.glance(&cx.owner, &waited).await {
            Ok(Some(now)) => Waited::judged(&waited, more, &now),
            // A pass tells what is the matter.
            Ok(None) | Err(_) => Stillness::Stirred,
        }
    }
}

impl<D: Driver> DriverStage<D> {
    /// What this pass deleted, if a glance shows all of it leaving and all that is left to do waits for it: another look would show no
    /// more than that.
    async fn departing(
        &self,
        cx: &Context,
        look: &Look<D::Resource>,
        report: &Report<D::Resource>,
    ) -> BTreeMap<Key, Live<D::Resource>> {
        let departing = departing(look, report);
        if departing.is_empty() {
            return departing;
        }
        let now = look.actuator.glance(&cx.owner, &departing).await;
        let now = now.ok().flatten().unwrap_or_default();
        match departing.keys().all(|key| now.get(key) == Some(&Health::Leaving)) {
            true => departing,
            false => BTreeMap::new(),
        }
    }

    /// What the driver finds ahead of the plan, errors first. A plan that makes and changes nothing asks nothing.
    async fn findings(&self, cx: &Context, look: &Look<D::Resource>) -> Result<Vec<Finding>, Error> {
        if look.plan.steps.iter().all(|s| s.action.verb() == Verb::Delete) {
            return Ok(Vec::new());
        }
        let ahead = Ahead {
            from: &cx.outputs,
            desired: &look.desired,
            seen: &look.observed,
            plan: &look.plan,
            now: cx.tools.clock.now(),
        };
        let mut findings = self.driver.preflight(&self.spec, ahead).await?;
        findings.sort_by_key(|found| found.severity);
        Ok(findings)
    }

    /// True before the first write of an object that nobody planned before: an operator and an embedder that only passes are told the
    /// same as who looks at the plan first.
    fn is_unseen_start(&self, cx: &Context, look: &Look<D::Resource>) -> bool {
        let stages = cx.shown.iter().flat_map(|shown| &shown.stages);
        let seen = |s: &StageView| s.stage == self.driver.stage() && s.unknown.is_none();
        look.observed.live.is_empty() && look.ledger.intents.is_empty() && !stages.into_iter().any(seen)
    }

    /// What a pass over a world that is not known yet leads to.
    async fn unknown(&self, cx: &Context, wanted: Wanted) -> Result<Outcome, Error> {
        let desired = self.desired(cx, wanted)?;
        let Some(key) = desired.order().first().cloned() else {
            return Ok(Outcome::Converged);
        };
        let (scope, now) = (self.scope(cx), cx.tools.clock.now());
        let known = cx.tools.ledger.load(&scope).await?.waits;
        let since = known.get(&key).map_or(now, |s| s.since);
        let why = UNKNOWN.to_owned();
        let waits = BTreeMap::from([(
            key.clone(),
            Since {
                why: why.clone(),
                since,
            },
        )]);
        if waits != known {
            tell_waits(cx, &scope, &known, &waits);
            settle(cx, &scope, &[Settled::Waits(waits)]).await?;
        }
        // How long the stages before it may take is for them to say.
        let deadline = later(now, cx.policy.bounds.poll_max);
        Ok(Outcome::Progressing {
            waiting: vec![Pending {
                stage: scope.stage,
                key,
                why,
                since,
                deadline,
                elsewhere: true,
            }],
            failed: Vec::new(),
            again_in: cx.policy.bounds.poll_max,
            clears: false,
        })
    }
}

/// What a plan deletes or replaces; what has to wait for something else only with `all`.
fn going<R: Resource>(plan: &Plan<R>, all: bool) -> BTreeSet<Key> {
    let going = plan
        .steps
        .iter()
        .filter(|s| s.action.verb().removes() && (all || s.hold.is_none()));
    going.map(|s| s.key.clone()).collect()
}

/// Writes down what was learned, as long as this process may write: the memory is that of whoever leads now.
async fn settle(cx: &Context, scope: &Scope, learned: &[Settled]) -> Result<(), Error> {
    if learned.is_empty() {
        return Ok(());
    }
    cx.tools.fence.check().await?;
    cx.tools.ledger.settle(scope, learned).await
}

/// A run that must end: cancelled, or its deadline passed.
pub(super) fn cancelled() -> Error {
    Error::new(&codes::CORE_CANCELLED, Class::Cancelled)
}
