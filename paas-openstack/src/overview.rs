//! Is it right? Who we are in a cloud, where its services are and in which versions, whether they take our token, and what is left of
//! the project's quota. Reads only.

use futures::{TryStreamExt as _, future::join_all};
use jiff::Timestamp;
use paas_core::error::{Class, Error, ErrorView, Result};
use serde::Serialize;

use crate::{
    client::{Call, Client, Microversion, Token, service::Kind},
    codes,
    wire::Quota,
};

/// A cloud as it answers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Its name in the configuration.
    pub cloud: String,
    /// Where Keystone is.
    pub auth_url: String,
    /// The region that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Who we are.
    pub identity: Whoami,
    /// The services that are spoken to, in a fixed order.
    pub services: Vec<Service>,
    /// Types of the catalog's other services.
    pub others: Vec<String>,
    /// How many extensions Neutron has; not known if it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<usize>,
    /// What the project may have; what a service did not tell is not there.
    pub quota: Vec<Headline>,
    /// What is dangerous about the configuration.
    pub warnings: Vec<String>,
}

impl Overview {
    /// True if every service that is needed is there and answers.
    pub fn is_well(&self) -> bool {
        self.services.iter().all(|s| s.state != State::Failed)
    }
}

/// Who we are, by the token.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Whoami {
    /// The user's name.
    pub user: String,
    /// Its id.
    pub user_id: String,
    /// Its domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_domain: Option<String>,
    /// The project's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Its domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_domain: Option<String>,
    /// The domain that the token is for, when it is for none of its projects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// What we may do there.
    pub roles: Vec<String>,
    /// How we proved who we are.
    pub methods: Vec<String>,
    /// The application credential, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_credential: Option<String>,
    /// When the token ends, by Keystone's clock. A new one is got before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_expires: Option<Timestamp>,
    /// When the password has to be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_expires: Option<String>,
}

impl From<&Token> for Whoami {
    fn from(token: &Token) -> Self {
        let domain = |of: &crate::client::Named| of.domain.as_ref().map(|d| d.name.clone());
        Self {
            user: token.user.name.clone(),
            user_id: token.user.id.clone(),
            user_domain: domain(&token.user),
            project: token.project.as_ref().map(|p| p.name.clone()),
            project_id: token.project.as_ref().map(|p| p.id.clone()),
            project_domain: token.project.as_ref().and_then(domain),
            domain: token.domain.as_ref().map(|d| d.name.clone()),
            roles: token.roles.iter().map(|r| r.name.clone()).collect(),
            methods: token.methods.clone(),
            application_credential: token.application_credential.as_ref().map(|c| c.name.clone()),
            token_expires: token.expires,
            password_expires: token.password_expires.clone(),
        }
    }
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It answers and takes our token.
    Ready,
    /// The catalog does not have it, and much works without.
    Absent,
    /// It is missing and needed, cannot be reached, or refuses.
    Failed,
}

/// A service.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// By its project's name: `Nova`.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// Its type as the catalog says it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The root of the version that is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Its interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The newest of its versions, as it names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The oldest microversion, if it has microversions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_microversion: Option<String>,
    /// The newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_microversion: Option<String>,
    /// Why it is not `ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
}

/// A limit that people run into.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Headline {
    /// Whose: `Nova`.
    pub service: &'static str,
    /// Of what, with its unit where it is no count.
    pub what: &'static str,
    /// The most there may be; not there without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How much there is; not there where it is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
}

/// Looks. All services are asked at once.
///
/// # Errors
///
/// Only if there is no token: everything else is in the overview.
pub async fn look(client: &Client) -> Result<Overview> {
    let token = client.token().await?;
    let project = token.project.as_ref().map_or("", |p| p.id.as_str());
    let seen = join_all(Kind::ALL.map(|kind| service(client, kind, project))).await;
    let mut services = Vec::new();
    let mut quota = Vec::new();
    let mut extensions = None;
    for (service, seen) in seen {
        services.push(service);
        quota.extend(seen.quota);
        extensions = extensions.or(seen.extensions);
    }
    let spoken = |kind: &str| {
        Kind::ALL
            .iter()
            .any(|k| k.types().contains(&kind.replace('_', "-").as_str()))
    };
    let cloud = client.cloud();
    Ok(Overview {
        cloud: cloud.name.clone(),
        auth_url: cloud.auth_url.to_string(),
        region: cloud.region.clone(),
        identity: Whoami::from(&*token),
        services,
        others: token
            .catalog
            .services
            .iter()
            .map(|s| s.kind.clone())
            .filter(|k| !spoken(k))
            .collect(),
        extensions,
        quota,
        warnings: client.warnings().iter().map(ToString::to_string).collect(),
    })
}

