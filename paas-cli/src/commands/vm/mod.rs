//! `paas vm`: one verb a file.

pub(crate) mod console;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod show;

use std::path::PathBuf;

use paas_core::{
    codes::CORE_CANCELLED,
    error::{Class, Error},
    owner::Owner,
    render::clean,
};
use paas_openstack::{
    config::Choice,
    vm::{self, VmSpec},
};

use crate::{
    app::App,
    args::VmAt,
    codes::CLI_NO_VM,
    session::{Project, Session},
    ssh_key::Places,
};

/// Logs in to the cloud that is meant.
async fn enter(app: &App, at: &VmAt) -> Result<Project, Error> {
    let choice = Choice {
        cloud: at.cloud.clone(),
        region: at.region.clone(),
    };
    tokio::select! {
        entered = Project::enter(app, &choice, at.calls.trace.as_deref()) => entered,
        () = app.interrupt.cancel.cancelled() => Err(Error::new(&CORE_CANCELLED, Class::Cancelled)),
    }
}

/// The owner of a machine by its name, if it can be one.
fn owner(project: &Project, name: &str) -> Result<Owner, Error> {
    VmSpec::named(name).check()?;
    Ok(vm::owner(&project.identity, name))
}

/// There is no such machine, but these; or parts of it without a server.
async fn unknown(project: &Project, name: &str) -> Error {
    let unknown =
        Error::new(&CLI_NO_VM, Class::NotFound).attempted(format!("find the virtual machine {name}"));
    let all = match vm::list(&project.client, &project.identity).await {
        Ok(all) => all,
        Err(error) => return error,
    };
    if all.iter().any(|vm| vm.name == name) {
        return unknown
            .happened("it has no server, only parts that were made for it")
            .remedy(format!(
                "`paas vm create {name}` makes the server, `paas vm delete {name}` takes the parts away"
            ));
    }
    let names: Vec<String> = all.iter().map(|vm| clean(&vm.name)).collect();
    unknown.happened(if names.is_empty() {
        "the project has none".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    })
}

/// Where SSH keys of a machine are looked for.
fn keys(machine: &std::path::Path) -> Places<'_> {
    Places {
        user: std::env::home_dir().map(|home| home.join(".ssh")),
        machine,
    }
}

/// The command that logs in to a machine.
fn ssh(vm: &vm::Vm, identity: Option<&PathBuf>) -> Option<String> {
    let address = vm.outside.first().or(vm.inside.first())?;
    vm.key.as_ref()?;
    let identity = identity.map_or(String::new(), |file| format!("-i {} ", file.display()));
    let user = vm.user.as_deref().unwrap_or("USER");
    Some(format!("ssh {identity}{user}@{}", clean(address)))
}

/// The private half of the key that was made for a machine on this machine, without opening a home that is not there.
fn made_here(app: &App, owner: &Owner) -> Option<PathBuf> {
    let folder = crate::session::owners(app).ok()?.join(owner.uid().to_string());
    keys(&folder).made_here()
}

/// Takes the home's record of a machine away of which nothing is left.
async fn forget(session: &Session, owner: &Owner) -> Result<(), Error> {
    let folder = session.owner_folder(owner);
    keys(&folder).forget();
    session.machine().secrets.forget(owner).await?;
    crate::events::forget(&folder);
    Ok(())
}

/// Text that a machine wrote, without what would steer a terminal.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(c),
            // A sequence such as `ESC [ 0 ; 1 m`: up to its last letter.
            '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                chars.next();
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_console_commands_the_terminal() {
        assert_eq!(
            harmless("\u{1b}[0;32m  OK  \u{1b}[0m done\r\n\u{7}a\tb\u{1b}c"),
            "  OK   done\na\tbc"
        );
        assert_eq!(harmless("\u{1b}["), "");
    }

    #[test]
    fn whoever_logs_in_is_named_and_a_key_that_ssh_would_not_find_too() {
        let mut one = vm::Vm {
            outside: vec!["203.0.113.3".into()],
            inside: vec!["10.20.0.2".into()],
            key: Some("k".into()),
            user: Some("debian".into()),
            ..vm::Vm::default()
        };
        assert_eq!(ssh(&one, None).unwrap(), "ssh debian@203.0.113.3");
        one.outside.clear();
        one.user = None;
        let made = PathBuf::from("/k/id");
        assert_eq!(ssh(&one, Some(&made)).unwrap(), "ssh -i /k/id USER@10.20.0.2");
        one.key = None;
        assert_eq!(ssh(&one, None), None);
    }
}
