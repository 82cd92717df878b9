//! Stages one after the other: creates go up, deletes come down, and what is seen passes from one to the next.

mod judge;
mod look;
mod outcome;
mod recent;
mod run;
mod stage;
mod waits;

use async_trait::async_trait;

use crate::{
    actuator::Reach,
    driver::{Hold, Outputs},
    error::{Class, Error},
    execute::{Half, Tools},
    inventory::Inventory,
    owner::Owner,
    policy::{Consent, Policy},
    view::{PlanView, StageView},
};

pub(crate) use outcome::UNKNOWN;
pub use outcome::{Obstruction, Outcome, Pending, Stumble};
pub use recent::Stillness;
pub use stage::DriverStage;

/// What a pass over the stages carries along.
#[derive(Debug, Clone)]
pub struct Context {
    /// The object that everything belongs to.
    pub owner: Owner,
    /// What may happen.
    pub policy: Policy,
    /// A person's word about data.
    pub consent: Consent,
    /// The plan that was shown and agreed to, if one was; else everything is agreed to.
    pub shown: Option<PlanView>,
    /// Ledger, lock, clock, listeners, cancellation.
    pub tools: Tools,
    /// What the stages so far give; set what earlier pipelines gave before the first pass.
    pub outputs: Outputs,
    /// What later stages hold.
    pub holds: Vec<Hold>,
    /// The first stage that could not be observed in this pass: nothing before it may be deleted.
    pub blind: Option<String>,
    /// True in the first pass after a person or a new spec asked: back-offs do not count.
    pub asked_anew: bool,
}

impl Context {
    /// A context with nothing known yet.
    pub fn new(owner: Owner, policy: Policy, tools: Tools) -> Self {
        Self {
            owner,
            policy,
            consent: Consent::none(),
            shown: None,
            tools,
            outputs: Outputs::default(),
            holds: Vec::new(),
            blind: None,
            asked_anew: true,
        }
    }

    /// The policy for one stage, with consent, agreement and holds in it; derived things go only where nothing is wanted.
    pub fn policy_for(&self, stage: &str, wanted: Wanted) -> Policy {
        let mut policy = self.policy.clone();
        policy.sweep = wanted.reach() == Reach::All;
        policy.data_may_go |= self.consent.covers(&self.owner);
        policy.held = self
            .holds
            .iter()
            .filter(|h| h.stage == stage)
            .map(|h| (h.key.clone(), h.why.clone()))
            .collect();
        if let Some(shown) = &self.shown {
            policy.agreed = shown.agreed(stage);
        }
        policy
    }
}

/// One stage, erased for callers that choose at run time.
#[async_trait]
pub trait Stage: std::fmt::Debug + Send + Sync {
    /// `network`, `machines`, `cluster`, `addons`, `database`.
    fn name(&self) -> &str;

    /// What would be done. Changes nothing. Adds its outputs and holds to the context.
    ///
    /// # Errors
    /// The world cannot be seen.
    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView, Error>;

    /// Everything of the owner that there is here, with what its things made in their turn. Changes nothing.
    ///
    /// # Errors
    /// The world cannot be seen.
    async fn inventory(&self, _cx: &mut Context) -> Result<Inventory, Error> {
        Ok(Inventory {
            stage: self.name().to_owned(),
            ..Inventory::default()
        })
    }

    /// Observe, plan, carry out `half` once. Adds its outputs and holds to the context.
    ///
    /// # Errors
    /// The world cannot be seen, or the pass had to stop: cancelled, fenced, no ledger. What was done is done.
    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome, Error>;

    /// After a pass that left something to wait for: whether another one would find anything new. It may ask the world, and changes
    /// nothing; where it cannot tell, a pass will.
    async fn glance(&self, _cx: &Context) -> Stillness {
        Stillness::Stirred
    }
}

/// Whether the spec is wanted, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What the spec says.
    Spec,
    /// Nothing: `down`.
    Nothing,
}

impl Wanted {
    /// How far has to be looked for it: where everything goes, what things made in their turn goes too.
    fn reach(self) -> Reach {
        match self {
            Self::Spec => Reach::Own,
            Self::Nothing => Reach::All,
        }
    }
}

/// The stages of one object, in the order in which they are built.
#[derive(Debug)]
pub struct Pipeline {
    stages: Vec<Box<dyn Stage>>,
}

impl Pipeline {
    /// A pipeline of stages, in the order in which they are built.
    pub fn new(stages: Vec<Box<dyn Stage>>) -> Self {
        Self { stages }
    }

