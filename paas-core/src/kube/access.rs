//! Clients for API servers, made so that they keep the engine's laws: what changes something is sent once.

use std::{fmt, path::Path, time::Duration};

use http::{Method, Request, Response};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, retry::RetryPolicy},
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tower::{
    BoxError,
    buffer::BufferLayer,
    retry::{Policy, RetryLayer},
};

use super::{codes::K8S_ACCESS, deadline::DeadlineLayer, fault::chain};
use crate::{
    error::{Class, Error},
    secrets::{ExposeSecret, SecretString},
};

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

/// How often a read is sent again, and the shortest and the longest pause before it.
const READS: (u32, Duration, Duration) = (3, Duration::from_millis(100), Duration::from_secs(2));

/// Requests that wait for the connection.
const QUEUE: usize = 1024;

/// Who we are in the API server's logs.
const USER_AGENT: &str = concat!("paas/", env!("CARGO_PKG_VERSION"));

/// A client from the text of a kubeconfig, in `context` or in its current one. Reads nothing from the environment; files and programs
/// are read and run as far as the kubeconfig names them.
///
/// # Errors
/// [`K8S_ACCESS`] if the text is no kubeconfig, the context is not in it, or what it refers to cannot be read.
pub async fn from_kubeconfig(text: &SecretString, context: Option<&str>) -> Result<Client, Error> {
    let doing = "read the kubeconfig";
    let kubeconfig = Kubeconfig::from_yaml(text.expose_secret()).map_err(|e| unusable(doing, &e))?;
    let proxy = proxy_of(&kubeconfig, context);
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|e| unusable(doing, &e))?;
    // The library would also take one from the environment.
    config.proxy_url = match proxy {
        Some(proxy) => Some(
            proxy
                .parse()
                .map_err(|e| unusable(doing, &KubeconfigError::ParseProxyUrl(e)))?,
        ),
        None => None,
    };
    client(config)
}

/// A cluster that a kubeconfig names.
#[derive(Clone)]
pub struct Chosen {
    /// The client; its default namespace is the context's.
    pub client: Client,
    /// The name of the context; `None` in a pod, which has none.
    pub context: Option<String>,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chosen")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// A client for the cluster that `kubectl` would use here, in `context` or in the current one; without a kubeconfig, and with no
/// context named, the cluster that this program runs in.
///
/// Reads what [`choose`] reads.
///
/// # Errors
/// [`K8S_ACCESS`] if there is neither, or what there is cannot be used.
pub async fn ambient(context: Option<&str>) -> Result<Client, Error> {
    Ok(choose(None, context).await?.client)
}

/// The cluster that `kubectl --kubeconfig FILE --context NAME` would use: `file`, else the files of `KUBECONFIG`, else that of the home;
/// `context`, else the current one. With neither named and no kubeconfig found, the cluster that this program runs in.
///
/// This is the one function that reads the environment: `KUBECONFIG`, `HOME`, `HTTPS_PROXY`, `KUBERNETES_SERVICE_HOST` and
/// `_PORT`, and the files of a service account.
///
/// # Errors
/// [`K8S_ACCESS`] if there is neither, or what there is cannot be used.
pub async fn choose(file: Option<&Path>, context: Option<&str>) -> Result<Chosen, Error> {
    let doing = match file {
        Some(file) => format!("use the kubeconfig {}", file.display()),
        None => "find the cluster".to_owned(),
    };
    let read = match file {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let outside = match read {
        Ok(kubeconfig) => {
            let name = context.or(kubeconfig.current_context.as_deref());
            let name = name.filter(|n| !n.is_empty()).map(str::to_owned);
            let options = KubeConfigOptions {
                context: context.map(str::to_owned),
                ..KubeConfigOptions::default()
            };
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
            config.map(|config| (config, name))
        }
        Err(error) => Err(error),
    };
    let (config, context) = match outside {
        Ok(found) => found,
        Err(error) if context.is_some() || file.is_some() => return Err(unusable(&doing, &error)),
        Err(error) => {
            let inside = Config::incluster().map_err(|inside| {
                let words = format!("{}; and this is no pod: {}", words(&error), chain(&inside));
                Error::new(&K8S_ACCESS, Class::Invalid)
                    .attempted(doing)
                    .happened(words)
            })?;
            (inside, None)
        }
    };
    let client = client(config)?;
    Ok(Chosen { client, context })
}

/// A client of a configuration, with our timeouts and name. Reads are sent again where the API server is busy, at most three times;
/// nothing else ever is.
///
/// # Errors
/// [`K8S_ACCESS`] if its certificates, keys or login cannot be used.
pub fn client(mut config: Config) -> Result<Client, Error> {
    let failed = |words: String| {
        Error::new(&K8S_ACCESS, Class::Invalid)
            .attempted("make a client for the cluster")
            .happened(words)
    };
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    let ours = http::HeaderValue::from_static(USER_AGENT);
    config
        .headers
        .retain(|(name, _)| *name != http::header::USER_AGENT);
    config.headers.push((http::header::USER_AGENT, ours));
    let (often, shortest, longest) = READS;
    let policy = RetryPolicy::new(shortest, longest, often, true).map_err(|e| failed(chain(&e)))?;
    let builder = ClientBuilder::try_from(config).map_err(|e| failed(chain(&e)))?;
    Ok(builder
        .with_layer(&BufferLayer::new(QUEUE))
        .with_layer(&RetryLayer::new(Reads(policy)))
        .with_layer(&DeadlineLayer)
        .build())
}

/// Repeats reads and nothing else.
#[derive(Clone)]
struct Reads(RetryPolicy);

impl<Answer> Policy<Request<Body>, Response<Answer>, BoxError> for Reads {
    type Future = <RetryPolicy as Policy<Request<Body>, Response<Answer>, BoxError>>::Future;

    fn retry(
        &mut self,
        request: &mut Request<Body>,
        result: &mut Result<Response<Answer>, BoxError>,
    ) -> Option<Self::Future> {
        self.0.retry(request, result)
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let read = request.method() == Method::GET && !request.headers().contains_key(http::header::UPGRADE);
        if !read {
            return None;
        }
        Policy::<Request<Body>, Response<Answer>, BoxError>::clone_request(&mut self.0, request)
    }
}

/// The proxy that the kubeconfig itself names for a context.
fn proxy_of(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let context = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|c| c.name == context)?;
    let cluster = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|c| c.name == *cluster)?;
    let proxy = cluster.cluster.as_ref()?.proxy_url.clone();
    proxy.filter(|p| !p.is_empty())
}

