//! Manifests from the web: the projects' own releases, or a mirror of them by URL.
//!
//! It speaks HTTP by the client for API servers, whose TLS is this crate's only one outside of `local-download` (law 12).

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Limited};
use kube::{Client, Config, client::Body};

use super::{
    manifests::{Expected, LARGEST, Manifests, SUMS, release, sha256, too_large, unreadable},
    pins::Pin,
};
use crate::{durable, error::Result, kube::access};

/// How long a file may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Redirects that are followed.
const REDIRECTS: usize = 4;

/// Manifests by URL.
///
/// What was read once is kept in a folder under its SHA-256 and not fetched again. Of a mirror its list of sums is asked for each time;
/// where it does not answer, what it said the last time holds.
#[derive(Debug, Clone)]
pub struct Web {
    mirror: Option<String>,
    cache: Option<PathBuf>,
    deadline: Duration,
}

impl Web {
    /// The projects' own releases.
    pub fn upstream() -> Self {
        Self {
            mirror: None,
            cache: None,
            deadline: DEADLINE,
        }
    }

    /// A mirror: `url/cnpg-1.30.0.yaml`, and `url/SHA256SUMS` where its files are not the projects' own.
    pub fn mirror(url: &str) -> Self {
        Self {
            mirror: Some(url.trim_end_matches('/').to_owned()),
            ..Self::upstream()
        }
    }

    /// Keeps in `folder` what was read.
    #[must_use]
    pub fn cached(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Gives up after so long.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// A file, or `None` where there is none.
    async fn get(&self, url: &str) -> Result<Option<Vec<u8>>> {
        match tokio::time::timeout(self.deadline, fetch(url)).await {
            Ok(got) => got,
            Err(_) => Err(unreadable(
                url,
                format!("no answer within {} s", self.deadline.as_secs()),
            )),
        }
    }

    /// The mirror's list of sums: as it is now, or as it was the last time where the mirror does not answer.
    async fn sums(&self, mirror: &str) -> Result<Option<Vec<u8>>> {
        let url = format!("{mirror}/{SUMS}");
        let kept = self
            .cache
            .as_ref()
            .map(|c| c.join(format!("{}.sums", sha256(url.as_bytes()))));
        match self.get(&url).await {
            Ok(sums) => {
                // An empty list says that there was none.
                keep(kept.as_deref(), sums.as_deref().unwrap_or_default());
                Ok(sums)
            }
            Err(error) => kept.and_then(|k| fs::read(k).ok()).map(Some).ok_or(error),
        }
    }
}

/// Keeping is for the next time alone: that it failed is nothing that this time has to know.
fn keep(path: Option<&Path>, content: &[u8]) {
    if let Some(path) = path.filter(|p| fs::read(p).ok().as_deref() != Some(content)) {
        let _ = durable::write(path, content);
    }
}

#[async_trait]
impl Manifests for Web {
    async fn read(&self, pin: &Pin) -> Result<Vec<u8>> {
        let release = release(pin)?;
        let (url, sums) = match &self.mirror {
            Some(mirror) => (format!("{mirror}/{}", release.file), self.sums(mirror).await?),
            None => (release.url.to_owned(), None),
        };
        let expected = Expected::of(&release, sums.as_deref());
        let kept = self.cache.as_ref().map(|c| c.join(&expected.sha256));
        let before = kept.as_ref().and_then(|k| fs::read(k).ok());
        if let Some(content) = before.filter(|c| expected.check(&url, c).is_ok()) {
            return Ok(content);
        }
        let content = self
            .get(&url)
            .await?
            .ok_or_else(|| unreadable(&url, "there is no such file (404)".to_owned()))?;
        expected.check(&url, &content)?;
        keep(kept.as_deref(), &content);
        Ok(content)
    }
}

async fn fetch(url: &str) -> Result<Option<Vec<u8>>> {
    let mut at = url.to_owned();
    for _ in 0..=REDIRECTS {
        let failed = |words: String| unreadable(url, words);
        let uri: Uri = at.parse().map_err(|e| failed(format!("'{at}' is no URL: {e}")))?;
        let answer = send(&uri).await.map_err(failed)?;
        let status = answer.status();
        if status.is_success() {
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            let body = body.map_err(|e| {
                let is_large = e.is::<http_body_util::LengthLimitError>();
                failed(if is_large {
                    too_large()
                } else {
                    format!("the answer broke off: {e}")
                })
            })?;
            return Ok(Some(body.to_bytes().to_vec()));
        }
        if status == http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let to = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|to| to.to_str().ok());
        match to.filter(|_| status.is_redirection()) {
            Some(to) if uri.scheme_str() == Some("https") && !to.starts_with("https://") => {
                return Err(failed(format!("it leads from https to '{to}'")));
            }
            Some(to) => at = to.to_owned(),
            None => return Err(failed(format!("the answer is {status}"))),
        }
    }
    Err(unreadable(
        url,
        format!("it leads elsewhere more than {REDIRECTS} times"),
    ))
}

async fn send(uri: &Uri) -> Result<http::Response<Body>, String> {
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("'{uri}' is no URL with a host"));
    };
    let host: Uri = format!("{scheme}://{authority}")
        .parse()
        .map_err(|e| format!("{e}"))?;
    let client: Client = access::client(Config::new(host)).map_err(|e| e.words().to_owned())?;
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    let request = Request::get(path)
        .header(header::ACCEPT, "*/*")
        .body(Body::empty())
        .map_err(|e| e.to_string())?;
    client
        .send(request)
        .await
        .map_err(|e| crate::kube::fault::of("read it", false, e).words().to_owned())
}
