//! What stands in the way of a plan on OpenStack, found before its first write.
//!
//! `needs` counts what the plan makes, `facts` asks the cloud for just that, all at once, and the rest judges: nothing there asks anybody.

mod facts;
mod fit;
mod needs;
mod places;
mod quota;
mod who;

use std::time::Duration;

use paas_core::preflight::{Ahead, Finding};

use self::{
    facts::{Facts, Silence},
    needs::Needs,
};
use super::{lookup::Lookups, resource::OpenStackResource};
use crate::{
    client::Client,
    codes::{OS_CHOICE, OS_EXPIRED, OS_LOGIN, OS_NO_PROJECT, OS_NO_SERVICE, OS_REGION, OS_UNSEEN},
};

/// How long everything may take together.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// Everything at once. What could not be asked is a warning that says so; a plan that makes nothing asks nothing. What is found here is
/// not looked for again when it is used.
pub(crate) async fn look_ahead(
    client: &Client,
    ahead: Ahead<'_, OpenStackResource>,
    within: Duration,
    lookups: &Lookups,
) -> Vec<Finding> {
    let needs = Needs::of(ahead.plan, ahead.seen);
    let facts = Box::pin(Facts::of(client, &needs, ahead.desired.given(), within)).await;
    facts.tell(&needs, ahead.desired.given(), lookups);
    let all = who::judge(client, &facts, ahead.now)
        .into_iter()
        .chain(places::judge(&needs, &facts))
        .chain(fit::judge(&needs, &facts, ahead.desired))
        .chain(quota::judge(&needs, &facts, ahead.desired));
    let mut found: Vec<Finding> = Vec::new();
    for finding in all {
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    found
}

/// What it means that there is no answer: a choice that does not exist and a service that is not there are in the way; that nobody
/// answers, or may tell, is not.
fn silent(what: &str, silence: &Silence) -> Finding {
    let error = match silence {
        Silence::Late(within) => {
            let words = format!("{what} was not told within {} s", within.as_secs_f64());
            return Finding::warning(&OS_UNSEEN, words);
        }
        Silence::Said(error) => error,
    };
    let decisive = [
        &OS_CHOICE,
        &OS_NO_SERVICE,
        &OS_REGION,
        &OS_LOGIN,
        &OS_EXPIRED,
        &OS_NO_PROJECT,
    ];
    if decisive.contains(&error.code()) {
        let what = error.what().and_then(|what| what.strip_prefix("find "));
        let said = match what.filter(|_| error.code() == &OS_CHOICE) {
            Some(what) => format!("{what}: {}", error.words()),
            None => error.words().to_owned(),
        };
        return Finding::error(error.code(), said).remedy(error.advice());
    }
    Finding::warning(&OS_UNSEEN, format!("{what} is not known: {}", error.sentence()))
}
