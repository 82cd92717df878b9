//! The hands on this machine: folders, data directories, server processes.

mod server;

use std::path::Path;

use async_trait::async_trait;

use self::server::ask;
use super::{
    codes::{LOC_FOREIGN, LOC_MISPLACED},
    config::Written,
    data, files,
    machine::LocalMachine,
    mark::{self, Mark},
    memory,
    postmaster::{self, Postmaster},
    resource::{Data, Encryption, Folder, LocalResource, Server},
    tls::certificate::{self, Standing},
    upgrade::switch,
};
use crate::{
    actuator::{Actuator, Ids, Reach},
    codes::CORE_SECRET_MISSING,
    database::connection::{Connection, SslMode},
    error::{Class, Error, Result},
    event::{Event, State},
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
    spec::EngineVersion,
};

/// The name of the secret with the password of [`data::ADMIN`].
pub const ADMIN_SECRET: &str = "admin";

/// Makes one instance on this machine.
#[derive(Debug)]
pub struct LocalActuator {
    machine: LocalMachine,
    wish: Option<EngineVersion>,
}

impl LocalActuator {
    /// Hands for instances on `machine`; a new data directory gets the version that is wished for.
    pub fn new(machine: LocalMachine, wish: Option<EngineVersion>) -> Self {
        Self { machine, wish }
    }

    /// Every folder that bears this owner's mark: one, unless somebody copied it. Of the one place that is ours also what a crash left
    /// half-made.
    fn folders(
        &self,
        owner: &Owner,
        seen: &mut Observed<LocalResource>,
    ) -> Result<Option<std::path::PathBuf>> {
        let place = self.machine.folder(owner);
        let key = Key::new(LocalResource::FOLDER)?;
        let folder = |path: &Path| {
            LocalResource::Folder(Folder {
                path: path.to_path_buf(),
            })
        };
        let uid = owner.uid().to_string();
        let mut ours = None;
        let mut found = Vec::new();
        for (path, mark) in mark::scan(&self.machine.home.instances(), &place)? {
            if mark.owner == uid {
                if path == place {
                    ours = Some(path.clone());
                }
                seen.found(
                    key.clone(),
                    Live::ready(path.display().to_string(), folder(&path)),
                );
                found.push(path);
            } else if path == place {
                return Err(foreign(
                    &place,
                    &format!("its mark says that it belongs to {}", mark.name),
                ));
            }
        }
        if ours.is_none() && place.symlink_metadata().is_ok() {
            return Err(foreign(&place, "it bears no mark"));
        }
        if ours.is_none()
            && let [elsewhere] = found.as_slice()
        {
            return Err(misplaced(owner, elsewhere, &place));
        }
        let half = files::half_made(&place);
        if ours.is_none() && seen.live.is_empty() && half.symlink_metadata().is_ok() {
            let why = "it was left half-made or half-removed".to_owned();
            let live = Live::settling(half.display().to_string(), folder(&half), "");
            seen.found(key, live.health(Health::broken(why)));
        }
        Ok(ours)
    }

    async fn admin(&self, owner: &Owner, server_port: u16) -> Result<Option<Connection>> {
        let password = self.machine.secrets.get(owner, ADMIN_SECRET).await?;
        Ok(password.map(|password| Connection {
            host: self.machine.sockets(owner).display().to_string(),
            port: server_port,
            database: "postgres".to_owned(),
            user: data::ADMIN.to_owned(),
            password,
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        }))
    }

