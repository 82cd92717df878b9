//! A client of nothing but reqwest, and a cloud on a clock that stands still.

use std::{sync::Arc, time::Duration};

use paas_core::testing::ManualClock;
use paas_openstack::{
    client::service::Kind,
    fake::{Fake, Setup},
};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// A cloud, and somebody with a token.
pub(crate) struct Asked {
    pub(crate) fake: Fake,
    http: reqwest::Client,
    token: String,
    version: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// The words of a Nova, Cinder or Keystone error.
    pub(crate) fn words(&self) -> String {
        let (_, inner) = self
            .body
            .as_object()
            .and_then(|body| body.iter().next())
            .expect("an error body");
        inner["message"].as_str().expect("words").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

pub(crate) fn password(name: &str, password: &str, scope: Option<Value>) -> Value {
    let mut auth = json!({"auth": {"identity": {"methods": ["password"],
        "password": {"user": {"name": name, "domain": {"name": "Default"}, "password": password}}}}});
    if let Some(scope) = scope {
        auth["auth"]["scope"] = scope;
    }
    auth
}

pub(crate) fn project(name: &str) -> Option<Value> {
    Some(json!({"project": {"name": name, "domain": {"name": "Default"}}}))
}

impl Asked {
    /// The default cloud, on a clock that stands still, asked by `demo`.
    pub(crate) async fn new() -> Self {
        Self::of(Setup::default()).await
    }

    pub(crate) async fn of(setup: Setup) -> Self {
        let fake = Fake::start(setup.with_clock(Arc::new(ManualClock::default())))
            .await
            .expect("a cloud");
        let mut asked = Self {
            fake,
            http: http(),
            token: String::new(),
            version: None,
        };
        asked.become_user("demo").await;
        asked.fake.forget_calls();
        asked
    }

    /// From now on as another user, in the project of the same name.
    pub(crate) async fn become_user(&mut self, name: &str) {
        let body = password(name, &format!("{name}-password"), project(name));
        let answer = self.post(Kind::Identity, "/v3/auth/tokens", body).await.is(201);
        self.token = answer.header("x-subject-token").to_owned();
    }

    pub(crate) fn bear(&mut self, token: &str) {
        self.token = token.to_owned();
    }

    pub(crate) fn token(&self) -> String {
        self.token.clone()
    }

    /// From now on in this microversion: `compute 2.67`.
    pub(crate) fn speak(&mut self, version: &str) {
        self.version = Some(version.to_owned());
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let reply = request.send().await?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let text = reply.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    pub(crate) fn request(&self, method: Method, kind: Kind, path: &str) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.fake.url(kind)));
        if !self.token.is_empty() {
            request = request.header("x-auth-token", &self.token);
        }
        match &self.version {
            Some(version) => request.header("openstack-api-version", version),
            None => request,
        }
    }

    pub(crate) async fn get(&self, kind: Kind, path: &str) -> Answer {
        self.send(self.request(Method::GET, kind, path))
            .await
            .expect("an answer")
    }

    pub(crate) async fn post(&self, kind: Kind, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, kind, path).json(&body))
            .await
            .expect("an answer")
    }

    pub(crate) async fn put(&self, kind: Kind, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, kind, path).json(&body))
            .await
            .expect("an answer")
    }

    pub(crate) async fn delete(&self, kind: Kind, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, kind, path))
            .await
            .expect("an answer")
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.fake.advance(Duration::from_secs(seconds));
    }
}
