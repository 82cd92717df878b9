//! Taking over what is there already, and giving it back: only the mark is written, never anything else about the thing.
//!
//! The mark of Neutron's things is their description, which an exact list finds. Their key cannot stand in the name, which stays as it is, so
//! it stands in a tag. The tag is written first and says nothing alone: a run that was cut off between the two is healed by running again.
//! Servers and volumes have both in their metadata, in one call. A server's port is taken over before the server.

mod find;
mod write;

use std::{collections::BTreeMap, sync::Arc};

use paas_core::{
    actuator::Ids,
    error::{Class, Error, Result},
    execute::Tools,
    graph::{Desired, Observed},
    ledger::{Applied, Ledger, Scope, Settled, applied},
    owner::Owner,
    plan::{Plan, plan},
    policy::Policy,
    resource::{Key, Origin, Resource as _},
    secrets::SecretStore,
    spec::OpenStack,
};

pub use self::write::Write;
use super::{
    OpenStackActuator, OpenStackDriver, OpenStackResource,
    actuator::{Taken, There},
    choice::Choice,
    desired::external,
    kinds::{Root, Server},
    marks, tags,
};
use crate::{client::Client, codes::OS_ADOPT, compute};

/// What taking over would do; nothing is written yet.
#[derive(Debug, Clone)]
pub struct Adoption {
    /// What is taken over: one thing, with a server its port.
    pub takes: Vec<Take>,
    /// The calls that write the mark, in their order; none if it is there already.
    pub writes: Vec<Write>,
    /// What the next run would do to everything: what does not fit the spec is in it.
    pub next: Plan<OpenStackResource>,
    /// What is good to know before saying yes.
    pub notes: Vec<String>,
    /// What is remembered of it: its ids, and that it is as the spec asks, where it is.
    learned: Vec<Settled>,
}

/// What giving back would do; nothing is written yet.
#[derive(Debug, Clone)]
pub struct Release {
    /// What is given back.
    pub gives: Vec<Take>,
    /// The calls that take the mark away, in their order.
    pub writes: Vec<Write>,
}

/// One thing that is taken over or given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The key that it has or gets.
    pub key: Key,
    /// The field's word for it.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name, or its address.
    pub name: String,
}

/// What is wanted, and by which policy.
pub type Wish<'a> = (&'a Desired<OpenStackResource>, &'a Policy);

impl OpenStackActuator {
    /// Hands for the Platform with this spec.
    pub fn of(client: Client, secrets: Arc<dyn SecretStore>, spec: &OpenStack) -> Self {
        Self::new(client, secrets, Some(external(spec)))
    }

    /// What taking over `word`, a name or an id, as `key` would do. Writes nothing.
    ///
    /// # Errors
    /// `PAAS-OS-0039`: the spec wants no such key, another thing has it, the thing is not there or not the only one of that name, it belongs
    /// to another owner or project, it lies in a network that is not the platform's, or the next run would replace or delete it.
    pub async fn adoption(
        &self,
        owner: &Owner,
        key: &Key,
        word: &str,
        wish: Wish<'_>,
        hints: &Ledger,
    ) -> Result<Adoption> {
        let (desired, policy) = wish;
        let observed = self.look_as_if(owner, hints, &[]).await?;
        let want = wanted(key, desired, &observed)?;
        let there = self.find(key, want, word).await?;
        let mut taken = Vec::new();
        if let (OpenStackResource::Server(want), There::Server(server)) = (want, &there) {
            let port = self.port_of(server, word).await?;
            taken.push(taking(owner, want.port.clone(), port));
            taken.push(self.taking_server(owner, key, want, server).await?);
        } else {
            taken.push(taking(owner, key.clone(), there));
        }
        let ids = ids(desired, &observed);
        for one in &taken {
            self.check(owner, one, &observed).await?;
            self.check_place(one, &ids).await?;
        }
        let seen = self.look_as_if(owner, hints, &taken).await?;
        let next = plan(desired, &seen, policy);
        stays(&taken, &next)?;
        let takes: Vec<Take> = taken.iter().map(take).collect();
        let ids = takes.iter().map(|t| Settled::Seen(t.key.clone(), t.id.clone()));
        let fits = applied(hints, desired, &seen, &next).into_iter();
        let fits = fits.filter(
            |s| matches!(s, Settled::Applied(k, Applied::As(_)) if takes.iter().any(|t| t.key == *k)),
        );
        let missing = |one: &&Taken| !observed.live.contains_key(&one.key);
        Ok(Adoption {
            notes: notes(&taken, &next),
            writes: taken
                .iter()
                .filter(missing)
                .flat_map(|t| write::marking(owner, t))
                .collect(),
            learned: ids.chain(fits).collect(),
            takes,
            next,
        })
    }

