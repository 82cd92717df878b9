//! The one place that knows this machine's platform: the home, the locks, and the stages of each object.

use std::{path::PathBuf, sync::Arc};

use paas_core::{
    codes::CORE_UNSUPPORTED,
    database::{codes::PG_CONNECT, connection::Connection},
    driver::Outputs,
    error::{Class, Error},
    event::EventSink,
    execute::{Alone, Fence, Tools},
    ledger::FileLedger,
    local::{
        account::Account, data, driver::LocalInfrastructure, home::Whence, instance::LocalInstance,
        lock::Holder, machine::LocalMachine, postmaster,
    },
    owner::Owner,
    pipeline::{Context, DriverStage, Pipeline},
    policy::{Policy, Retention},
    spec::{self, DatabaseInstanceSpec, Document, InfrastructureType, Object, PlatformSpec, validate},
};

use crate::{
    app::App,
    args::Act,
    codes::{CLI_NOT_DECLARED, CLI_NOT_RUNNING, CLI_PLATFORM},
    events::Log,
    objects::Objects,
    ui::{printer::Printer, progress::Progress},
};

/// An open home.
#[derive(Debug)]
pub(crate) struct Session {
    machine: LocalMachine,
    objects: Objects,
    set_aside: Objects,
    /// Shows what happens.
    pub(crate) progress: Arc<Progress>,
    printer: Arc<Printer>,
    cancel: tokio_util::sync::CancellationToken,
}

/// An object and the stages that make it.
#[derive(Debug)]
pub(crate) struct Target {
    /// The object.
    pub(crate) document: Document,
    /// Who owns what is made.
    pub(crate) owner: Owner,
    /// The platform that it runs on, if it is a database.
    pub(crate) platform: Option<Owner>,
    /// Its stages.
    pub(crate) pipeline: Pipeline,
    instance: Option<LocalInstance>,
    fence: Arc<dyn Fence>,
}

/// Where a database is, without its password.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The major version of its data.
    pub(crate) version: String,
    /// The port on the loopback.
    pub(crate) port: u16,
    /// The URL with its password hidden.
    pub(crate) url: String,
    /// The folder that holds everything of it.
    pub(crate) folder: String,
    /// The user that its server runs as, if that is another one than ours: PostgreSQL refuses root.
    pub(crate) runs_as: Option<String>,
}

/// The home's folder by flag, environment and user, without a look at it.
fn home(app: &App) -> Result<PathBuf, Error> {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let absolute = |p: &PathBuf| std::path::absolute(p).unwrap_or_else(|_| p.clone());
    let whence = Whence {
        // clap has looked at PAAS_HOME already.
        flag: app.global.home.as_ref().map(absolute),
        paas_home: None,
        xdg_data_home: var("XDG_DATA_HOME"),
        home: var("HOME"),
        root: rustix::process::geteuid().is_root(),
    };
    whence.resolve()
}

/// Where the logs of all owners are; nothing is opened or made.
pub(crate) fn owners(app: &App) -> Result<PathBuf, Error> {
    Ok(home(app)?.join("owners"))
}

impl Session {
    /// Opens the home, making its folders where they are missing.
    pub(crate) fn open(app: &App) -> Result<Self, Error> {
        let machine = LocalMachine::open(home(app)?)?;
        Ok(Self {
            objects: Objects::new(machine.home.objects()),
            set_aside: Objects::new(machine.home.root().join("set-aside")),
            machine,
            progress: Arc::new(Progress::new(app.printer.clone())),
            printer: app.printer.clone(),
            cancel: app.interrupt.cancel.clone(),
        })
    }

    /// The accepted objects.
    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Objects that were deleted while their data was kept: with them the data can be taken up as it was.
    pub(crate) fn set_aside(&self) -> &Objects {
        &self.set_aside
    }

    /// The folder of an owner's ledgers and log.
    pub(crate) fn owner_folder(&self, owner: &Owner) -> PathBuf {
        self.machine.home.owners().join(owner.uid().to_string())
    }

