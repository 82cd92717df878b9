//! One point of the matrix.

use std::{fmt, sync::Arc, time::Duration};

use super::{Scene, Stand};
use crate::{
    clock::Clock,
    error::Error,
    ledger::{LedgerStore, MemoryLedger},
    owner::Owner,
    pipeline::{Context, Outcome, Pipeline, Wanted},
    policy::{Consent, Policy, Retention},
    testing::{Call, Fault, Fuse, Outside, Variant, tools},
};

/// What is under way when the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// From nothing to the first wish.
    Up,
    /// From the first wish to the changed one.
    Change,
    /// From nothing to the first wish; the wish changes as soon as the fault has struck.
    Midway,
    /// From nothing to the first wish; nothing is wanted any more as soon as the fault has struck.
    Abandoned,
    /// From the first wish to nothing.
    Down,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Up, Self::Change, Self::Midway, Self::Abandoned, Self::Down];

    /// The phase that makes the same calls as long as no fault strikes.
    pub(super) fn alike(self) -> Self {
        match self {
            Self::Midway | Self::Abandoned => Self::Up,
            Self::Up | Self::Change | Self::Down => self,
        }
    }

    /// What was converged on before the fault.
    fn before(self) -> Option<Variant> {
        match self {
            Self::Up | Self::Midway | Self::Abandoned => None,
            Self::Change | Self::Down => Some(Variant::First),
        }
    }

    /// What is wanted when the fault strikes.
    fn under_way(self) -> Option<Variant> {
        match self {
            Self::Midway | Self::Abandoned => Some(Variant::First),
            Self::Up | Self::Change | Self::Down => self.after(),
        }
    }

    /// What is wanted in the end.
    fn after(self) -> Option<Variant> {
        match self {
            Self::Up => Some(Variant::First),
            Self::Change | Self::Midway => Some(Variant::Changed),
            Self::Abandoned | Self::Down => None,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Change => "change",
            Self::Midway => "midway",
            Self::Abandoned => "abandoned",
            Self::Down => "down",
        })
    }
}

/// The calls of a clean run of a phase.
pub(super) async fn calls(scene: &dyn Scene, phase: Phase) -> Result<Vec<Call>, String> {
    let mut run = Run::prepare(scene, phase).await?;
    let goal = phase.under_way();
    run.to(goal).await?;
    let calls = run.fuse.calls();
    run.stand.judge(goal).await?;
    if run.asked > 1 {
        return Err(format!("a clean run had to be asked {} times", run.asked));
    }
    Ok(calls)
}

/// One fault; how often a person had to ask, or `None` if the fault could not strike.
pub(super) async fn check(
    scene: &dyn Scene,
    phase: Phase,
    at: usize,
    fault: Fault,
) -> Result<Option<usize>, String> {
    let mut run = Run::prepare(scene, phase).await?;
    let foreign = run.foreign().await?;
    run.fuse.arm(Some((at, fault)));
    if phase.under_way() != phase.after() {
        run.until_blown(Variant::First).await?;
    }
    run.to(phase.after()).await?;
    if !run.fuse.is_blown() {
        return Ok(None);
    }
    let asked = run.asked;
    run.stand.judge(phase.after()).await?;
    run.idle(phase.after()).await?;
    if phase.after().is_some() {
        run.to(None).await.map_err(|e| format!("down: {e}"))?;
        run.stand
            .judge(None)
            .await
            .map_err(|e| format!("after down: {e}"))?;
    }
    let now = run.foreign().await?;
    if now != foreign {
        return Err(format!("foreign things were touched: {foreign:?} became {now:?}"));
    }
    Ok(Some(asked))
}

struct Run {
    fuse: Arc<Fuse>,
    stand: Box<dyn Stand>,
    ledger: Arc<dyn LedgerStore>,
    asked: usize,
}

/// What one leg ended with.
enum Leg {
    Died,
    Ended(Result<Outcome, Error>),
}

impl Run {
    async fn prepare(scene: &dyn Scene, phase: Phase) -> Result<Self, String> {
        let fuse = Fuse::new();
        let stand = scene.fresh(&fuse).await.map_err(|e| e.to_string())?;
        let mut run = Self {
            fuse,
            stand,
            ledger: Arc::new(MemoryLedger::default()),
            asked: 0,
        };
        if let Some(before) = phase.before() {
            run.to(Some(before)).await?;
        }
        run.fuse.arm(None);
        run.asked = 0;
        Ok(run)
    }

