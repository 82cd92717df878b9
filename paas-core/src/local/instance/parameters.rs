//! Judging the settings of a server before anything is accepted or touched.

use std::{collections::BTreeMap, path::Path};

use super::LocalInstance;
use crate::{
    database::parameters,
    error::Result,
    local::{
        account::Account, backup::origin::check_archiving, build::Build, config, data, driver::exact, sizing,
    },
};

impl LocalInstance {
    /// Lets PostgreSQL itself judge the parameters of the spec. Nothing is changed; before there is data, there is nobody to ask.
    ///
    /// # Errors
    /// `PAAS-PG-0004` with its words; `PAAS-LOC-0019` for archiving where it is refused; `PAAS-LOC-0001` if its PostgreSQL is gone.
    pub async fn check_parameters(&self) -> Result<()> {
        let (machine, folder) = (self.machine(), self.folder());
        let declared = parameters::of(self.spec())?;
        let Some(major) = data::major(&folder)? else {
            return Ok(());
        };
        let wish = self.spec().engine.version.as_ref();
        let wish = wish.filter(|w| w.major() == major && exact(w).is_some());
        let build = machine.build(wish, Some(major), &|_| ()).await?;
        judge(&build, machine.home.account(), &folder, &declared).await
    }
}

/// Everything that can be known of settings without a server that has them.
///
/// # Errors
/// As [`LocalInstance::check_parameters`].
pub(in crate::local) async fn judge(
    build: &Build,
    account: &Account,
    instance: &Path,
    parameters: &BTreeMap<String, String>,
) -> Result<()> {
    check_archiving(instance, parameters)?;
    sizing::check(parameters)?;
    config::check(build, account, instance, parameters).await
}
