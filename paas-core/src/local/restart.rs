//! A restart: a fast shutdown, then the normal way up, as one writer.

use std::time::Duration;

use super::{instance::LocalInstance, lock::Holder, postmaster};
use crate::{
    codes::CORE_BLOCKED,
    database::session::{Session, column},
    error::{Class, Error, Result},
    pipeline::Wanted,
};

/// What a restart came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarted {
    /// The version that ran; `None` if none did, or it did not answer.
    pub from: Option<String>,
    /// The version that runs now: a newer minor that is here is taken, unless an exact one is declared.
    pub to: String,
    /// How long no server answered; `None` if none ran before.
    pub away: Option<Duration>,
}

impl LocalInstance {
    /// Stops the server, ending all sessions, and brings the instance up as its spec says. A stopped one is only brought up.
    ///
    /// Whoever keeps it running waits meanwhile: the lock is held from before the stop until it answers again. If this is cut off between
    /// the two, it is stopped and not taken down: a supervisor or the next [`LocalInstance::up`] starts it. `waiting` is told who has the
    /// lock now.
    ///
    /// # Errors
    /// As [`LocalInstance::up`]; what already stands in its way, such as a build that is missing, stops nothing.
    pub async fn restart(&self, waiting: &(dyn Fn(&Holder) + Send + Sync)) -> Result<Restarted> {
        let lock = self.lock(waiting).await?;
        let mut cx = self.context(std::sync::Arc::new(lock));
        let Some(server) = self.running()? else {
            self.forget_taken_down()?;
            self.run(&mut cx, Wanted::Spec).await?;
            return Ok(Restarted {
                from: None,
                to: self.version().await?,
                away: None,
            });
        };
        // A server that hangs is restarted too.
        let from = self.version().await.ok();
        self.can_come_back(&mut cx).await?;
        let clock = &*self.machine().clock;
        let began = clock.elapsed();
        postmaster::stop(&server, clock).await?;
        self.run(&mut cx, Wanted::Spec).await?;
        let to = self.version().await?;
        let away = Some(clock.elapsed().saturating_sub(began));
        self.forget_taken_down()?;
        Ok(Restarted { from, to, away })
    }

    /// Refuses while the server still runs what would be refused when it does not.
    async fn can_come_back(&self, cx: &mut crate::pipeline::Context) -> Result<()> {
        let attempt = || format!("restart {}", self.owner());
        let plan = self.pipeline().plan(cx, Wanted::Spec).await?;
        if let Some(blocked) = plan.stages.iter().flat_map(|s| &s.blocked).next() {
            return Err(Error::new(&CORE_BLOCKED, Class::Blocked)
                .attempted(attempt())
                .happened(format!("{}: {}; nothing was stopped", blocked.key, blocked.why)));
        }
        let major = super::data::major(&self.folder())?;
        let declared = self.spec().engine.version.as_ref();
        let wish = declared.filter(|w| Some(w.major()) == major);
        self.machine().build(wish, major, &|_| ()).await?;
        Ok(())
    }

    async fn version(&self) -> Result<String> {
        let session = Session::open(&self.admin("postgres").await?).await?;
        let sql = "SELECT split_part(current_setting('server_version'), ' ', 1) AS version";
        let rows = session.rows(sql, &[], "ask for the version").await?;
        rows.first()
            .map_or(Ok(String::new()), |row| column(row, "version"))
    }
}
