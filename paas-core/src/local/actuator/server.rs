//! Starting a server and changing a running one.

use std::{path::Path, time::Duration};

use super::{ADMIN_SECRET, LocalActuator};
use crate::{
    database::{
        codes::PG_TLS,
        connection::Connection,
        parameters,
        session::{Session, column},
    },
    driver::Binding,
    error::{Class, Error, Result},
    local::{
        build::{Build, Version},
        codes::{LOC_AUTHORITY, LOC_PORT, LOC_START},
        config::{self, ServerConfig, Written},
        data, files,
        instance::parameters::judge,
        port,
        postmaster::{self, Postmaster},
        resource::{Encryption, Seen, Server},
        tls::certificate,
    },
    owner::Owner,
    resource::{Change, Key},
    secrets::SecretRef,
    spec::EngineVersion,
};

/// How long a create waits for the server to answer. Afterwards it is waited for from pass to pass: it may be recovering.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a build without TLS says of `ssl = on`.
const NO_TLS: &str = "SSL is not supported by this build";

/// How often a start is tried again when the last children of a killed server are still ending, or a port was just taken.
const ATTEMPTS: usize = 40;

/// The pause between two such attempts.
const PAUSE: Duration = Duration::from_millis(50);

impl LocalActuator {
    pub(super) async fn start(
        &self,
        owner: &Owner,
        key: &Key,
        instance: &Path,
        want: &Server,
    ) -> Result<Postmaster> {
        let major = data::major(instance)?.unwrap_or_default();
        let tell = |message: String| self.tell(owner, key, "Fetching", message);
        let build = self
            .machine
            .build(self.wish_of(major), Some(major), &tell)
            .await?;
        self.start_with(&build, owner, instance, want).await
    }

    /// The declared version, as far as the data can follow it.
    fn wish_of(&self, major: u32) -> Option<&EngineVersion> {
        self.wish.as_ref().filter(|w| w.major() == major)
    }

    async fn start_with(
        &self,
        build: &Build,
        owner: &Owner,
        instance: &Path,
        want: &Server,
    ) -> Result<Postmaster> {
        let account = self.machine.home.account();
        let major = build.version.major;
        let parameters = want.parameters.clone().unwrap_or_default();
        judge(build, account, instance, &parameters).await?;
        let kept = want.port.or(Written::read(instance)?.and_then(|w| w.port));
        let mut taken = self.machine.taken(instance)?;
        let sockets = self.machine.sockets(owner);
        files::make_own_dir(&sockets, account)?;
        // A spoilt authority takes no database away: it runs with the certificate that it has, and the next look finds fault with it.
        let spoilt = |e: Error| match certificate::kept(instance) {
            Some(kept) if e.code() == &LOC_AUTHORITY => Ok(kept),
            _ => Err(e),
        };
        let mut certificate = Some(self.certificate(instance).or_else(spoilt)?);
        let mut attempt = 0;
        loop {
            let chosen = kept.map_or_else(|| port::choose(owner.uid(), &taken), Ok)?;
            let config = ServerConfig {
                port: chosen,
                sockets: sockets.clone(),
                major,
                certificate: certificate.clone(),
                parameters: parameters.clone(),
            };
            config.write(instance, account)?;
            let clock = &*self.machine.clock;
            attempt += 1;
            match postmaster::start(build, account, instance, PATIENCE, clock).await {
                Err(e) if e.code() == &LOC_PORT && kept.is_none() && attempt < ATTEMPTS => {
                    taken.insert(chosen);
                    config::forget(instance)?;
                }
                // The build itself is the judge, and asking it beforehand would cost every start a process.
                Err(e) if certificate.is_some() && e.words().contains(NO_TLS) => certificate = None,
                // Whoever holds it may hold it for ever: a person decides, not another try.
                Err(e) if e.code() == &LOC_PORT && kept.is_some() => return Err(port::held(chosen, &e)),
                Err(e) if e.code() == &LOC_START && e.class() == Class::Transient && attempt < ATTEMPTS => {
                    clock.sleep(PAUSE).await;
                }
                started => return started,
            }
        }
    }