    /// A folder that only we can read, for files that live for a moment.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.machine.home.secrets()
    }

    /// Refuses changes of accepted objects that the outside world cannot follow.
    pub(crate) fn check_changes(&self, documents: &[Document]) -> Result<(), Error> {
        let accepted = self.objects.all()?;
        for new in documents {
            if let Some(old) = accepted.iter().find(|a| crate::input::same(a, new)) {
                validate::update(old, new).map_err(Error::from)?;
            }
        }
        Ok(())
    }

    /// The stages of each object, platforms first.
    pub(crate) fn targets(&self, documents: &[Document]) -> Result<Vec<Target>, Error> {
        let mut platforms: Vec<Object<PlatformSpec>> = Vec::new();
        for document in documents.iter().chain(&self.objects.all()?) {
            if let Document::Platform(p) = document
                && !platforms.iter().any(|q| {
                    q.metadata.name == p.metadata.name && q.metadata.namespace == p.metadata.namespace
                })
            {
                platforms.push(p.clone());
            }
        }
        let mut targets = Vec::with_capacity(documents.len());
        for document in documents {
            if let Document::Platform(platform) = document {
                targets.push(self.platform(document, platform)?);
            }
        }
        for document in documents {
            match document {
                Document::Platform(_) => {}
                Document::DatabaseInstance(object) => {
                    targets.push(self.database(document, object, &platforms)?)
                }
                Document::DatabaseBackup(_) => {
                    return Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                        .attempted(format!("run the backup {}", document.name()))
                        .happened("this build makes no backups yet; it has: Platform, DatabaseInstance")
                        .remedy("leave the DatabaseBackup out of the file"));
                }
            }
        }
        Ok(targets)
    }

    fn platform(&self, document: &Document, platform: &Object<PlatformSpec>) -> Result<Target, Error> {
        check_infrastructure(platform)?;
        let driver = LocalInfrastructure::new(self.machine.clone());
        Ok(Target {
            document: document.clone(),
            owner: self.platform_owner(platform),
            platform: None,
            pipeline: Pipeline::new(vec![Box::new(DriverStage::new(driver, platform.spec.clone()))]),
            instance: None,
            fence: Arc::new(Alone),
        })
    }

    fn platform_owner(&self, platform: &Object<PlatformSpec>) -> Owner {
        let meta = &platform.metadata;
        Owner::new(self.machine.identity(), "Platform", &meta.namespace, &meta.name)
    }

    fn database(
        &self,
        document: &Document,
        object: &Object<DatabaseInstanceSpec>,
        platforms: &[Object<PlatformSpec>],
    ) -> Result<Target, Error> {
        let platform = choose(object, platforms)?;
        if let Some(platform) = platform {
            check_infrastructure(platform)?;
        }
        let meta = &object.metadata;
        let owner = self.machine.owner(&meta.namespace, &meta.name);
        let mut machine = self.machine.clone();
        let log: Arc<dyn EventSink> = Arc::new(Log::new(self.owner_folder(&owner), self.progress.clone()));
        machine.events = log;
        let instance = LocalInstance::new(machine, &meta.namespace, &meta.name, object.spec.clone())
            .cancelled_by(self.cancel.clone());
        Ok(Target {
            document: document.clone(),
            owner,
            platform: platform.map(|p| self.platform_owner(p)),
            pipeline: instance.pipeline(),
            instance: Some(instance),
            fence: Arc::new(Alone),
        })
    }

    /// Becomes the one writer of all targets, waiting for others and saying who they are.
    pub(crate) async fn lock(&self, targets: &mut [Target], doing: &str, act: &Act) -> Result<(), Error> {
        // Everybody takes locks in the same order, so that nobody waits in a circle.
        let mut order: Vec<&mut Target> = targets.iter_mut().collect();
        order.sort_by_key(|t| t.owner.uid());
        for target in order {
            let Some(instance) = &target.instance else {
                continue;
            };
            let owner = target.owner.to_string();
            let waiting = |holder: &Holder| {
                self.printer.talk(&format!(
                    "{owner}: {holder} is at work; waiting until it is done."
                ));
            };
            let instance = instance.clone().doing(doing).patience(act.timeout);
            target.fence = Arc::new(instance.lock(&waiting).await?);
        }
        Ok(())
    }

    /// What a pass over a target's stages needs.
    pub(crate) fn context(&self, target: &Target, given: Outputs, delete_data: bool) -> Context {
        let mut cx = match &target.instance {
            Some(instance) => instance.context(target.fence.clone()),
            None => {
                let tools = Tools {
                    ledger: Arc::new(FileLedger::new(self.machine.home.owners())),
                    fence: target.fence.clone(),
                    clock: self.machine.clock.clone(),
                    events: self.progress.clone(),
                    cancel: self.cancel.clone(),
                };
                Context::new(target.owner.clone(), Policy::default(), tools)
            }
        };
        cx.outputs = given;
        if delete_data {
            cx.policy.retention = Retention::Delete;
        }
        cx
    }

    /// The way into a running database: as this user or the owner of the database, to this database or the user's first.
    pub(crate) async fn connection(
        &self,
        target: &Target,
        user: Option<&str>,
        database: Option<&str>,
    ) -> Result<Connection, Error> {
        let connection = self.way(target, user, database).await?;
        let folder = self.machine.folder(&target.owner);
        if postmaster::running(&folder, self.machine.home.account())?.is_none() {
            return Err(not_running(target, "its server does not run"));
        }
        Ok(connection)
    }

    /// Where a database is, running or not.
    pub(crate) async fn place(&self, target: &Target) -> Result<Place, Error> {
        let connection = self.way(target, None, None).await?;
        let folder = self.machine.folder(&target.owner);
        Ok(Place {
            version: data::major(&folder)?.map_or(String::new(), |m| m.to_string()),
            port: connection.port,
            url: connection.to_string(),
            folder: folder.display().to_string(),
            runs_as: match self.machine.home.account() {
                Account::Myself { .. } => None,
                Account::Other { name, .. } => Some(name.clone()),
            },
        })
    }

    async fn way(
        &self,
        target: &Target,
        user: Option<&str>,
        database: Option<&str>,
    ) -> Result<Connection, Error> {
        let (Some(instance), Document::DatabaseInstance(object)) = (&target.instance, &target.document)
        else {
            return Err(not_running(target, "it is not a database"));
        };
        let spec = &object.spec;
        let users: Vec<&str> = spec.users.iter().map(|u| u.name.as_str()).collect();
        let databases: Vec<&str> = spec.databases.iter().map(|d| d.name.as_str()).collect();
        declared("user", user, &users)?;
        declared("database", database, &databases)?;
        let owned = spec
            .databases
            .iter()
            .find(|d| user.is_some_and(|u| spec.owner_of(d) == u));
        let chosen = spec
            .databases
            .iter()
            .find(|d| Some(d.name.as_str()) == database)
            .or(owned)
            .or(spec.databases.first());
        let (database, owner) = chosen.map_or(("app", "app"), |d| (d.name.as_str(), spec.owner_of(d)));
        // That a password is missing is another matter, which `up` does not mend.
        let never = |e: Error| match e.class() {
            Class::NotFound if e.code() == &PG_CONNECT => not_running(target, e.words()),
            _ => e,
        };
        instance
            .connection_to(database, user.unwrap_or(owner))
            .await
            .map_err(never)
    }
}

