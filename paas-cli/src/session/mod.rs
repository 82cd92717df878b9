//! The one place that knows this machine's platform: the home, the locks, and the stages of each object.

mod clouds;
mod cluster;
mod platform;
mod way;

use std::{path::PathBuf, sync::Arc};

use paas_core::{
    driver::Outputs,
    error::Error,
    event::EventSink,
    execute::{Alone, Fence, Tools},
    ledger::FileLedger,
    local::{
        backup::BackupDriver,
        driver::LocalInfrastructure,
        home::Whence,
        instance::LocalInstance,
        lock::{Holder, Lock},
        machine::LocalMachine,
    },
    owner::Owner,
    pipeline::{Context, DriverStage, Pipeline},
    policy::{Policy, Retention},
    spec::{
        DatabaseBackupSpec, DatabaseInstanceSpec, Document, InfrastructureType, Kind, Meta, Object,
        PlatformSpec, validate,
    },
};
use paas_openstack::provider;

use crate::{
    app::App,
    args::Act,
    events::Log,
    objects::Objects,
    ui::{printer::Printer, progress::Progress},
};

use clouds::Projects;
use platform::{choose, not_here, runs_in_a_cluster};

pub(crate) use clouds::Project;
pub(crate) use cluster::Made;
pub(crate) use platform::quickstart_platform;
pub(crate) use way::Place;

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
    projects: Projects,
}

/// An object and the stages that make it.
#[derive(Debug)]
pub(crate) struct Target {
    /// The object; none for a virtual machine, which is in no file.
    pub(crate) document: Option<Document>,
    /// Who owns what is made.
    pub(crate) owner: Owner,
    /// The platform that it runs on, if it is a database.
    pub(crate) platform: Option<Owner>,
    /// Its stages.
    pub(crate) pipeline: Pipeline,
    instance: Option<LocalInstance>,
    project: Option<Project>,
    fence: Arc<dyn Fence>,
}

/// The home's folder by flag, environment and user, without a look at it.
pub(crate) fn home(app: &App) -> Result<PathBuf, Error> {
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

impl Target {
    /// The instance, if the object is a database.
    pub(crate) fn instance(&self) -> Option<&LocalInstance> {
        self.instance.as_ref()
    }

    /// The object's kind, if it is one of a file.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.document.as_ref().map(Document::kind)
    }

    /// The project of a cloud, if the object is on one.
    pub(crate) fn project(&self) -> Option<&Project> {
        self.project.as_ref()
    }
}

impl Session {
    /// Opens the home, making its folders where they are missing.
    pub(crate) fn open(app: &App) -> Result<Self, Error> {
        let machine = LocalMachine::open(home(app)?)?;
        Ok(Self {
            objects: Objects::new(machine.home.objects()).telling(app.printer.clone()),
            set_aside: Objects::new(machine.home.root().join("set-aside")).telling(app.printer.clone()),
            machine,
            progress: Arc::new(Progress::new(app.printer.clone())),
            printer: app.printer.clone(),
            cancel: app.interrupt.cancel.clone(),
            projects: Projects::new(),
        })
    }

