//! Where manifests come from that are no part of this program, and whether they are the ones that are meant.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::pins::{Pin, Release};
use crate::{
    error::{Class, Error, Result},
    installer::codes::{INS_CHECKSUM, INS_MANIFEST},
};

/// The largest manifest that is read.
pub const LARGEST: usize = 16 * 1024 * 1024;

/// The file of a mirror that lists the SHA-256 of its files, as `sha256sum` writes it.
pub const SUMS: &str = "SHA256SUMS";

/// Where manifests come from.
///
/// Laws: what is returned has the expected SHA-256, which is the one that a mirror's [`SUMS`] lists for the file, or else the pinned one;
/// it is no larger than [`LARGEST`]; and the call ends by itself.
#[async_trait]
pub trait Manifests: fmt::Debug + Send + Sync {
    /// The manifest of an addon.
    ///
    /// # Errors
    /// [`INS_MANIFEST`] if it cannot be read, [`INS_CHECKSUM`] if it is another one.
    async fn read(&self, pin: &Pin) -> Result<Vec<u8>>;
}

/// A folder of this machine as a mirror.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

impl Directory {
    /// The mirror in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    fn file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.0.join(name);
        match bounded(&path) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.0.is_dir() => Ok(None),
            Err(e) => Err(unreadable(&path.display().to_string(), e.to_string())),
        }
    }
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(most).read_to_end(&mut content)?;
    match content.len() > LARGEST {
        true => Err(io::Error::other(too_large())),
        false => Ok(content),
    }
}

#[async_trait]
impl Manifests for Directory {
    async fn read(&self, pin: &Pin) -> Result<Vec<u8>> {
        let release = release(pin)?;
        let at = self.0.join(release.file).display().to_string();
        let sums = self.file(SUMS)?;
        let content = self
            .file(release.file)?
            .ok_or_else(|| unreadable(&at, "the mirror does not have it".to_owned()))?;
        let expected = Expected::of(&release, sums.as_deref());
        expected.check(&at, &content)?;
        Ok(content)
    }
}

/// The release of an addon that is fetched.
pub(super) fn release(pin: &Pin) -> Result<Release> {
    pin.release.ok_or_else(|| {
        unreadable(
            pin.name,
            "it is a part of this program and never fetched".to_owned(),
        )
    })
}

/// The SHA-256 that a file must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) sha256: String,
    by: String,
}

impl Expected {
    /// By the mirror's list if it names the file, else the pinned one.
    pub(super) fn of(release: &Release, sums: Option<&[u8]>) -> Self {
        match sums.and_then(|sums| listed(&String::from_utf8_lossy(sums), release.file)) {
            Some(sha256) => Self {
                sha256,
                by: format!("the mirror's {SUMS}"),
            },
            None => Self {
                sha256: release.sha256.to_owned(),
                by: format!("this program, for {}", release.url),
            },
        }
    }

    /// # Errors
    /// [`INS_CHECKSUM`] with both sums.
    pub(super) fn check(&self, at: &str, content: &[u8]) -> Result<()> {
        let is = sha256(content);
        match is == self.sha256 {
            true => Ok(()),
            false => Err(Error::new(&INS_CHECKSUM, Class::Invalid)
                .attempted(format!("read {at}"))
                .happened(format!("its SHA-256 is {is}, and {} by {}", self.sha256, self.by))),
        }
    }
}

/// The sum of a file in the output of `sha256sum`: digits, two characters, the name.
fn listed(sums: &str, file: &str) -> Option<String> {
    sums.lines().find_map(|line| {
        let (sum, name) = line.trim_end().split_once([' ', '\t'])?;
        let name = name.trim_start_matches([' ', '\t', '*']);
        let good = sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
        (good && name.strip_prefix("./").unwrap_or(name) == file).then(|| sum.to_ascii_lowercase())
    })
}

pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

pub(super) fn too_large() -> String {
    format!(
        "it is larger than {} MiB, which is no manifest",
        LARGEST / 1024 / 1024
    )
}

pub(super) fn unreadable(at: &str, words: String) -> Error {
    Error::new(&INS_MANIFEST, Class::Blocked)
        .attempted(format!("read {at}"))
        .happened(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_sums_is_read_as_sha256sum_writes_it() {
        let sum = "a".repeat(64);
        for line in [
            format!("{sum}  x.yaml"),
            format!("{sum} *./x.yaml"),
            format!("{}\tx.yaml\r", sum.to_uppercase()),
        ] {
            assert_eq!(
                listed(&format!("short  x.yaml\n{line}\n"), "x.yaml").as_ref(),
                Some(&sum),
                "{line}"
            );
        }
        assert_eq!(listed(&format!("{sum}  y.yaml"), "x.yaml"), None);
    }
}
