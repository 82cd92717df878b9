//! `paas up --foreground` as a service of this machine, so that databases are back after a reboot.

mod unit;

use std::{path::PathBuf, process::Command};

use super::{
    account::Account,
    codes::{LOC_NO_SERVICES, LOC_SERVICE},
    files, program,
};
use crate::error::{Class, Error, Result};

/// The name of the unit.
pub const UNIT: &str = "paas.service";

/// The label of the agent, and with `.plist` its file's name.
pub const LABEL: &str = "rs.paas.platform";

/// Which service manager is meant, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// systemd's own instance of a user.
    SystemdUser,
    /// The systemd of the machine; for root.
    SystemdSystem,
    /// launchd's agents of a user; as root its daemons.
    Launchd,
}

/// What the service is made of; every path is passed in, nothing is read from the environment.
#[derive(Debug, Clone)]
pub struct Service {
    /// Who runs it.
    pub manager: Manager,
    /// The `paas` program, absolute.
    pub program: PathBuf,
    /// The home that it serves, absolute.
    pub home: PathBuf,
    /// Where the manager looks for units: `~/.config/systemd/user`, `/etc/systemd/system`, `~/Library/LaunchAgents`, `/Library/LaunchDaemons`.
    pub units: PathBuf,
    /// The manager's program: `systemctl` or `launchctl`, by name or path.
    pub control: PathBuf,
    /// What is there only where the manager runs: `/run/systemd/system`, see `sd_booted(3)`; for launchd, `/System/Library/LaunchDaemons`.
    pub sign: PathBuf,
}

/// How the service is doing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The unit's file.
    pub unit: PathBuf,
    /// True if the file is there.
    pub installed: bool,
    /// True if the file is what this program would write now.
    pub current: bool,
    /// The manager's word: `active`, `inactive`, `failed`; nothing if there is none here.
    pub active: Option<String>,
    /// True if it begins with the machine or the login.
    pub enabled: Option<bool>,
}

impl Service {
    /// The unit's file.
    pub fn path(&self) -> PathBuf {
        self.units.join(match self.manager {
            Manager::SystemdUser | Manager::SystemdSystem => UNIT.to_owned(),
            Manager::Launchd => format!("{LABEL}.plist"),
        })
    }

    /// The unit's text.
    pub fn text(&self) -> String {
        match self.manager {
            Manager::SystemdUser => unit::systemd(&self.program, &self.home, "default.target"),
            Manager::SystemdSystem => unit::systemd(&self.program, &self.home, "multi-user.target"),
            Manager::Launchd => unit::plist(&self.program, &self.home),
        }
    }

    /// Writes the unit and starts it, now and with the machine. Installing again brings a changed path into it.
    ///
    /// # Errors
    /// `PAAS-LOC-0025` if no manager runs here; `PAAS-LOC-0026` with its words if it refuses, and `PAAS-LOC-0013`: what was written
    /// is then taken back.
    pub async fn install(&self) -> Result<PathBuf> {
        self.check().await?;
        let path = self.path();
        let before = files::read(&path)?;
        files::make_dir(&self.units, 0o755)?;
        let me = Account::Myself { uid: 0 };
        files::replace(&path, self.text().as_bytes(), 0o644, &me)?;
        let Err(refused) = self.start().await else {
            return Ok(path);
        };
        // Nothing half-made: what was there before is there again.
        match before {
            Some(text) => files::replace(&path, text.as_bytes(), 0o644, &me)?,
            None => {
                let _ = self.stop().await;
                files::remove(&path)?;
            }
        }
        let _ = self.reread().await;
        Err(refused)
    }

    /// Stops the service, which stops the databases it looks after, and removes its unit. Data and accepted objects stay. False if there
    /// was none.
    ///
    /// # Errors
    /// `PAAS-LOC-0026` if the manager refuses to stop it: the unit then stays; `PAAS-LOC-0013`.
    pub async fn uninstall(&self) -> Result<bool> {
        let path = self.path();
        if path.symlink_metadata().is_err() {
            return Ok(false);
        }
        // Where no manager runs there is nothing to stop.
        let here = self.check().await.is_ok();
        if here {
            self.stop().await?;
        }
        files::remove(&path)?;
        if here {
            self.reread().await?;
        }
        Ok(true)
    }

