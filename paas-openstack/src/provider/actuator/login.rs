//! Whether the login lasts for taking everything down, told before the first deletion.

use std::time::Duration;

use jiff::Timestamp;
use paas_core::codes::Code;

use crate::{
    client::Token,
    codes::{OS_DENIED, OS_EXPIRED},
    identity::ApplicationCredential,
};

/// What a large platform takes to go, with some to spare.
const LONG_ENOUGH: Duration = Duration::from_secs(15 * 60);

/// Why nothing should be begun with this login; `own` is the application credential that it was made with.
pub(super) fn shortcoming(
    token: &Token,
    own: Option<&ApplicationCredential>,
    now: Timestamp,
) -> Option<(&'static Code, String)> {
    let mut roles = token.roles.iter().map(|r| r.name.to_ascii_lowercase());
    if !token.roles.is_empty() && roles.all(|role| role == "reader" || role == "load-balancer_observer") {
        let why = format!(
            "{} may only look here, and delete nothing (role reader)",
            token.user.name
        );
        return Some((&OS_DENIED, why));
    }
    let ends = own?.expires_at.as_ref()?.at()?;
    let left = Duration::try_from(ends.duration_since(now)).unwrap_or_default();
    (left < LONG_ENOUGH).then(|| {
        let name = own.map_or("", |c| c.name.as_str());
        let minutes = left.as_secs() / 60;
        let why = format!(
            "the application credential {name} that we are logged in with ends in {minutes} minutes ({ends:.0}), and this may take longer"
        );
        (&OS_EXPIRED, why)
    })
}
