//! What most calls have in common: a collection of resources below a path, made, listed, shown, changed and deleted the same way. What a
//! resource is called, where it lies and what can be done with it is said by the traits; the services' modules say the rest.

use std::{borrow::Cow, marker::PhantomData};

use futures::{Stream, TryStreamExt as _, future};
use paas_core::error::{Class, Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    client::{Call, Client, Need, segment, service::Kind},
    codes,
};

/// What a resource is called and where it lies.
pub trait Resource: DeserializeOwned + Send + 'static {
    /// Whose it is.
    const KIND: Kind;
    /// How people say one: `security group`.
    const SAID: &'static str;
    /// How people say several: `security groups`.
    const SAID_MANY: &'static str;
    /// Where they lie below the root of the service's version: `security-groups`.
    const PATH: &'static str;
    /// What stands around one in a body; `None` where nothing does.
    const ONE: Option<&'static str>;
    /// The newest microversion whose answers are understood here.
    const CEILING: Option<&'static str> = None;
}

/// It can be listed.
pub trait List: Resource {
    /// Where the list is, when it is not where they lie: `servers/detail`.
    const DETAIL: &'static str = "";
    /// What stands around them in a body.
    const MANY: &'static str;
    /// Which of them.
    type Filter: Filter<Self> + Clone + 'static;
}

/// It can be asked for by id.
pub trait Show: Resource {}

/// It can be made.
pub trait Create: Resource {
    /// What must be said.
    type New: Serialize + Sync;

    /// The body on the wire.
    fn body(new: &Self::New) -> Value {
        wrapped::<Self>(new)
    }

    /// The oldest microversion that has everything that is said.
    fn floor(_new: &Self::New) -> Option<&'static str> {
        None
    }
}

/// It can be changed.
pub trait Update: Resource {
    /// What may be said.
    type Change: Serialize + Sync;
}

/// It can be deleted.
pub trait Delete: Resource {}

/// Which of them are listed: told to the service, and applied again to what it answers.
pub trait Filter<R: ?Sized>: Send + Sync {
    /// What the service is told.
    fn query(&self) -> Vec<(&'static str, String)>;
    /// Whether this one is meant.
    fn admits(&self, found: &R) -> bool;
}

/// All of them, where there is nothing to choose by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct All;

impl<R> Filter<R> for All {
    fn query(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn admits(&self, _: &R) -> bool {
        true
    }
}

/// Resources of one type, spoken to over a client.
///
/// Laws: a create is sent once, and an error whose effect is unknown says so (design law 4); a delete of what is not there is the
/// service's own 404; ids are put into paths so that they cannot lead elsewhere.
#[derive(Debug)]
pub struct Collection<'c, R> {
    pub(crate) client: &'c Client,
    pub(crate) path: Cow<'static, str>,
    of: PhantomData<fn() -> R>,
}

impl<R> Clone for Collection<'_, R> {
    fn clone(&self) -> Self {
        Self {
            client: self.client,
            path: self.path.clone(),
            of: PhantomData,
        }
    }
}

impl<'c, R: Resource> Collection<'c, R> {
    /// Those at their usual place.
    pub(crate) fn new(client: &'c Client) -> Self {
        Self::at(client, R::PATH)
    }

    /// Those below something else: `lbaas/pools/{id}/members`.
    pub(crate) fn at(client: &'c Client, path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            client,
            path: path.into(),
            of: PhantomData,
        }
    }

    /// Which microversion is asked for.
    pub(crate) fn need(floor: Option<&str>) -> Need {
        match (floor, R::CEILING) {
            (Some(floor), Some(ceiling)) => Need::between(floor, ceiling),
            (Some(floor), None) => Need::at_least(floor),
            (None, Some(ceiling)) => Need::up_to(ceiling),
            (None, None) => Need::None,
        }
    }

    /// The path of one, or of something below it.
    ///
    /// # Errors
    ///
    /// `PAAS-OS-0031` if the id cannot be one: it is empty, or would lead elsewhere.
    pub(crate) fn one(&self, verb: &str, id: &str, below: &str) -> Result<String> {
        Ok(format!("{}/{}{below}", self.path, checked::<R>(verb, id)?))
    }
}

impl<'c, R: List> Collection<'c, R> {
    /// Those that the filter admits, page by page, as the service orders them.
    pub fn list(&self, filter: &R::Filter) -> impl Stream<Item = Result<R>> + Send + use<'c, R> {
        let path = format!("{}{}", self.path, R::DETAIL);
        let mut call = Call::get(R::KIND, format!("list {}", R::SAID_MANY), path);
        for (name, value) in filter.query() {
            call = call.query(name, value);
        }
        let filter = filter.clone();
        self.client
            .pages::<R>(call.microversion(Self::need(None)), R::MANY)
            .try_filter(move |found| future::ready(filter.admits(found)))
    }

    /// All that the filter admits.
    ///
    /// # Errors
    ///
    /// The first failure: half a list is none (design law 2).
    pub async fn all(&self, filter: &R::Filter) -> Result<Vec<R>> {
        self.list(filter).try_collect().await
    }
}

impl<R: Show> Collection<'_, R> {
    /// The one of this id.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if there is none, or none that we may see.
    pub async fn show(&self, id: &str) -> Result<R> {
        let call = Call::get(R::KIND, format!("show {}", R::SAID), self.one("show", id, "")?);
        self.decode(call.microversion(Self::need(None))).await
    }
}

impl<R: Create> Collection<'_, R> {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// The service's refusal. If the answer was lost, the effect is unknown: look before it is made again.
    pub async fn create(&self, new: &R::New) -> Result<R> {
        let call = Call::post(R::KIND, format!("create {}", R::SAID), self.path.clone()).body(R::body(new));
        self.decode(call.microversion(Self::need(R::floor(new)))).await
    }
}

impl<R: Update> Collection<'_, R> {
    /// Changes what is said and nothing else.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn update(&self, id: &str, change: &R::Change) -> Result<R> {
        let path = self.one("update", id, "")?;
        let call = Call::put(R::KIND, format!("update {}", R::SAID), path).body(wrapped::<R>(change));
        self.decode(call.microversion(Self::need(None))).await
    }
}

impl<R: Delete> Collection<'_, R> {
    /// Deletes it. Many services only begin to: it is gone when a show says so.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if it is gone already, `Conflict` while something needs it.
    pub async fn delete(&self, id: &str) -> Result<()> {
        let call = Call::delete(
            R::KIND,
            format!("delete {}", R::SAID),
            self.one("delete", id, "")?,
        );
        self.client
            .send(call.microversion(Self::need(None)))
            .await
            .map(drop)
    }
}

impl<R: Resource> Collection<'_, R> {
    async fn decode(&self, call: Call) -> Result<R> {
        self.client.fetch(call, R::ONE.unwrap_or_default()).await
    }
}

fn wrapped<R: Resource>(what: &(impl Serialize + ?Sized)) -> Value {
    match R::ONE {
        Some(member) => json!({ member: what }),
        None => json!(what),
    }
}

/// The id as a segment. What is empty would be the whole collection, and dots would be another place: such an id comes from a bug, or
/// from somebody who tries.
fn checked<R: Resource>(verb: &str, id: &str) -> Result<String> {
    if id.is_empty() || id == "." || id == ".." {
        return Err(Error::new(&codes::OS_NO_ID, Class::Invalid)
            .attempted(format!("{verb} {}", R::SAID))
            .happened(format!("'{id}' is not an id")));
    }
    Ok(segment(id))
}
