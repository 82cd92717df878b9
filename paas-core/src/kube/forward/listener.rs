//! A port of this machine behind which is a server elsewhere.

use std::{fmt, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, split},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    clock::{Clock, SystemClock},
    database::{codes::PG_CONNECT, dial::Dial},
    error::{Class, Error, Result},
    kube::codes::K8S_LISTEN,
};

/// The first bytes of a client are kept until the server has answered them: what a client says first is much shorter.
const FIRST: usize = 16 << 10;

/// How long a server may take for its first answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a server may take to close after its client has gone.
const LEAVE: Duration = Duration::from_secs(2);

/// The code that a request to cancel a statement has in the place of a protocol version; the server answers it by closing. See
/// `CancelRequest` in chapter "Message Formats" of PostgreSQL's manual.
const CANCEL: [u8; 8] = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];

/// What is done at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many connections there are at once; more wait to be accepted.
    pub connections: usize,
    /// How long a new connection waits for a server, as in a failover.
    pub patience: Duration,
    /// How long to wait between two tries.
    pub pause: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 100,
            patience: Duration::from_secs(60),
            pause: Duration::from_millis(250),
        }
    }
}

/// Is told what stands in the way of a connection.
type Tell = Arc<dyn Fn(&Error) + Send + Sync>;

/// A port on the loopback of this machine. For each connection a way of its own is dialled, once the client has begun to speak, as
/// PostgreSQL's clients do; where the server does not answer that, another one is dialled, until the patience is over. A connection
/// whose server goes away is closed, and the next one leads to whoever is there then.
pub struct Listener {
    port: TcpListener,
    address: SocketAddr,
    dial: Arc<dyn Dial>,
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    tell: Tell,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.address)
            .field("dial", &self.dial)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl Listener {
    /// Takes this port of the loopback, or a free one. Connections are accepted by [`Listener::serve`].
    ///
    /// # Errors
    /// `PAAS-K8S-0030` if the system does not give it.
    pub async fn bind(port: Option<u16>, dial: Arc<dyn Dial>) -> Result<Self> {
        let asked = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or(0)));
        let failed = |e: std::io::Error| {
            Error::new(&K8S_LISTEN, Class::Conflict)
                .attempted(format!("listen on {asked}"))
                .happened(e.to_string())
        };
        let port = TcpListener::bind(asked).await.map_err(failed)?;
        let address = port.local_addr().map_err(failed)?;
        Ok(Self {
            port,
            address,
            dial,
            bounds: Bounds::default(),
            clock: Arc::new(SystemClock),
            tell: Arc::new(|_| ()),
        })
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// By this clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Tells what a connection waits for when it begins to wait, and why it is given up.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(tell);
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until cancelled; then all connections are closed.
    pub async fn serve(self, cancel: CancellationToken) {
        let room = Arc::new(Semaphore::new(self.bounds.connections));
        let mut open = JoinSet::new();
        loop {
            let accept = async {
                let permit = Arc::clone(&room).acquire_owned().await.ok()?;
                let (client, _) = self.port.accept().await.ok()?;
                Some((permit, client))
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                // Those that have ended are taken out, so that only what is open is kept.
                Some(_) = open.join_next() => {}
                accepted = accept => match accepted {
                    Some((permit, client)) => {
                        let relay = self.relay();
                        open.spawn(async move {
                            relay.run(client).await;
                            drop(permit);
                        });
                    }
                    // No descriptors are left, or the client was gone already: others may end meanwhile.
                    None => self.clock.sleep(self.bounds.pause).await,
                },
            }
        }
    }

    /// Serves in the background until what is given back is dropped.
    pub fn spawn(self) -> Serving {
        let address = self.address;
        let cancel = CancellationToken::new();
        tokio::spawn(self.serve(cancel.clone()));
        Serving {
            address,
            _ends: cancel.drop_guard(),
        }
    }

    fn relay(&self) -> Relay {
        Relay {
            dial: Arc::clone(&self.dial),
            bounds: self.bounds,
            clock: Arc::clone(&self.clock),
            tell: Arc::clone(&self.tell),
        }
    }
}

/// A [`Listener`] at work; it ends when this is dropped.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    _ends: DropGuard,
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One connection.
struct Relay {
    dial: Arc<dyn Dial>,
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    tell: Tell,
}

impl Relay {
    async fn run(self, mut client: TcpStream) {
        // Without it small messages wait for each other.
        let _ = client.set_nodelay(true);
        let mut first = vec![0; FIRST];
        let Ok(length @ 1..) = client.read(&mut first).await else {
            return;
        };
        first.truncate(length);
        let Some((mut way, answer)) = self.begin(&first).await else {
            return;
        };
        if client.write_all(&answer).await.is_err() {
            return;
        }
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = split(&mut way);
        // Whichever side goes away, nothing more can be said. A client that took its leave has the server close first: a way that is
        // torn off before stands in the server's log.
        let mut back = pin!(copy(&mut from_server, &mut to_client));
        tokio::select! {
            _ = &mut back => {}
            _ = copy(&mut from_client, &mut to_server) => {
                tokio::select! {
                    _ = back => {}
                    () = self.clock.sleep(LEAVE) => {}
                }
            }
        }
    }

    /// A way whose server has answered the client's first words, and the answer.
    async fn begin(&self, first: &[u8]) -> Option<(DuplexStream, Vec<u8>)> {
        let began = self.clock.elapsed();
        let mut told = false;
        loop {
            let error = match self.dialled(first).await {
                Ok(begun) => return Some(begun),
                Err(error) => error,
            };
            let waited = self.clock.elapsed().saturating_sub(began);
            if !error.may_pass() || waited > self.bounds.patience {
                (self.tell)(&error);
                return None;
            }
            if !told {
                (self.tell)(&error);
                told = true;
            }
            self.clock.sleep(self.bounds.pause).await;
        }
    }

    async fn dialled(&self, first: &[u8]) -> Result<(DuplexStream, Vec<u8>)> {
        let mut way = self.dial.dial().await?;
        let failed = |words: String| {
            Error::new(&PG_CONNECT, Class::Transient)
                .attempted("begin a connection")
                .happened(words)
        };
        way.write_all(first).await.map_err(|e| failed(e.to_string()))?;
        let mut answer = vec![0; FIRST];
        let asked = tokio::time::timeout(ANSWER, way.read(&mut answer)).await;
        let late = |_| failed(format!("the server said nothing for {} s", ANSWER.as_secs()));
        match asked.map_err(late)? {
            Ok(0) if !first.starts_with(&CANCEL) => {
                Err(failed("the way was closed before the server answered".into()))
            }
            Ok(length) => {
                answer.truncate(length);
                Ok((way, answer))
            }
            Err(e) => Err(failed(e.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
