//! What a process was started with, as a value, and the files that it leads to.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// A snapshot of what decides on the configuration. Whoever starts the process takes it; nothing here looks at the process.
#[derive(Clone, Default)]
pub struct Sources {
    /// The environment; variables that are no text are left out.
    pub environment: BTreeMap<String, String>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Where relative paths begin.
    pub current_dir: PathBuf,
    /// The last place to look at: `/etc/openstack`.
    pub system: PathBuf,
    /// The one clouds.yaml to read; the usual places are not looked at, and it must be there.
    pub file: Option<PathBuf>,
}

/// What the caller says himself; it wins over everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The cloud.
    pub cloud: Option<String>,
    /// The region.
    pub region: Option<String>,
}

impl Choice {
    /// This cloud.
    pub fn cloud(name: impl Into<String>) -> Self {
        Self {
            cloud: Some(name.into()),
            region: None,
        }
    }
}

/// Files to try, in their order; of each list the first that is there is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The clouds.
    pub clouds: Vec<PathBuf>,
    /// What is laid over them: secrets.
    pub secure: Vec<PathBuf>,
    /// Profiles.
    pub public: Vec<PathBuf>,
}

impl Sources {
    /// The sources of a program with this environment; its `HOME` is the home.
    pub fn new(environment: BTreeMap<String, String>, current_dir: impl Into<PathBuf>) -> Self {
        let home = environment
            .get("HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from);
        Self {
            environment,
            home,
            current_dir: current_dir.into(),
            system: PathBuf::from("/etc/openstack"),
            file: None,
        }
    }

    /// Where files are looked for, without looking.
    pub fn places(&self) -> Places {
        let folders = self.folders();
        let all = |stem: &str| {
            let names = ["yaml", "yml", "json"].map(|suffix| format!("{stem}.{suffix}"));
            folders
                .iter()
                .flat_map(|folder| names.clone().map(|name| folder.join(name)))
                .collect::<Vec<_>>()
        };
        let named = |variable: &str| self.variable(variable).map(|path| self.current_dir.join(path));
        let clouds = match &self.file {
            Some(file) => vec![self.current_dir.join(file)],
            None => named("OS_CLIENT_CONFIG_FILE")
                .into_iter()
                .chain(all("clouds"))
                .collect(),
        };
        Places {
            clouds,
            secure: named("OS_CLIENT_SECURE_FILE")
                .into_iter()
                .chain(all("secure"))
                .collect(),
            public: all("clouds-public"),
        }
    }

    /// A variable that has something in it.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A path as people write it: `~` is the home, and what is relative begins in the current folder.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        let below_home = text
            .strip_prefix('~')
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match (below_home, &self.home) {
            (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
            _ => self.current_dir.join(text),
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        let dotted = |home: &Path| home.join(".config");
        let absolute = |name: &str| {
            self.variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = self.home.as_deref().map(dotted);
        let real_home = self.variable("SNAP_REAL_HOME").map(Path::new).map(dotted);
        let site = self.variable("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg");
        let mut folders = vec![self.current_dir.clone()];
        let configured = absolute("XDG_CONFIG_HOME").or_else(|| home.clone());
        let others = [configured, real_home.or(home)].into_iter().flatten();
        let site = site.split(':').filter(|path| !path.is_empty()).map(PathBuf::from);
        folders.extend(others.chain(site).map(|folder| folder.join("openstack")));
        folders.push(self.system.clone());
        let mut seen = Vec::new();
        folders.retain(|folder| {
            let new = !seen.contains(folder);
            seen.push(folder.clone());
            new
        });
        folders
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("current_dir", &self.current_dir)
            .field("system", &self.system)
            .field("file", &self.file)
            .finish()
    }
}