    /// What a running server says of itself.
    async fn look(
        &self,
        owner: &Owner,
        instance: &Path,
        running: &Postmaster,
    ) -> Result<Live<LocalResource>> {
        let written = Written::read(instance)?.unwrap_or_default();
        let server_port = running.port.or(written.port);
        let mut server = Server {
            port: server_port,
            ..Server::default()
        };
        let live = |server: Server, health| {
            let resource = LocalResource::Server(Box::new(server));
            Live {
                was_ready: true,
                ..Live::ready(running.process.pid.to_string(), resource)
            }
            .health(health)
        };
        let settling = |why: String| Health::Settling { why };
        if running.status == "stopping" {
            return Ok(live(server, Health::Leaving));
        }
        let Some(server_port) = server_port else {
            return Ok(live(server, settling("the server is starting".to_owned())));
        };
        let Some(admin) = self.admin(owner, server_port).await? else {
            let why = format!("the secret '{ADMIN_SECRET}' of it is missing");
            let code = Some(&CORE_SECRET_MISSING);
            return Ok(live(server, Health::Broken { why, code }));
        };
        match ask(&admin, &written).await {
            Ok(seen) => {
                server.parameters = Some(written.parameters);
                server.seen = seen;
                if server.seen.tls == Encryption::Unknown {
                    server.seen.tls = self.encryption(instance, written.certificate.as_deref());
                }
                Ok(live(server, Health::Ready))
            }
            Err(e) if e.class() == Class::Denied => {
                let (why, code) = (e.words().to_owned(), Some(e.code()));
                Ok(live(server, Health::Broken { why, code }))
            }
            Err(e) => Ok(live(server, settling(e.to_string()))),
        }
    }

    /// How a server that has TLS on is seen by a client that has the home's authority.
    fn encryption(&self, instance: &Path, read: Option<&str>) -> Encryption {
        match certificate::look(&self.machine.home, instance, self.machine.clock.now()) {
            Standing::Good(served) if Some(served.fingerprint.as_str()) == read => {
                Encryption::On(served.ends)
            }
            Standing::Good(_) => Encryption::Due("the server has not read it".to_owned()),
            Standing::Due(why) => Encryption::Due(why),
        }
    }

    async fn make_data(&self, owner: &Owner, key: &Key, instance: &Path, want: &Data) -> Result<Data> {
        // Never an empty one while an upgrade was cut off between its renames.
        if let Some(major) = switch::settle(instance, want.major)? {
            return Ok(Data { major: Some(major) });
        }
        let tell = |message: String| self.tell(owner, key, "Fetching", message);
        let build = self.machine.build(self.wish.as_ref(), want.major, &tell).await?;
        // Stored before the create that uses it: afterwards there is no other way in.
        let password = self.machine.generate.secret();
        let password = self
            .machine
            .secrets
            .put_if_absent(owner, ADMIN_SECRET, password)
            .await?;
        let message = format!(
            "a data directory of PostgreSQL {} in {}",
            build.version,
            build.bin.display()
        );
        self.tell(owner, key, "Making", message);
        // Beside it, because the first key of a process takes 20 ms: aws-lc gathers entropy. The start judges what comes of it.
        let (home, place, now) = (
            self.machine.home.clone(),
            instance.to_path_buf(),
            self.machine.clock.now(),
        );
        let early = tokio::task::spawn_blocking(move || {
            let _ = certificate::ensure(&home, &place, home.account(), now);
        });
        let (account, templates) = (self.machine.home.account(), self.machine.templates());
        let made = templates.make(&build, account, instance, &password).await;
        let _ = early.await;
        made?;
        Ok(Data {
            major: Some(build.version.major),
        })
    }

    /// What a killed upgrade left running or lying beside the data goes before anything is done there.
    async fn sweep(&self, instance: &Path) -> Result<()> {
        switch::sweep(instance, self.machine.home.account(), &*self.machine.clock).await
    }

    fn tell(&self, owner: &Owner, key: &Key, reason: &str, message: String) {
        self.machine.events.emit(&Event {
            at: self.machine.clock.now(),
            owner: owner.to_string(),
            stage: super::resource::STAGE.to_owned(),
            key: Some(key.clone()),
            verb: "create".to_owned(),
            state: State::Waiting,
            reason: reason.to_owned(),
            message,
            request_id: None,
        });
    }
}

