//! A home of its own for each test, and the built `paas` in it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A home that takes everything down when it is dropped.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// What a run of `paas` said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// What it said on stdout, if it ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Stdout as JSON: one value.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    /// Stdout as JSON lines.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}")))
            .collect()
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        // As root, PostgreSQL runs as another user, who must be able to pass. The path is short, because sockets have short paths.
        let dir = tempfile::Builder::new()
            .prefix("paas")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        paas_core::testing::postgres::home_with_cache(&dir.path().join("home")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Where `paas` is run; files of a test lie here.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder().join(name), text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
        command
            .args(args)
            .current_dir(self.folder())
            .env("PAAS_HOME", self.path())
            .env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub(crate) fn paas(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The processes that serve data in this home.
    pub(crate) fn servers(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else {
                continue;
            };
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words);
            if words.contains("postgres") && words.contains(&*self.path().to_string_lossy()) {
                found.push(pid);
            }
        }
        found
    }

    /// Every file below the home that is not PostgreSQL's own, with its text.
    pub(crate) fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.path()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(t) if t.is_dir() && !path.ends_with("data") && !path.ends_with("cache") => {
                        folders.push(path)
                    }
                    Ok(t) if t.is_file() => {
                        let text = fs::read(&path).unwrap_or_default();
                        files.push((path, String::from_utf8_lossy(&text).into_owned()));
                    }
                    _ => {}
                }
            }
        }
        files
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in self.servers() {
            let _ = Command::new("kill")
                .args(["-QUIT", &pid.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        while !self.servers().is_empty() {
            std::thread::yield_now();
        }
    }
}
