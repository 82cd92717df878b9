//! Another major version for an instance's data: looked at first, made beside, compared, switched to, with a way back.
//!
//! The old data is only read. While it is, its server lets nobody in but the platform, so nothing that is written can be missed. The
//! new data is made in a work folder by the new build's `initdb` and filled by `pg_upgrade`, or where the builds do not have that, by
//! a dump and load. Both sides are compared row by row, and only then two renames put the new data in its place.
//! A crash anywhere before leaves the old data in its place; `up` runs it again.

mod builds;
mod closed;
mod compare;
mod finding;
mod globals;
mod preflight;
pub(super) mod switch;
mod transfer;

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::{builds::Pair, closed::Closed};
pub use self::{builds::Way, compare::Facts, finding::Finding, preflight::Preflight, switch::Previous};
use super::{
    actuator::ADMIN_SECRET, build::Version, config::Written, data, files, instance::LocalInstance,
    postmaster, resource::STAGE,
};
use crate::{
    codes::{CORE_BLOCKED, CORE_CANCELLED, CORE_SECRET_MISSING},
    database::{
        codes::PG_CONNECT,
        connection::Connection,
        session::{Session, column},
    },
    error::{Class, Error, Result},
    event::{Event, State},
    execute::Fence,
    pipeline::Wanted,
    spec::EngineVersion,
};

/// What an upgrade, or the way back, came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgraded {
    /// The major that the data had.
    pub from: u32,
    /// The major that it has.
    pub to: u32,
    /// How; `None` if a switch that was cut off only had to be ended, and for the way back.
    pub way: Option<Way>,
    /// The tables whose rows were compared, all equal.
    pub tables: Option<usize>,
    /// What the spec has to declare from now on; `None` if it declares no version.
    pub declare: Option<EngineVersion>,
}

