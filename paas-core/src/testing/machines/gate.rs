//! The way to an API server from outside: an address of the loopback with the port that clusters have.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    clock::{Clock, SystemClock},
    testing::locked,
};

/// The port of the API.
const API: u16 = 6443;

/// Hands connections on, as the address of a machine does. TLS goes through untouched.
#[derive(Debug)]
pub(super) struct Gate {
    near: SocketAddr,
    far: SocketAddr,
    /// Ends the listening and all connections.
    open: Mutex<Option<DropGuard>>,
}

impl Gate {
    /// A gate that is shut.
    pub(super) fn new(address: Ipv4Addr, far: SocketAddr) -> Self {
        Self {
            near: (address, API).into(),
            far,
            open: Mutex::new(None),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        locked(&self.open).is_some()
    }

    /// Refuses connections, and ends those that are there.
    pub(super) fn shut(&self) {
        *locked(&self.open) = None;
    }

    /// Takes connections.
    pub(super) async fn open(&self) -> std::io::Result<()> {
        if self.is_open() {
            return Ok(());
        }
        let mut left = 100;
        let listener = loop {
            match TcpListener::bind(self.near).await {
                Ok(listener) => break listener,
                Err(e) if left == 0 => return Err(e),
                // A former listener goes with its task, which may not have run yet.
                Err(_) => left -= 1,
            }
            SystemClock.sleep(Duration::from_millis(10)).await;
        };
        let ends = CancellationToken::new();
        *locked(&self.open) = Some(ends.clone().drop_guard());
        tokio::spawn(listen(listener, self.far, ends));
        Ok(())
    }
}

async fn listen(listener: TcpListener, far: SocketAddr, ends: CancellationToken) {
    loop {
        let taken = tokio::select! {
            () = ends.cancelled() => return,
            taken = listener.accept() => taken,
        };
        let Ok((mut near, _)) = taken else { continue };
        let ends = ends.clone();
        tokio::spawn(async move {
            let pass = async {
                let mut far = TcpStream::connect(far).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            };
            tokio::select! {
                () = ends.cancelled() => {}
                _ = pass => {}
            }
        });
    }
}
