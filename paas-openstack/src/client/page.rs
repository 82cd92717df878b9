//! Lists, page by page, in the way of each service.

use std::collections::{HashSet, VecDeque};

use futures::{Stream, stream};
use paas_core::error::{Class, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{Client, call::Call, lenient::told};
use crate::codes::OS_ANSWER;

/// Where a list stands.
struct Walk<T> {
    client: Client,
    /// The call of the next page.
    next: Option<Call>,
    /// The parameters that the caller gave: some clouds forget them in their links.
    asked: Vec<(String, String)>,
    member: String,
    items: VecDeque<T>,
    seen: HashSet<Vec<(String, String)>>,
}

/// The items of a list, one page after the other, each page when its first item is wanted.
pub(crate) fn pages<T>(
    client: Client,
    call: Call,
    member: &str,
) -> impl Stream<Item = Result<T>> + Send + use<T>
where
    T: DeserializeOwned + Send + 'static,
{
    let walk = Walk {
        client,
        asked: call.query.clone(),
        seen: HashSet::from([call.query.clone()]),
        next: Some(call),
        member: member.to_owned(),
        items: VecDeque::new(),
    };
    stream::try_unfold(walk, |mut walk| async move {
        loop {
            if let Some(item) = walk.items.pop_front() {
                return Ok(Some((item, walk)));
            }
            match walk.next.take() {
                Some(call) => walk.page(call).await?,
                None => return Ok(None),
            }
        }
    })
}

impl<T: DeserializeOwned> Walk<T> {
    async fn page(&mut self, call: Call) -> Result<()> {
        let mut page: Value = self.client.json(call.clone()).await?;
        let items = page.get_mut(&self.member).map(Value::take);
        self.items = match items {
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| {
                    serde_json::from_value(item)
                        .map_err(|e| wrong(&call, &format!("an item of '{}': {}", self.member, told(&e))))
                })
                .collect::<Result<_>>()?,
            _ => return Err(wrong(&call, &format!("it has no list '{}'", self.member))),
        };
        let Some(query) = next(&page, &self.member, &self.asked) else {
            return Ok(());
        };
        if !self.seen.insert(query.clone()) {
            return Err(wrong(
                &call,
                "its link to the next page leads to a page that was there before",
            ));
        }
        let most = self.client.max_pages();
        if self.seen.len() > most {
            return Err(wrong(&call, &format!("the list has more than {most} pages")));
        }
        let mut following = call;
        following.query = query;
        self.next = Some(following);
        Ok(())
    }
}

/// The parameters of the next page. Of a link only these are taken: it may name another scheme, host or prefix than the one
/// by which we came, and the token goes nowhere else.
pub(crate) fn next(page: &Value, member: &str, asked: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let rel_next = |links: &Value| {
        let link = links
            .as_array()?
            .iter()
            .find(|l| l.get("rel").and_then(Value::as_str) == Some("next"))?;
        link.get("href")?.as_str().map(str::to_owned)
    };
    let link = page
        .get(format!("{member}_links"))
        .and_then(rel_next)
        .or_else(|| page.get("next").and_then(Value::as_str).map(str::to_owned))
        .or_else(|| page.get("links")?.get("next")?.as_str().map(str::to_owned))?;
    let (_, query) = link.split_once('?')?;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let said: HashSet<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
    pairs.extend(asked.iter().filter(|(name, _)| !said.contains(name)).cloned());
    (!pairs.is_empty()).then_some(pairs)
}

fn wrong(call: &Call, why: &str) -> Error {
    Error::new(&OS_ANSWER, Class::Invalid)
        .attempted(call.operation.clone())
        .happened(format!("the answer of {} is strange: {why}", call.service))
}

/// Appends parameters to a URL.
pub(crate) fn with_query(url: &mut Url, query: &[(String, String)]) {
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
}
