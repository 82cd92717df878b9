//! An infrastructure of your own: implement a resource, an actuator and a driver, and plan, crash safety, adoption and teardown are
//! the engine's. Here a "machine" is a folder with a mark in it, so that the example runs anywhere.
//!
//! `cargo run -p paas-examples --example custom_provider`

use std::{fs, io, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::SystemClock,
    codes,
    driver::{Driver, Host, InfrastructureProvider, Outputs},
    error::{Class, Error},
    event::Kept,
    execute::{Alone, Tools},
    graph::{Desired, Observed},
    ledger::{Ledger, MemoryLedger},
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::Policy,
    resource::{Change, Diff, Key, Live, Need, Resource, View},
};
use serde::{Deserialize, Serialize};

/// One machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Machine {
    flavor: String,
}

impl Resource for Machine {
    fn kind(&self) -> &'static str {
        "machine"
    }
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }
    fn diff(&self, live: &Self) -> Diff {
        if self == live {
            Diff::Same
        } else {
            Diff::Update(vec![Change::new("flavor", &live.flavor, &self.flavor)])
        }
    }
    fn natural(&self) -> bool {
        true // the path is the name: it cannot be made twice
    }
    fn view(&self) -> View {
        View::from_iter([("flavor".to_owned(), self.flavor.clone().into())])
    }
}

/// What is written into a folder: the mark and the machine, in one call.
#[derive(Serialize, Deserialize)]
struct Mark {
    owner: String,
    key: Key,
    machine: Machine,
}

/// The hands: folders below one root.
#[derive(Debug)]
struct Folders {
    root: PathBuf,
}

impl Folders {
    fn path(&self, owner: &Owner, key: &Key) -> PathBuf {
        self.root
            .join(format!("{}-{}", owner.uid(), key.as_str().replace('/', "-")))
    }

    fn write(&self, owner: &Owner, key: &Key, machine: &Machine) -> Result<(), Error> {
        let path = self.path(owner, key);
        let mark = Mark {
            owner: owner.mark(),
            key: key.clone(),
            machine: machine.clone(),
        };
        let text = serde_json::to_vec(&mark).map_err(|e| failed("describe", &e))?;
        paas_core::durable::write(&path.join("mark.json"), &text).map_err(|e| failed("make a machine", &e))
    }
}

fn failed(what: &str, e: &dyn std::error::Error) -> Error {
    Error::new(&codes::CORE_PROVIDER, Class::Transient)
        .attempted(what)
        .happened(e.to_string())
}

#[async_trait]
impl Actuator<Machine> for Folders {
    async fn observe(
        &self,
        owner: &Owner,
        _hints: &Ledger,
        _reach: Reach,
    ) -> Result<Observed<Machine>, Error> {
        let mut seen = Observed::default();
        for entry in fs::read_dir(&self.root).map_err(|e| failed("list machines", &e))? {
            let path = entry.map_err(|e| failed("list machines", &e))?.path();
            let text = match fs::read(path.join("mark.json")) {
                Ok(text) => text,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue, // not ours
                Err(e) => return Err(failed("read a mark", &e)),
            };
            let mark: Mark = serde_json::from_slice(&text).map_err(|e| failed("read a mark", &e))?;
            if mark.owner == owner.mark() {
                seen.found(mark.key, Live::ready(path.display().to_string(), mark.machine));
            }
        }
        Ok(seen)
    }

    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &Machine,
        _ids: &Ids,
    ) -> Result<Live<Machine>, Error> {
        self.write(owner, key, want)?;
        Ok(Live::ready(
            self.path(owner, key).display().to_string(),
            want.clone(),
        ))
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        _live: &Live<Machine>,
        want: &Machine,
        _: &[Change],
        _: &Ids,
    ) -> Result<(), Error> {
        self.write(owner, key, want)
    }

    async fn delete(&self, _owner: &Owner, _key: &Key, live: &Live<Machine>) -> Result<(), Error> {
        match fs::remove_dir_all(&live.id) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("delete a machine", &e)),
            _ => Ok(()),
        }
    }
}

/// The driver: how many machines, of what flavor.
#[derive(Debug)]
struct FolderCloud {
    root: PathBuf,
}

#[derive(Debug)]
struct Spec {
    machines: usize,
    flavor: &'static str,
}

#[async_trait]
impl Driver for FolderCloud {
    type Spec = Spec;
    type Resource = Machine;

    fn stage(&self) -> &'static str {
        "machines"
    }

    fn desired(&self, spec: &Spec, _from: &Outputs) -> Result<Desired<Machine>, Error> {
        let mut desired = Desired::builder();
        for n in 1..=spec.machines {
            desired.add(
                Key::new(format!("machine/{n}"))?,
                Machine {
                    flavor: spec.flavor.to_owned(),
                },
            );
        }
        desired.build()
    }

    fn gives(&self, _spec: &Spec, seen: &Observed<Machine>) -> Outputs {
        let host = |(key, live): (&Key, &Live<Machine>)| Host {
            name: key.as_str().replace('/', "-"),
            address: live.id.clone(),
            public_address: None,
            role: "worker".to_owned(),
            id: None,
            going: false,
        };
        Outputs {
            hosts: Some(seen.live.iter().map(host).collect()),
            ..Outputs::default()
        }
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<Machine>>>, Error> {
        Ok(Some(Arc::new(Folders {
            root: self.root.clone(),
        })))
    }
}

impl InfrastructureProvider for FolderCloud {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::temp_dir().join(format!("paas-folder-cloud-{}", std::process::id()));
    fs::create_dir_all(&root)?;
    let owner = Owner::new(
        &Identity::of(&["folders", &root.display().to_string()]),
        "Platform",
        "default",
        "example",
    );
    let events = Arc::new(Kept::default());
    let tools = Tools {
        ledger: Arc::new(MemoryLedger::default()),
        fence: Arc::new(Alone),
        clock: Arc::new(SystemClock),
        events: events.clone(),
        cancel: Default::default(),
    };
    let mut cx = Context::new(owner, Policy::default(), tools);
    let up = |machines, flavor| {
        let stage = DriverStage::new(FolderCloud { root: root.clone() }, Spec { machines, flavor });
        Pipeline::new(vec![Box::new(stage)])
    };

    assert_eq!(
        up(3, "small").run(&mut cx, Wanted::Spec, None).await?,
        Outcome::Converged
    );
    assert_eq!(cx.outputs.hosts.as_ref().map(Vec::len), Some(3));
    assert_eq!(
        up(2, "large").run(&mut cx, Wanted::Spec, None).await?,
        Outcome::Converged
    );
    assert!(
        up(2, "large").plan(&mut cx, Wanted::Spec).await?.is_empty(),
        "nothing is left to do"
    );
    assert_eq!(
        up(0, "large").run(&mut cx, Wanted::Nothing, None).await?,
        Outcome::Converged
    );
    assert_eq!(fs::read_dir(&root)?.count(), 0, "nothing is left behind");
    fs::remove_dir(&root)?;

    let mut out = String::new();
    for event in events.all() {
        let key = event.key.map(|k| k.to_string()).unwrap_or_default();
        out += &format!(
            "{:8} {:10} {:?}: {}\n",
            event.verb, key, event.state, event.message
        );
    }
    paas_examples::say(&out);
    Ok(())
}
