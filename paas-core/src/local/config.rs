//! Our part of a server's configuration: one generated file that `postgresql.conf` includes.

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

use super::{account::Account, build::Build, data::FOLDER, files, program, tls::certificate};
use crate::{
    database::{
        codes::PG_PARAMETER,
        parameters::{CERTIFICATE, HASH, quote},
    },
    error::{Class, Error, Result},
};

/// The file's name in the instance's folder; `data/postgresql.conf` includes it as `../paas.conf`.
pub const FILE: &str = "paas.conf";

/// Where the declared parameters begin in the file.
const DECLARED: &str = "# Declared parameters.";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The TCP port on the loopback.
    pub port: u16,
    /// The folder of the Unix socket.
    pub sockets: PathBuf,
    /// The major version, because not every version knows every parameter.
    pub major: u32,
    /// The fingerprint of the server's certificate; `None` where the build has no TLS.
    pub certificate: Option<String>,
    /// The declared parameters, by lower-case name.
    pub parameters: BTreeMap<String, String>,
}

impl ServerConfig {
    /// The file's text, with its own hash as the value of [`HASH`].
    ///
    /// # Errors
    /// `PAAS-PG-0004` for a value that has no form in the file.
    pub fn render(&self) -> Result<String> {
        let mut text = String::from(
            "# Written by paas at every start and change. Declare parameters in the spec instead.\n",
        );
        let sockets = self.sockets.to_string_lossy();
        let own = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &self.port.to_string()),
            ("unix_socket_directories", &sockets),
            ("password_encryption", "scram-sha-256"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("log_destination", "stderr"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
            ("lc_messages", "C"),
        ];
        for (name, value) in own {
            let _ = writeln!(text, "{name} = {}", quote(name, value)?);
        }
        match &self.certificate {
            Some(fingerprint) => {
                // Relative to the data directory, so that an instance may be moved.
                for (name, file) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
                    let _ = writeln!(text, "{name} = '../{}/{file}'", certificate::FOLDER);
                }
                text.push_str("ssl_min_protocol_version = 'TLSv1.2'\nssl = 'on'\n");
                let _ = writeln!(text, "{CERTIFICATE} = {}", quote(CERTIFICATE, fingerprint)?);
            }
            None => text.push_str("ssl = 'off'\n"),
        }
        if self.major >= 17 {
            // Settings changed by hand would be invisible in the spec.
            text.push_str("allow_alter_system = off\n");
        }
        let _ = writeln!(text, "{DECLARED}");
        for (name, value) in &self.parameters {
            let _ = writeln!(text, "{name} = {}", quote(name, value)?);
        }
        let hash: String = Sha256::digest(text.as_bytes())
            .iter()
            .take(8)
            .map(|b| format!("{b:02x}"))
            .collect();
        let _ = writeln!(text, "{HASH} = '{hash}'");
        Ok(text)
    }

    /// Writes the file whole.
    ///
    /// # Errors
    /// As [`ServerConfig::render`], and `PAAS-LOC-0013`.
    pub fn write(&self, instance: &Path, account: &Account) -> Result<()> {
        files::replace(&instance.join(FILE), self.render()?.as_bytes(), 0o600, account)
    }
}

/// What a written file says; damaged lines are left out, so that it differs from every wanted one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The port.
    pub port: Option<u16>,
    /// Whether it has TLS; `None` if it was written before there was TLS.
    pub tls: Option<bool>,
    /// The fingerprint of the certificate.
    pub certificate: Option<String>,
    /// The declared parameters.
    pub parameters: BTreeMap<String, String>,
    /// The hash.
    pub hash: Option<String>,
}

impl Written {
    /// Reads the file of an instance; nothing if there is none.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn read(instance: &Path) -> Result<Option<Self>> {
        Ok(files::read(&instance.join(FILE))?.map(|text| Self::parse(&text)))
    }

    fn parse(text: &str) -> Self {
        let mut written = Self::default();
        let mut declared = false;
        for line in text.lines() {
            declared |= line == DECLARED;
            let Some((name, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
                continue;
            };
            let value = unquote(value);
            match name {
                HASH => written.hash = Some(value),
                CERTIFICATE => written.certificate = Some(value),
                "ssl" => written.tls = Some(value == "on"),
                "port" => written.port = value.parse().ok(),
                _ if declared => {
                    written.parameters.insert(name.to_owned(), value);
                }
                _ => {}
            }
        }
        written
    }
}

