//! Leftovers: what bears a mark in a project, found and taken away from outside, without any local file.
//!
//! [`survey`] lists everything there is, with every page, and reads marks strictly: a thing is ours only by what the call that made it
//! wrote (see [`mark`] for what proves each kind), whoever of ours made it. What has no mark is looked at for one reason: it may stand on
//! something that has one, or be taken along by its deletion; then that stays, and the findings say why.
//!
//! [`collect`] is `down` of owners of whom only the uid is known: the same planner, the same executor, nothing desired. It sees with
//! [`survey`] before each pass and once more at its end, so that the proof is a listing.
//!
//! ```no_run
//! # async fn f(client: &paas_openstack::Client) -> paas_core::error::Result<()> {
//! let found = paas_openstack::gc::survey(client).await?;
//! for remains in &found.owners {
//!     println!("{} {}: {}", remains.uid, remains.name.as_deref().unwrap_or("?"), remains.leftovers.len());
//! }
//! # Ok(()) }
//! ```

mod collect;
mod findings;
mod graph;
mod kind;
mod lists;
pub mod mark;
mod name;
mod outlook;
mod outsiders;
mod read;
mod remove;
mod standing;
mod sweep;

use paas_core::error::Result;

pub use collect::{Chosen, Collected, Left, collect};
pub use findings::{Findings, Leftover, Outsider, Ref, Remains, Unseen};
pub use kind::Kind;
pub use outlook::{HOLDS_DATA, Outlook, outlook};

use crate::client::Client;

/// Everything in the token's project that bears a mark, by owner, and whatever stands on it. Reads only.
///
/// # Errors
/// The first list that failed: half a look is none. `PAAS-OS-0019` if Nova cannot tell what a server is, since it may be marked.
pub async fn survey(client: &Client) -> Result<Findings> {
    let lists = Box::pin(lists::all(client)).await?;
    let mut findings = read::findings(&lists);
    made(client, &mut findings).await?;
    Ok(findings)
}

/// Lists of key pairs do not say when they were made.
async fn made(client: &Client, findings: &mut Findings) -> Result<()> {
    let leftovers = findings
        .owners
        .iter_mut()
        .flat_map(|remains| &mut remains.leftovers);
    let pairs: Vec<&mut Leftover> = leftovers.filter(|it| it.it.kind == Kind::KeyPair).collect();
    let names: Vec<String> = pairs.iter().map(|it| it.it.id.clone()).collect();
    for (it, shown) in pairs.into_iter().zip(lists::made(client, &names).await?) {
        it.made = shown
            .and_then(|pair| pair.created_at)
            .and_then(|stamp| stamp.at());
    }
    Ok(())
}
