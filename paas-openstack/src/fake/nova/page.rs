//! Pages of Nova's lists.

use serde_json::{Value, json};

use crate::{
    client::service::Kind,
    fake::{query::Query, refusal::Refusal, world::World},
};

/// Nova's `max_limit`: a page is never longer.
pub(super) const MOST: usize = 1000;

/// The limit of lists whose schema does not refuse an odd one.
pub(super) fn limit(query: &Query) -> usize {
    query
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MOST)
        .min(MOST)
}

/// Leaves of a list what follows the marker, and no more than the limit. Gives the last one's id if that is a full page: Nova then has a
/// link, also when nothing follows.
pub(super) fn cut<T>(
    all: &mut Vec<&T>,
    query: &Query,
    limit: usize,
    id: impl Fn(&T) -> &str,
) -> Result<Option<String>, Refusal> {
    if let Some(marker) = query.get("marker") {
        let at = all.iter().position(|one| id(one) == marker);
        let at = at.ok_or_else(|| Refusal::nova(400, &format!("marker [{marker}] not found")))?;
        all.drain(..=at);
    }
    all.truncate(limit);
    let last = all.last().filter(|_| all.len() == limit);
    Ok(last.map(|one| id(one).to_owned()))
}

/// The member `…_links` that leads to what follows.
pub(super) fn links(world: &World, path: &str, query: &Query, last: &str) -> Value {
    let href = format!("{}?{}", world.url(Kind::Compute, path), query.after_marker(last));
    json!([{"rel": "next", "href": href}])
}
