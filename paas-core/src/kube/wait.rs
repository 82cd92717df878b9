//! Waiting for a declared object: looks at it again and again, with a deadline and a way to stop.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use kube::Client;
use tokio_util::sync::CancellationToken;

use super::declared::Declared;
use crate::{
    clock::Clock,
    codes::{CORE_CANCELLED, CORE_TIMED_OUT},
    error::{Class, Error, Result},
    spec::Kind,
};

/// How often an object is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Who waits, and for how long.
#[derive(Clone)]
pub struct Wait {
    /// The way to the API server.
    pub client: Client,
    /// What time is read from.
    pub clock: Arc<dyn Clock>,
    /// Ends the waiting; what is under way in the cluster goes on.
    pub cancel: CancellationToken,
    /// How long it is waited.
    pub patience: Duration,
}

impl std::fmt::Debug for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wait")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Wait {
    /// Looks at an object until `judge` breaks with what it came to. `judge` gets the object, `None` where there is none, and says why it
    /// goes on; that stands in the error if the time is over. An API server that does not answer for a moment is asked again.
    ///
    /// # Errors
    /// `PAAS-CORE-0009` if it was stopped, `PAAS-CORE-0010` with the last reason if the time is over; those of the API server that do not
    /// pass by themselves; those of `judge`.
    pub async fn until<T>(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        mut judge: impl AsyncFnMut(Option<Declared>) -> ControlFlow<Result<T>, String>,
    ) -> Result<T> {
        let attempt = format!("wait for {kind}/{namespace}/{name}");
        let began = self.clock.elapsed();
        loop {
            let why = match Declared::get(&self.client, kind, namespace, name).await {
                Ok(seen) => match judge(seen).await {
                    ControlFlow::Break(result) => return result,
                    ControlFlow::Continue(why) => why,
                },
                Err(error) if error.may_pass() => error.sentence(),
                Err(error) => return Err(error),
            };
            let left = self
                .patience
                .saturating_sub(self.clock.elapsed().saturating_sub(began));
            if left.is_zero() {
                return Err(Error::new(&CORE_TIMED_OUT, Class::TimedOut)
                    .attempted(attempt)
                    .happened(why));
            }
            tokio::select! {
                () = self.clock.sleep(LOOK.min(left)) => {}
                () = self.cancel.cancelled() => {
                    return Err(Error::new(&CORE_CANCELLED, Class::Cancelled)
                        .attempted(attempt)
                        .happened(format!("it goes on in the cluster without us; it was at: {why}"))
                        .remedy("see how it is with `paas status --cluster`; the same command waits again"));
                }
            }
        }
    }
}
