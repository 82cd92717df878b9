//! Builds the programs once, from pinned Go modules, into a cache that all tests of this user share.
//!
//! Two builds wait for each other, also for the compiler of one that was killed: it holds the lock as its standard output. A program
//! appears under its name only when it is whole, and what a killed build compiled is found again by the next one.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    assets::Assets,
    codes::{TEST_KUBE_ABSENT, TEST_KUBE_BUILD},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Class, Error, Result},
    local::{
        files::{self, io_error},
        lock::{Holder, Lock},
    },
};

/// How long one program may take; the API server takes eight minutes of two busy cores.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How often it is said that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How often the compiler is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Without debug information; the version is what Kubernetes' own release scripts write into its programs.
const KUBERNETES_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37 \
    -X k8s.io/component-base/version.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v1.37.2";

/// A Go module of ours, which pins what programs are built from.
pub(super) struct Module {
    name: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    flags: &'static str,
    /// The name of each program and its Go package.
    programs: &'static [(&'static str, &'static str)],
}

/// Everything that is built, etcd first: it is small, and shows soon whether building works here.
pub(super) const MODULES: [Module; 2] = [
    Module {
        name: "etcd",
        go_mod: include_str!("modules/etcd/go.mod"),
        go_sum: include_str!("modules/etcd/go.sum"),
        flags: "-s -w",
        programs: &[("etcd", "go.etcd.io/etcd/server/v3")],
    },
    Module {
        name: "kubernetes",
        go_mod: include_str!("modules/kubernetes/go.mod"),
        go_sum: include_str!("modules/kubernetes/go.sum"),
        flags: KUBERNETES_FLAGS,
        programs: &[
            ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            (
                "kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
            ),
            ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
        ],
    },
];

/// A build, or finding what an earlier one made.
pub(super) struct Build<'a> {
    /// The folder for everything, ours alone.
    pub(super) cache: PathBuf,
    /// The Go program.
    pub(super) go: PathBuf,
    /// What is built.
    pub(super) modules: &'a [Module],
    /// Who is told what happens.
    pub(super) say: &'a (dyn Fn(&str) + Send + Sync),
}