    /// The same with every stage in the place of which `wrap` puts another, that works through it.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnMut(Box<dyn Stage>) -> Box<dyn Stage>) -> Self {
        Self {
            stages: self.stages.into_iter().map(wrap).collect(),
        }
    }

    /// The names of the stages, in the order in which they are built.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| stage.name())
    }

    /// What would be done now. Changes nothing.
    ///
    /// # Errors
    /// A stage whose world cannot be seen.
    pub async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<PlanView, Error> {
        let mut views = Vec::with_capacity(self.stages.len());
        cx.holds.clear();
        for (at, stage) in self.stages.iter().enumerate() {
            let mut view = stage.plan(cx, wanted).await?;
            if let (Some(unknown), Some(before)) =
                (&mut view.unknown, at.checked_sub(1).map(|b| &self.stages[b]))
            {
                *unknown = format!("known after {}", before.name());
            }
            views.push(view);
        }
        Ok(PlanView::new(&cx.owner, views))
    }

    /// Everything of the owner that there is, stage by stage, with what its things made in their turn: the proof after `down`.
    ///
    /// # Errors
    /// A stage whose world cannot be seen.
    pub async fn inventory(&self, cx: &mut Context) -> Result<Vec<Inventory>, Error> {
        let mut all = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            all.push(stage.inventory(cx).await?);
        }
        Ok(all)
    }

    /// One pass towards the spec: creates and updates from the first stage to the last, deletions from the last to the first.
    ///
    /// # Errors
    /// See [`Stage::pass`]. Past a stage that cannot be seen, later ones go on with its last known outputs, and nothing in it or before
    /// it is deleted. It is told at the end, unless a stage before it has failed or is blocked: then that one is told, as the likely cause.
    ///
    /// A shown plan with errors in it ([`PlanView::obstructed`]) is not begun.
    pub async fn advance(&self, cx: &mut Context) -> Result<Outcome, Error> {
        if let Some(blocked) = cx.shown.as_ref().and_then(PlanView::obstructed) {
            return Ok(blocked);
        }
        self.pass(cx, Wanted::Spec).await
    }

    /// One pass towards nothing: the same planner with nothing desired.
    ///
    /// # Errors
    /// See [`Stage::pass`].
    pub async fn retire(&self, cx: &mut Context) -> Result<Outcome, Error> {
        self.pass(cx, Wanted::Nothing).await
    }

    /// True if what is waited for is as it was: another pass would only wait too.
    async fn is_still(&self, cx: &Context) -> bool {
        let mut still = false;
        for stage in &self.stages {
            match stage.glance(cx).await {
                Stillness::Still => still = true,
                Stillness::Nothing => {}
                Stillness::Stirred => return false,
            }
        }
        still
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted) -> Result<Outcome, Error> {
        cx.holds.clear();
        cx.blind = None;
        if let [only] = self.stages.as_slice() {
            let outcome = only.pass(cx, wanted, Half::Both).await;
            cx.asked_anew = false;
            return outcome;
        }
        let mut outcomes = Vec::with_capacity(self.stages.len());
        let mut unseen = None;
        let mut cause = Outcome::Converged;
        for stage in &self.stages {
            match stage.pass(cx, wanted, Half::Build).await {
                Ok(outcome) => outcomes.push((stage, outcome)),
                Err(error) if matches!(error.class(), Class::Cancelled) => return Err(error),
                Err(error) => {
                    // Only what was seen above it may be cleared: what it holds below is not known.
                    for (_, before) in outcomes
                        .drain(..)
                        .filter(|(_, o)| wanted == Wanted::Spec && o.explains())
                    {
                        cause = cause.and(before);
                    }
                    cx.blind.get_or_insert(stage.name().to_owned());
                    unseen.get_or_insert(error);
                    // Later stages go on with its last known outputs; on the way down these prove nothing.
                    if wanted == Wanted::Nothing {
                        break;
                    }
                }
            }
        }
        let mut total = Outcome::Converged;
        let mut cleared = true;
        for (stage, outcome) in outcomes.into_iter().rev() {
            // Going down, an earlier stage is left alone until nothing is left above it.
            let outcome = if outcome.clears() && (cleared || wanted == Wanted::Spec) {
                stage.pass(cx, wanted, Half::Clear).await?
            } else {
                outcome
            };
            cleared &= matches!(outcome, Outcome::Converged);
            total = outcome.and(total);
        }
        cx.asked_anew = false;
        match unseen {
            Some(error) if cause == Outcome::Converged => Err(error),
            Some(_) => Ok(cause.and(total)),
            None => Ok(total),
        }
    }
}