    /// This machine's platform.
    pub(crate) fn machine(&self) -> &LocalMachine {
        &self.machine
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

    /// Accepts objects: from now on they are known without their file.
    pub(crate) fn accept(&self, documents: &[Document]) -> Result<(), Error> {
        self.objects.keep_all(documents)?;
        documents.iter().try_for_each(|d| self.set_aside.forget(d))
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
                targets.push(self.platform(document, platform, &[])?);
            }
        }
        for document in documents {
            match document {
                Document::Platform(_) => {}
                Document::DatabaseInstance(object) => {
                    targets.push(self.database(document, object, &platforms)?)
                }
                // They come last, when what they copy is up.
                Document::DatabaseBackup(_) => {}
            }
        }
        for document in documents {
            if let Document::DatabaseBackup(object) = document {
                targets.push(self.backup(document, object, documents)?);
            }
        }
        Ok(targets)
    }

    /// A platform; `without` are machines that are left out for now.
    pub(crate) fn platform(
        &self,
        document: &Document,
        platform: &Object<PlatformSpec>,
        without: &[String],
    ) -> Result<Target, Error> {
        let spec = platform.spec.clone();
        let (project, owner, pipeline) = match spec.infrastructure.type_ {
            InfrastructureType::Local => {
                let driver = LocalInfrastructure::new(self.machine.clone());
                let owner = self.local_platform(platform);
                let stage = DriverStage::new(driver, spec);
                (None, owner, Pipeline::new(vec![Box::new(stage)]))
            }
            InfrastructureType::OpenStack => {
                let project = self.project(platform)?.clone();
                let owner = project.owner(platform);
                let pipeline = self.on_machines(&project, &owner, &spec, without)?;
                (Some(project), owner, pipeline)
            }
            InfrastructureType::Stackit => return Err(not_here(platform)),
        };
        Ok(Target {
            document: Some(document.clone()),
            owner,
            platform: None,
            pipeline,
            instance: None,
            project,
            fence: Arc::new(Alone),
        })
    }

    fn backup(
        &self,
        document: &Document,
        object: &Object<DatabaseBackupSpec>,
        documents: &[Document],
    ) -> Result<Target, Error> {
        let (meta, name) = (&object.metadata, &object.spec.instance_ref.name);
        let accepted = self.objects.all()?;
        let spec = documents.iter().chain(&accepted).find_map(|d| match d {
            Document::DatabaseInstance(i)
                if i.metadata.name == *name && i.metadata.namespace == meta.namespace =>
            {
                Some(i.spec.clone())
            }
            _ => None,
        });
        // An instance whose object is gone may have left its data, or this backup.
        let instance = self.instance(
            &self.machine.owner(&meta.namespace, name),
            spec.unwrap_or_default(),
        );
        let driver = BackupDriver::new(instance, &meta.namespace, &meta.name);
        Ok(Target {
            document: Some(document.clone()),
            owner: driver.owner().clone(),
            platform: None,
            pipeline: Pipeline::new(vec![Box::new(DriverStage::new(driver, object.spec.clone()))]),
            instance: None,
            project: None,
            fence: Arc::new(Alone),
        })
    }

    fn local_platform(&self, platform: &Object<PlatformSpec>) -> Owner {
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
        if let Some(platform) = platform
            && runs_in_a_cluster(platform)?
        {
            return self.database_in(document, object, platform);
        }
        let owner = self.owner(&object.metadata);
        let instance = self.instance(&owner, object.spec.clone());
        Ok(Target {
            document: Some(document.clone()),
            owner,
            platform: platform.map(|p| self.local_platform(p)),
            pipeline: instance.pipeline(),
            instance: Some(instance),
            project: None,
            fence: Arc::new(Alone),
        })
    }

    /// Who owns the parts of a database.
    pub(crate) fn owner(&self, meta: &Meta) -> Owner {
        self.machine.owner(&meta.namespace, &meta.name)
    }

    /// A database of this machine, whether or not its object is accepted.
    pub(crate) fn instance(&self, owner: &Owner, spec: DatabaseInstanceSpec) -> LocalInstance {
        let mut machine = self.machine.clone();
        let log: Arc<dyn EventSink> = Arc::new(Log::new(self.owner_folder(owner), self.progress.clone()));
        machine.events = log;
        LocalInstance::new(machine, owner.namespace(), owner.name(), spec).cancelled_by(self.cancel.clone())
    }

    /// Tells who is waited for.
    pub(crate) fn waiting(&self, owner: &Owner) -> impl Fn(&Holder) + Send + Sync {
        let (printer, owner) = (self.printer.clone(), owner.to_string());
        move |holder: &Holder| {
            printer.talk(&format!(
                "{owner}: {holder} is at work; waiting until it is done."
            ));
        }
    }

    /// Becomes the one writer of all targets, waiting for others and saying who they are.
    pub(crate) async fn lock(&self, targets: &mut [Target], doing: &str, act: &Act) -> Result<(), Error> {
        // Everybody takes locks in the same order, so that nobody waits in a circle.
        let mut order: Vec<&mut Target> = targets.iter_mut().collect();
        order.sort_by_key(|t| t.owner.uid());
        for target in order {
            let waiting = self.waiting(&target.owner);
            if let Some(instance) = &target.instance {
                let instance = instance.clone().doing(doing).patience(act.timeout);
                target.fence = Arc::new(instance.lock(&waiting).await?);
            } else if target.project.is_some() {
                self.remember(&target.owner)?;
                let path = self.machine.home.lock_of(&target.owner);
                let (clock, patience) = (&*self.machine.clock, act.timeout);
                let lock = Lock::take(&path, doing, patience, clock, &self.cancel, &waiting).await?;
                target.fence = Arc::new(lock);
            }
        }
        Ok(())
    }

    /// What a pass over a target's stages needs.
    pub(crate) fn context(&self, target: &Target, given: Outputs, delete_data: bool) -> Context {
        let mut cx = match &target.instance {
            Some(instance) => instance.context(target.fence.clone()),
            None => {
                let events: Arc<dyn EventSink> = match &target.project {
                    Some(_) => Arc::new(Log::new(self.owner_folder(&target.owner), self.progress.clone())),
                    None => self.progress.clone(),
                };
                let tools = Tools {
                    ledger: Arc::new(FileLedger::new(self.machine.home.owners())),
                    fence: target.fence.clone(),
                    clock: self.machine.clock.clone(),
                    events,
                    cancel: self.cancel.clone(),
                };
                let mut policy = match &target.document {
                    Some(Document::Platform(platform)) => platform.spec.policy(),
                    Some(Document::DatabaseInstance(_) | Document::DatabaseBackup(_)) | None => {
                        Policy::default()
                    }
                };
                if target.project.is_some() {
                    policy.bounds = provider::bounds();
                }
                Context::new(target.owner.clone(), policy, tools)
            }
        };
        cx.outputs = given;
        if delete_data {
            cx.policy.retention = Retention::Delete;
        }
        cx
    }
}
