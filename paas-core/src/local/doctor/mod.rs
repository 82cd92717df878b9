//! A look at everything that databases on this machine stand on. Nothing is made, changed, started or fetched, also where there is no home.

mod authority;
mod builds;
mod clock;
mod finding;
mod home;
mod instances;
mod leftovers;
mod limits;
mod locks;
mod mounts;
mod owners;
mod ports;
mod service;

use std::{path::PathBuf, sync::Arc};

pub use self::finding::{Finding, Report, Severity, Subject};
use super::{
    account::Account,
    build::Places,
    home::Home,
    instance::LocalInstance,
    machine::LocalMachine,
    retained::{self, Listing},
    service::Service,
};
use crate::{
    clock::{Clock, SystemClock},
    error::Result,
    owner::Owner,
    spec::DatabaseInstanceSpec,
};

/// Who is asked to look, and what only the program around it knows.
///
/// ```no_run
/// # async fn f() {
/// use paas_core::local::doctor::{Doctor, Severity};
///
/// let report = Doctor::new("/var/lib/my-app/paas").look().await;
/// for finding in report.findings.iter().filter(|f| f.severity > Severity::Note) {
///     eprintln!("{}: {}", finding.what, finding.todo);
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Doctor {
    /// The home, there or not.
    pub home: PathBuf,
    /// Where PostgreSQL is looked for.
    pub places: Places,
    /// Whether PostgreSQL would be fetched when it is not here.
    pub fetch: bool,
    /// Where the sockets of instances are whose own path is too long.
    pub short: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The objects that the program keeps; `None` if it keeps none: then no data is without its object.
    pub objects: Option<Objects>,
    /// The service that would bring databases back after a reboot; `None` if that is no concern.
    pub service: Option<Service>,
}

/// The objects that a program keeps.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// The accepted databases.
    pub databases: Vec<(Owner, DatabaseInstanceSpec)>,
    /// Others who may own folders: platforms, backups, objects that were set aside or cannot be read.
    pub others: Vec<Owner>,
}

/// What the single looks are given.
struct View<'a> {
    doctor: &'a Doctor,
    machine: &'a LocalMachine,
    listing: &'a Listing,
}

impl Doctor {
    /// The home with the system's places, clock and short folder, as [`LocalMachine::open`] has them.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        let home = home.into();
        Self {
            places: Places {
                cache: Some(home.join("cache")),
                system: true,
                ..Places::default()
            },
            home,
            fetch: cfg!(feature = "local-download"),
            short: PathBuf::from("/tmp"),
            clock: Arc::new(SystemClock),
            objects: None,
            service: None,
        }
    }

    /// Looks at everything. What cannot be looked at is a finding too.
    pub async fn look(&self) -> Report {
        let mut report = Report::default();
        let account = match Account::current() {
            Ok(account) => account,
            Err(e) => {
                report.add(Finding::error(Severity::Bad, Subject::Account, &e));
                return report;
            }
        };
        let found = builds::look(self, &account, &mut report).await;
        home::account(&self.home, &account, &mut report);
        home::look(&self.home, &account, &mut report);
        match self.machine() {
            Ok(Some(machine)) => match retained::list(&machine).await {
                Ok(listing) => {
                    let view = View {
                        doctor: self,
                        machine: &machine,
                        listing: &listing,
                    };
                    let held = locks::held(&view);
                    instances::look(&view, &found, &held, &mut report);
                    ports::look(&view, &mut report);
                    leftovers::look(&view, &held, &mut report);
                    owners::look(&view, &mut report);
                    locks::look(&view, &held, &mut report);
                    authority::look(&machine.home, &mut report);
                    clock::look(&view, &mut report);
                }
                Err(e) => report.add(Finding::error(Severity::Bad, Subject::Instances, &e)),
            },
            Ok(None) => {}
            // Why it cannot be read is told already.
            Err(_) if report.worst_of(Subject::Home) == Severity::Bad => {}
            Err(e) => report.add(Finding::error(Severity::Bad, Subject::Home, &e)),
        }
        service::look(self, &mut report).await;
        limits::look(&mut report);
        report.sort();
        report
    }

    /// The machine as it is; `None` if there is no home.
    fn machine(&self) -> Result<Option<LocalMachine>> {
        let mut machine = LocalMachine::look_at(&self.home)?;
        if let Some(machine) = &mut machine {
            machine.places = self.places.clone();
            machine.fetch = self.fetch;
            machine.short.clone_from(&self.short);
            machine.clock = Arc::clone(&self.clock);
        }
        Ok(machine)
    }
}

impl View<'_> {
    fn home(&self) -> &Home {
        &self.machine.home
    }

    /// The accepted databases.
    fn databases(&self) -> impl Iterator<Item = LocalInstance> {
        let all = self.doctor.objects.iter().flat_map(|o| &o.databases);
        all.map(|(owner, spec)| {
            LocalInstance::new(
                self.machine.clone(),
                owner.namespace(),
                owner.name(),
                spec.clone(),
            )
        })
    }

    /// True if an object speaks for this owner, or objects are not kept.
    fn is_known(&self, owner: &Owner) -> bool {
        match &self.doctor.objects {
            Some(objects) => objects.databases.iter().any(|(o, _)| o == owner),
            None => true,
        }
    }

    /// The owner of this uid, if anything is known of it.
    fn owner_of(&self, uid: &str) -> Option<&Owner> {
        let objects = self.doctor.objects.iter();
        let kept = objects.flat_map(|o| o.databases.iter().map(|(owner, _)| owner).chain(&o.others));
        let marked = self.listing.found.iter().map(|r| &r.owner);
        kept.chain(marked).find(|o| o.uid().to_string() == uid)
    }
}

/// How a command names an owner.
fn name(owner: &Owner) -> String {
    match owner.namespace() {
        "default" => owner.name().to_owned(),
        namespace => format!("{namespace}/{}", owner.name()),
    }
}
