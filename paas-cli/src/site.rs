//! Where databases are meant to be: on this machine or in a cluster.

use kube::Api;
use paas_core::{
    crd::Platform,
    error::{Class, Error},
    installer::login::Login as _,
    kube::fault,
    spec::{Document, InfrastructureType},
};

use crate::{
    app::App,
    cluster::Cluster,
    codes::CLI_NO_PLATFORM,
    objects::Objects,
    session::{self, Session},
};

/// Where databases are meant to be.
#[derive(Debug)]
pub(crate) enum Site {
    /// On this machine, in its home.
    Machine,
    /// In a Kubernetes cluster.
    Cluster(Cluster),
}

/// The context that is meant where no flag says which.
const CONTEXT: &str = "PAAS_CONTEXT";

/// The Platform that is meant where no flag says which.
const PLATFORM: &str = "PAAS_PLATFORM";

/// What flags and environment mean: a cluster where one is named; with a Platform, where that is; else this machine.
///
/// # Errors
/// There is no such cluster or platform, or no client for it can be made.
pub(crate) async fn of(app: &App) -> Result<Site, Error> {
    let flags = &app.global.cluster;
    let var = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
    // A flag for either outweighs the environment's word for the other.
    let flagged = flags.named() || flags.platform.is_some();
    let context = flags.context.clone().or_else(|| {
        let asks = flags.cluster || flags.kubeconfig.is_some() || flags.platform.is_some();
        var(CONTEXT).filter(|_| !asks)
    });
    let platform = flags
        .platform
        .clone()
        .or_else(|| var(PLATFORM).filter(|_| !flagged));
    let cluster = || {
        Cluster::open(
            flags.kubeconfig.as_deref(),
            context.as_deref(),
            flags.namespace.as_deref(),
        )
    };
    match platform {
        Some(name) if flags.named() => there(cluster().await?, &name).await,
        Some(name) => match known(app, &name)? {
            Some(InfrastructureType::Local) => Ok(Site::Machine),
            Some(InfrastructureType::OpenStack) => Ok(Site::Cluster(made(app, &name).await?)),
            Some(other) => Err(absent(
                &name,
                format!("it is known here, on {other:?}, and has no cluster of ours"),
            )),
            None => {
                let cluster = cluster()
                    .await
                    .map_err(|e| absent(&name, format!("it is not known here, and: {}", e.words())))?;
                there(cluster, &name).await
            }
        },
        None if flags.named() || context.is_some() => Ok(Site::Cluster(cluster().await?)),
        None => Ok(Site::Machine),
    }
}

/// The cluster that a Platform made of machines.
async fn made(app: &App, name: &str) -> Result<Cluster, Error> {
    let namespace = app.global.cluster.namespace.as_deref().unwrap_or("default");
    let made = Session::open(app)?.made("default", name).await?;
    Ok(Cluster {
        client: made.login.client(&made.access).await?,
        context: None,
        namespace: namespace.to_owned(),
        platform: None,
        made_by: Some(name.to_owned()),
    })
}

/// The infrastructure of a Platform that was accepted on this machine.
fn known(app: &App, name: &str) -> Result<Option<InfrastructureType>, Error> {
    let accepted = Objects::new(session::home(app)?.join("objects")).all()?;
    Ok(accepted.iter().find_map(|d| match d {
        Document::Platform(p) if p.metadata.name == name => Some(p.spec.infrastructure.type_),
        _ => None,
    }))
}

/// The cluster, if it has a Platform of that name.
async fn there(cluster: Cluster, name: &str) -> Result<Site, Error> {
    let all: Api<Platform> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let doing = format!("look for the Platform {name} in {}", cluster.name());
    match all.get_opt(name).await.map_err(|e| fault::of(&doing, true, e))? {
        Some(_) => Ok(Site::Cluster(Cluster {
            platform: Some(name.to_owned()),
            ..cluster
        })),
        None => Err(absent(
            name,
            format!(
                "it is neither known here nor in the namespace {} of {}",
                cluster.namespace,
                cluster.name()
            ),
        )),
    }
}

fn absent(name: &str, why: String) -> Error {
    Error::new(&CLI_NO_PLATFORM, Class::NotFound)
        .attempted(format!("find the platform {name}"))
        .happened(why)
}
