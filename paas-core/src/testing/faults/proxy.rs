//! An API server that goes wrong, for whatever program talks to it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderName, Request, Response, header};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade};
use hyper_util::rt::TokioIo;
use kube::{Client, client::Body};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::BoxError;

use super::{AnswerBody, Injector};
use crate::{
    clock::{Clock, SystemClock},
    testing::locked,
};

/// A reverse proxy on the loopback in front of an API server: plain HTTP, with the rights of the client that it is made with, for
/// programs in other processes and in any language. It streams, and passes upgrades through.
///
/// - Its [`Injector`] strikes calls as in a client. Where the process would die, the caller's connection stays without an answer until
///   [`Injector::revive`] and [`Proxy::cut`].
/// - [`Proxy::cut`] ends all connections in the middle of whatever they carry, watches too.
/// - [`Proxy::shut`] is an API server that is away: connections are refused. [`Proxy::open`] brings it back at the same address.
/// - [`Proxy::delay`] keeps every call waiting.
///
/// Whoever reaches the port has the rights of the client: it listens on the loopback alone.
///
/// ```no_run
/// # async fn a_test() -> Result<(), Box<dyn std::error::Error>> {
/// use paas_core::testing::{faults::{Injector, Proxy}, kube};
///
/// let cluster = kube::control_plane().await?;
/// let proxy = Proxy::start(cluster.client().await?, Injector::new()).await?;
/// std::fs::write("kubeconfig", proxy.kubeconfig("default"))?; // KUBECONFIG of the program under test
/// proxy.shut();
/// # proxy.open().await?;
/// # Ok(())
/// # }
/// ```
///
/// It ends, and its connections with it, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    injector: Injector,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Ends every connection.
    cut: CancellationToken,
    /// Ends the listening.
    listening: Option<DropGuard>,
    delay: Duration,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("injector", &self.injector)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// One on a free port of the loopback.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(client: Client, injector: Injector) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared {
                client,
                injector,
                state: Mutex::default(),
            }),
        };
        proxy.listen(listener);
        Ok(proxy)
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What strikes.
    pub fn injector(&self) -> &Injector {
        &self.shared.injector
    }

    /// The text of a kubeconfig that leads here, with this namespace as the default one. There is no secret in it.
    pub fn kubeconfig(&self, namespace: &str) -> String {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "faults", "cluster": { "server": self.url() } }],
            "users": [{ "name": "faults", "user": {} }],
            "contexts": [{
                "name": "faults",
                "context": { "cluster": "faults", "user": "faults", "namespace": namespace },
            }],
            "current-context": "faults",
        });
        format!("{config:#}\n")
    }

    /// Ends every connection, whatever it carries. New ones are taken.
    pub fn cut(&self) {
        let mut state = locked(&self.shared.state);
        std::mem::take(&mut state.cut).cancel();
    }

    /// Refuses connections, and ends those that are there.
    pub fn shut(&self) {
        locked(&self.shared.state).listening = None;
        self.cut();
    }

    /// Takes connections again.
    ///
    /// # Errors
    /// Somebody else took the port.
    pub async fn open(&self) -> io::Result<()> {
        if locked(&self.shared.state).listening.is_some() {
            return Ok(());
        }
        // The former listener goes with its task, which may not have run yet.
        for _ in 0..100 {
            if let Ok(listener) = TcpListener::bind(self.address).await {
                self.listen(listener);
                return Ok(());
            }
            SystemClock.sleep(Duration::from_millis(10)).await;
        }
        let listener = TcpListener::bind(self.address).await?;
        self.listen(listener);
        Ok(())
    }

    /// Every call waits for so long before it is passed on.
    pub fn delay(&self, time: Duration) {
        locked(&self.shared.state).delay = time;
    }

    fn listen(&self, listener: TcpListener) {
        let ends = CancellationToken::new();
        locked(&self.shared.state).listening = Some(ends.clone().drop_guard());
        // It must not keep what its guard is in.
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            loop {
                let taken = tokio::select! {
                    () = ends.cancelled() => return,
                    taken = listener.accept() => taken,
                };
                let (Ok((stream, _)), Some(shared)) = (taken, shared.upgrade()) else {
                    continue;
                };
                let cut = locked(&shared.state).cut.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = cut.cancelled() => {}
                        () = serve(stream, shared, cut.clone()) => {}
                    }
                });
            }
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shut();
    }
}

/// Serves one connection. An error of a call ends it without an answer, as a server that goes away does.
async fn serve(stream: TcpStream, shared: Arc<Shared>, cut: CancellationToken) {
    let client = shared.injector.client(shared.client.clone());
    let calls = service_fn(move |request| pass(client.clone(), Arc::clone(&shared), request, cut.clone()));
    let ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), calls)
        .with_upgrades()
        .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Headers of one hop.
const HOP: [HeaderName; 4] = [
    header::HOST,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::AUTHORIZATION,
];

async fn pass(
    client: Client,
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
    cut: CancellationToken,
) -> Result<Response<AnswerBody>, BoxError> {
    let delay = locked(&shared.state).delay;
    if !delay.is_zero() {
        SystemClock.sleep(delay).await;
    }
    let upgraded = request
        .headers()
        .contains_key(header::UPGRADE)
        .then(|| upgrade::on(&mut request));
    let (mut head, body) = request.into_parts();
    for header in HOP {
        head.headers.remove(header);
    }
    if upgraded.is_none() {
        head.headers.remove(header::CONNECTION);
    }
    let body = body.collect().await?.to_bytes();
    let mut answer = client.send(Request::from_parts(head, Body::from(body))).await?;
    if let (Some(near), true) = (upgraded, answer.status() == http::StatusCode::SWITCHING_PROTOCOLS) {
        let far = upgrade::on(&mut answer);
        tokio::spawn(async move {
            let (Ok(near), Ok(far)) = tokio::join!(near, far) else {
                return;
            };
            let (mut near, mut far) = (TokioIo::new(near), TokioIo::new(far));
            tokio::select! {
                () = cut.cancelled() => {}
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            }
        });
    }
    answer.headers_mut().remove(header::TRANSFER_ENCODING);
    Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()))
}
