//! User-data for cloud-init: a typed `#cloud-config`, with its secrets put in last and its length looked at.

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, GzBuilder};
use serde::{Serialize, Serializer};

use super::{
    codes::INS_USER_DATA,
    content::{Content, Placeholder, Resolve},
    yaml,
};
use crate::{
    error::{Class, Error, Result},
    secrets::{ExposeSecret, SecretString},
};

/// What cloud-init does on a machine's first boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudConfig {
    /// The machine's name.
    pub hostname: String,
    /// Files, in the order in which they are written: before users exist, so that all are root's.
    pub files: Vec<File>,
    /// Commands, each with its arguments, once and last. A failing one does not stop the next, so there had better be one only.
    pub commands: Vec<Vec<String>>,
}

/// A file that cloud-init writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where.
    pub path: String,
    /// Its mode: without one, cloud-init would let everybody read it.
    pub mode: Mode,
    /// What is in it.
    pub content: Content,
}

/// Who may do what with a file. All belong to root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Root alone reads it.
    Secret,
    /// Everybody reads it.
    Public,
    /// Root alone reads and runs it.
    Program,
}

impl Mode {
    fn octal(self) -> &'static str {
        match self {
            Self::Secret => "0600",
            Self::Public => "0644",
            Self::Program => "0700",
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    hostname: &'a str,
    preserve_hostname: bool,
    manage_etc_hosts: &'static str,
    ssh_pwauth: bool,
    disable_root: bool,
    write_files: Vec<Entry<'a>>,
    runcmd: &'a [Vec<String>],
}

#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    owner: &'static str,
    permissions: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(serialize_with = "block")]
    content: String,
}

fn block<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match text.ends_with('\n') && !text.ends_with("\n\n") && !text.starts_with([' ', '\n']) {
        true => serde_saphyr::LitStr(text).serialize(serializer),
        false => text.serialize(serializer),
    }
}

impl CloudConfig {
    /// The places for secrets in its files.
    pub fn places(&self) -> impl Iterator<Item = &Placeholder> {
        self.files.iter().flat_map(|file| file.content.places())
    }

    /// As it is read by people: nothing encoded, no secret in it.
    ///
    /// # Errors
    /// None but those of a bug.
    pub fn plain(&self) -> Result<String> {
        let entries = self.files.iter().map(|file| (None, file.content.plain()));
        self.document(entries.collect())
    }

    /// As cloud-init reads it. A file is compressed where that is shorter; the whole never is, since some clouds hand out compressed
    /// user-data damaged.
    ///
    /// # Errors
    /// [`INS_USER_DATA`] if it is longer than `limit` bytes; those of `resolve`.
    pub fn render(&self, limit: usize, resolve: Resolve<'_>) -> Result<SecretString> {
        let mut entries = Vec::new();
        for file in &self.files {
            let content = file.content.resolved(resolve)?;
            entries.push(shorter(content.expose_secret()));
        }
        let sizes: Vec<usize> = entries.iter().map(|(_, content)| content.len()).collect();
        let text = SecretString::from(self.document(entries)?);
        let length = text.expose_secret().len();
        if length <= limit {
            return Ok(text);
        }
        let mut largest: Vec<_> = self.files.iter().zip(sizes).collect();
        largest.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        let named = largest.iter().take(3);
        let named: Vec<String> = named
            .map(|(file, size)| format!("{} with {size}", file.path))
            .collect();
        Err(Error::new(&INS_USER_DATA, Class::Invalid)
            .attempted(format!("write down the first boot of {}", self.hostname))
            .happened(format!(
                "it takes {length} bytes, and the limit is {limit}; the largest files are {}",
                named.join(", ")
            )))
    }

    fn document<'a>(&'a self, contents: Vec<(Option<&'static str>, String)>) -> Result<String> {
        let entry = |(file, (encoding, content)): (&'a File, _)| Entry {
            path: &file.path,
            owner: "root:root",
            permissions: file.mode.octal(),
            encoding,
            content,
        };
        let document = Document {
            hostname: &self.hostname,
            preserve_hostname: false,
            manage_etc_hosts: "localhost",
            ssh_pwauth: false,
            disable_root: true,
            write_files: self.files.iter().zip(contents).map(entry).collect(),
            runcmd: &self.commands,
        };
        Ok(format!("#cloud-config\n{}", yaml::readable(&document)?))
    }
}

/// The text, or the same compressed where that takes fewer bytes in the document, in which every line is indented.
fn shorter(text: &str) -> (Option<&'static str>, String) {
    let packed = gzip(text.as_bytes()).map(|packed| STANDARD.encode(packed));
    let plain = text.len() + 4 * text.lines().count();
    match packed {
        Some(packed) if packed.len() + "    encoding: gz+b64\n".len() < plain => (Some("gz+b64"), packed),
        _ => (None, text.to_owned()),
    }
}

/// The same bytes for the same text: no time, no name.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