#[derive(Debug, Default)]
struct Seen {
    extensions: Option<usize>,
    quota: Vec<Headline>,
}

async fn service(client: &Client, kind: Kind, project: &str) -> (Service, Seen) {
    let mut service = Service {
        name: kind.project(),
        state: State::Ready,
        kind: None,
        endpoint: None,
        interface: None,
        region: None,
        version: None,
        min_microversion: None,
        max_microversion: None,
        error: None,
    };
    let seen = match inside(client, kind, project, &mut service).await {
        Ok(seen) => seen,
        Err(error) => {
            let absent = error.code() == &codes::OS_NO_SERVICE && !is_needed(kind);
            service.state = if absent { State::Absent } else { State::Failed };
            service.error = Some(ErrorView::from(&error));
            Seen::default()
        }
    };
    (service, seen)
}

async fn inside(client: &Client, kind: Kind, project: &str, service: &mut Service) -> Result<Seen> {
    let endpoint = client.endpoint(kind).await?;
    service.kind = Some(endpoint.service_type.clone());
    service.interface = Some(endpoint.interface.clone()).filter(|i| !i.is_empty());
    service.region = endpoint.region.clone();
    service.endpoint = Some(endpoint.root.to_string());
    let versions = client.versions(kind).await?;
    service.version = versions
        .ids
        .into_iter()
        .max_by_key(|id| id.parse::<Microversion>().ok());
    if let Some(range) = versions.microversions {
        service.min_microversion = Some(range.min.to_string());
        service.max_microversion = Some(range.max.to_string());
    }
    ask(client, kind, project).await
}

/// Without these nothing can be made.
fn is_needed(kind: Kind) -> bool {
    matches!(kind, Kind::Identity | Kind::Compute | Kind::Network | Kind::Image)
}

/// The smallest question that needs our token, and what is left of the quota. That a service does not tell a quota is no finding:
/// many roles may not ask.
async fn ask(client: &Client, kind: Kind, project: &str) -> Result<Seen> {
    let mut seen = Seen::default();
    let name = kind.project();
    let mut told = |what, quota: Quota| {
        let count = |n: i64| u64::try_from(n).ok();
        seen.quota.push(Headline {
            service: name,
            what,
            limit: count(quota.limit),
            used: count(quota.in_use),
        });
    };
    match kind {
        Kind::Identity => {
            client
                .send(Call::get(kind, "show catalog", "auth/catalog"))
                .await?;
        }
        Kind::Compute => {
            let limits = client.compute().limits().await?;
            told("servers", counted(limits.max_instances, limits.instances_used));
            told("virtual CPUs", counted(limits.max_cores, limits.cores_used));
            told("memory, MiB", counted(limits.max_ram, limits.ram_used));
        }
        Kind::Network => {
            let extensions = client.network().extensions().await?;
            if let Some(quota) = optional(client.network().quota(project).await)? {
                told("networks", quota.network);
                told("routers", quota.router);
                told("ports", quota.port);
                told("floating IPs", quota.floating_ip);
                told("security groups", quota.security_group);
            }
            seen.extensions = Some(extensions.len());
        }
        Kind::Image => {
            let one = Call::get(kind, "list images", "images").query("limit", "1");
            client.send(one).await?;
        }
        Kind::BlockStorage => {
            let limits = client.block_storage().limits().await?;
            told("volumes", counted(limits.max_volumes, limits.volumes_used));
            told(
                "volumes, GiB",
                counted(limits.max_gigabytes, limits.gigabytes_used),
            );
        }
        Kind::LoadBalancer => {
            let balancers = client.load_balancer().load_balancers();
            let filter = crate::load_balancer::LoadBalancerFilter::all();
            let there = balancers
                .list(&filter)
                .try_fold(0, |n, _| async move { Ok(n + 1) })
                .await?;
            if let Some(quota) = optional(client.load_balancer().quota(project).await)? {
                told("load balancers", counted(quota.loadbalancer, there));
            }
        }
        // Administrators only may ask it anything.
        Kind::Placement => {}
    }
    Ok(seen)
}

fn counted(limit: Option<i64>, in_use: i64) -> Quota {
    Quota {
        limit: limit.unwrap_or(-1),
        in_use,
        reserved: 0,
    }
}

/// A refusal is no answer, and no failure either.
fn optional<T>(told: Result<T, Error>) -> Result<Option<T>> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(e) if matches!(e.class(), Class::Denied | Class::NotFound | Class::Unsupported) => Ok(None),
        Err(e) => Err(e),
    }
}
