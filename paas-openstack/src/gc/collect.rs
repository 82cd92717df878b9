//! Taking leftovers away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use paas_core::{
    error::{Class, Error, Result},
    execute::Tools,
    ledger::{LedgerStore, MemoryLedger, Scope},
    owner::Owner,
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    resource::Key,
};
use uuid::Uuid;

use super::{
    Findings, Leftover, Ref, Remains, graph,
    outlook::{outlook, policy},
    sweep::Sweep,
};
use crate::{client::Client, codes::OS_LEFTOVERS};

/// Whose leftovers go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The owners.
    pub owners: BTreeSet<Uuid>,
    /// Those of them whose data may be lost: a person said so by name.
    pub data: BTreeSet<Uuid>,
    /// What they are called, as far as it is known.
    pub names: BTreeMap<Uuid, String>,
}

impl Chosen {
    /// These owners, without their data.
    pub fn of<'a>(remains: impl IntoIterator<Item = &'a Remains>) -> Self {
        let mut chosen = Self::default();
        for it in remains {
            chosen.owners.insert(it.uid);
            chosen.names.extend(it.name.clone().map(|name| (it.uid, name)));
        }
        chosen
    }
}

/// What a sweep came to.
#[derive(Debug)]
pub struct Collected {
    /// Everything gone ([`Outcome::Converged`], also where data was kept), or why it ended before.
    pub outcome: Result<Outcome>,
    /// What is left of the chosen owners, by a look after the last deletion, each with why; `None` if that look failed, which is then
    /// the outcome.
    pub left: Option<Vec<Left>>,
    /// What is gone of what the survey had found.
    pub gone: usize,
}

/// Something that is left after a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Whose it is.
    pub owner: Uuid,
    /// What.
    pub leftover: Leftover,
    /// Why it is still there.
    pub why: String,
    /// True if it was meant to stay: it holds data that nobody gave up.
    pub kept: bool,
}

/// Deletes what bears a mark of the chosen owners and that no other's thing stands on, and looks again: what the last look lists is left.
///
/// Servers, volumes and load balancers are waited for until they are gone; what is in use is tried again until `limit`. Run again, it goes
/// on. Of `tools` the ledger is not used: nothing is remembered.
///
/// # Errors
/// The project cannot be seen before anything is deleted. What happens later is in [`Collected`].
pub async fn collect(
    client: &Client,
    findings: &Findings,
    chosen: Chosen,
    tools: Tools,
    limit: Duration,
) -> Result<Collected> {
    let before: BTreeSet<Ref> = graph::chosen_of(findings, &chosen)
        .map(|(_, it)| it.it.clone())
        .collect();
    let project = if findings.project.is_empty() {
        &findings.project_id
    } else {
        &findings.project
    };
    let owner = Owner::new(&findings.identity, "Project", &client.cloud().name, project);
    let chosen = Arc::new(chosen);
    let sweep = Sweep::new(client.clone(), chosen.clone());
    let ledger: Arc<dyn LedgerStore> = Arc::new(MemoryLedger::default());
    let tools = Tools {
        ledger: ledger.clone(),
        ..tools
    };
    let mut cx = Context::new(owner.clone(), policy(), tools);
    let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(sweep.clone(), ()))]);
    let outcome = pipeline.run(&mut cx, Wanted::Nothing, Some(limit)).await;
    if matches!(&outcome, Err(e) if e.class() == Class::Cancelled) {
        return Ok(Collected {
            gone: gone(&before, sweep.seen().as_ref(), &chosen),
            outcome,
            left: None,
        });
    }
    let scope = Scope {
        owner,
        stage: Sweep::STAGE.to_owned(),
    };
    let troubles = ledger
        .load(&scope)
        .await?
        .troubles
        .into_iter()
        .map(|(key, trouble)| (key, trouble.why))
        .collect();
    let after = match sweep.look().await {
        Ok(after) => after,
        Err(error) => {
            let outcome = outcome.and(Err(error));
            return Ok(Collected {
                gone: gone(&before, sweep.seen().as_ref(), &chosen),
                outcome,
                left: None,
            });
        }
    };
    Ok(Collected {
        gone: gone(&before, Some(&after), &chosen),
        left: Some(left(&after, &chosen, &troubles)?),
        outcome,
    })
}

fn gone(before: &BTreeSet<Ref>, after: Option<&Findings>, chosen: &Chosen) -> usize {
    let Some(after) = after else { return 0 };
    let after: BTreeSet<&Ref> = graph::chosen_of(after, chosen).map(|(_, it)| &it.it).collect();
    before.iter().filter(|it| !after.contains(it)).count()
}

fn left(after: &Findings, chosen: &Chosen, troubles: &BTreeMap<Key, String>) -> Result<Vec<Left>> {
    let outlook = outlook(after, chosen)?;
    let graph = graph::of(after, chosen)?;
    let why = |it: &Leftover| {
        let trouble = graph.keys.get(&it.it).and_then(|key| troubles.get(key));
        let leaving = || it.leaving.then(|| "it is on its way out".to_owned());
        let stays = outlook.stays.get(&it.it).cloned();
        stays
            .or_else(|| trouble.cloned())
            .or_else(leaving)
            .unwrap_or_else(|| "its turn did not come".to_owned())
    };
    let all = graph::chosen_of(after, chosen).map(|(remains, it)| Left {
        owner: remains.uid,
        kept: it.holds_data && !chosen.data.contains(&remains.uid),
        why: why(it),
        leftover: it.clone(),
    });
    Ok(all.collect())
}

impl Collected {
    /// The refusal to call it done: what is left and was not meant to be, with the reasons. `None` if nothing is.
    pub fn shortfall(&self) -> Option<Error> {
        let left: Vec<&Left> = self.left.iter().flatten().filter(|it| !it.kept).collect();
        let first = left.first()?;
        let more = match left.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        Some(
            Error::new(&OS_LEFTOVERS, Class::Blocked)
                .attempted("delete what is left over")
                .happened(format!("{} stays: {}{more}", first.leftover.said(), first.why)),
        )
    }
}
