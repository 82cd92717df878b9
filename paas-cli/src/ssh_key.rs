//! The SSH key that logs in to a machine: one that is there, or a new one.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    encoding::AsBigEndian as _,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paas_core::error::{Class, Error};
use secrecy::{ExposeSecret as _, SecretString};

use crate::codes::CLI_SSH_KEY;

/// The name of a key that was made here, as OpenSSH calls its own.
const MADE: &str = "id_ed25519";

/// Names that OpenSSH tries by itself, the best first.
const USUAL: [&str; 5] = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk"];

/// A public key, and where its private half is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshKey {
    /// The line of the `.pub` file.
    pub(crate) public: String,
    /// The file that `ssh -i` needs; none where `ssh` finds it by itself, or it is not here.
    pub(crate) identity: Option<PathBuf>,
    /// True if it was made just now.
    pub(crate) new: bool,
}

/// Where keys are looked for.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    /// `~/.ssh`.
    pub(crate) user: Option<PathBuf>,
    /// The folder of the machine in the home.
    pub(crate) machine: &'a Path,
}

impl Places<'_> {
    /// The key that is meant: the file that was named, else the one that the machine has, else the one that was made for it before, else
    /// the user's own; a new one where there is none.
    ///
    /// # Errors
    /// `PAAS-CLI-0032`.
    pub(crate) fn pick(
        &self,
        named: Option<&Path>,
        live: Option<&str>,
        comment: &str,
    ) -> Result<SshKey, Error> {
        if let Some(path) = named {
            let public = read_public(path)?;
            let private = path.with_extension("");
            let elsewhere =
                path.extension().is_some_and(|e| e == "pub") && private.is_file() && !self.usual(&private);
            return Ok(SshKey {
                public,
                identity: elsewhere.then_some(private),
                new: false,
            });
        }
        let made = self.machine.join(MADE);
        let made = |public: String| SshKey {
            public,
            identity: Some(made.clone()),
            new: false,
        };
        let usual = |public: String| SshKey {
            public,
            identity: None,
            new: false,
        };
        let own = public_beside(&self.machine.join(MADE));
        let users: Vec<String> = self
            .user
            .iter()
            .flat_map(|ssh| USUAL.map(|name| ssh.join(name)))
            .filter_map(|path| public_beside(&path))
            .collect();
        if let Some(live) = live {
            return Ok(match own.filter(|own| same(own, live)) {
                Some(own) => made(own),
                None => usual(live.to_owned()),
            });
        }
        match own.map(made).or_else(|| users.into_iter().next().map(usual)) {
            Some(key) => Ok(key),
            None => self.make(comment),
        }
    }

    /// The private half of a machine's key, if it was made here.
    pub(crate) fn made_here(&self) -> Option<PathBuf> {
        let path = self.machine.join(MADE);
        path.is_file().then_some(path)
    }

    /// Forgets a key that was made for a machine that is gone.
    pub(crate) fn forget(&self) {
        for name in [MADE.to_owned(), format!("{MADE}.pub")] {
            let _ = fs::remove_file(self.machine.join(name));
        }
    }

    fn usual(&self, private: &Path) -> bool {
        let ssh = self.user.as_deref();
        private.parent() == ssh && USUAL.iter().any(|name| private.ends_with(name))
    }

    fn make(&self, comment: &str) -> Result<SshKey, Error> {
        let (private, public) = generate(comment)?;
        let path = self.machine.join(MADE);
        let written = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.machine)
            .and_then(|()| write(&path, private.expose_secret(), 0o600))
            .and_then(|()| write(&path.with_extension("pub"), &format!("{public}\n"), 0o644));
        written.map_err(|e| failed("write a new SSH key", &path, &e))?;
        Ok(SshKey {
            public,
            identity: Some(path),
            new: true,
        })
    }
}

/// A public half counts only with its private one beside it.
fn public_beside(private: &Path) -> Option<String> {
    let public = read_public(&private.with_extension("pub")).ok()?;
    private.is_file().then_some(public)
}

/// The same key, whatever the comments.
fn same(a: &str, b: &str) -> bool {
    let key = |line: &str| {
        line.split_whitespace()
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    key(a) == key(b)
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(what: &str, path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(&CLI_SSH_KEY, Class::Invalid)
        .attempted(what)
        .happened(format!("{}: {why}", path.display()))
}

/// The first line of a file that is a public key.
fn read_public(path: &Path) -> Result<String, Error> {
    let failed = |why: &dyn std::fmt::Display| failed("read the SSH key", path, why);
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|e| failed(&e))?;
    // A public key is short; a file that is not one may be anything.
    file.take(64 << 10)
        .read_to_string(&mut text)
        .map_err(|e| failed(&e))?;
    if text.contains("PRIVATE KEY") {
        return Err(failed(
            &"it is the private half, which must not leave this machine",
        ));
    }
    let line = text
        .lines()
        .map(str::trim)
        .find(|l| !l.is_empty() && !l.starts_with('#'));
    match line {
        Some(line) if is_public(line) => Ok(line.to_owned()),
        _ => Err(failed(&"it is no public key of OpenSSH")),
    }
}

/// The body of a public key begins with the name of its kind, with its length before it: RFC 4253, section 6.6.
fn is_public(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(kind), Some(body)) = (words.next(), words.next()) else {
        return false;
    };
    let Ok(body) = STANDARD.decode(body) else {
        return false;
    };
    let mut head = Vec::new();
    string(&mut head, kind.as_bytes());
    body.len() > head.len() && body.starts_with(&head)
}

