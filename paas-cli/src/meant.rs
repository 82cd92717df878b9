//! Which database and which user of an instance are meant.

use paas_core::{
    error::{Class, Error},
    spec::DatabaseInstanceSpec,
};

use crate::codes::CLI_NOT_DECLARED;

/// The database and the user that are meant: those that are named, else the first ones that go together.
///
/// # Errors
/// `PAAS-CLI-0008` if the spec does not declare what is named.
pub(crate) fn meant<'a>(
    spec: &'a DatabaseInstanceSpec,
    user: Option<&'a str>,
    database: Option<&'a str>,
) -> Result<(&'a str, &'a str), Error> {
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
    Ok((database, user.unwrap_or(owner)))
}

fn declared(what: &str, name: Option<&str>, there: &[&str]) -> Result<(), Error> {
    match name {
        Some(name) if !there.contains(&name) => Err(Error::new(&CLI_NOT_DECLARED, Class::NotFound)
            .attempted(format!("use the {what} {name}"))
            .happened(format!("the spec declares: {}", there.join(", ")))),
        _ => Ok(()),
    }
}
