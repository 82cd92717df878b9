//! The programs that are measured, each with a folder of its own for one cloud.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Anybody's key; nobody logs in.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK";

/// One folder for one program and one cloud; it goes with this value.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    servers: usize,
}

impl Place {
    fn new(clouds: &str, servers: usize) -> Result<Self, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("paas-bench-{}-{number}", std::process::id()));
        let place = Self { folder, servers };
        fs::create_dir(&place.folder).map_err(|e| format!("no folder: {e}"))?;
        place.write("clouds.yaml", clouds)?;
        Ok(place)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.folder.join(name), text).map_err(|e| format!("{name}: {e}"))
    }

    /// Runs to its end, with the cloud and without what the environment says of others.
    fn run(&self, command: &mut Command) -> Result<(), String> {
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("OS_") {
                command.env_remove(name);
            }
        }
        let output = command
            .current_dir(&self.folder)
            .env("OS_CLIENT_CONFIG_FILE", self.folder.join("clouds.yaml"))
            .env("OS_CLOUD", "fake")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{}: {}", output.status, String::from_utf8_lossy(&said)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A program that makes the platform.
pub(super) trait Subject {
    fn name(&self) -> &'static str;
    /// True if it can say what it would do, and does nothing when there is nothing to do.
    fn plans(&self) -> bool {
        true
    }
    fn prepare(&self, clouds: &str, servers: usize) -> Result<Place, String>;
    fn create(&self, place: &Place) -> Result<(), String>;
    fn plan(&self, place: &Place) -> Result<(), String>;
    fn destroy(&self, place: &Place) -> Result<(), String>;
}

/// All of them, ours first, or why one is left out.
pub(super) fn subjects() -> [Result<Box<dyn Subject>, String>; 3] {
    [Paas::find(), Terraform::find(), Script::find()]
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openstack")
}

/// What `.ci/openstack-judges` prints: a folder that it makes once.
fn kept(option: &str) -> Option<PathBuf> {
    let judges = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/openstack-judges");
    let output = Command::new("bash")
        .arg(judges)
        .arg(option)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(said.trim()))
}

#[derive(Debug)]
struct Paas(PathBuf, &'static str);

impl Paas {
    /// The release build: named by `PAAS_BIN`, else beside this bench; else the build for tests, which the name says.
    fn find() -> Result<Box<dyn Subject>, String> {
        let target = env::current_exe()
            .ok()
            .and_then(|exe| Some(exe.parent()?.parent()?.parent()?.to_owned()));
        let built = |kind: &str| Some(target.clone()?.join(kind).join("paas"));
        let places = [
            (env::var_os("PAAS_BIN").map(PathBuf::from), "paas"),
            (built("release"), "paas"),
            (built("debug"), "paas, a debug build"),
        ];
        places
            .into_iter()
            .find_map(|(path, name)| {
                Some(Box::new(Self(path.filter(|p| p.exists())?, name)) as Box<dyn Subject>)
            })
            .ok_or_else(|| "paas: run `cargo build --release -p paas-cli`, or set PAAS_BIN".to_owned())
    }

    fn run(&self, place: &Place, words: &[&str]) -> Result<(), String> {
        let mut command = Command::new(&self.0);
        command.args(words).env("PAAS_HOME", place.folder.join("home"));
        if let Some(trace) = env::var_os("PAAS_BENCH_TRACE") {
            let mut name = trace;
            name.push(format!("-{}-{}.jsonl", words[0], place.servers));
            command.arg("--trace").arg(name);
        }
        place.run(&mut command)
    }
}

impl Subject for Paas {
    fn name(&self) -> &'static str {
        self.1
    }

    fn prepare(&self, clouds: &str, servers: usize) -> Result<Place, String> {
        let place = Place::new(clouds, servers)?;
        let workers = servers - 1;
        place.write(
            "platform.yaml",
            &format!(
                "apiVersion: paas.rs/v1alpha1\nkind: Platform\nmetadata: {{name: bench}}\nspec:\n  infrastructure:\n    \
                 type: OpenStack\n    openStack:\n      flavorAtLeast: {{cpus: 2, memory: 4Gi}}\n      networkCidr: 10.20.0.0/16\n      \
                 sshPublicKey: {KEY}\n  kubernetes:\n    installer: None\n    controlPlane: {{replicas: 1}}\n    pools:\n      - {{name: workers, replicas: {workers}}}\n"
            ),
        )?;
        Ok(place)
    }

    fn create(&self, place: &Place) -> Result<(), String> {
        self.run(place, &["up", "-f", "platform.yaml", "--yes"])
    }

    fn plan(&self, place: &Place) -> Result<(), String> {
        self.run(place, &["plan", "-f", "platform.yaml"])
    }

    fn destroy(&self, place: &Place) -> Result<(), String> {
        self.run(place, &["down", "-f", "platform.yaml", "--yes"])
    }
}

