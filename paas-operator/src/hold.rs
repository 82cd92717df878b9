//! What is done for an object is done while it is there: a list from the past shows what is long gone.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kube::{Api, ResourceExt, api::DynamicObject};
use paas_core::{
    codes::CORE_FENCED,
    error::{Class, Error},
    execute::Fence,
    spec::Kind,
};
use tokio::sync::OnceCell;

use crate::{
    object::{has_finalizer, title},
    refusal::refused,
};

/// The lock of a reconcile: that of all, and the object itself, which is read once before the first write for it. With our finalizer on
/// it, it stays until we let go, so that once is enough; a look that writes nothing reads nothing.
pub(crate) struct Hold {
    all: Arc<dyn Fence>,
    api: Api<DynamicObject>,
    about: String,
    name: String,
    uid: Option<String>,
    is_going: bool,
    held: OnceCell<()>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl Hold {
    /// The lock for what is done for an object as it was shown.
    pub(crate) fn of(
        all: Arc<dyn Fence>,
        api: Api<DynamicObject>,
        kind: Kind,
        shown: &DynamicObject,
    ) -> Self {
        Self {
            all,
            api,
            about: title(kind, shown),
            name: shown.name_any(),
            uid: shown.uid(),
            is_going: shown.metadata.deletion_timestamp.is_some(),
            held: OnceCell::new(),
        }
    }

    /// Takes note of an answer to a write of ours: the object is there, and held.
    pub(crate) fn written(&self, object: &DynamicObject) {
        if has_finalizer(object) {
            // It was held already.
            let _ = self.held.set(());
        }
    }

    async fn look(&self) -> Result<(), Error> {
        let now = self.api.get_opt(&self.name).await;
        let now =
            now.map_err(|e| refused(format!("read {} before anything is done for it", self.about), e))?;
        let is_so = |now: &DynamicObject| {
            now.uid() == self.uid
                && now.metadata.deletion_timestamp.is_some() == self.is_going
                && has_finalizer(now)
        };
        if now.as_ref().is_some_and(is_so) {
            return Ok(());
        }
        // What it is now is told by its watch.
        Err(Error::new(&CORE_FENCED, Class::Cancelled)
            .attempted(format!("reconcile {}", self.about))
            .happened("it is not any more what the watch has shown"))
    }
}

#[async_trait]
impl Fence for Hold {
    async fn check(&self) -> Result<(), Error> {
        self.all.check().await?;
        self.held.get_or_try_init(|| self.look()).await.map(|_| ())
    }
}
