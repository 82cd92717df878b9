//! The listener: one port, a prefix for each service, and connections that can be cut.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::connect_info::Connected,
    middleware,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::{cinder, edge, glance, keystone, neutron, nova, octavia, placement, world::Shared};
use crate::client::service::Kind;

/// The first segment of a service's paths.
pub(super) fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity => "identity",
        Kind::Compute => "compute",
        Kind::Network => "network",
        Kind::Image => "image",
        Kind::BlockStorage => "volume",
        Kind::LoadBalancer => "load-balancer",
        Kind::Placement => "placement",
    }
}

/// Opens a free port of 127.0.0.1.
pub(super) async fn listen() -> io::Result<Lines> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok(Lines { listener, address })
}

/// Serves until the token is cancelled.
pub(super) fn run(lines: Lines, world: Shared, running: CancellationToken) {
    let services = Kind::ALL.into_iter().fold(Router::new(), |all, kind| {
        let router = match kind {
            Kind::Identity => keystone::router(),
            Kind::Compute => nova::router(),
            Kind::Network => neutron::router(),
            Kind::Image => glance::router(),
            Kind::BlockStorage => cinder::router(),
            Kind::LoadBalancer => octavia::router(),
            Kind::Placement => placement::router(),
        };
        all.nest(&format!("/{}", prefix(kind)), router)
    });
    // The edge stands before the routes: it may change the path.
    let app = Router::new()
        .fallback_service(services.with_state(Arc::clone(&world)))
        .layer(middleware::from_fn_with_state(world, edge::edge))
        .into_make_service_with_connect_info::<Line>();
    tokio::spawn(async move {
        let served = axum::serve(lines, app)
            .with_graceful_shutdown(running.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::warn!(%error, "the fake cloud ended");
        }
    });
}

/// The port, and who calls.
#[derive(Debug)]
pub(super) struct Lines {
    listener: TcpListener,
    address: SocketAddr,
}

impl Lines {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listener for Lines {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let _ = stream.set_nodelay(true);
        let line = Line::default();
        (Wire { stream, line }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// The switch that cuts a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Line(Arc<AtomicBool>);

impl Line {
    /// Whatever is written from now on is not sent, and the connection ends with a reset.
    pub(super) fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().line.clone()
    }
}

/// A connection that can be cut.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
}

impl Wire {
    fn broken(&self) -> io::Error {
        let _ = self.stream.set_zero_linger();
        io::Error::from(io::ErrorKind::ConnectionReset)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.line.is_cut() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.is_cut() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
