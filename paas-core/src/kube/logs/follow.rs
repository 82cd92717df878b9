//! What is added to the logs of pods while somebody looks.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{AsyncBufReadExt, StreamExt};
use jiff::Timestamp;
use kube::api::LogParams;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
};

use super::{Line, One, PodLogs, Reader, split, told};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, Result},
    kube::fault,
};

/// How often it is looked for pods that are new, and for containers that were started again.
const LOOK: Duration = Duration::from_secs(1);

/// After so long without a line, the last message is taken for whole.
const WHOLE: Duration = Duration::from_millis(200);

/// How many messages are kept while nobody takes them; then the pods' streams wait.
const KEPT: usize = 1000;

/// Up to where a pod was read.
type Read = Arc<Mutex<Option<Timestamp>>>;

/// The messages as they come. It ends when dropped.
pub struct Following {
    lines: Receiver<Result<Line>>,
    work: JoinHandle<()>,
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").finish_non_exhaustive()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Following {
    pub(super) fn new(logs: PodLogs, read: Vec<(String, Option<Timestamp>)>) -> Self {
        let (to, lines) = channel(KEPT);
        let read = read
            .into_iter()
            .map(|(uid, at)| (uid, Arc::new(Mutex::new(at))))
            .collect();
        let work = tokio::spawn(look(logs, read, to));
        Self { lines, work }
    }

    /// The next message; waits for one.
    ///
    /// # Errors
    /// That the API server does not allow it any more. What passes is waited for.
    pub async fn next(&mut self) -> Result<Option<Line>> {
        self.lines.recv().await.transpose()
    }
}

/// A pod's stream; it ends when dropped.
struct Stream(JoinHandle<()>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn look(logs: PodLogs, mut read: HashMap<String, Read>, to: Sender<Result<Line>>) {
    let mut open: HashMap<String, Stream> = HashMap::new();
    loop {
        match logs.list().await {
            Ok(pods) => {
                open.retain(|uid, stream| !stream.0.is_finished() && pods.iter().any(|p| p.uid == *uid));
                read.retain(|uid, _| pods.iter().any(|p| p.uid == *uid));
                for pod in pods {
                    let at = Arc::clone(read.entry(pod.uid.clone()).or_default());
                    open.entry(pod.uid.clone())
                        .or_insert_with(|| Stream(tokio::spawn(stream(logs.clone(), pod, at, to.clone()))));
                }
            }
            Err(error) if error.may_pass() => tracing::debug!(%error, "the pods cannot be listed now"),
            Err(error) => {
                // Nobody is left who listens, or it is told.
                let _ = to.send(Err(error)).await;
                return;
            }
        }
        SystemClock.sleep(LOOK).await;
    }
}

/// Tells what a pod adds until its container ends.
async fn stream(logs: PodLogs, pod: One, read: Read, to: Sender<Result<Line>>) {
    if let Err(error) = told_by(&logs, &pod, &read, &to).await {
        tracing::debug!(%error, pod = pod.name, "its log cannot be followed now");
    }
}

async fn told_by(logs: &PodLogs, pod: &One, read: &Read, to: &Sender<Result<Line>>) -> Result<(), Error> {
    let from = *read.lock().unwrap_or_else(PoisonError::into_inner);
    let params = LogParams {
        follow: true,
        // Whole seconds: what was read of that second is passed over below.
        since_time: from,
        ..PodLogs::params(pod)
    };
    let what = format!("follow the log of the pod {}", pod.name);
    let opened = logs.pods.log_stream(&pod.name, &params).await;
    let mut lines = opened.map_err(|e| fault::of(&what, false, e))?.lines();
    let mut reader = Reader::new(logs.all);
    loop {
        let next = tokio::time::timeout(WHOLE, lines.next()).await;
        let entries = match next {
            Ok(Some(Ok(stamped))) => {
                let (at, line) = split(&stamped);
                if at.is_some() && at <= from {
                    continue;
                }
                if at.is_some() {
                    *read.lock().unwrap_or_else(PoisonError::into_inner) = at;
                }
                reader.line(line)
            }
            Ok(Some(Err(_)) | None) => {
                if let Some(entry) = reader.end() {
                    let _ = to.send(Ok(told(pod, entry))).await;
                }
                return Ok(());
            }
            Err(_) => reader.end().into_iter().collect(),
        };
        for entry in entries {
            if to.send(Ok(told(pod, entry))).await.is_err() {
                return Ok(());
            }
        }
    }
}