#[async_trait]
impl Actuator<LocalResource> for LocalActuator {
    async fn observe(
        &self,
        owner: &Owner,
        _hints: &Ledger,
        _reach: Reach,
    ) -> Result<Observed<LocalResource>> {
        let mut seen = Observed::default();
        let Some(instance) = self.folders(owner, &mut seen)? else {
            return Ok(seen);
        };
        if let Some(major) = data::major(&instance)? {
            let path = instance.join(data::FOLDER).display().to_string();
            let resource = LocalResource::Data(Data { major: Some(major) });
            seen.found(resource.key()?, Live::ready(path, resource));
        }
        if let Some(running) = postmaster::running(&instance, self.machine.home.account())? {
            let live = self.look(owner, &instance, &running).await?;
            seen.found(live.resource.key()?, live);
        }
        Ok(seen)
    }

    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &LocalResource,
        _ids: &Ids,
    ) -> Result<Live<LocalResource>> {
        let instance = self.machine.folder(owner);
        self.sweep(&instance).await?;
        match want {
            LocalResource::Folder(_) => {
                let name = format!("{}/{}", owner.namespace(), owner.name());
                let mark = Mark::new(
                    owner.uid().to_string(),
                    key.as_str(),
                    name,
                    self.machine.clock.now(),
                );
                mark.make_folder(&instance, self.machine.home.account())?;
                let made = LocalResource::Folder(Folder {
                    path: instance.clone(),
                });
                Ok(Live::ready(instance.display().to_string(), made))
            }
            LocalResource::Data(wanted) => {
                let made = self.make_data(owner, key, &instance, wanted).await?;
                Ok(Live::ready(
                    instance.join(data::FOLDER).display().to_string(),
                    LocalResource::Data(made),
                ))
            }
            LocalResource::Server(wanted) => {
                let running = self.start(owner, key, &instance, wanted).await?;
                self.look(owner, &instance, &running).await
            }
        }
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<LocalResource>,
        want: &LocalResource,
        changes: &[Change],
        _ids: &Ids,
    ) -> Result<()> {
        match (&live.resource, want) {
            (LocalResource::Server(is), LocalResource::Server(want)) => {
                self.sweep(&self.machine.folder(owner)).await?;
                self.reconfigure(owner, key, is, want, changes).await
            }
            // The others never differ in a way that an update is planned for.
            _ => Ok(()),
        }
    }

    async fn delete(&self, owner: &Owner, _key: &Key, live: &Live<LocalResource>) -> Result<()> {
        let instance = self.machine.folder(owner);
        self.sweep(&instance).await?;
        let running = postmaster::running(&instance, self.machine.home.account())?;
        match &live.resource {
            LocalResource::Server(_) => match running {
                Some(server) if server.process.pid.to_string() == live.id => {
                    postmaster::stop(&server, &*self.machine.clock).await
                }
                _ => Ok(()),
            },
            LocalResource::Data(_) | LocalResource::Folder(_) if running.is_some() => {
                Err(foreign(&instance, "a server runs on it, so it is not removed"))
            }
            LocalResource::Data(_) => discard(instance.join(data::FOLDER)).await,
            LocalResource::Folder(folder) => {
                if folder.path == instance || folder.path == files::half_made(&instance) {
                    self.machine.secrets.forget(owner).await?;
                    self.machine.bindings.forget(owner).await?;
                    files::remove(&self.machine.sockets(owner))?;
                    memory::sweep_left();
                    return discard(instance).await;
                }
                discard(folder.path.clone()).await
            }
        }
    }
}

async fn discard(path: std::path::PathBuf) -> Result<()> {
    let there = path.clone();
    let done = tokio::task::spawn_blocking(move || files::discard(&path)).await;
    done.map_err(|e| files::io_error("remove", &there, std::io::Error::other(e)))?
}

/// The only folder with our mark is not where it is looked for: made anew, the instance would hide its own data.
fn misplaced(owner: &Owner, found: &Path, place: &Path) -> Error {
    Error::new(&LOC_MISPLACED, Class::Blocked)
        .attempted(format!("look at {owner}"))
        .happened(format!(
            "its data lies at {}; its place, {}, is empty",
            found.display(),
            place.display()
        ))
        .remedy(format!(
            "run `paas db adopt {}`, or move it back: mv {} {}",
            owner.name(),
            found.display(),
            place.display()
        ))
}

fn foreign(path: &Path, why: &str) -> Error {
    Error::new(&LOC_FOREIGN, Class::Blocked)
        .attempted(format!("use {}", path.display()))
        .happened(why)
}
