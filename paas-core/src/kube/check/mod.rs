//! The way from a client outside of a cluster to a database in it, walked hop by hop until the first one that is broken.
//!
//! The hops are in the order of causes: a pod that does not run is told as that, and not as a service that leads nowhere.

mod dns;
mod looks;
mod pods;

use std::{fmt, future::Future, path::PathBuf, sync::Arc, time::Duration};

use kube::Client;
use serde::Serialize;

use self::{
    looks::{api, endpoint, login, servers, service, spoken},
    pods::Pods,
};
use super::{Bound, Forward, codes::K8S_DENIED, forward::Endpoint};
use crate::{
    clock::{Clock, SystemClock},
    database::{
        check::{self, Finding, Hops, Walk},
        connection::{Connection, SslMode},
        session::Session,
    },
    error::{Error, Result},
};

/// The hops, in the order in which they are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Hop {
    /// The API server answers.
    Api,
    /// The object is there, and declares the user and the database.
    Object,
    /// The binding is published and whole.
    Binding,
    /// A pod of the server runs and is ready.
    Pod,
    /// The service is there and has the port.
    Service,
    /// Its name is known in the cluster: asked in the server's own pod.
    Dns,
    /// It leads to a pod that is ready.
    Endpoints,
    /// The API server opens a way to that pod, and somebody speaks there.
    Forward,
    /// It is PostgreSQL, and its certificate is by the authority of the binding, for the service's name and this day.
    Tls,
    /// The login of the binding is accepted.
    Auth,
    /// A query is answered.
    Query,
    /// Something can be written; what the check writes is rolled back.
    Write,
}

impl Hops for Hop {
    const ALL: &'static [Self] = &[
        Self::Api,
        Self::Object,
        Self::Binding,
        Self::Pod,
        Self::Service,
        Self::Dns,
        Self::Endpoints,
        Self::Forward,
        Self::Tls,
        Self::Auth,
        Self::Query,
        Self::Write,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Object => "object",
            Self::Binding => "binding",
            Self::Pod => "pod",
            Self::Dns => "dns",
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::Forward => "forward",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Query => "query",
            Self::Write => "write",
        }
    }
}

/// What was found, hop by hop.
pub type Report = check::Report<Hop>;

/// What is walked to.
#[derive(Debug, Clone)]
pub struct Target {
    /// What the object says of itself.
    pub words: String,
    /// Its namespace.
    pub namespace: String,
    /// The Secret of the user's binding.
    pub secret: String,
    /// The database; `None` for the one of the binding.
    pub database: Option<String>,
    /// The label selector of the servers' pods; empty if it is not known.
    pub pods: String,
    /// Where the authority's certificate is written for the check.
    pub authority: PathBuf,
}

/// Walks the way to what `find` finds. Changes nothing in the cluster.
#[derive(Clone)]
pub struct Check {
    client: Client,
    clock: Arc<dyn Clock>,
    patience: Duration,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Check {
    /// By this client, each hop within 15 seconds.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            clock: Arc::new(SystemClock),
            patience: Duration::from_secs(15),
        }
    }

    /// Walks the way to what `find` finds.
    pub async fn run(&self, find: impl Future<Output = Result<Target>>) -> Report {
        let mut look = Look {
            client: &self.client,
            clock: &*self.clock,
            patience: self.patience,
            walk: Walk::default(),
        };
        // Every hop needs the ones before it, so the first error ends the way.
        let _ = Box::pin(look.way(Box::pin(find))).await;
        look.walk.report()
    }
}

/// A check under way.
struct Look<'a> {
    client: &'a Client,
    clock: &'a dyn Clock,
    patience: Duration,
    walk: Walk<Hop>,
}