    /// How it is doing.
    ///
    /// # Errors
    /// `PAAS-LOC-0013` if the unit cannot be read.
    pub async fn standing(&self) -> Result<Standing> {
        let path = self.path();
        let text = files::read(&path)?;
        let mut standing = Standing {
            unit: path,
            installed: text.is_some(),
            current: text.is_some_and(|t| t == self.text()),
            active: None,
            enabled: None,
        };
        if self.check().await.is_ok() {
            match self.manager {
                Manager::SystemdUser | Manager::SystemdSystem => {
                    standing.active = self.ask(&["is-active", UNIT]).await.ok().map(|(_, said)| said);
                    let enabled = self.ask(&["is-enabled", UNIT]).await.ok();
                    standing.enabled = enabled.map(|(_, said)| said == "enabled");
                }
                Manager::Launchd => {
                    let listed = self.ask(&["list", LABEL]).await.is_ok_and(|(ok, _)| ok);
                    standing.active = Some(if listed { "active" } else { "inactive" }.to_owned());
                    standing.enabled = Some(standing.installed);
                }
            }
        }
        Ok(standing)
    }

    /// Whether the manager can be used.
    async fn check(&self) -> Result<()> {
        let absent = |why: String| {
            Error::new(&LOC_NO_SERVICES, Class::Unsupported)
                .attempted("find the service manager of this machine")
                .happened(why)
        };
        if !self.sign.exists() {
            return Err(absent(format!(
                "{} is not there, so it does not run",
                self.sign.display()
            )));
        }
        if self.manager == Manager::SystemdUser {
            let (ok, said) = self.ask(&["show-environment"]).await?;
            if !ok {
                return Err(absent(format!("systemd of this user: {said}")));
            }
        }
        Ok(())
    }

    async fn start(&self) -> Result<()> {
        let path = self.path().display().to_string();
        match self.manager {
            Manager::SystemdUser | Manager::SystemdSystem => {
                self.reread().await?;
                self.must(&["enable", UNIT]).await?;
                // A unit that runs already has to take up what is written now.
                self.must(&["restart", UNIT]).await
            }
            Manager::Launchd => {
                let _ = self.ask(&["unload", &path]).await;
                self.must(&["load", "-w", &path]).await
            }
        }
    }

    async fn stop(&self) -> Result<()> {
        let path = self.path().display().to_string();
        match self.manager {
            Manager::SystemdUser | Manager::SystemdSystem => self.must(&["disable", "--now", UNIT]).await,
            Manager::Launchd => self.must(&["unload", "-w", &path]).await,
        }
    }

    async fn reread(&self) -> Result<()> {
        match self.manager {
            Manager::SystemdUser | Manager::SystemdSystem => self.must(&["daemon-reload"]).await,
            Manager::Launchd => Ok(()),
        }
    }

    async fn must(&self, words: &[&str]) -> Result<()> {
        match self.ask(words).await? {
            (true, _) => Ok(()),
            (false, said) => Err(self.refused(words, said)),
        }
    }

    /// Whether it went well, and what was said. The manager's program needs our environment: it tells it where its user's manager is.
    async fn ask(&self, words: &[&str]) -> Result<(bool, String)> {
        let mut command = Command::new(&self.control);
        if self.manager == Manager::SystemdUser {
            command.arg("--user");
        }
        command.args(words).stdin(std::process::Stdio::null());
        let out = program::run(command)
            .await
            .map_err(|e| self.refused(words, e.to_string()))?;
        let said = if out.stdout.is_empty() {
            &out.stderr
        } else {
            &out.stdout
        };
        let said = String::from_utf8_lossy(said).trim().to_owned();
        Ok((out.status.success(), said))
    }

    fn refused(&self, words: &[&str], said: String) -> Error {
        Error::new(&LOC_SERVICE, Class::Blocked)
            .attempted(format!("run {} {}", self.control.display(), words.join(" ")))
            .happened(said)
    }
}