    /// Brings a changed configuration into the running server, by a reload or a restart.
    pub(super) async fn reconfigure(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Server,
        want: &Server,
        changes: &[Change],
    ) -> Result<()> {
        let instance = self.machine.folder(owner);
        let account = self.machine.home.account();
        let Some(running) = postmaster::running(&instance, account)? else {
            return Ok(());
        };
        let want = Server {
            port: want.port.or(live.port),
            ..want.clone()
        };
        let parameters = want.parameters.clone().unwrap_or_default();
        let major = data::major(&instance)?.unwrap_or_default();
        let tell = |message: String| self.tell(owner, key, "Fetching", message);
        // Before the server is touched: a version that is not to be had stops nothing.
        let build = self
            .machine
            .build(self.wish_of(major), Some(major), &tell)
            .await?;
        judge(&build, account, &instance, &parameters).await?;
        if changes.iter().any(|c| c.brings.as_deref() == Some("restart")) {
            let before = Written::read(&instance)?.unwrap_or_default();
            postmaster::stop(&running, &*self.machine.clock).await?;
            let Err(refused) = self.start(owner, key, &instance, &want).await else {
                return Ok(());
            };
            let before = Server {
                port: before.port,
                version: live.seen.version,
                parameters: Some(before.parameters),
                ..Server::default()
            };
            return Err(self.go_back(owner, &instance, &before, refused).await);
        }
        let Some(server_port) = want.port else {
            return Ok(());
        };
        let sockets = self.machine.sockets(owner);
        let certificate = match live.seen.tls {
            Encryption::Absent => None,
            _ => Some(self.certificate(&instance)?),
        };
        ServerConfig {
            port: server_port,
            sockets,
            major,
            certificate,
            parameters,
        }
        .write(&instance, account)?;
        postmaster::reload(&running)?;
        self.wait_for_reload(owner, &instance, server_port).await
    }

    /// The fingerprint of a certificate that clients take; a new one where there is none.
    fn certificate(&self, instance: &Path) -> Result<String> {
        let home = &self.machine.home;
        certificate::ensure(home, instance, home.account(), self.machine.clock.now())
    }

    /// A server that refuses its new parameters, or its new version, runs again with those it had: a mistake in the spec takes no
    /// database away.
    async fn go_back(&self, owner: &Owner, instance: &Path, before: &Server, refused: Error) -> Error {
        if refused.class() != Class::Invalid {
            return refused;
        }
        let now = match self.start_again(owner, instance, before).await {
            Ok(()) => "the server runs again as it was".to_owned(),
            Err(e) => format!("nor does it start as it was: {e}"),
        };
        let words = format!("{}; {now}", refused.words());
        refused.happened(words)
    }

    /// Starts the version that ran, or where its build was replaced meanwhile, any of its major.
    async fn start_again(&self, owner: &Owner, instance: &Path, before: &Server) -> Result<()> {
        let major = data::major(instance)?.unwrap_or_default();
        let ran: Option<EngineVersion> = before.version.and_then(|v| v.to_string().parse().ok());
        let build = match self.machine.build(ran.as_ref(), Some(major), &|_| ()).await {
            Ok(build) => build,
            Err(_) => self.machine.build(None, Some(major), &|_| ()).await?,
        };
        self.start_with(&build, owner, instance, before).await.map(|_| ())
    }

    /// The postmaster reads the file in its own time; until then the next look would see an old configuration.
    async fn wait_for_reload(&self, owner: &Owner, instance: &Path, server_port: u16) -> Result<()> {
        let written = Written::read(instance)?.unwrap_or_default();
        let Some(admin) = self.admin(owner, server_port).await? else {
            return Ok(());
        };
        for _ in 0..ATTEMPTS {
            let seen = ask(&admin, &written).await?;
            if !seen.stale {
                return match seen.tls {
                    Encryption::Off if written.tls == Some(true) => Err(Error::new(&PG_TLS, Class::Blocked)
                        .attempted("switch TLS on")
                        .happened("the server read its configuration and TLS is still off")
                        .remedy(format!(
                            "read its last words in {}",
                            instance.join(postmaster::LOG).display()
                        ))),
                    _ => Ok(()),
                };
            }
            self.machine.clock.sleep(PAUSE / 5).await;
        }
        Ok(())
    }
}

/// Asks the server for what only it knows. Its answer is what readiness means.
pub(super) async fn ask(admin: &Connection, written: &Written) -> Result<Seen> {
    let session = Session::open(admin).await?;
    let rows = session
        .rows(
            "SELECT current_setting('server_version') AS version, current_setting($1, true) AS hash, \
             current_setting('ssl_library') AS tls_by, current_setting('ssl') AS tls, \
             array_remove(array_agg(CASE WHEN context = 'postmaster' THEN name END), NULL) AS at_start, \
             array_remove(array_agg(CASE WHEN pending_restart THEN name END), NULL) AS pending FROM pg_settings",
            &[&parameters::HASH],
            "ask the server for its settings",
        )
        .await?;
    let mut seen = Seen::default();
    if let Some(row) = rows.first() {
        seen.version = Version::parse(column(row, "version")?);
        seen.at_start = column::<Vec<String>>(row, "at_start")?.into_iter().collect();
        seen.pending = column(row, "pending")?;
        seen.stale = column::<Option<String>>(row, "hash")? != written.hash;
        seen.tls = match (column(row, "tls_by")?, column(row, "tls")?) {
            ("", _) => Encryption::Absent,
            // Of which worth its certificate is, the files say.
            (_, "on") => Encryption::Unknown,
            _ => Encryption::Off,
        };
    }
    seen.admin = Some(Binding {
        host: admin.host.clone(),
        port: admin.port,
        database: admin.database.clone(),
        username: admin.user.clone(),
        password: SecretRef::to(ADMIN_SECRET, &admin.password),
    });
    Ok(seen)
}