fn unusable(doing: &str, error: &KubeconfigError) -> Error {
    Error::new(&K8S_ACCESS, Class::Invalid)
        .attempted(doing)
        .happened(words(error))
}

/// What is wrong, without the text itself: a parser shows the lines around the place, with tokens and keys in them.
fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!(
                "line {}, column {} is not YAML of a kubeconfig",
                at.line(),
                at.column()
            ),
            None => "it is not YAML of a kubeconfig".to_owned(),
        },
        other => chain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
current-context: one
contexts:
- {name: one, context: {cluster: one, user: one, namespace: shop}}
clusters:
- {name: one, cluster: {server: 'http://127.0.0.1:9'}}
users:
- {name: one, user: {token: hunter2}}
";

    fn text(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn a_kubeconfig_gives_a_client_in_the_namespace_of_its_context() {
        let client = from_kubeconfig(&text(CONFIG), None).await.unwrap();
        assert_eq!(client.default_namespace(), "shop");
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_kubeconfig_is_told_without_its_secrets() {
        let broken = [
            CONFIG.replace("{token: hunter2}}", "{token: hunter2"),
            CONFIG.replace("token: hunter2", "token: [hunter2]"),
            CONFIG.replace("current-context: one", "current-context: other"),
            CONFIG.replace(
                "token: hunter2",
                "client-certificate-data: hunter2, client-key-data: hunter2",
            ),
            "hunter2".to_owned(),
            String::new(),
        ];
        for broken in broken {
            let Err(error) = from_kubeconfig(&text(&broken), None).await else {
                panic!("{broken}")
            };
            assert_eq!(error.code().id, K8S_ACCESS.id, "{broken}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let Err(error) = from_kubeconfig(&text(CONFIG), Some("nowhere")).await else {
            panic!("no error")
        };
        assert!(error.to_string().contains("nowhere"), "{error}");
    }

    #[test]
    fn reads_are_repeated_and_nothing_else_is() {
        let policy = RetryPolicy::default();
        let mut reads = Reads(policy);
        for (method, again) in [
            ("GET", true),
            ("POST", false),
            ("PATCH", false),
            ("DELETE", false),
            ("PUT", false),
        ] {
            let request = Request::builder()
                .method(method)
                .uri("/")
                .body(Body::empty())
                .unwrap();
            let copy = Policy::<_, Response<Body>, BoxError>::clone_request(&mut reads, &request);
            assert_eq!(copy.is_some(), again, "{method}");
        }
    }
}
