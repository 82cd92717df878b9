//! A person's word about data, by annotation: bound to the object's uid and to the very steps (design law 6).

use paas_core::{
    spec::{BlockedStatus, BlockedStep},
    view::PlanView,
};
use sha2::{Digest, Sha256};

/// The steps of a plan that need the owner's word: `plan` is made as if it had been given. `None` if it has none.
pub(crate) fn asked(plan: &PlanView, uid: &str) -> Option<BlockedStatus> {
    let mut steps = Vec::new();
    let mut hash = Sha256::new();
    hash.update(uid.as_bytes());
    for stage in &plan.stages {
        for step in stage.steps.iter().filter(|s| s.precious && s.verb.removes()) {
            let id = step.id.as_deref().unwrap_or_default();
            for part in [
                stage.stage.as_str(),
                step.key.as_str(),
                &step.verb.to_string(),
                id,
            ] {
                hash.update(b"\n");
                hash.update(part.as_bytes());
            }
            steps.push(BlockedStep {
                key: format!("{}/{}", stage.stage, step.key),
                verb: step.verb.to_string(),
                reason: format!("{} ({id})", step.reason),
            });
        }
    }
    let plan_hash = hash
        .finalize()
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect();
    (!steps.is_empty()).then_some(BlockedStatus { plan_hash, steps })
}

/// True if `word` agrees to all that is `due`: it is the hash of just these steps, or it was given for `shown`, of which they are what
/// is left. So a deletion that takes several passes needs one word, and a step that nobody was shown needs another.
pub(crate) fn covers(word: &str, due: &BlockedStatus, shown: Option<&BlockedStatus>) -> bool {
    word == due.plan_hash
        || shown.is_some_and(|s| {
            s.plan_hash == word
                && due
                    .steps
                    .iter()
                    .all(|step| s.steps.iter().any(|known| is_same(step, known)))
        })
}

/// The same step, whatever its reason has become by now: it ends with the id.
fn is_same(one: &BlockedStep, other: &BlockedStep) -> bool {
    let id = |step: &BlockedStep| step.reason.rsplit(" (").next().map(str::to_owned);
    (&one.key, &one.verb, id(one)) == (&other.key, &other.verb, id(other))
}

#[cfg(test)]
mod tests {
    use paas_core::{
        owner::{Identity, Owner},
        resource::Key,
        step::Verb,
        view::{StageView, StepView},
    };

    use super::*;

    fn step(key: &str, verb: Verb, id: &str, precious: bool) -> StepView {
        StepView {
            key: Key::new(key).unwrap(),
            kind: "volume".to_owned(),
            verb,
            reason: "it is no longer wanted".to_owned(),
            changes: Vec::new(),
            id: Some(id.to_owned()),
            precious,
            never_ready: false,
            after: Vec::new(),
            hold: None,
            resource: Default::default(),
        }
    }

    fn plan(steps: Vec<StepView>) -> PlanView {
        let stage = StageView {
            stage: "database".to_owned(),
            steps,
            ..StageView::default()
        };
        let owner = Owner::new(&Identity::of(&["here"]), "DatabaseInstance", "default", "demo");
        PlanView::new(&owner, vec![stage])
    }

    #[test]
    fn only_what_takes_data_away_is_asked() {
        let harmless = vec![
            step("a", Verb::Create, "1", true),
            step("b", Verb::Update, "2", true),
            step("c", Verb::Delete, "3", false),
        ];
        assert_eq!(asked(&plan(harmless), "uid"), None);
        let due = asked(&plan(vec![step("d", Verb::Replace, "4", true)]), "uid").unwrap();
        assert_eq!(due.steps[0].key, "database/d");
        assert_eq!(due.steps[0].verb, "replace");
    }

    #[test]
    fn a_word_is_bound_to_the_steps_their_ids_and_the_object() {
        let due = |id: &str, uid: &str| asked(&plan(vec![step("d", Verb::Delete, id, true)]), uid).unwrap();
        let word = due("4", "uid").plan_hash;
        assert!(covers(&word, &due("4", "uid"), None));
        assert!(!covers(&word, &due("5", "uid"), None), "another volume");
        assert!(
            !covers(&word, &due("4", "diu"), None),
            "another object of the same name"
        );
    }

    #[test]
    fn one_word_suffices_for_a_deletion_of_several_passes() {
        let both = vec![
            step("a", Verb::Delete, "1", true),
            step("b", Verb::Delete, "2", true),
        ];
        let shown = asked(&plan(both), "uid").unwrap();
        let word = shown.plan_hash.clone();
        let left = asked(&plan(vec![step("b", Verb::Delete, "2", true)]), "uid").unwrap();
        assert!(covers(&word, &left, Some(&shown)));
        let other = asked(&plan(vec![step("c", Verb::Delete, "3", true)]), "uid").unwrap();
        assert!(!covers(&word, &other, Some(&shown)), "nobody was shown that one");
    }
}
