//! An open way into a database of a cluster, for programs that connect to an address.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use paas_core::{
    database::connection::{Connection, SslMode},
    error::Error,
    kube::{
        Bound,
        bound::ServiceAt,
        forward::{Listener, Serving},
    },
};

use super::{database::Database, folder::Folder};
use crate::{app::App, args::DbAt};

/// A way that is open as long as this lives.
#[derive(Debug)]
pub(crate) struct Way {
    /// How it is entered: by the service's name, at a port of this machine.
    pub(crate) to: Connection,
    _serving: Serving,
}

impl Database {
    /// Opens the way that is meant. With TLS where the server has it, and then verified.
    ///
    /// # Errors
    /// Those of [`Database::bound`], and `PAAS-PG-0014` where the arguments ask for TLS and there is none.
    pub(crate) async fn open(&self, app: &App, at: &DbAt, folder: &Folder) -> Result<Way, Error> {
        let (bound, to) = self.bound(at).await?;
        let listener = self.listen(app, &bound.server()?, None).await?;
        let to = match to.sslmode {
            SslMode::Disable if !at.tls => to,
            _ => self.verified(&bound, to, folder)?,
        };
        Ok(Way {
            to: behind(to, &listener),
            _serving: listener.spawn(),
        })
    }

    /// The same way with chain and name of the server verified.
    ///
    /// # Errors
    /// `PAAS-PG-0014` if the server has no TLS.
    pub(crate) fn verified(
        &self,
        bound: &Bound,
        to: Connection,
        folder: &Folder,
    ) -> Result<Connection, Error> {
        bound.verified(to, &self.authority(folder))
    }

    /// A port of this machine in front of a service. What connections wait for is told.
    ///
    /// # Errors
    /// `PAAS-K8S-0030` if the port is not to be had, and why no way leads there if that does not pass.
    pub(crate) async fn listen(
        &self,
        app: &App,
        service: &ServiceAt,
        port: Option<u16>,
    ) -> Result<Listener, Error> {
        let forward = service.forward(self.cluster.client.clone());
        match forward.leads_to().await {
            Err(error) if !error.may_pass() => return Err(error),
            // A failover passes; whoever connects waits for it.
            Err(_) | Ok(_) => {}
        }
        let printer = Arc::clone(&app.printer);
        let listener = Listener::bind(port, Arc::new(forward)).await?;
        Ok(listener.telling(move |error| {
            let words = paas_core::render::clean(&error.sentence());
            printer.talk(
                &printer
                    .talk_paint()
                    .dim(&format!("No way in at the moment: {words}")),
            );
        }))
    }
}

/// The way by the same name, where the listener is.
pub(crate) fn behind(to: Connection, listener: &Listener) -> Connection {
    Connection {
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port: listener.address().port(),
        ..to
    }
}
