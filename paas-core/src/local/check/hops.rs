//! How each hop is looked at.

use std::{future::Future, net::SocketAddr, time::Duration};

use tokio::net::{TcpStream, lookup_host};

use super::{Finding, Hop, Limits, Report};
use crate::{
    database::{
        check::{self, Walk},
        codes::{PG_CONNECT, PG_STARTING},
        connection::Connection,
        session::Session,
    },
    error::{Class, Error, Result},
    local::{
        codes::LOC_SPACE,
        config::Written,
        instance::LocalInstance,
        port, storage,
        tls::{HOST, Offer},
    },
};

impl LocalInstance {
    /// Walks the way to `database` as the declared user `user`, and says where it is broken. Changes nothing.
    ///
    /// ```no_run
    /// # async fn f(it: &paas_core::local::instance::LocalInstance) {
    /// let report = it.check("app", "app", &Default::default()).await;
    /// if let Some((hop, why)) = report.broken() {
    ///     eprintln!("{}: {why}; {}", hop.as_str(), why.advice());
    /// }
    /// # }
    /// ```
    pub async fn check(&self, database: &str, user: &str, limits: &Limits) -> Report {
        let mut look = Look {
            it: self,
            limits,
            walk: Walk::default(),
        };
        // Every hop needs the ones before it, so the first error ends the way.
        if look.way(database, user).await.is_some() || look.walk.broken() != Some(Hop::Name) {
            look.hop(Hop::Disk, async { look_at_disk(self, &limits.storage) })
                .await;
        }
        look.walk.report()
    }
}

/// A check under way.
struct Look<'a> {
    it: &'a LocalInstance,
    limits: &'a Limits,
    walk: Walk<Hop>,
}

impl Look<'_> {
    /// Everything between a client and its data; nothing if it ended before.
    async fn way(&mut self, database: &str, user: &str) -> Option<()> {
        let it = self.it;
        let name = async {
            let port = port_of(it)?;
            let address = resolve(port).await?;
            Ok((
                (port, address),
                format!("{HOST} is {}, port {port}", address.ip()),
            ))
        };
        let (port, address) = self.hop(Hop::Name, name).await?;
        self.hop(Hop::Server, async { runs(it, port) }).await?;
        let tcp = async {
            let stream = TcpStream::connect(address)
                .await
                .map_err(|e| refused(address, &e.to_string()))?;
            Ok((stream, format!("{address} takes connections")))
        };
        let stream = self.hop(Hop::Tcp, tcp).await?;
        let plain = it.connection_to(database, user).await;
        let way = match Offer::of(it.machine(), it.owner()) {
            Ok(offer) => match offer.absence() {
                Some(why) => {
                    self.walk
                        .add(Hop::Tls, Finding::Skipped(why.to_owned()), Duration::ZERO);
                    plain
                }
                None => {
                    // A password that is missing is the business of the next hop.
                    let certificate = certificate_of(it);
                    self.hop(
                        Hop::Tls,
                        check::encrypted(stream, certificate, &address.to_string()),
                    )
                    .await?;
                    plain.and_then(|to| it.with_tls(to))
                }
            },
            Err(e) => Err(e),
        };
        let auth = async {
            let to = way?;
            let session = Session::open(&to).await?;
            Ok((session, format!("{} may log in to {}", to.user, to.database)))
        };
        let session = self.hop(Hop::Auth, Box::pin(auth)).await?;
        self.hop(Hop::Query, check::answers(&session)).await?;
        self.hop(Hop::Write, check::writes(&session)).await
    }

    /// Looks at one hop, as long as the patience lasts; gives what the next one needs.
    async fn hop<T>(&mut self, hop: Hop, look: impl Future<Output = Result<(T, String)>>) -> Option<T> {
        let clock = &*self.it.machine().clock;
        self.walk.hop(hop, clock, self.limits.patience, look).await
    }
}

fn port_of(it: &LocalInstance) -> Result<u16> {
    let written = Written::read(&it.folder())?.unwrap_or_default();
    written.port.ok_or_else(|| {
        Error::new(&PG_CONNECT, Class::NotFound)
            .attempted(format!("find the port of {}", it.owner()))
            .happened("it has no server yet")
            .remedy("make it with `paas up`")
    })
}

/// The address that clients get which are given the name; the server listens on IPv4's loopback.
async fn resolve(port: u16) -> Result<SocketAddr> {
    let unresolved = |why: String| {
        Error::new(&PG_CONNECT, Class::NotFound)
            .attempted(format!("resolve {HOST}"))
            .happened(why)
            .remedy("give localhost the address 127.0.0.1 in /etc/hosts")
    };
    let all: Vec<SocketAddr> = lookup_host((HOST, port))
        .await
        .map_err(|e| unresolved(e.to_string()))?
        .collect();
    let loopback = all.iter().find(|a| a.ip() == std::net::Ipv4Addr::LOCALHOST);
    loopback
        .copied()
        .ok_or_else(|| unresolved(format!("it is {all:?}, without 127.0.0.1")))
}

fn runs(it: &LocalInstance, port: u16) -> Result<((), String)> {
    let failed = |code, class, words: String| {
        Error::new(code, class)
            .attempted(format!("find the server of {}", it.owner()))
            .happened(words)
    };
    match it.running()? {
        None => {
            let stolen = if port::is_free(port) {
                String::new()
            } else {
                format!("; another program listens on its port {port}")
            };
            let words = format!("no server process runs on its data{stolen}");
            let remedy = if stolen.is_empty() {
                "start it with `paas up`"
            } else {
                "stop the other program, then run `paas up`; or declare another port (spec.exposure.port)"
            };
            Err(failed(&PG_CONNECT, Class::NotFound, words).remedy(remedy))
        }
        Some(server) if server.status == "ready" => {
            Ok(((), format!("process {} is ready", server.process.pid)))
        }
        Some(server) => {
            let words = format!("process {} is {}", server.process.pid, server.status);
            Err(failed(&PG_STARTING, Class::Transient, words))
        }
    }
}

fn refused(address: SocketAddr, why: &str) -> Error {
    Error::new(&PG_CONNECT, Class::Transient)
        .attempted(format!("connect to {address}"))
        .happened(why)
        .remedy("the server runs and does not listen there: was paas.conf changed by hand? `paas up` puts it right")
}

/// What the certificate is verified against: the way without a login, which a handshake does not need.
fn certificate_of(it: &LocalInstance) -> Result<Connection> {
    it.with_tls(Connection {
        host: HOST.to_owned(),
        port: 0,
        database: String::new(),
        user: String::new(),
        password: String::new().into(),
        sslmode: Default::default(),
        address: None,
        ca: None,
    })
}

/// Free space against the limits, and the data against the declared size.
fn look_at_disk(it: &LocalInstance, limits: &storage::Limits) -> Result<((), String)> {
    let found = storage::look(it, limits)?;
    match found.low {
        Some(why) => Err(Error::new(&LOC_SPACE, Class::Quota)
            .attempted(format!("look at the disk of {}", it.folder().display()))
            .happened(format!("StorageLow: {why}"))),
        None => Ok(((), found.words())),
    }
}
