//! Which platform a database runs on.

use paas_core::{
    codes::CORE_UNSUPPORTED,
    error::{Class, Error},
    spec::{self, DatabaseInstanceSpec, Document, InfrastructureType, Object, PlatformSpec},
};

use crate::codes::CLI_PLATFORM;

/// The platform of a database: the one it names, else the only one there is; `None` stands for this machine.
pub(super) fn choose<'a>(
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

/// True for a platform whose databases run in a cluster of its own, false for one whose databases run on this machine.
pub(super) fn runs_in_a_cluster(platform: &Object<PlatformSpec>) -> Result<bool, Error> {
    let type_ = platform.spec.infrastructure.type_;
    if type_ == InfrastructureType::Local {
        return Ok(false);
    }
    if platform.spec.installer().is_some() {
        return Ok(true);
    }
    Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
        .attempted(format!(
            "run a database on the platform {}",
            platform.metadata.name
        ))
        .happened(format!(
            "its infrastructure is {type_:?}, and it has no cluster for databases"
        ))
        .remedy("leave spec.kubernetes.installer out, or let spec.platformRef name another Platform"))
}

/// This build does not have the platform's kind of infrastructure.
pub(super) fn not_here(platform: &Object<PlatformSpec>) -> Error {
    let type_ = platform.spec.infrastructure.type_;
    Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
        .attempted(format!("use the platform {}", platform.metadata.name))
        .happened(format!(
            "its infrastructure is {type_:?}; this build has: Local, OpenStack"
        ))
        .remedy(
            "choose one of these for spec.infrastructure.type, or use a build that has this infrastructure",
        )
}

/// The platform of the quick start, for databases that are made where there is none.
pub(crate) fn quickstart_platform() -> impl Iterator<Item = Document> {
    spec::quickstart()
        .into_iter()
        .filter(|d| matches!(d, Document::Platform(_)))
}
