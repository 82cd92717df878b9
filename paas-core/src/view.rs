//! A plan as data: what `paas plan -o json` prints, what consent is bound to. Version 1.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    pipeline::{Obstruction, Outcome},
    plan::Plan,
    policy::Agreed,
    preflight::Finding,
    resource::{Change, Key, Resource, View},
    step::{Action, Verb},
};

/// A plan of all stages of one owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// 1.
    pub version: u32,
    /// `DatabaseInstance/default/demo`.
    pub owner: String,
    /// The owner's uid.
    pub uid: uuid::Uuid,
    /// The stages in the order in which they are built.
    pub stages: Vec<StageView>,
    /// SHA-256 of what would be done: verbs, keys, changes. Waits and reasons do not count.
    pub hash: String,
}

/// The plan of one stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageView {
    /// The stage's name.
    pub stage: String,
    /// What would be done.
    pub steps: Vec<StepView>,
    /// What is on its way.
    pub waiting: Vec<NoteView>,
    /// What needs a person or another spec.
    pub blocked: Vec<NoteView>,
    /// What is no longer wanted and stays.
    pub kept: Vec<NoteView>,
    /// How many resources are as they should be.
    pub same: usize,
    /// What was found before the first write, errors first: they stand in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Why the world of this stage cannot be seen yet: `known after machines`. Its steps are then all creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// What it is done to.
    pub key: Key,
    /// The field's word for it.
    pub kind: String,
    /// What is done.
    pub verb: Verb,
    /// Why.
    pub reason: String,
    /// What differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The id of what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// True if it holds data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub precious: bool,
    /// True if it replaces what was never ready and holds no data: that needs nobody's word (law 7).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_ready: bool,
    /// What must be over first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Key>,
    /// Why it is not for the next pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// What is wanted, or what is there if it goes.
    pub resource: View,
}

/// One remark about one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteView {
    /// What.
    pub key: Key,
    /// Why.
    pub why: String,
    /// The id of what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The code that explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl StageView {
    /// The plan of one stage as data.
    pub fn of<R: Resource>(stage: &str, plan: &Plan<R>) -> Self {
        let note = |key: &Key, why: &str| NoteView {
            key: key.clone(),
            why: why.to_owned(),
            id: None,
            code: None,
        };
        Self {
            stage: stage.to_owned(),
            steps: plan.steps.iter().map(step).collect(),
            waiting: plan.waiting.iter().map(|w| note(&w.key, &w.why)).collect(),
            blocked: plan
                .blocked
                .iter()
                .map(|b| NoteView {
                    code: Some(b.code.id.to_owned()),
                    ..note(&b.key, &b.why)
                })
                .collect(),
            kept: plan
                .kept
                .iter()
                .map(|k| NoteView {
                    id: Some(k.id.clone()),
                    ..note(&k.key, &k.why)
                })
                .collect(),
            same: plan.same,
            findings: Vec::new(),
            unknown: None,
        }
    }

    /// Each error that was found before the first write. What is about no single resource stands under the stage's own name.
    pub fn obstructions(&self) -> Vec<Obstruction> {
        let errors = self.findings.iter().filter(|f| f.is_error());
        errors
            .filter_map(|found| {
                Some(Obstruction {
                    stage: self.stage.clone(),
                    key: found.key.clone().or_else(|| Key::new(&*self.stage).ok())?,
                    why: found.what.clone(),
                    code: found.code.clone(),
                    remedy: found.remedy.clone(),
                })
            })
            .collect()
    }
}

fn step<R: Resource>(step: &crate::step::Step<R>) -> StepView {
    let (resource, id, changes): (&R, Option<&str>, &[Change]) = match &step.action {
        Action::Create { want } => (want, None, &[]),
        Action::Update { live, want, changes } | Action::Replace { live, want, changes } => {
            (want, Some(&live.id), changes)
        }
        Action::Delete { live } => (&live.resource, Some(&live.id), &[]),
    };
    StepView {
        key: step.key.clone(),
        kind: resource.kind().to_owned(),
        verb: step.action.verb(),
        reason: step.reason.clone(),
        changes: changes.to_vec(),
        id: id.map(str::to_owned),
        precious: resource.precious(),
        never_ready: matches!(&step.action, Action::Replace { live, .. } if !live.was_ready && !live.resource.precious()),
        after: step.after.clone(),
        hold: step.hold.clone(),
        resource: resource.view(),
    }
}

impl PlanView {
    /// Puts stages together and hashes what would be done.
    pub fn new(owner: &crate::owner::Owner, stages: Vec<StageView>) -> Self {
        let mut hash = Sha256::new();
        for stage in &stages {
            for step in &stage.steps {
                // Serializing these plain values cannot fail; if it did, the hash would differ and void the consent.
                let line =
                    serde_json::to_string(&(&stage.stage, &step.key, step.verb, &step.changes, &step.id))
                        .unwrap_or_default();
                hash.update(line.as_bytes());
                hash.update(b"\n");
            }
        }
        let hash = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Self {
            version: 1,
            owner: owner.to_string(),
            uid: owner.uid(),
            stages,
            hash,
        }
    }

    /// True if carrying it out would change nothing.
    pub fn is_empty(&self) -> bool {
        self.stages
            .iter()
            .all(|s| s.steps.is_empty() && s.blocked.is_empty())
    }

    /// What carrying it out leads to if errors were found before the first write: nothing is begun, and each of them is told.
    pub fn obstructed(&self) -> Option<Outcome> {
        let because: Vec<Obstruction> = self.stages.iter().flat_map(StageView::obstructions).collect();
        (!because.is_empty()).then_some(Outcome::Blocked {
            because,
            clears: false,
        })
    }

    /// What this plan shows, as the bound of a run (law 7). What is shown as on its way out may also be seen staying and be deleted:
    /// nothing that is wanted is ever deleted, only replaced.
    pub fn agreed(&self, stage: &str) -> Agreed {
        let mut shown = BTreeSet::new();
        for stage in self.stages.iter().filter(|s| s.stage == stage) {
            shown.extend(stage.steps.iter().map(|s| (s.key.clone(), s.verb)));
            shown.extend(stage.waiting.iter().map(|w| (w.key.clone(), Verb::Delete)));
        }
        Agreed::Shown(shown)
    }
}