/// With the provider's own defaults: ten things at once.
#[derive(Debug)]
struct Terraform(PathBuf);

impl Terraform {
    fn find() -> Result<Box<dyn Subject>, String> {
        let there = Command::new("terraform")
            .arg("version")
            .env("CHECKPOINT_DISABLE", "1")
            .output();
        if there.is_err() {
            return Err("Terraform is left out: there is no terraform here".to_owned());
        }
        match kept("--provider") {
            Some(provider) => Ok(Box::new(Self(provider))),
            None => Err("Terraform is left out: its OpenStack provider cannot be built here".to_owned()),
        }
    }

    fn run(&self, place: &Place, words: &[&str]) -> Result<(), String> {
        let mut command = Command::new("terraform");
        command
            .args(words)
            .args(["-input=false", "-no-color", "-var"])
            .arg(format!("workers={}", place.servers - 1))
            .arg("-var")
            .arg(format!("public_key={KEY}"))
            .env("TF_CLI_CONFIG_FILE", place.folder.join("terraform.rc"))
            .env("TF_IN_AUTOMATION", "1");
        place.run(&mut command)
    }
}

impl Subject for Terraform {
    fn name(&self) -> &'static str {
        "Terraform"
    }

    fn prepare(&self, clouds: &str, servers: usize) -> Result<Place, String> {
        let place = Place::new(clouds, servers)?;
        let text = fs::read_to_string(sources().join("main.tf")).map_err(|e| format!("main.tf: {e}"))?;
        place.write("main.tf", &text)?;
        place.write(
            "terraform.rc",
            &format!(
                "provider_installation {{\n  dev_overrides {{ \"terraform-provider-openstack/openstack\" = {:?} }}\n  \
                 direct {{}}\n}}\ndisable_checkpoint = true\n",
                self.0
            ),
        )?;
        Ok(place)
    }

    fn create(&self, place: &Place) -> Result<(), String> {
        self.run(place, &["apply", "-auto-approve"])
    }

    fn plan(&self, place: &Place) -> Result<(), String> {
        self.run(place, &["plan", "-detailed-exitcode"])
    }

    fn destroy(&self, place: &Place) -> Result<(), String> {
        self.run(place, &["destroy", "-auto-approve"])
    }
}

#[derive(Debug)]
struct Script(PathBuf);

impl Script {
    fn find() -> Result<Box<dyn Subject>, String> {
        match kept("--libraries") {
            Some(libraries) => Ok(Box::new(Self(libraries))),
            None => Err("openstacksdk is left out: its libraries cannot be had here".to_owned()),
        }
    }

    fn run(&self, place: &Place, verb: &str) -> Result<(), String> {
        let mut command = Command::new("python3");
        command
            .arg(sources().join("script.py"))
            .args([verb, &(place.servers - 1).to_string(), KEY])
            .env("PYTHONPATH", &self.0)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        place.run(&mut command)
    }
}

impl Subject for Script {
    fn name(&self) -> &'static str {
        "openstacksdk"
    }

    fn plans(&self) -> bool {
        false
    }

    fn prepare(&self, clouds: &str, servers: usize) -> Result<Place, String> {
        Place::new(clouds, servers)
    }

    fn create(&self, place: &Place) -> Result<(), String> {
        self.run(place, "up")
    }

    fn plan(&self, _place: &Place) -> Result<(), String> {
        Err("a script has no plan".to_owned())
    }

    fn destroy(&self, place: &Place) -> Result<(), String> {
        self.run(place, "down")
    }
}