    async fn foreign(&self) -> Result<Vec<Outside>, String> {
        let uid = Some(self.stand.owner().uid());
        let mut all = self.stand.outside().await.map_err(|e| e.to_string())?;
        all.retain(|o| o.owner != uid);
        all.sort();
        Ok(all)
    }

    fn context(&self) -> Context {
        context(self.stand.owner(), self.ledger.clone(), self.stand.clock())
    }

    fn pipeline(&self, goal: Option<Variant>) -> Result<(Pipeline, Wanted), String> {
        let wanted = if goal.is_some() {
            Wanted::Spec
        } else {
            Wanted::Nothing
        };
        let pipeline = self.stand.pipeline(goal.unwrap_or(Variant::First));
        Ok((pipeline.map_err(|e| e.to_string())?, wanted))
    }

    /// Runs, with a fresh engine each time it died or had to be asked again, until it has converged.
    async fn to(&mut self, goal: Option<Variant>) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..6 {
            self.asked += 1;
            let (pipeline, wanted) = self.pipeline(goal)?;
            let mut cx = self.context();
            let run = pipeline.run(&mut cx, wanted, Some(Duration::from_secs(3600)));
            let leg = tokio::select! {
                biased;
                () = self.fuse.died() => Leg::Died,
                end = run => Leg::Ended(end),
            };
            match leg {
                Leg::Died => self.restart(),
                Leg::Ended(Ok(Outcome::Converged)) => return Ok(()),
                Leg::Ended(end) => last = format!("{end:?}"),
            }
        }
        Err(format!("it does not converge: {last}"))
    }

    /// One pass after the other until the fault has struck, or there is nothing left to do.
    async fn until_blown(&mut self, goal: Variant) -> Result<(), String> {
        self.asked += 1;
        let (pipeline, _) = self.pipeline(Some(goal))?;
        let mut cx = self.context();
        for _ in 0..1000 {
            let pass = pipeline.advance(&mut cx);
            let leg = tokio::select! {
                biased;
                () = self.fuse.died() => Leg::Died,
                end = pass => Leg::Ended(end),
            };
            if self.fuse.is_blown() || matches!(leg, Leg::Died) {
                if matches!(leg, Leg::Died) {
                    self.restart();
                }
                return Ok(());
            }
            match leg {
                Leg::Ended(Ok(Outcome::Progressing { again_in, .. })) => {
                    self.stand.clock().sleep(again_in).await
                }
                Leg::Ended(Ok(Outcome::Converged)) | Leg::Died => return Ok(()),
                Leg::Ended(end) => return Err(format!("without a fault: {end:?}")),
            }
        }
        Err("a thousand passes, and no end".to_owned())
    }

    /// A new process.
    fn restart(&mut self) {
        self.fuse.revive();
        if self.fuse.fault() == Some(Fault::DiesForgetting) {
            self.ledger = Arc::new(MemoryLedger::default());
        }
    }

    /// Another pass over a world that is as wanted looks once at each stage and changes nothing.
    async fn idle(&self, goal: Option<Variant>) -> Result<(), String> {
        self.fuse.arm(None);
        let (pipeline, wanted) = self.pipeline(goal)?;
        let mut cx = self.context();
        let end = match wanted {
            Wanted::Spec => pipeline.advance(&mut cx).await,
            Wanted::Nothing => pipeline.retire(&mut cx).await,
        };
        if !matches!(end, Ok(Outcome::Converged)) {
            return Err(format!("another pass ends with {end:?}"));
        }
        let calls = self.fuse.calls();
        if calls.iter().any(|c| *c != Call::Observe) || calls.len() != self.stand.looks(goal) {
            return Err(format!("another pass calls {calls:?}"));
        }
        Ok(())
    }
}

/// A run that may do everything, data included.
fn context(owner: Owner, ledger: Arc<dyn LedgerStore>, clock: Arc<dyn Clock>) -> Context {
    let policy = Policy {
        retention: Retention::Delete,
        ..Policy::default()
    };
    let consent = Consent::none().and(owner.name(), &owner);
    let mut cx = Context::new(owner, policy, tools(ledger, clock));
    cx.consent = consent;
    cx
}
