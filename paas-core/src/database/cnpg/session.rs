//! One statement inside a server, through the API server: wherever whoever acts runs, it reaches the pod as `kubectl port-forward` does.

use std::time::Duration;

use kube::Client;

use super::{contents::session_role, net::POSTGRES};
use crate::{
    codes::CORE_SECRET_MISSING,
    database::{
        codes::PG_CONNECT,
        connection::{Connection, SslMode},
        login::Turn,
        session::Session,
    },
    error::{Class, Error, Result},
    kube::Forward,
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
    let Some(turn) = Turn::of(user, login) else {
        return Ok(());
    };
    let what = format!("have the sessions of {login} begin as {user}");
    let way = Forward::to_pod(client.clone(), namespace, pod, POSTGRES);
    // Between here and the node it is encrypted, and in the pod it leaves no machine.
    let to = Connection {
        host: pod.to_owned(),
        address: None,
        port: POSTGRES,
        database: "postgres".to_owned(),
        user: login.to_owned(),
        password: password.to_owned().into(),
        sslmode: SslMode::Disable,
        ca: None,
    };
    let said = async {
        let session = Session::over(&to, &way).await?;
        let sql = format!("SET ROLE NONE; {}", session_role(user, turn));
        session.run(&sql, &what).await
    };
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
