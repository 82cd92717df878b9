//! Which calls go wrong, and how.

use std::{fmt, sync::Arc};

use super::{Call, Fault};
use crate::testing::matrix::next;

/// Which calls go wrong, and how. Each rule counts, from nought, the calls that its fault [fits](Fault::fits) and that
/// [`Plan::only`] lets through.
///
/// ```
/// use paas_core::testing::faults::{Fault, Plan};
///
/// // The third write of anything but leases and events, and every watch.
/// let plan = Plan::nth(2, Fault::Conflict409)
///     .only(|call| !["leases", "events"].contains(&call.resource.as_str()))
///     .and(Plan::every(Fault::WatchDuplicated));
/// // One call of eight, each in a way that its seed and its number choose.
/// let rain = Plan::seeded(7, 8, &Fault::WATCHES);
/// ```
#[derive(Clone, Default)]
pub struct Plan(Vec<Rule>);

/// Which calls a rule is for.
type Only = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

#[derive(Clone)]
struct Rule {
    when: When,
    faults: Vec<Fault>,
    only: Option<Only>,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Nth(usize),
    Every,
    Seeded { seed: u64, one_in: u64 },
}

impl Plan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// The n-th call goes wrong so; the first is 0.
    pub fn nth(n: usize, fault: Fault) -> Self {
        Self::one(When::Nth(n), vec![fault])
    }

    /// Every call goes wrong so.
    pub fn every(fault: Fault) -> Self {
        Self::one(When::Every, vec![fault])
    }

    /// One call of so many goes wrong, in one of these ways. The same seed gives the same numbers and ways.
    pub fn seeded(seed: u64, one_in: u64, faults: &[Fault]) -> Self {
        let one_in = one_in.max(1);
        Self::one(When::Seeded { seed, one_in }, faults.to_vec())
    }

    /// The rules so far are for these calls only, and count only these.
    #[must_use]
    pub fn only(mut self, of: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        let of = Arc::new(of);
        for rule in &mut self.0 {
            rule.only = match rule.only.take() {
                None => Some(of.clone()),
                Some(before) => {
                    let of = of.clone();
                    Some(Arc::new(move |call| before(call) && of(call)))
                }
            };
        }
        self
    }

    /// And these rules too. Where two strike the same call, the first does.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    fn one(when: When, faults: Vec<Fault>) -> Self {
        Self(vec![Rule {
            when,
            faults,
            only: None,
        }])
    }

    /// Counts a call, and says how it goes wrong and which number it had. `able` says whether a fault can strike now.
    pub(super) fn strike(
        &self,
        counts: &mut Vec<usize>,
        call: &Call,
        able: impl Fn(Fault) -> bool,
    ) -> Option<(Fault, usize)> {
        counts.resize(self.0.len(), 0);
        let mut strikes = None;
        for (rule, count) in self.0.iter().zip(counts) {
            if rule.only.as_ref().is_some_and(|only| !only(call)) {
                continue;
            }
            let fitting: Vec<Fault> = rule.faults.iter().copied().filter(|f| f.fits(call)).collect();
            if fitting.is_empty() {
                continue;
            }
            let at = *count;
            *count += 1;
            let fault = rule.when.choose(at, &fitting).filter(|fault| able(*fault));
            strikes = strikes.or(fault.map(|fault| (fault, at)));
        }
        strikes
    }
}

impl When {
    fn choose(self, at: usize, fitting: &[Fault]) -> Option<Fault> {
        match self {
            Self::Nth(n) => (n == at).then(|| fitting[0]),
            Self::Every => Some(fitting[0]),
            Self::Seeded { seed, one_in } => {
                let mut state = seed ^ (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let strikes = next(&mut state).is_multiple_of(one_in);
                let which = next(&mut state) % fitting.len() as u64;
                strikes.then(|| fitting[usize::try_from(which).unwrap_or(0)])
            }
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.0.iter().map(|rule| (rule.when, &rule.faults));
        f.debug_list().entries(rules).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn call(method: &str, path: &str) -> Call {
        Call::of(&Request::builder().method(method).uri(path).body(()).unwrap())
    }

    fn struck(plan: &Plan, calls: &[Call]) -> Vec<Option<(Fault, usize)>> {
        let mut counts = Vec::new();
        calls
            .iter()
            .map(|call| plan.strike(&mut counts, call, |_| true))
            .collect()
    }

    #[test]
    fn a_rule_counts_only_what_it_is_for() {
        let (pod, lease) = (
            "/api/v1/namespaces/a/pods",
            "/apis/coordination.k8s.io/v1/namespaces/a/leases/x",
        );
        let calls = [
            call("GET", pod),
            call("PUT", lease),
            call("POST", pod),
            call("POST", pod),
        ];
        let plan = Plan::nth(1, Fault::LostReply).only(|c| c.resource != "leases");
        assert_eq!(
            struck(&plan, &calls),
            [None, None, None, Some((Fault::LostReply, 1))]
        );
        let none = plan.only(|c| c.resource != "pods");
        assert_eq!(struck(&none, &calls), [None; 4]);
    }

    #[test]
    fn the_first_rule_that_strikes_does_and_all_count() {
        let calls = vec![call("POST", "/api/v1/namespaces/a/pods"); 2];
        let plan = Plan::nth(0, Fault::Unsent).and(Plan::every(Fault::LostReply));
        assert_eq!(
            struck(&plan, &calls),
            [Some((Fault::Unsent, 0)), Some((Fault::LostReply, 1))]
        );
    }

    #[test]
    fn a_seed_gives_the_same_strikes_again_and_about_as_many_as_it_was_asked_for() {
        let calls = vec![call("POST", "/api/v1/namespaces/a/pods"); 800];
        let of = |seed| struck(&Plan::seeded(seed, 8, &Fault::WRITES), &calls);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let strikes = of(1).iter().flatten().count();
        assert!((50..200).contains(&strikes), "{strikes}");
    }
}
