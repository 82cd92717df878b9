//! One statement inside a server, through the API server: wherever whoever acts runs, it reaches the pod as `kubectl port-forward` does.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio_postgres::{Config, NoTls, config::SslMode};

use super::{contents::session_role, net::POSTGRES};
use crate::{
    codes::CORE_SECRET_MISSING,
    database::{codes::PG_CONNECT, login::Turn, session::translate},
    error::{Class, Error, Result},
    kube::fault,
};

/// How long it may take altogether.
const DEADLINE: Duration = Duration::from_secs(10);

/// Has the sessions of `login` begin as `user`, said by the login role itself. Saying it again changes nothing.
pub(super) async fn begin(
    client: &Client,
    (namespace, pod): (&str, &str),
    (login, password): (&str, &str),
    user: &str,
) -> Result<()> {
    let what = format!("have the sessions of {login} begin as {user}");
    let said = say(client, (namespace, pod), (login, password), user, &what);
    match tokio::time::timeout(DEADLINE, said).await {
        Ok(said) => said,
        Err(_) => Err(Error::new(&PG_CONNECT, Class::Transient)
            .attempted(&what)
            .happened(format!(
                "there was no answer from the pod {pod} within {} s",
                DEADLINE.as_secs()
            ))),
    }
}

async fn say(
    client: &Client,
    (namespace, pod): (&str, &str),
    (login, password): (&str, &str),
    user: &str,
    what: &str,
) -> Result<()> {
    let Some(turn) = Turn::of(user, login) else {
        return Ok(());
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let forwarded = pods.portforward(pod, &[POSTGRES]).await;
    let mut forwarded = forwarded.map_err(|e| fault::of(what, false, e))?;
    let wire = forwarded.take_stream(POSTGRES).ok_or_else(|| alone(login))?;
    // Between here and the node it is encrypted, and in the pod it leaves no machine.
    let mut config = Config::new();
    config
        .user(login)
        .password(password)
        .dbname("postgres")
        .application_name("paas")
        .ssl_mode(SslMode::Disable);
    let (client, connection) = config
        .connect_raw(wire, NoTls)
        .await
        .map_err(|e| translate(&e, what))?;
    let work = async {
        let sql = format!("SET ROLE NONE; {}", session_role(user, turn));
        client.batch_execute(&sql).await.map_err(|e| translate(&e, what))
    };
    tokio::select! {
        done = work => done,
        ended = connection => match ended {
            Err(e) => Err(translate(&e, what)),
            Ok(()) => Err(alone(login)),
        },
    }
}

/// No server to say it to.
pub(super) fn alone(login: &str) -> Error {
    Error::new(&PG_CONNECT, Class::Transient)
        .attempted(format!("log in as {login}"))
        .happened("the Cluster has no primary at the moment")
}

/// No password to log in with.
pub(super) fn without(login: &str, name: &str) -> Error {
    Error::new(&CORE_SECRET_MISSING, Class::Blocked)
        .attempted(format!("log in as {login}"))
        .happened(format!("the secret {name} is not there"))
}