fn not_running(target: &Target, why: &str) -> Error {
    Error::new(&CLI_NOT_RUNNING, Class::Conflict)
        .attempted(format!("find the way into {}", target.owner))
        .happened(why.to_owned())
}

fn declared(what: &str, name: Option<&str>, there: &[&str]) -> Result<(), Error> {
    match name {
        Some(name) if !there.contains(&name) => Err(Error::new(&CLI_NOT_DECLARED, Class::NotFound)
            .attempted(format!("use the {what} {name}"))
            .happened(format!("the spec declares: {}", there.join(", ")))),
        _ => Ok(()),
    }
}

/// The platform of a database: the one it names, else the only one there is; `None` stands for this machine.
fn choose<'a>(
    object: &Object<DatabaseInstanceSpec>,
    platforms: &'a [Object<PlatformSpec>],
) -> Result<Option<&'a Object<PlatformSpec>>, Error> {
    let mine: Vec<&Object<PlatformSpec>> = platforms
        .iter()
        .filter(|p| p.metadata.namespace == object.metadata.namespace)
        .collect();
    let names: Vec<&str> = mine.iter().map(|p| p.metadata.name.as_str()).collect();
    let unclear = |why: String| {
        Error::new(&CLI_PLATFORM, Class::Invalid)
            .attempted(format!("find the platform of {}", object.metadata.name))
            .happened(why)
    };
    match (&object.spec.platform_ref, mine.as_slice()) {
        (Some(named), _) => match mine.iter().find(|p| p.metadata.name == named.name) {
            Some(platform) => Ok(Some(platform)),
            None if names.is_empty() => Err(unclear(format!(
                "it names {}, and there is no Platform",
                named.name
            ))),
            None => Err(unclear(format!(
                "it names {}; there are: {}",
                named.name,
                names.join(", ")
            ))),
        },
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only)),
        (None, _) => Err(unclear(format!(
            "it names none, and there are several: {}",
            names.join(", ")
        ))),
    }
}

/// This build has one kind of infrastructure.
fn check_infrastructure(platform: &Object<PlatformSpec>) -> Result<(), Error> {
    let type_ = platform.spec.infrastructure.type_;
    if type_ == InfrastructureType::Local {
        return Ok(());
    }
    Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
        .attempted(format!("use the platform {}", platform.metadata.name))
        .happened(format!("its infrastructure is {type_:?}; this build has: Local"))
        .remedy("set spec.infrastructure.type to Local, or use a build that has this infrastructure"))
}

/// The platform of the quick start, for databases that are made where there is none.
pub(crate) fn quickstart_platform() -> impl Iterator<Item = Document> {
    spec::quickstart()
        .into_iter()
        .filter(|d| matches!(d, Document::Platform(_)))
}