impl LocalInstance {
    /// The data from before the last upgrade, if it is kept.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn previous(&self) -> Result<Option<Previous>> {
        switch::previous(&self.folder())
    }

    /// A newer minor of the running server's major that is here: the next start takes it, unless an exact version is declared.
    ///
    /// # Errors
    /// Those of [`Session`].
    pub async fn newer_minor(&self) -> Result<Option<Version>> {
        let session = Session::open(&self.admin("postgres").await?).await?;
        let sql = "SELECT current_setting('server_version') AS version";
        let rows = session.rows(sql, &[], "ask for the version").await?;
        let Some(runs) = rows.first().map(|r| column::<&str>(r, "version")).transpose()? else {
            return Ok(None);
        };
        let Some(runs) = Version::parse(runs) else {
            return Ok(None);
        };
        let found = self.machine().found().await;
        let newest = found.builds.iter().find(|b| b.version.major == runs.major);
        Ok(newest.map(|b| b.version).filter(|v| *v > runs))
    }

    /// Looks whether the data can be brought to another major; changes nothing and fetches nothing.
    ///
    /// # Errors
    /// `PAAS-PG-0001` if there is no data; what was found is no error, see [`Preflight::require`].
    pub async fn check_upgrade(&self, to: &EngineVersion) -> Result<Preflight> {
        let from = self.major()?;
        let found = self.machine().found().await;
        let pair = builds::here(&found, from, to);
        preflight::look(self, from, to, &found, pair.as_ref()).await
    }

    /// Brings the data to a newer major, and comes back when the new server answers. The old data is kept beside it. Called again after
    /// it was cut off anywhere, it goes on or begins anew.
    ///
    /// # Errors
    /// `PAAS-LOC-0029` if something stands in the way, `PAAS-LOC-0030` if the data could not be brought over, `PAAS-LOC-0031` if the
    /// copy differs; in all these cases the old server runs as before. Those of [`LocalInstance::up`].
    pub async fn upgrade(&self, to: &EngineVersion) -> Result<Upgraded> {
        let fence: Arc<dyn Fence> = Arc::new(self.lock(&|_| ()).await?);
        let folder = self.folder();
        switch::settle(&folder, Some(to.major()))?;
        self.sweep().await?;
        let from = self.major()?;
        let new = self.declaring(to);
        if let Some(old) = switch::previous(&folder)?
            && from == to.major()
        {
            // The data was switched to, and what follows was cut off.
            new.bring_up(&fence).await?;
            return Ok(new.upgraded((old.major, from), None));
        }
        let was = self.before(from);
        if self.running()?.is_none() && to.major() > from {
            was.bring_up(&fence).await?;
        }
        let found = self.machine().found().await;
        let pair = if to.major() > from {
            let tell = |message: String| self.tell("Fetching", message);
            Some(builds::pair(self, from, to, &tell).await?)
        } else {
            None
        };
        let checked = preflight::look(self, from, to, &found, pair.as_ref()).await?;
        checked.require()?;
        let Some(mut pair) = pair else {
            return Ok(self.upgraded((from, from), None));
        };
        pair.way = checked.way.unwrap_or(pair.way);
        let copied = tokio::select! {
            copied = self.copy(&pair, &fence) => copied,
            () = self.cancelled().cancelled() => {
                Err(Error::new(&CORE_CANCELLED, Class::Cancelled).attempted(format!("upgrade {}", self.owner())))
            }
        };
        let tables = match copied {
            Ok(tables) => tables,
            Err(why) => return Err(was.as_it_was(&fence, why).await),
        };
        switch::forward(&folder)?;
        new.bring_up(&fence).await?;
        Ok(new.upgraded((from, to.major()), Some((pair.way, tables))))
    }

    /// Puts the data from before the last upgrade back into its place. What was written since then is lost for good, so `confirm` is the
    /// instance's name.
    ///
    /// # Errors
    /// `PAAS-LOC-0032` if nothing is kept, `PAAS-CORE-0011` if the name is another or the instance is protected. Those of [`LocalInstance::up`].
    pub async fn upgrade_back(&self, confirm: &str) -> Result<Upgraded> {
        self.confirmed(confirm, "go back to the data from before the upgrade")?;
        let fence: Arc<dyn Fence> = Arc::new(self.lock(&|_| ()).await?);
        let folder = self.folder();
        let kept = switch::kept(&folder)?;
        let from = data::major(&folder)?.unwrap_or(kept.major);
        let was = self.before(kept.major);
        if switch::settle(&folder, Some(kept.major))?.is_none() {
            self.sweep().await?;
            self.stop().await?;
            fence.check().await?;
            switch::back(&folder, self.machine().home.account())?;
        }
        was.bring_up(&fence).await?;
        Ok(was.upgraded((from, kept.major), None))
    }

    /// Deletes the data from before the last upgrade; afterwards there is no way back. `confirm` is the instance's name.
    ///
    /// # Errors
    /// As [`LocalInstance::upgrade_back`].
    pub async fn forget_previous(&self, confirm: &str) -> Result<Previous> {
        self.confirmed(confirm, "delete the data from before the upgrade")?;
        let _lock = self.lock(&|_| ()).await?;
        let folder = self.folder();
        // What stands between two renames is not a way back only.
        switch::settle(
            &folder,
            self.spec().engine.version.as_ref().map(EngineVersion::major),
        )?;
        switch::forget(&folder)
    }

    /// The copy, compared and on disk; gives how many tables were compared. Both servers are stopped afterwards.
    async fn copy(&self, pair: &Pair, fence: &Arc<dyn Fence>) -> Result<usize> {
        let folder = self.folder();
        let account = self.machine().home.account();
        let work = switch::work(&folder);
        let written = Written::read(&folder)?.unwrap_or_default();
        let old = Closed::new(self, folder.clone(), pair.old.clone(), &written, false);
        let new = Closed::new(self, work.clone(), pair.new.clone(), &written, true);
        self.tell(
            "Closing",
            "nobody else is let in while the data is copied".to_owned(),
        );
        self.stop().await?;
        let from = old.start().await?;
        let original = Facts::collect(&from).await?;
        let (is, will) = (pair.old.version, pair.new.version);
        self.tell("Copying", format!("from {is} to {will} by {}", pair.way));
        files::make_new_dir(&work, 0o700, account)?;
        let password = self.machine().secrets.get(self.owner(), ADMIN_SECRET).await?;
        let password = password.ok_or_else(|| {
            Error::new(&CORE_SECRET_MISSING, Class::NotFound)
                .attempted("make the new data directory")
                .happened(format!("the secret '{ADMIN_SECRET}' is missing"))
        })?;
        data::make(&pair.new, account, &work, &password).await?;
        let to = transfer::transfer(self, pair, (&old, &new), &from, &work).await?;
        self.tell("Comparing", format!("{} facts of both servers", original.count()));
        original.same_as(&Facts::collect(&to).await?)?;
        analyze(&to).await?;
        old.stop().await?;
        new.stop().await?;
        files::remove(&folder.join(switch::CLOSED))?;
        data::sync(&work.join(data::FOLDER)).await?;
        fence.check().await?;
        Ok(original.tables())
    }

    /// After a failure: the old server runs again, and nothing else is left. Gives the failure, and what became of the server.
    async fn as_it_was(&self, fence: &Arc<dyn Fence>, why: Error) -> Error {
        let again = async {
            self.sweep().await?;
            self.stop().await?;
            self.bring_up(fence).await
        };
        let now = match again.await {
            Ok(()) => "the old server runs as before".to_owned(),
            Err(e) => format!("nor does the old server run again: {e}"),
        };
        let words = match why.words() {
            "" => now,
            words => format!("{words}; {now}"),
        };
        why.happened(words)
    }

    async fn bring_up(&self, fence: &Arc<dyn Fence>) -> Result<()> {
        // What was begun is ended, also when somebody pressed Ctrl-C.
        let this = self.clone().cancelled_by(CancellationToken::new());
        let mut cx = this.context(Arc::clone(fence));
        this.run(&mut cx, Wanted::Spec).await
    }

    async fn sweep(&self) -> Result<()> {
        let machine = self.machine();
        switch::sweep(&self.folder(), machine.home.account(), &*machine.clock).await
    }

    async fn stop(&self) -> Result<()> {
        match self.running()? {
            Some(server) => postmaster::stop(&server, &*self.machine().clock).await,
            None => Ok(()),
        }
    }

    fn major(&self) -> Result<u32> {
        data::major(&self.folder())?.ok_or_else(|| {
            Error::new(&PG_CONNECT, Class::NotFound)
                .attempted(format!("upgrade {}", self.owner()))
                .happened("it has no data yet")
        })
    }

    /// The same instance, declaring this version if it declares one.
    fn declaring(&self, version: &EngineVersion) -> Self {
        let mut spec = self.spec().clone();
        spec.engine.version = spec.engine.version.map(|_| version.clone());
        self.clone().with_spec(spec)
    }

    /// The same instance with data of this major: what it declares, unless that is of another one.
    fn before(&self, major: u32) -> Self {
        match (&self.spec().engine.version, major.to_string().parse()) {
            (Some(declared), Ok(version)) if declared.major() != major => self.declaring(&version),
            _ => self.clone(),
        }
    }

    fn upgraded(&self, (from, to): (u32, u32), done: Option<(Way, usize)>) -> Upgraded {
        Upgraded {
            from,
            to,
            way: done.map(|d| d.0),
            tables: done.map(|d| d.1),
            declare: self.spec().engine.version.clone(),
        }
    }

    fn confirmed(&self, confirm: &str, what: &str) -> Result<()> {
        let refused = |why: String| {
            Err(Error::new(&CORE_BLOCKED, Class::Blocked)
                .attempted(what)
                .happened(why))
        };
        if self.spec().deletion_protection {
            return refused(
                "data would be lost for good, and its spec says deletionProtection: true".to_owned(),
            );
        }
        if confirm != self.owner().name() {
            return refused(format!(
                "data would be lost for good, and {confirm:?} is not its name, {}",
                self.owner().name()
            ));
        }
        Ok(())
    }

    fn tell(&self, reason: &str, message: String) {
        self.machine().events.emit(&Event {
            at: self.machine().clock.now(),
            owner: self.owner().to_string(),
            stage: STAGE.to_owned(),
            key: None,
            verb: "upgrade".to_owned(),
            state: State::Waiting,
            reason: reason.to_owned(),
            message,
            request_id: None,
        });
    }
}

/// The planner's statistics, which not every way brings along; without them the first queries would be slow.
async fn analyze(admin: &Connection) -> Result<()> {
    let session = Session::open(admin).await?;
    for database in compare::databases(&session).await? {
        let to = Connection {
            database,
            ..admin.clone()
        };
        Session::open(&to)
            .await?
            .run("ANALYZE", "analyze the new data")
            .await?;
    }
    Ok(())
}
