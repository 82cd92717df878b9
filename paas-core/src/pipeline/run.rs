//! The loop around a pipeline that `paas up` and embedders use; the operator calls [`Pipeline::advance`] itself.

use std::time::Duration;

use super::{Context, Outcome, Pipeline, Wanted, stage::cancelled};
use crate::{
    codes,
    error::{Class, Error},
    ledger::later,
};

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
        let deadline = limit.map(|l| later(cx.tools.clock.now(), l));
        let mut unseen = 0;
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
            if deadline.is_some_and(|d| later(cx.tools.clock.now(), again_in) > d) {
                let what = waits_for.unwrap_or_else(|| "it was still making progress".to_owned());
                return Err(Error::new(&codes::CORE_TIMED_OUT, Class::TimedOut)
                    .attempted(format!("bring {} up to date", cx.owner))
                    .happened(what));
            }
            if !again_in.is_zero() {
                let clock = cx.tools.clock.clone();
                tokio::select! {
                    () = clock.sleep(again_in) => {}
                    () = cx.tools.cancel.cancelled() => return Err(cancelled()),
                }
            }
        }
    }
}
