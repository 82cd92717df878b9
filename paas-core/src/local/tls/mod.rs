//! TLS on this machine: one authority for the home, a certificate for each server, and the way in that verifies it.

pub mod authority;
pub mod certificate;

use super::{
    codes::LOC_NO_TLS, config::Written, instance::LocalInstance, machine::LocalMachine,
    tls::authority::Authority,
};
use crate::{
    database::connection::{Connection, SslMode},
    error::{Class, Error, Result},
    owner::Owner,
};

/// The host whose name clients verify. Most of them compare an address only with names, so the address would not do.
pub const HOST: &str = "localhost";

/// What is known of an instance's TLS without asking its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It has it.
    Here,
    /// Its PostgreSQL build has none.
    NotInThisBuild,
    /// It was made before there was TLS, or was never started: the next `up` brings it.
    WithTheNextUp,
}

impl Offer {
    /// What the configuration of an instance says.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn of(machine: &LocalMachine, owner: &Owner) -> Result<Self> {
        let written = Written::read(&machine.folder(owner))?.unwrap_or_default();
        Ok(match written.tls {
            Some(true) => Self::Here,
            Some(false) => Self::NotInThisBuild,
            None => Self::WithTheNextUp,
        })
    }

    /// Why there is none; nothing if there is.
    pub fn absence(self) -> Option<&'static str> {
        match self {
            Self::Here => None,
            Self::NotInThisBuild => Some("this PostgreSQL build has no TLS"),
            Self::WithTheNextUp => Some("the instance has no TLS yet; the next `paas up` brings it"),
        }
    }
}

impl LocalInstance {
    /// The same way with TLS: by name, the chain verified against this home's authority.
    ///
    /// # Errors
    /// `PAAS-LOC-0023` if this instance has no TLS.
    pub fn with_tls(&self, to: Connection) -> Result<Connection> {
        if let Some(why) = Offer::of(self.machine(), self.owner())?.absence() {
            return Err(Error::new(&LOC_NO_TLS, Class::Unsupported)
                .attempted(format!("find the encrypted way into {}", self.owner()))
                .happened(why));
        }
        Ok(Connection {
            host: HOST.to_owned(),
            sslmode: SslMode::VerifyFull,
            ca: Some(Authority::file(&self.machine().home)),
            ..to
        })
    }
}
