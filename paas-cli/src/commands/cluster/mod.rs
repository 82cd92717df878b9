//! `paas cluster`: Kubernetes clusters that platforms made of machines.

pub(crate) mod doctor;
pub(crate) mod replace;
pub(crate) mod show;

use paas_core::{
    error::{Class, Error},
    spec::{Document, Meta},
};

use crate::{app::App, codes::CLI_NO_PLATFORM, input, session::Session};

/// The name of the platform that is meant: the one that is named, or the only one with a cluster.
pub(crate) fn meant(session: &Session, name: Option<&str>) -> Result<Meta, Error> {
    let accepted = session.objects().all()?;
    let with_cluster: Vec<&Meta> = accepted
        .iter()
        .filter_map(|d| match d {
            Document::Platform(p) if p.spec.installer().is_some() => Some(&p.metadata),
            _ => None,
        })
        .collect();
    let names: Vec<&str> = with_cluster.iter().map(|m| m.name.as_str()).collect();
    let unclear = |why: String| {
        Error::new(&CLI_NO_PLATFORM, Class::NotFound)
            .attempted("find the cluster that is meant")
            .happened(why)
    };
    match (name, with_cluster.as_slice()) {
        (Some(name), all) => match all.iter().find(|m| m.name == name) {
            Some(meta) => Ok((*meta).clone()),
            None => Err(input::among(name, &names)),
        },
        (None, [only]) => Ok((*only).clone()),
        (None, []) => Err(unclear(
            "no platform that was brought up from here has one".to_owned(),
        )),
        (None, _) => Err(unclear(format!(
            "there are several; name one: {}",
            names.join(", ")
        ))),
    }
}

/// A session, and nothing of a cloud.
pub(crate) fn open(app: &App) -> Result<Session, Error> {
    Session::open(app)
}
