//! The stable error codes of this crate. A code is never reused; `paas explain CODE` and the docs page are made from this table.

use serde::Serialize;

/// One stable error code.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// `PAAS-<AREA>-<NUMBER>`.
    pub id: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// What leads to it.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Declares codes and a table of them all, so that none is forgotten.
#[macro_export]
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $title:literal, $cause:literal, $remedy:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $title, ".")]
            $(#[$doc])*
            pub const $name: $crate::codes::Code =
                $crate::codes::Code { id: $id, title: $title, cause: $cause, remedy: $remedy };
        )*
        /// Every code of this table, in its order.
        pub const ALL: &[&$crate::codes::Code] = &[$(&$name),*];
    };
}

codes! {
    CORE_PROVIDER = "PAAS-CORE-0001", "the provider refused or failed a call",
        "A call to the outside world was answered with an error that has no code of its own.",
        "Read the provider's words; run the same command again once their cause is gone.";
    CORE_DUPLICATE = "PAAS-CORE-0002", "two live resources answer to one key",
        "Two writers raced without a common lock, or somebody copied a resource with its mark.",
        "Look at both ids, delete the one that is not in use, and run again. Nothing is chosen for you.";
    CORE_UNREADABLE_MARK = "PAAS-CORE-0003", "a resource bears our mark but its name cannot be read",
        "Somebody renamed a resource of ours, or it was made by a newer version.",
        "Give it back the name that the message shows, or remove its mark.";
    CORE_GRAPH = "PAAS-CORE-0004", "the wanted resources do not form a graph",
        "A driver asked for a cycle, for the same key twice, or for a need that nobody provides.",
        "This is a bug of the driver; report it with the message.";
    CORE_LEDGER = "PAAS-CORE-0005", "the ledger cannot be read or written",
        "The file of intents is damaged, or its folder cannot be written.",
        "Check the disk and the permissions of the folder named; a damaged ledger may be moved away: the marks outside are the truth.";
    CORE_SECRET_STORE = "PAAS-CORE-0006", "the secret store cannot be read or written",
        "The folder of secrets is missing, not ours, or open to others.",
        "Check owner and permissions (0700, files 0600) of the folder named.";
    CORE_SECRET_MISSING = "PAAS-CORE-0007", "a secret of something that exists is missing",
        "The secret was deleted, or another machine made the resource.",
        "Bring the secret back from where it was made; it is never generated anew for something that exists.";
    CORE_FENCED = "PAAS-CORE-0008", "another writer took over",
        "The lock or lease that makes us the single writer was lost.",
        "Nothing more was changed. Run again; it waits for the other writer.";
    CORE_CANCELLED = "PAAS-CORE-0009", "cancelled",
        "Ctrl-C, SIGTERM or the embedding program asked to stop.",
        "Run the same command again; it goes on where it stopped.";
    CORE_TIMED_OUT = "PAAS-CORE-0010", "the deadline passed while there was still progress",
        "The time given was shorter than what the outside world needed.",
        "If the message names a cause, take it away; run again, with a larger --timeout if it only needs time. Nothing is made twice.";
    CORE_BLOCKED = "PAAS-CORE-0011", "a step needs a person or another spec",
        "Consent is missing for something that holds data, or the plan changed since it was shown.",
        "Read the blocked steps; run the plan again, or confirm by name with --confirm.";
    CORE_WAIT_OVERDUE = "PAAS-CORE-0012", "something took longer than it may",
        "A resource did not become ready, or did not leave, within its deadline.",
        "Read what it waits for; the resource's own log says more.";
    CORE_NAME = "PAAS-CORE-0013", "a name is not usable",
        "A key or an object's name has characters or a length that the outside world does not take.",
        "Use lower-case letters, digits and '-', at most 63 characters.";
    CORE_UNSUPPORTED = "PAAS-CORE-0014", "not supported by this version",
        "The spec asks for an infrastructure or a runtime that this build does not have.",
        "Use one that the message lists, or a build that has it.";
    CORE_PLAN_CHANGED = "PAAS-CORE-0015", "the plan is not the one that was agreed to",
        "The outside world changed between the plan and the run.",
        "Look at the new plan and agree to it.";
    CORE_PROTECTED = "PAAS-CORE-0016", "it is protected",
        "Something that holds data would go, and its spec protects it whatever the consent says.",
        "Set deletionProtection: false in the spec, run `paas up`, and then delete it.";
    CORE_PREFLIGHT = "PAAS-CORE-0017", "the plan cannot be carried out as things are",
        "Before the first write, something was found that would stop it half way: a quota, a missing service, a choice that does not fit.",
        "Do what each finding in the plan says, and run again.";
    CORE_DRIFTED = "PAAS-CORE-0018", "somebody changed it, and that is only reported",
        "It is not as the spec says, the spec was not changed, and its driftPolicy is Report.",
        "Change it back where it was changed, write the change into the spec, or set driftPolicy: Repair and run `paas up`.";
    CORE_UNMARKED = "PAAS-CORE-0019", "it is there and bears our mark no more",
        "Somebody overwrote the field that says whose it is, on something that was made or taken over here.",
        "Take it back with `paas adopt`, or delete it; nothing is made in its place while it is there.";
}

/// Finds a code by its id, in any case: `paas-core-0001`.
pub fn find(tables: &[&[&'static Code]], id: &str) -> Option<&'static Code> {
    tables
        .iter()
        .flat_map(|t| t.iter())
        .find(|c| c.id.eq_ignore_ascii_case(id.trim()))
        .copied()
}