impl Build<'_> {
    /// The programs, built now unless they are there.
    ///
    /// # Errors
    /// `PAAS-TEST-0001` without Go, `PAAS-TEST-0002` if building fails, `PAAS-LOC-0006` if another build takes longer than an hour.
    pub(super) async fn ensure(&self) -> Result<Assets> {
        let sources = self.cache.join(self.key());
        for module in self.modules {
            let folder = sources.join(module.name);
            files::make_dir(&folder, 0o700)?;
            files::put_if_absent(&folder.join("go.mod"), module.go_mod.as_bytes(), 0o600)?;
            files::put_if_absent(&folder.join("go.sum"), module.go_sum.as_bytes(), 0o600)?;
        }
        let version = self.version(&sources).await?;
        let folder = self.cache.join(format!("{}-{version}", self.key()));
        let bin = folder.join("bin");
        files::make_dir(&bin, 0o700)?;
        if self.missing(&bin).next().is_none() {
            return Ok(Assets::of(bin));
        }
        let waiting = |holder: &Holder| {
            (self.say)(&format!(
                "{holder} builds Kubernetes for tests already; waiting for it"
            ));
        };
        let lock = Lock::take(
            &folder.join("build.lock"),
            "building Kubernetes for tests",
            PATIENCE,
            &SystemClock,
            &CancellationToken::new(),
            &waiting,
        )
        .await?;
        let compiled = folder.join("compiled");
        let began = SystemClock.elapsed();
        let names: Vec<_> = self.missing(&bin).map(|(_, (name, _))| *name).collect();
        if !names.is_empty() {
            (self.say)(&format!(
                "building {} once into {}: 10 to 15 minutes on two idle cores, 5 GB of disk meanwhile, 350 MB afterwards",
                names.join(", "),
                bin.display()
            ));
        }
        for (module, (name, package)) in self.missing(&bin).collect::<Vec<_>>() {
            let flags = ["build", "-trimpath", "-ldflags", module.flags, "-o"];
            let half = files::half_made(&bin.join(name));
            files::remove(&half)?;
            let mut command = self.command(&sources.join(module.name), true);
            command.args(flags).arg(&half).arg(package);
            command.env("GOCACHE", &compiled);
            self.run(command, name, &lock, &folder).await?;
            files::rename(&half, &bin.join(name))?;
        }
        files::remove(&compiled)?;
        if !names.is_empty() {
            let took = SystemClock.elapsed().saturating_sub(began);
            (self.say)(&format!("built {} in {} s", names.join(", "), took.as_secs()));
        }
        Ok(Assets::of(bin))
    }

    fn missing(&self, bin: &Path) -> impl Iterator<Item = (&Module, &(&'static str, &'static str))> {
        let all = self
            .modules
            .iter()
            .flat_map(|m| m.programs.iter().map(move |p| (m, p)));
        all.filter(|(_, (name, _))| !bin.join(name).is_file())
    }

    /// What the sources and the way of building follow from.
    fn key(&self) -> String {
        let mut hash = Sha256::new();
        for module in self.modules {
            let programs = module
                .programs
                .iter()
                .flat_map(|(name, package)| [*name, *package]);
            let parts = [module.name, module.go_mod, module.go_sum, module.flags];
            for part in parts.into_iter().chain(programs) {
                hash.update(part);
                hash.update([0]);
            }
        }
        hash.finalize()
            .iter()
            .take(6)
            .map(|b| format!("{b:02x}"))
            .collect()
    }

    /// Go's own version and the machine's kind. Asked where a `go.mod` lies, so that a Go that fetches newer ones of itself does.
    async fn version(&self, sources: &Path) -> Result<String> {
        let attempted = "build Kubernetes for tests";
        let absent = |why: String| {
            Error::new(&TEST_KUBE_ABSENT, Class::Unsupported)
                .attempted(attempted)
                .happened(why)
        };
        let first = self.modules.first().map_or("", |m| m.name);
        let mut command = self.command(&sources.join(first), false);
        command.args(["env", "GOVERSION", "GOOS", "GOARCH"]);
        let said = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await;
        let said = said.map_err(|e| absent(format!("{} cannot be run: {e}", self.go.display())))?;
        if !said.status.success() {
            return Err(absent(last_words(&String::from_utf8_lossy(&said.stderr))));
        }
        let words = String::from_utf8_lossy(&said.stdout).into_owned();
        let words: Vec<&str> = words.split_whitespace().collect();
        if words.len() != 3 || words.iter().any(|w| w.contains('/')) {
            return Err(absent(format!("{} says no version of itself", self.go.display())));
        }
        Ok(words.join("-"))
    }

    fn command(&self, folder: &Path, patient: bool) -> Command {
        // Compiling takes long and shall not hold up what people do meanwhile.
        let nice = Path::new("/usr/bin/nice");
        let mut command = if patient && nice.is_file() {
            let mut command = Command::new(nice);
            command.args(["-n", "10"]).arg(&self.go);
            command
        } else {
            Command::new(&self.go)
        };
        command
            .current_dir(folder)
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "-mod=readonly -buildvcs=false")
            .env("GOWORK", "off")
            .env_remove("GOOS")
            .env_remove("GOARCH")
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, mut command: Command, name: &str, lock: &Lock, folder: &Path) -> Result<()> {
        let words = folder.join(format!("{name}.log"));
        let refused = |why: String| {
            Error::new(&TEST_KUBE_BUILD, Class::Transient)
                .attempted(format!("build {name} for tests"))
                .happened(why)
        };
        let log = File::create(&words).map_err(|e| io_error("write", &words, e))?;
        let held = lock.share().map_err(|e: io::Error| refused(e.to_string()))?;
        command.stdout(held).stderr(log);
        let mut child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| refused(e.to_string()))?;
        let began = SystemClock.elapsed();
        let mut told = began;
        let ended = loop {
            if let Some(ended) = child.try_wait().map_err(|e| refused(e.to_string()))? {
                break ended;
            }
            let now = SystemClock.elapsed();
            let took = now.saturating_sub(began);
            if took > PATIENCE {
                return Err(refused(format!("not within {} s", PATIENCE.as_secs())));
            }
            if now.saturating_sub(told) >= HEARTBEAT {
                told = now;
                (self.say)(&format!("still building {name} ({} s)", took.as_secs()));
            }
            SystemClock.sleep(LOOK).await;
        };
        if !ended.success() {
            let said = fs::read_to_string(&words).unwrap_or_default();
            return Err(refused(format!("{ended}: {}", last_words(&said))));
        }
        files::remove(&words)
    }
}

/// The end of what a program said, on one line.
fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

#[cfg(test)]
mod tests;
