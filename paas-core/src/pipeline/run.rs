//! The loop around a pipeline that `paas up` and embedders use; the operator calls [`Pipeline::advance`] itself.

use std::time::Duration;

use super::{Context, Outcome, Pipeline, Wanted, stage::cancelled};
use crate::{
    codes,
    error::{Class, Error},
    policy::Bounds,
};

/// Passes one right after the other, before the next ones are slowed down.
const HURRIED: u32 = 64;

/// After so long a wait everything is looked at, whatever a glance says.
const UNSEEN: Duration = Duration::from_secs(60);

/// A pause in what goes on and on, so that a change that never takes does not flood the other side.
fn unhurried(streak: u32, bounds: &Bounds) -> Duration {
    match streak.checked_sub(HURRIED) {
        None | Some(0) => Duration::ZERO,
        Some(over) => bounds.poll.saturating_mul(1 << over.min(16)).min(bounds.poll_max),
    }
}

impl Pipeline {
    /// Passes until the object has converged or is blocked.
    ///
    /// # Errors
    /// [`codes::CORE_CANCELLED`], [`codes::CORE_TIMED_OUT`] with what was waited for, or what made a pass impossible and does not pass
    /// by itself. What was done stays done; the same call goes on.
    pub async fn run(
        &self,
        cx: &mut Context,
        wanted: Wanted,
        limit: Option<Duration>,
    ) -> Result<Outcome, Error> {
        let deadline = limit.map(|l| cx.tools.clock.elapsed().saturating_add(l));
        let mut unseen = 0;
        let mut streak: u32 = 0;
        loop {
            let pass = match wanted {
                Wanted::Spec => self.advance(cx).await,
                Wanted::Nothing => self.retire(cx).await,
            };
            let (again_in, waits_for) = match pass {
                Ok(Outcome::Progressing {
                    again_in,
                    waiting,
                    failed,
                    ..
                }) => {
                    unseen = 0;
                    let first = waiting.first().map(|w| format!("{}: {}", w.key, w.why));
                    (
                        again_in,
                        first.or(failed.first().map(|f| format!("{}: {}", f.key, f.error.message))),
                    )
                }
                Ok(done) => return Ok(done),
                Err(error) => {
                    unseen += 1;
                    if !error.may_pass() || unseen >= cx.policy.bounds.attempts {
                        return Err(error);
                    }
                    let wait = cx.policy.bounds.backoff.saturating_mul(1 << unseen.min(8));
                    (wait.min(cx.policy.bounds.backoff_max), Some(error.to_string()))
                }
            };
            if cx.tools.cancel.is_cancelled() {
                return Err(cancelled());
            }
            streak = if again_in.is_zero() {
                streak.saturating_add(1)
            } else {
                0
            };
            let mut again_in = again_in.max(unhurried(streak, &cx.policy.bounds));
            let now = cx.tools.clock.elapsed();
            let left = deadline.map_or(Duration::MAX, |d| d.saturating_sub(now));
            if deadline.is_some_and(|d| now >= d) {
                let what = waits_for.unwrap_or_else(|| "it was still making progress".to_owned());
                return Err(Error::new(&codes::CORE_TIMED_OUT, Class::TimedOut)
                    .attempted(format!("bring {} up to date", cx.owner))
                    .happened(what));
            }
            // Between two looks at everything, glances at what is waited for: they cost little and can be had more often.
            let mut slept = Duration::ZERO;
            while !again_in.is_zero() && slept < left {
                let pause = again_in.min(left.saturating_sub(slept));
                slept = slept.saturating_add(pause);
                let still = async {
                    cx.tools.clock.sleep(pause).await;
                    slept < left.min(UNSEEN) && self.is_still(cx).await
                };
                let still = tokio::select! {
                    still = still => still,
                    () = cx.tools.cancel.cancelled() => return Err(cancelled()),
                };
                if !still {
                    break;
                }
                again_in = again_in
                    .saturating_add(again_in / 16)
                    .min(cx.policy.bounds.poll_max);
            }
        }
    }
}