    /// What giving `key` back would do. Writes nothing.
    ///
    /// # Errors
    /// `PAAS-OS-0039` if there is no such thing, or it was made by the platform and not taken over.
    pub async fn release(&self, owner: &Owner, key: &Key, hints: &Ledger) -> Result<Release> {
        let observed = self.look_as_if(owner, hints, &[]).await?;
        let mut keys = vec![key.clone()];
        match observed.live.get(key) {
            Some(live) if live.origin == Origin::Adopted => {
                if let OpenStackResource::Server(server) = &live.resource {
                    keys.push(server.port.clone());
                }
            }
            Some(live) => {
                return Err(refused(format!("give back {key}"))
                    .happened(format!("{} was made by the platform and not taken over", live.id))
                    .remedy("to be rid of it, leave it out of the spec and run `paas up`"));
            }
            None => {
                let adopted = observed.live.iter().filter(|(_, l)| l.origin == Origin::Adopted);
                let there = list(adopted.map(|(k, _)| k));
                return Err(refused(format!("give back {key}")).happened(format!("taken over is: {there}")));
            }
        }
        let mut release = Release {
            gives: Vec::new(),
            writes: Vec::new(),
        };
        for key in keys {
            let adopted = observed.live.get(&key).filter(|l| l.origin == Origin::Adopted);
            let Some(live) = adopted else {
                continue;
            };
            let there = self.find(&key, &live.resource, &live.id).await?;
            release.writes.extend(write::unmarking(&there));
            release.gives.push(Take {
                key,
                kind: live.resource.kind(),
                id: live.id.clone(),
                name: there.name().to_owned(),
            });
        }
        Ok(release)
    }

    /// Takes over what was shown. Cut off anywhere, it is finished by asking for it again.
    ///
    /// # Errors
    /// A refusal of the cloud, the lock of another writer, a stop between two calls.
    pub async fn adopt(&self, owner: &Owner, adoption: &Adoption, tools: &Tools) -> Result<()> {
        self.send(&adoption.writes, tools).await?;
        tools.ledger.settle(&scope(owner), &adoption.learned).await
    }

    /// Gives back what was shown.
    ///
    /// # Errors
    /// As [`OpenStackActuator::adopt`].
    pub async fn give_back(&self, owner: &Owner, release: &Release, tools: &Tools) -> Result<()> {
        // Before the first call: what is remembered of it would call it ours without a mark.
        let gone = release
            .gives
            .iter()
            .flat_map(|t| [Settled::Gone(t.key.clone()), Settled::Forgotten(t.key.clone())]);
        let learned: Vec<Settled> = gone.collect();
        tools.ledger.settle(&scope(owner), &learned).await?;
        self.send(&release.writes, tools).await
    }

    async fn send(&self, writes: &[Write], tools: &Tools) -> Result<()> {
        for write in writes {
            if tools.cancel.is_cancelled() {
                return Err(Error::new(&paas_core::codes::CORE_CANCELLED, Class::Cancelled));
            }
            tools.fence.check().await?;
            self.write(write).await?;
        }
        Ok(())
    }

    async fn taking_server(
        &self,
        owner: &Owner,
        key: &Key,
        want: &Server,
        server: &compute::Server,
    ) -> Result<Taken> {
        let mut taken = taking(owner, key.clone(), There::Server(Box::new(server.clone())));
        let flavor = if self.is_flavor(&want.flavor, &server.flavor).await? {
            want.flavor.clone()
        } else {
            Choice::Named(server.flavor.original_name.clone().unwrap_or_default())
        };
        let image = match (&server.image.0, &want.root) {
            (Some(id), _) => self.image_as(&want.image, id).await?,
            // What its volume was made from, the volume says.
            (None, Root::Volume(_)) => want.image.clone(),
            (None, Root::Image) => Choice::Named("a volume".to_owned()),
        };
        for (name, choice) in [(marks::FLAVOR, flavor), (marks::IMAGE, image)] {
            taken.metadata.insert(name.to_owned(), marks::chosen(&choice));
        }
        Ok(taken)
    }

    /// The choice of an image if a server's is one that it allows, else the name of that.
    async fn image_as(&self, choice: &Choice, id: &str) -> Result<Choice> {
        let image = match self.client.image().images().show(id).await {
            Ok(image) => image,
            Err(e) if e.class() == Class::NotFound => return Ok(Choice::Named(id.to_owned())),
            Err(e) => return Err(e),
        };
        let fits = match choice {
            Choice::Named(word) => image.id == *word || image.name == *word,
            Choice::Newest { distros } => {
                let said = image.property("os_distro").unwrap_or(&image.name);
                let said = said.to_ascii_lowercase();
                let mut words = said.split(|c: char| !c.is_ascii_alphanumeric());
                words.any(|word| distros.iter().any(|d| d == word))
            }
            Choice::Only | Choice::AtLeast { .. } => true,
        };
        Ok(if fits {
            choice.clone()
        } else {
            Choice::Named(image.name)
        })
    }
}

