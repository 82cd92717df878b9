//! Where this machine keeps what it needs for clusters: certificates of authorities, and password files that live for a moment.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use paas_core::error::{Class, Error};

use crate::{app::App, codes::CLI_FOLDER, session};

/// The folder `cluster` in the home, for us alone.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes it where it is missing, and the home too, as it would be made for databases of this machine.
    ///
    /// # Errors
    /// `PAAS-CLI-0045` if the system does not make it.
    pub(crate) fn open(app: &App) -> Result<Self, Error> {
        let home = session::home(app)?;
        let this = home.join("cluster");
        let passable = if rustix::process::geteuid().is_root() {
            0o711
        } else {
            0o700
        };
        let make = || -> io::Result<()> {
            if let Some(parent) = home.parent() {
                DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
            }
            DirBuilder::new().recursive(true).mode(passable).create(&home)?;
            DirBuilder::new().recursive(true).mode(0o700).create(&this)
        };
        make().map_err(|e| {
            Error::new(&CLI_FOLDER, Class::Blocked)
                .attempted(format!("make the folder {}", this.display()))
                .happened(e.to_string())
        })?;
        Ok(Self(this))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}
