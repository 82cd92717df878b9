//! The object's name of an owner of whom the uid is known: names in the cloud begin with it, and the uid proves a guess.

use paas_core::owner::{Identity, Owner};
use uuid::Uuid;

use super::{Leftover, Remains, lists::Lists, mark};
use crate::provider::marks;

/// The kinds of objects that have things in a cloud.
const KINDS: [&str; 1] = ["Platform"];

/// Every owner that `<namespace>-<name>` can mean.
pub(super) fn owners<'a>(text: &'a str, project: &'a Identity) -> impl Iterator<Item = Owner> + 'a {
    let splits = text
        .match_indices('-')
        .map(|(at, _)| (&text[..at], &text[at + 1..]));
    splits
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
        .flat_map(|(namespace, name)| KINDS.map(|kind| Owner::new(project, kind, namespace, name)))
}

/// The owner of this uid, if a name that begins with namespace and name of its object, or the text of `paas-object`, says which it is.
fn proved<'a>(uid: Uuid, said: impl Iterator<Item = Said<'a>>, project: &Identity) -> Option<Owner> {
    said.filter_map(|said| match said {
        Said::Object(text) => {
            let mut words = text.splitn(3, '/');
            let (kind, namespace, name) = (words.next()?, words.next()?, words.next()?);
            Some(Owner::new(project, kind, namespace, name)).filter(|owner| owner.uid() == uid)
        }
        Said::Name(name) => {
            let ends = name.match_indices('-').map(|(at, _)| &name[..at]);
            ends.flat_map(|head| owners(head, project))
                .find(|owner| owner.uid() == uid)
        }
    })
    .next()
}

/// A text that may say whose a thing is.
enum Said<'a> {
    /// `Platform/default/demo`.
    Object(&'a str),
    /// `default-demo-network`.
    Name(&'a str),
}

/// Gives an owner its name, and its things their keys.
pub(super) fn remains(
    uid: Uuid,
    mut leftovers: Vec<Leftover>,
    lists: &Lists,
    identity: &Identity,
) -> Remains {
    let objects =
        (lists.servers.iter().map(|it| &it.metadata)).chain(lists.volumes.iter().map(|it| &it.metadata));
    let mine = objects.filter(|metadata| mark::in_metadata(metadata).is_some_and(|(owner, _)| owner == uid));
    let said = mine
        .filter_map(|metadata| metadata.get(marks::OBJECT))
        .map(|text| Said::Object(text));
    let names = leftovers.iter().map(|it| Said::Name(&it.name));
    let owner: Option<Owner> = proved(uid, said.chain(names), identity);
    if let Some(owner) = &owner {
        for it in leftovers.iter_mut().filter(|it| it.key.is_none()) {
            it.key = mark::key_of(it.it.kind, owner, &it.name);
        }
    }
    leftovers.sort_by(|a, b| (a.it.kind, &a.name, &a.it.id).cmp(&(b.it.kind, &b.name, &b.it.id)));
    Remains {
        uid,
        name: owner.map(|owner| owner.to_string()),
        leftovers,
    }
}