/// Lets PostgreSQL itself judge the declared parameters, before a running server is touched.
///
/// # Errors
/// `PAAS-PG-0004` with its words.
pub async fn check(
    build: &Build,
    account: &Account,
    instance: &Path,
    declared: &BTreeMap<String, String>,
) -> Result<()> {
    if declared.is_empty() {
        return Ok(());
    }
    // Printing one setting reads the configuration as a start does, and starts nothing.
    let mut command = Command::new(build.program("postgres"));
    command.arg("-D").arg(instance.join(FOLDER)).args([
        "-C",
        "data_directory",
        "-c",
        "config_file=/dev/null",
    ]);
    for (name, value) in declared {
        quote(name, value)?;
        command.arg("-c").arg(format!("{name}={value}"));
    }
    program::quiet(&mut command, account, instance);
    let refused = |words: String| {
        Error::new(&PG_PARAMETER, Class::Invalid)
            .attempted("check the declared parameters")
            .happened(words)
    };
    let out = program::run(command).await.map_err(|e| refused(e.to_string()))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(refused(
        said.lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect::<Vec<_>>()
            .join("; "),
    ))
}

/// Forgets the port that was chosen and turned out to be taken.
///
/// # Errors
/// `PAAS-LOC-0013`.
pub(super) fn forget(instance: &Path) -> Result<()> {
    files::remove(&instance.join(FILE))
}

fn unquote(value: &str) -> String {
    let inner = value
        .strip_prefix('\'')
        .and_then(|v| v.strip_suffix('\''))
        .unwrap_or(value);
    inner.replace("''", "'").replace("\\\\", "\\")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn config(value: &str) -> ServerConfig {
        ServerConfig {
            port: 20_001,
            sockets: "/run/it's".into(),
            major: 17,
            certificate: Some("0a1b".into()),
            parameters: BTreeMap::from([("work_mem".to_owned(), value.to_owned())]),
        }
    }

    #[test]
    fn the_file_is_what_it_was_and_its_hash_follows_its_content() {
        insta::assert_snapshot!(config("8MB").render().unwrap(), @r"
        # Written by paas at every start and change. Declare parameters in the spec instead.
        listen_addresses = '127.0.0.1'
        port = '20001'
        unix_socket_directories = '/run/it''s'
        password_encryption = 'scram-sha-256'
        fsync = 'on'
        full_page_writes = 'on'
        log_destination = 'stderr'
        log_line_prefix = '%m [%p] %q%u@%d '
        lc_messages = 'C'
        ssl_cert_file = '../tls/server.crt'
        ssl_key_file = '../tls/server.key'
        ssl_min_protocol_version = 'TLSv1.2'
        ssl = 'on'
        paas.certificate = '0a1b'
        allow_alter_system = off
        # Declared parameters.
        work_mem = '8MB'
        paas.config = '26d4116972ea8dda'
        ");
        let hash = |c: &ServerConfig| Written::parse(&c.render().unwrap()).hash.unwrap();
        assert_ne!(hash(&config("8MB")), hash(&config("9MB")));
        assert!(
            !ServerConfig {
                major: 16,
                ..config("1")
            }
            .render()
            .unwrap()
            .contains("allow_alter_system")
        );
    }

    #[test]
    fn a_line_break_in_a_value_is_refused() {
        assert_eq!(
            config("1'\nfsync = off").render().unwrap_err().code().id,
            PG_PARAMETER.id
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "[^\n\r\0]{0,40}") {
            let written = Written::parse(&config(&value).render().unwrap());
            prop_assert_eq!((written.port, written.tls), (Some(20_001), Some(true)));
            prop_assert_eq!(&written.parameters["work_mem"], &value);
            prop_assert_eq!(written.parameters.len(), 1);
        }
    }
}