fn refused(what: String) -> Error {
    Error::new(&OS_ADOPT, Class::Blocked).attempted(what)
}

fn scope(owner: &Owner) -> Scope {
    Scope {
        owner: owner.clone(),
        stage: OpenStackDriver::STAGE.to_owned(),
    }
}

fn taking(owner: &Owner, key: Key, there: There) -> Taken {
    let mut metadata = marks::metadata(owner, &key);
    metadata.insert(marks::ADOPTED.to_owned(), "true".to_owned());
    Taken {
        metadata: there.metadata().map_or_else(BTreeMap::new, |_| metadata),
        key,
        there,
    }
}

fn take(taken: &Taken) -> Take {
    Take {
        key: taken.key.clone(),
        kind: find::word(&taken.there),
        id: taken.there.id().to_owned(),
        name: taken.there.name().to_owned(),
    }
}

/// What the spec wants under a key that is still free, of a kind that can bear a mark afterwards.
fn wanted<'a>(
    key: &Key,
    desired: &'a Desired<OpenStackResource>,
    observed: &Observed<OpenStackResource>,
) -> Result<&'a OpenStackResource> {
    if let Some(word) = desired.given().get(key) {
        return Err(refused(format!("take over {key}"))
            .happened(format!("the spec says that {word} is there and stays as it is"))
            .remedy("to have it managed, take it out of spec.infrastructure.openStack.existing"));
    }
    match desired.wanted().get(key) {
        Some(want) if find::can_be_taken(want) => Ok(want),
        Some(want) => Err(refused(format!("take over {key}")).happened(format!(
            "the kind {} bears its mark from the beginning",
            want.kind()
        ))),
        None => {
            let free = desired
                .wanted()
                .iter()
                .filter(|(k, want)| find::can_be_taken(want) && !observed.live.contains_key(*k));
            Err(refused(format!("take over {key}"))
                .happened(format!(
                    "the spec wants no {key}; free are: {}",
                    list(free.map(|(k, _)| k))
                ))
                .remedy("use one of these keys, or write into the spec what it should be"))
        }
    }
}

fn list<'a>(keys: impl Iterator<Item = &'a Key>) -> String {
    let all: Vec<&str> = keys.map(Key::as_str).collect();
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join(", ")
    }
}

fn ids(desired: &Desired<OpenStackResource>, observed: &Observed<OpenStackResource>) -> Ids {
    let given = desired.given().iter().map(|(k, id)| (k.clone(), id.clone()));
    let live = observed.live.iter().map(|(k, l)| (k.clone(), l.id.clone()));
    live.chain(given).collect()
}

/// Refuses what the next run would replace or delete.
fn stays(taken: &[Taken], next: &Plan<OpenStackResource>) -> Result<()> {
    for one in taken {
        let step = next
            .steps
            .iter()
            .find(|s| s.key == one.key && s.action.verb().removes());
        let told = next
            .blocked
            .iter()
            .find(|b| b.key == one.key && b.verb.is_some_and(|v| v.removes()));
        let why = match (step, told) {
            (Some(step), _) => format!("{}{}", step.reason, write::changes(&step.action)),
            (None, Some(blocked)) => blocked.why.clone(),
            (None, None) => continue,
        };
        return Err(refused(format!(
            "take over {} {} as {}",
            find::word(&one.there),
            one.there.name(),
            one.key
        ))
        .happened(format!("the next `paas up` would replace it: {why}"))
        .remedy("write into the spec what it is like, and ask again"));
    }
    Ok(())
}

/// What is good to know: subnets of a network that stay strangers, a description that no tag can keep.
fn notes(taken: &[Taken], next: &Plan<OpenStackResource>) -> Vec<String> {
    let mut notes = Vec::new();
    let made = |key: &str| {
        let creates = |s: &&paas_core::plan::Step<_>| s.action.verb() == paas_core::plan::Verb::Create;
        next.steps.iter().filter(creates).any(|s| s.key.as_str() == key)
    };
    for one in taken {
        if let There::Network(it) = &one.there
            && !it.subnets.is_empty()
            && made("subnet")
        {
            notes.push(format!(
                "it has the subnet {}: take that over as `subnet` too, else another one is made in it",
                it.subnets.join(", ")
            ));
        }
        let was = one.there.description();
        if !was.is_empty() && !was.starts_with("paas:") && tags::was(was).is_none() {
            notes.push(format!(
                "its description is too long to be kept and is replaced by the mark: {was}"
            ));
        }
    }
    notes
}