impl Look<'_> {
    /// Everything between a client and its data; nothing if it ended before.
    async fn way(&mut self, find: impl Future<Output = Result<Target>>) -> Option<()> {
        let client = self.client;
        self.hop(Hop::Api, api(client)).await?;
        let object = async {
            let target = find.await?;
            let words = target.words.clone();
            Ok((target, words))
        };
        let target = self.hop(Hop::Object, object).await?;
        let binding = async {
            let bound = Bound::read(client, &target.namespace, &target.secret).await?;
            let to = bound.connection(target.database.as_deref())?;
            let at = bound.server()?;
            let words = format!("the Secret {} leads {} to {}", bound.secret(), to.user, to.host);
            Ok(((bound, to, at), words))
        };
        let (bound, to, at) = self.hop(Hop::Binding, binding).await?;
        let pods = self.may(Hop::Pod, servers(client, &target)).await?;
        self.may(Hop::Service, service(client, &at)).await?;
        match pods.as_ref().and_then(Pods::running) {
            Some(place) => {
                let asked = dns::resolved(client, &target.namespace, place, &to.host);
                self.may(Hop::Dns, Box::pin(asked)).await?;
            }
            None => self.skip(Hop::Dns, "no pod of the server is known to ask in"),
        }
        let forward = at.forward(client.clone());
        let endpoint = self
            .hop(Hop::Endpoints, endpoint(&forward, &at, pods.as_ref()))
            .await?;
        self.hop(Hop::Forward, Box::pin(spoken(&forward, &endpoint)))
            .await?;
        let to = self.tls(&forward, &endpoint, &bound, to, &target).await?;
        let auth = async {
            let session = Session::over(&to, &forward).await.map_err(|e| login(e, &bound))?;
            Ok((session, format!("{} may log in to {}", to.user, to.database)))
        };
        let session = self.hop(Hop::Auth, Box::pin(auth)).await?;
        self.hop(Hop::Query, check::answers(&session)).await?;
        self.hop(Hop::Write, check::writes(&session)).await
    }

    /// The way as a session of ours takes it: verified, or plain where the server has no TLS.
    async fn tls(
        &mut self,
        forward: &Forward,
        endpoint: &Endpoint,
        bound: &Bound,
        to: Connection,
        target: &Target,
    ) -> Option<Connection> {
        if to.sslmode == SslMode::Disable {
            self.skip(Hop::Tls, "by the binding the server has no TLS");
            return Some(to);
        }
        let handshake = async {
            let verified = bound.verified(to, &target.authority)?;
            let way = forward.open(endpoint).await?;
            let ((), words) = check::encrypted(way.stream, Ok(verified.clone()), &endpoint.pod)
                .await
                .map_err(|e| {
                    e.remedy(
                        "the binding's ca.crt is not the authority that signed this certificate, or the name or the time does not fit: \
                         the operator brings the entry up to date by itself; if it was changed by hand, delete the Secret of the binding",
                    )
                })?;
            Ok((verified, words))
        };
        self.hop(Hop::Tls, Box::pin(handshake)).await
    }

    async fn hop<T>(&mut self, hop: Hop, look: impl Future<Output = Result<(T, String)>>) -> Option<T> {
        self.walk.hop(hop, self.clock, self.patience, look).await
    }

    /// A hop that may be one that cannot be looked at; then it gives nothing, and the way goes on.
    async fn may<T>(
        &mut self,
        hop: Hop,
        look: impl Future<Output = Result<(T, String), Unseen>>,
    ) -> Option<Option<T>> {
        let mut skipped = None;
        let seen = async {
            match look.await {
                Ok((given, words)) => Ok((Some(given), words)),
                Err(Unseen::Broken(error)) => Err(*error),
                Err(Unseen::Skipped(why)) => {
                    skipped = Some(why);
                    Ok((None, String::new()))
                }
            }
        };
        let mut walk = Walk::default();
        let given = walk.hop(hop, self.clock, self.patience, seen).await;
        match skipped {
            Some(why) => self.skip(hop, &why),
            None => self.walk.append(walk),
        }
        given
    }

    fn skip(&mut self, hop: Hop, why: &str) {
        self.walk
            .add(hop, Finding::Skipped(why.to_owned()), Duration::ZERO);
    }
}

/// Why nothing good was seen at a hop.
enum Unseen {
    /// It is broken.
    Broken(Box<Error>),
    /// It could not be looked at.
    Skipped(String),
}

impl From<Error> for Unseen {
    /// What this role may not look at may still be whole.
    fn from(error: Error) -> Self {
        if error.code() == &K8S_DENIED {
            Self::Skipped(format!("not allowed to look: {}", error.words()))
        } else {
            Self::Broken(Box::new(error))
        }
    }
}
