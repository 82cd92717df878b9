//! What a platform is made of on OpenStack, one kind a file.
//!
//! A wanted value leaves out (`None`) what is not ours to judge. A live value is told in the same words: what it refers to by the keys of
//! its owner, what was chosen by the choice that was made then.

mod address;
mod balancer;
mod credential;
mod derived;
mod machine;
mod network;
mod security;
mod volume;

use std::fmt::Display;

use paas_core::resource::{Change, Diff, Need, View};

pub use self::{
    address::FloatingIp,
    balancer::{Listener, LoadBalancer},
    credential::Credential,
    derived::{Derived, Made},
    machine::{KeyPair, Policy, Root, Server, ServerGroup, UserData},
    network::{Interface, Network, Port, Router, Subnet},
    security::{Direction, Group, Remote, Rule},
    volume::Volume,
};

/// One kind: what [`paas_core::resource::Resource`] asks, without the choice among kinds.
pub(super) trait Kind: PartialEq {
    /// The field's own word.
    const WORD: &'static str;

    /// What must be there first.
    fn needs(&self) -> Vec<Need>;

    /// What differs.
    fn diff(&self, live: &Self) -> Diff;

    /// What a plan shows.
    fn view(&self) -> View;
}

/// A change of a field that is judged and differs.
fn changed<T: PartialEq>(
    field: &str,
    live: Option<&T>,
    want: Option<&T>,
    say: impl Fn(&T) -> String,
) -> Option<Change> {
    let want = want?;
    (live != Some(want)).then(|| Change::new(field, live.map_or_else(|| "-".to_owned(), &say), say(want)))
}

/// The diff of a kind whose changed fields are of two sorts: those that need a new one, and those that are changed in place.
fn judged(
    anew: impl IntoIterator<Item = Option<Change>>,
    in_place: impl IntoIterator<Item = Option<Change>>,
) -> Diff {
    let anew: Vec<Change> = anew.into_iter().flatten().collect();
    let in_place: Vec<Change> = in_place.into_iter().flatten().collect();
    match (anew.is_empty(), in_place.is_empty()) {
        (true, true) => Diff::Same,
        (true, false) => Diff::Update(in_place),
        (false, _) => Diff::Replace(anew.into_iter().chain(in_place).collect()),
    }
}

/// Fields of a view; what is left out is not shown.
fn view<const N: usize>(fields: [(&str, Option<String>); N]) -> View {
    let told = fields
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
    told.collect()
}

fn list<T: Display>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
