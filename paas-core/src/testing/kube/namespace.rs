//! A namespace for each test, given back when the test is over.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
    time::Duration,
};

use k8s_openapi::api::core::v1;
use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, PostParams},
};

use super::{
    cluster::{ControlPlane, answered},
    server,
};
use crate::{
    error::Result,
    secrets::{ExposeSecret, Generate, SystemRandom},
};

/// The label of every namespace of a test: `kubectl delete namespaces -l paas.rs/test` removes what killed tests left in a cluster.
pub const LABEL: &str = "paas.rs/test";

/// The annotation with the sentence that the test gave.
pub const ANNOTATION: &str = "paas.rs/test";

/// How long a test waits at its end for the cluster to take note.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest name that Kubernetes takes.
const LONGEST: usize = 63;

/// A namespace of a test; it is deleted with this value, with everything in it.
pub struct Namespace {
    cluster: ControlPlane,
    name: String,
}

impl Namespace {
    pub(super) async fn make(cluster: ControlPlane, sentence: &str) -> Result<Self> {
        let client = cluster.client().await?;
        let name = named(sentence);
        let namespace = v1::Namespace {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some(BTreeMap::from([(LABEL.to_owned(), "true".to_owned())])),
                annotations: Some(BTreeMap::from([(ANNOTATION.to_owned(), sentence.to_owned())])),
                ..ObjectMeta::default()
            },
            ..v1::Namespace::default()
        };
        let all: Api<v1::Namespace> = Api::all(client);
        let made = all.create(&PostParams::default(), &namespace).await;
        made.map_err(|e| answered(&format!("make namespace {name}"), e))?;
        Ok(Self { cluster, name })
    }

    /// Its name: the sentence as far as a name may hold it, and some chance.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster that it is in.
    pub fn cluster(&self) -> &ControlPlane {
        &self.cluster
    }

    /// A client whose default namespace is this one: `Api::default_namespaced`. It belongs to the runtime that it is made in.
    ///
    /// # Errors
    /// Those of [`ControlPlane::client`].
    pub async fn client(&self) -> Result<Client> {
        server::client(&self.cluster.kubeconfig(), Some(&self.name)).await
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.cluster.forget(&self.name);
    }
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespace").field("name", &self.name).finish()
    }
}

/// Lower-case letters, digits and dashes of the sentence.
fn named(sentence: &str) -> String {
    let chance = SystemRandom.secret().expose_secret()[..8].to_ascii_lowercase();
    let mut name = String::new();
    for c in sentence.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
        if name.len() == LONGEST - chance.len() - 1 {
            break;
        }
    }
    let name = name.trim_end_matches('-');
    let name = if name.is_empty() { "test" } else { name };
    format!("{name}-{chance}")
}

/// A thread that deletes namespaces: a test's runtime cannot be waited for while its values are dropped.
pub(super) struct Janitor {
    asks: Sender<(String, SyncSender<()>)>,
}

impl Janitor {
    /// Starts the thread; it ends with this value.
    pub(super) fn new(kubeconfig: PathBuf) -> Self {
        let (asks, asked) = channel();
        // Where there can be no thread, `asked` is dropped, and nobody waits.
        let _ = thread::Builder::new()
            .name("namespaces of tests".to_owned())
            .spawn(move || run(&kubeconfig, &asked));
        Self { asks }
    }

    /// Deletes a namespace, and comes back when the API server knows, or does not answer.
    pub(super) fn delete(&self, name: &str) {
        let (done, wait) = sync_channel(1);
        if self.asks.send((name.to_owned(), done)).is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
        }
    }
}

fn run(kubeconfig: &std::path::Path, asked: &Receiver<(String, SyncSender<()>)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    for (name, done) in asked {
        runtime.block_on(async {
            let Ok(client) = server::client(kubeconfig, None).await else {
                return;
            };
            let all: Api<v1::Namespace> = Api::all(client);
            if let Err(e) = all.delete(&name, &DeleteParams::background()).await {
                tracing::warn!(namespace = name, error = %e, "a namespace of a test was left");
            }
        });
        let _ = done.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_becomes_a_name_that_kubernetes_takes() {
        let name = named("A CRD of ours, with 2 rules!");
        assert_eq!(name[..name.len() - 9], *"a-crd-of-ours-with-2-rules");
        let long = named(&"long ".repeat(30));
        assert!(long.len() <= LONGEST && !long.contains("--"), "{long}");
        assert!(named("§§").starts_with("test-"));
        assert_ne!(named("one"), named("one"));
        let of = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(long.chars().all(of) && !long.ends_with('-'));
    }
}
