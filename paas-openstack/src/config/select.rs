//! Which cloud is meant.

use paas_core::error::{Class, Error};

use super::{
    files::{Files, environment},
    place::meant,
    sources::Sources,
};
use crate::codes;

/// The name of the cloud that the environment is.
pub(super) fn of_environment(sources: &Sources) -> &str {
    sources.variable("OS_CLOUD_NAME").unwrap_or("envvars")
}

/// The names of all clouds, the environment's among them.
pub(super) fn names(sources: &Sources, files: &Files) -> Result<Vec<String>, Error> {
    let own = of_environment(sources);
    if let Some(entry) = files.clouds.get(own) {
        let what = format!("the cloud {own:?} has the name that stands for the variables OS_*");
        let help = "rename it, or set OS_CLOUD_NAME to another name for the variables";
        return Err(entry
            .place
            .error(&codes::OS_CONTRADICTION, what)
            .attempted("read clouds")
            .remedy(help));
    }
    let environment = environment(sources).map(|_| own.to_owned());
    Ok(files.clouds.keys().cloned().chain(environment).collect())
}

/// The cloud that is used when none is asked for.
pub(super) fn default(sources: &Sources, files: &Files) -> Option<String> {
    let chosen = sources.variable("OS_CLOUD").map(str::to_owned);
    let own = || environment(sources).map(|_| of_environment(sources).to_owned());
    let only = || {
        files
            .clouds
            .keys()
            .next()
            .filter(|_| files.clouds.len() == 1)
            .cloned()
    };
    chosen.or_else(own).or_else(only)
}

/// The cloud that is meant, which exists.
pub(super) fn name(sources: &Sources, files: &Files, asked: Option<&str>) -> Result<String, Error> {
    let names = names(sources, files)?;
    let chosen = asked.map(str::to_owned).or_else(|| default(sources, files));
    let missing = |what: String| {
        Error::new(&codes::OS_NO_CLOUD, Class::NotFound)
            .attempted("choose a cloud")
            .happened(what)
    };
    match chosen {
        Some(name) if names.contains(&name) => Ok(name),
        Some(name) if !names.is_empty() => {
            let by = if asked.is_none() {
                " that OS_CLOUD names"
            } else {
                ""
            };
            let near = meant(&name, names.iter().map(String::as_str));
            let list = names.join(", ");
            Err(missing(format!(
                "there is no cloud {name:?}{by}{near}; there are: {list}{}",
                of_files(files)
            )))
        }
        None if !names.is_empty() => {
            let list = names.join(", ");
            Err(missing(format!(
                "there are several clouds and none was chosen: {list}{}",
                of_files(files)
            ))
            .remedy("name one, or set OS_CLOUD to one"))
        }
        Some(_) | None if !files.read.is_empty() => {
            Err(missing(format!("there are no clouds{}", of_files(files))))
        }
        Some(_) | None => {
            let looked: Vec<_> = files
                .places
                .clouds
                .iter()
                .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
                .collect();
            let looked: Vec<_> = looked.iter().map(|file| file.display().to_string()).collect();
            Err(missing(format!("there is no clouds.yaml, and no variable OS_AUTH_URL; looked for {}", looked.join(", ")))
                .remedy("write a clouds.yaml to one of these places, or set the variables OS_* as an openrc file does"))
        }
    }
}

fn of_files(files: &Files) -> String {
    let files: Vec<_> = files.read.iter().map(|file| file.display().to_string()).collect();
    if files.is_empty() {
        String::new()
    } else {
        format!(" (read: {})", files.join(", "))
    }
}
