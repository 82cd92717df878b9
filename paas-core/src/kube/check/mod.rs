//! The way from a client outside of a cluster to a database in it, walked hop by hop until the first one that is broken.
//!
//! The hops are in the order of causes: a pod that does not run is told as that, and not as a service that leads nowhere.

mod dns;
mod pods;

use std::{fmt, future::Future, path::PathBuf, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Api, Client, api::ListParams};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::pods::Pods;
use super::{
    Bound, Forward,
    bound::ServiceAt,
    codes::{K8S_DENIED, K8S_NO_ENDPOINT},
    fault,
    forward::Endpoint,
};
use crate::{
    clock::{Clock, SystemClock},
    database::{
        check::{self, ASK_FOR_TLS, Finding, Hops, Walk},
        codes::PG_CONNECT,
        connection::{Connection, SslMode},
        session::Session,
    },
    error::{Class, Error, Result},
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
        let _ = look.way(find).await;
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
        let pods = self.may(Hop::Pod, pods(client, &target)).await?;
        self.may(Hop::Service, service(client, &at)).await?;
        match pods.as_ref().and_then(Pods::running) {
            Some(place) => {
                let asked = dns::resolved(client, &target.namespace, place, &to.host);
                self.may(Hop::Dns, asked).await?;
            }
            None => self.skip(Hop::Dns, "no pod of the server is known to ask in"),
        }
        let forward = at.forward(client.clone());
        let endpoint = self
            .hop(Hop::Endpoints, endpoint(&forward, &at, pods.as_ref()))
            .await?;
        self.hop(Hop::Forward, spoken(&forward, &endpoint)).await?;
        let to = self.tls(&forward, &endpoint, &bound, to, &target).await?;
        let auth = async {
            let session = Session::over(&to, &forward).await.map_err(|e| login(e, &bound))?;
            Ok((session, format!("{} may log in to {}", to.user, to.database)))
        };
        let session = self.hop(Hop::Auth, auth).await?;
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
        self.hop(Hop::Tls, handshake).await
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

async fn api(client: &Client) -> Result<((), String)> {
    let said = client.apiserver_version().await;
    let said = said.map_err(|e| fault::of("ask the API server for its version", false, e))?;
    Ok(((), format!("Kubernetes {} answers", said.git_version)))
}

async fn pods(client: &Client, target: &Target) -> Result<(Pods, String), Unseen> {
    let api: Api<Pod> = Api::namespaced(client.clone(), &target.namespace);
    let none = |why: String| {
        Error::new(&K8S_NO_ENDPOINT, Class::Transient)
            .attempted("find a pod of the server that is ready")
            .happened(why)
            .remedy("see why with `paas status` and the events; a database with `stopped: true` has no pods")
    };
    if target.pods.is_empty() {
        return Err(none("the object does not say yet which pods are its servers'".to_owned()).into());
    }
    let of_it = ListParams::default().labels(&target.pods);
    let listed = api.list(&of_it).await;
    let all = Pods::of(
        listed
            .map_err(|e| fault::of("list the pods of the servers", false, e))?
            .items,
    );
    let words = all.words();
    if all.any_ready() {
        return Ok((all, words));
    }
    Err(none(match words.as_str() {
        "" => format!("there is no pod with the labels {}", target.pods),
        words => words.to_owned(),
    })
    .into())
}

async fn service(client: &Client, at: &ServiceAt) -> Result<((), String), Unseen> {
    let api: Api<Service> = Api::namespaced(client.clone(), &at.namespace);
    let what = format!("look at the service {}/{}", at.namespace, at.name);
    let there = api.get_opt(&at.name).await;
    let broken = |why: &str| {
        Error::new(&K8S_NO_ENDPOINT, Class::NotFound)
            .attempted(what.as_str())
            .happened(why)
            .remedy("it is made anew by whoever made it: wait, and see that its operator runs")
    };
    let there = there.map_err(|e| fault::of(&what, false, e))?;
    let spec = there
        .ok_or_else(|| broken("it is not there"))?
        .spec
        .unwrap_or_default();
    let ports = spec.ports.unwrap_or_default();
    if !ports.iter().any(|p| p.port == i32::from(at.port)) {
        return Err(broken(&format!("it has no port {}", at.port)).into());
    }
    let selector: Vec<String> = spec
        .selector
        .unwrap_or_default()
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    Ok((
        (),
        format!("{} is for the pods with {}", at.name, selector.join(",")),
    ))
}

/// Where the service leads; where it leads nowhere while pods are ready, its selector is wrong.
async fn endpoint(forward: &Forward, at: &ServiceAt, pods: Option<&Pods>) -> Result<(Endpoint, String)> {
    let ready = pods.map_or_else(String::new, Pods::ready);
    match forward.leads_to().await {
        Ok(to) => {
            let words = format!("{} leads to port {} of {}", at.name, to.port, to.pod);
            Ok((to, words))
        }
        Err(e) if e.code() == &K8S_NO_ENDPOINT && !ready.is_empty() => Err(e.remedy(format!(
            "{ready} is ready, and the selector of the service {} does not fit it: in a failover that passes within seconds; if somebody \
             changed the selector, put it back",
            at.name
        ))),
        Err(e) => Err(e),
    }
}

/// Opens a way and waits for a byte: that the API server opens one does not mean that anybody is at its end.
async fn spoken(forward: &Forward, to: &Endpoint) -> Result<((), String)> {
    let mut way = forward.open(to).await?;
    let asked = async {
        way.stream.write_all(&ASK_FOR_TLS).await?;
        way.stream.read_u8().await
    };
    match asked.await {
        Ok(_) => Ok((
            (),
            format!("the API server leads to {}, and somebody speaks there", to.pod),
        )),
        Err(e) => {
            let trouble = tokio::time::timeout(Duration::from_secs(1), way.trouble).await;
            let words = trouble.ok().flatten().unwrap_or_else(|| e.to_string());
            Err(Error::new(&PG_CONNECT, Class::Transient)
                .attempted(format!("speak to port {} of the pod {}", to.port, to.pod))
                .happened(words.trim().to_owned())
                .remedy("the pod runs, and nobody listens in it: read its log with `paas db logs NAME`"))
        }
    }
}

fn login(e: Error, bound: &Bound) -> Error {
    match e.class() {
        Class::Denied => e.remedy(format!(
            "the login in the Secret {} is not one that the server knows: `paas db rotate NAME` makes another password; if the Secret was \
             changed by hand, delete it, and the operator publishes it anew",
            bound.secret()
        )),
        _ => e,
    }
}
