//! One object's run, noted in its log.

use std::time::Duration;

use paas_core::{
    codes as core_codes,
    error::{Class, Error},
    event::{Event, RUN_ENDED, RUN_STARTED, State},
    pipeline::{Context, Outcome, Wanted},
};

use super::Request;
use crate::{
    session::Target,
    ui::progress::{Progress, TICK},
};

/// Passes over the stages of one object, until it is done or the time is over; shows how it goes.
pub(super) async fn carry_out(
    target: &Target,
    cx: &mut Context,
    request: &Request<'_>,
    left: Duration,
    progress: &Progress,
) -> Result<Outcome, Error> {
    tell_run(target, cx, request.wanted, State::Started, RUN_STARTED);
    let result = work(target, cx, request, left, progress).await;
    let state = match &result {
        Ok(Outcome::Converged) => State::Done,
        Ok(Outcome::Blocked { .. }) => State::Blocked,
        Ok(Outcome::Progressing { .. }) => State::Waiting,
        Err(_) => State::Failed,
    };
    tell_run(target, cx, request.wanted, state, RUN_ENDED);
    result
}

/// Notes in the log of a platform on a cloud when a run begins and ends: its timeline is made of it.
fn tell_run(target: &Target, cx: &Context, wanted: Wanted, state: State, reason: &str) {
    if target.project().is_none() {
        return;
    }
    let verb = match wanted {
        Wanted::Spec => "up",
        Wanted::Nothing => "down",
    };
    cx.tools.events.emit(&Event {
        at: cx.tools.clock.now(),
        owner: target.owner.to_string(),
        stage: "run".to_owned(),
        key: None,
        verb: verb.to_owned(),
        state,
        reason: reason.to_owned(),
        message: String::new(),
        request_id: None,
    });
}

async fn work(
    target: &Target,
    cx: &mut Context,
    request: &Request<'_>,
    left: Duration,
    progress: &Progress,
) -> Result<Outcome, Error> {
    let work = async {
        match (request.act.wait, request.wanted) {
            (true, wanted) => target.pipeline.run(cx, wanted, Some(left)).await,
            (false, Wanted::Spec) => target.pipeline.advance(cx).await,
            (false, Wanted::Nothing) => target.pipeline.retire(cx).await,
        }
    };
    let moving = async {
        loop {
            tokio::time::sleep(TICK).await;
            progress.tick();
        }
    };
    tokio::select! {
        result = work => result,
        () = moving => Err(Error::new(&core_codes::CORE_CANCELLED, Class::Cancelled)),
    }
}