/// A new ed25519 key: its private half in OpenSSH's own form without a passphrase, and its public line.
///
/// Source of the form: OpenSSH, `PROTOCOL.key`. Its parts: magic, cipher, derivation, its options, the number of keys, the public key,
/// and the private part, which begins with a number twice (to see whether a passphrase was right) and is filled up to 8 bytes with 1, 2, 3…
fn generate(comment: &str) -> Result<(SecretString, String), Error> {
    const KIND: &[u8] = b"ssh-ed25519";
    let broken = || {
        Error::new(&CLI_SSH_KEY, Class::Internal)
            .attempted("make an SSH key")
            .happened("the system gives no randomness")
    };
    let pair = Ed25519KeyPair::generate().map_err(|_| broken())?;
    let seed = pair.seed().map_err(|_| broken())?;
    let seed = seed.as_be_bytes().map_err(|_| broken())?;
    let public = pair.public_key().as_ref();

    let mut blob = Vec::new();
    string(&mut blob, KIND);
    string(&mut blob, public);

    let mut secret = Vec::new();
    // With no passphrase there is nothing to check: any number serves.
    secret.extend(public.iter().take(4));
    secret.extend(public.iter().take(4));
    string(&mut secret, KIND);
    string(&mut secret, public);
    string(&mut secret, &[seed.as_ref(), public].concat());
    string(&mut secret, comment.as_bytes());
    secret.extend((1..=8_u8).take((8 - secret.len() % 8) % 8));

    let mut whole = b"openssh-key-v1\0".to_vec();
    string(&mut whole, b"none");
    string(&mut whole, b"none");
    string(&mut whole, b"");
    whole.extend(1_u32.to_be_bytes());
    string(&mut whole, &blob);
    string(&mut whole, &secret);

    let text = STANDARD.encode(whole);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(70)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let private = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        lines.join("\n")
    );
    let line = format!("ssh-ed25519 {} {comment}", STANDARD.encode(blob));
    Ok((SecretString::from(private), line))
}

/// A length of four bytes and what it is the length of.
fn string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend(bytes);
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, process::Command};

    use super::*;

    fn line(of: &Path, name: &str) -> String {
        let (private, public) = generate("me").unwrap();
        fs::write(of.join(name), private.expose_secret()).unwrap();
        fs::write(of.join(format!("{name}.pub")), format!("# mine\n{public}\n")).unwrap();
        public
    }

    #[test]
    fn the_named_key_beats_the_machines_own_and_that_the_users_and_without_any_one_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let (ssh, machine) = (dir.path().join("ssh"), dir.path().join("machine"));
        fs::create_dir(&ssh).unwrap();
        let places = Places {
            user: Some(ssh.clone()),
            machine: &machine,
        };
        let made = places.pick(None, None, "paas web").unwrap();
        assert!(made.new && made.identity.as_deref() == Some(&machine.join("id_ed25519")));
        let mode = |name: &str| fs::metadata(machine.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("id_ed25519"), 0o600);
        let again = places.pick(None, None, "paas web").unwrap();
        assert!(!again.new && again.public == made.public && again.identity == made.identity);
        let live = places
            .pick(None, Some(&made.public.replace(" paas web", "")), "")
            .unwrap();
        assert_eq!(live.identity, made.identity);
        places.forget();
        assert!(places.made_here().is_none());

        let (rsa, mine) = (line(&ssh, "id_rsa"), line(&ssh, "id_ed25519"));
        let usual = places.pick(None, None, "").unwrap();
        assert_eq!((usual.public, usual.identity), (mine, None));
        let live = places.pick(None, Some(&rsa), "").unwrap();
        assert_eq!((live.public, live.new), (rsa.clone(), false));
        let named = places.pick(Some(&ssh.join("id_rsa.pub")), None, "").unwrap();
        assert_eq!((named.public, named.identity), (rsa, None));
        let other = line(dir.path(), "other");
        let named = places
            .pick(Some(&dir.path().join("other.pub")), None, "")
            .unwrap();
        assert_eq!(
            (named.public, named.identity),
            (other, Some(dir.path().join("other")))
        );
    }

    #[test]
    fn what_is_no_public_key_is_refused_and_a_private_one_is_not_read_out() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places {
            user: None,
            machine: dir.path(),
        };
        line(dir.path(), "key");
        fs::write(dir.path().join("text"), "ssh-ed25519 bm90aGluZw== me\n").unwrap();
        fs::write(dir.path().join("bytes"), [0xff, 0xfe]).unwrap();
        for (name, why) in [
            ("key", "the private half"),
            ("text", "no public key"),
            ("bytes", "UTF-8"),
            ("nowhere", "No such file"),
        ] {
            let refused = places.pick(Some(&dir.path().join(name)), None, "").unwrap_err();
            assert!(
                refused.code().id == CLI_SSH_KEY.id && refused.words().contains(why),
                "{refused}"
            );
        }
    }

    /// OpenSSH itself is the judge, where it is here.
    #[test]
    fn openssh_reads_a_key_that_was_made_here() {
        let dir = tempfile::tempdir().unwrap();
        for comment in ["", "a", "paas web", "a longer comment"] {
            let (private, public) = generate(comment).unwrap();
            let path = dir.path().join(format!("k{}", comment.len()));
            write(&path, private.expose_secret(), 0o600).unwrap();
            let told = Command::new("ssh-keygen").arg("-y").arg("-f").arg(&path).output();
            let Ok(told) = told else { return };
            let told = String::from_utf8(told.stdout).unwrap();
            assert!(same(&told, &public), "{told} {public}");
        }
    }
}
