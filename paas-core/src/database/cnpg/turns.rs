//! Whose turn it is: which of a user's two login roles is handed out, and what becomes of the other one.
//!
//! A password is changed with no failed login in four steps, each a pass of its own: the other role is opened with a new password; once
//! CloudNativePG has applied that, it is handed out and the former one retires; until its time is over both let programs in; then it is
//! locked. The state is kept where it is true: as an annotation of the user's own `DatabaseRole`, written by the same apply that it
//! speaks of. So whoever comes next reads it there ([`Turns::seen`]) and nothing else has to be remembered.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;

use super::kinds::ROLE;
use crate::{
    database::{
        login::{LoginState, Turn},
        resource::password_name,
    },
    graph::Observed,
    kube::KubeObject,
    resource::{Health, Live},
    secrets::SecretRef,
};

/// The annotation of a user's `DatabaseRole` that says whose turn it is.
pub const TURNS: &str = "paas.rs/turns";

/// A user's two login roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// The one whose password programs are handed.
    pub active: Turn,
    /// What becomes of the other one.
    pub other: Other,
}

/// What becomes of the login role that is not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// It cannot log in.
    Locked,
    /// It gets a new password, and will be handed out as soon as PostgreSQL knows it; the role that is active then retires so many seconds.
    Opening {
        /// How long the active role's password will still work, in seconds.
        overlap: u32,
    },
    /// Its password still works, for programs that hold it.
    Retiring {
        /// Until when; whole seconds. PostgreSQL itself refuses it afterwards (`VALID UNTIL`), whoever runs or does not.
        until: Timestamp,
    },
}

impl Default for Turns {
    /// The first role, and the second one locked.
    fn default() -> Self {
        Self {
            active: Turn::A,
            other: Other::Locked,
        }
    }
}

impl Turns {
    /// The same with a new password on its way; nothing changes while one is on its way already, or the former one still works.
    #[must_use]
    pub fn rotate(self, overlap: u32) -> Self {
        match self.other {
            Other::Locked => Self {
                other: Other::Opening { overlap },
                ..self
            },
            Other::Opening { .. } | Other::Retiring { .. } => self,
        }
    }

    /// What comes next: `opened` says that CloudNativePG has applied the role that opens.
    #[must_use]
    pub fn next(self, opened: bool, now: Timestamp) -> Self {
        match self.other {
            Other::Opening { overlap } if opened => {
                let until = Timestamp::from_second(now.as_second().saturating_add(i64::from(overlap)));
                Self {
                    active: self.active.other(),
                    other: until.map_or(Other::Locked, |until| Other::Retiring { until }),
                }
            }
            Other::Retiring { until } if now >= until => Self {
                other: Other::Locked,
                ..self
            },
            Other::Locked | Other::Opening { .. } | Other::Retiring { .. } => self,
        }
    }

    /// What the role of a user says, as it stands there. The default for a user without a role.
    pub fn said(user: &str, observed: &Observed<KubeObject>) -> Self {
        let role = role(observed, &format!("role/{user}"));
        let said = role.and_then(|live| {
            let whole = &live.resource.seen()?.object;
            Self::parse(whole["metadata"]["annotations"][TURNS].as_str()?)
        });
        said.unwrap_or_default()
    }

    /// What is seen of a user: what its role says, moved on as far as the login roles and the time allow.
    pub fn seen(user: &str, observed: &Observed<KubeObject>, now: Timestamp) -> Self {
        let turns = Self::said(user, observed);
        let opening = role(observed, &format!("login/{}", turns.active.other().login(user)));
        // That it is applied is only believed of the role as it is wanted now: open.
        let opened = opening.is_some_and(|live| {
            let open = live.resource.seen().map(|s| s.object["spec"]["login"] == true);
            live.health == Health::Ready && open == Some(true)
        });
        turns.next(opened, now)
    }

    /// The state of one of the two roles.
    pub fn state(self, turn: Turn) -> LoginState {
        match self.other {
            _ if turn == self.active => LoginState::Active,
            Other::Locked => LoginState::Locked,
            Other::Opening { .. } => LoginState::Active,
            Other::Retiring { until } => LoginState::Retiring {
                until,
                disconnect: false,
            },
        }
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let active = match words.next()? {
            "a" => Turn::A,
            "b" => Turn::B,
            _ => return None,
        };
        let rest: Vec<&str> = words.collect();
        let other = match rest.as_slice() {
            ["locked"] => Other::Locked,
            ["opening", overlap] => Other::Opening {
                overlap: overlap.parse().ok()?,
            },
            ["retiring", seconds] => Other::Retiring {
                until: Timestamp::from_second(seconds.parse().ok()?).ok()?,
            },
            _ => return None,
        };
        Some(Self { active, other })
    }
}

/// A role by its key.
fn role<'a>(observed: &'a Observed<KubeObject>, key: &str) -> Option<&'a Live<KubeObject>> {
    let found = observed.live.iter().find(|(k, _)| k.as_str() == key);
    found
        .map(|(_, live)| live)
        .filter(|l| *l.resource.object_kind() == ROLE)
}

impl fmt::Display for Turns {
    /// `a locked`, `a opening 600`, `b retiring 1700000000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.active {
            Turn::A => "a ",
            Turn::B => "b ",
        })?;
        match self.other {
            Other::Locked => f.write_str("locked"),
            Other::Opening { overlap } => write!(f, "opening {overlap}"),
            Other::Retiring { until } => write!(f, "retiring {}", until.as_second()),
        }
    }
}

/// What the driver has to be told about logins, because it is not in the spec: whose turn it is, and the references of the passwords.
///
/// Passwords are in the secret store by the names of [`password_name`]. That of a role that was locked has to be forgotten there before
/// the role is opened again, so that it gets another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logins {
    /// By user; the default for one that is missing.
    pub turns: BTreeMap<String, Turns>,
    /// By login role. One that is missing is named without a fingerprint: it is whatever the store has, or will have, by its name.
    pub passwords: BTreeMap<String, SecretRef>,
}

impl Logins {
    /// Whose turn it is.
    pub fn turns(&self, user: &str) -> Turns {
        self.turns.get(user).copied().unwrap_or_default()
    }

    /// The reference of a login role's password.
    pub fn password(&self, login: &str) -> SecretRef {
        let known = self.passwords.get(login).cloned();
        known.unwrap_or_else(|| SecretRef {
            name: password_name(login),
            fingerprint: String::new(),
        })
    }

    /// The login roles that need a password now.
    pub fn needed<'a>(&self, users: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let open = |user: &'a str| {
            let turns = self.turns(user);
            [Turn::A, Turn::B]
                .into_iter()
                .filter(move |t| turns.state(*t) != LoginState::Locked)
                .map(|t| t.login(user))
        };
        users.into_iter().flat_map(open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_rotation_opens_then_hands_out_then_retires_then_locks() {
        let start = Turns::default();
        let opening = start.rotate(60);
        assert_eq!(opening.to_string(), "a opening 60");
        // Both let programs in before the new one is handed out.
        assert_eq!(opening.state(Turn::B), LoginState::Active);
        assert_eq!(opening.next(false, at(1000)), opening);
        let retiring = opening.next(true, at(1000));
        assert_eq!(retiring.to_string(), "b retiring 1060");
        assert_eq!(retiring.next(true, at(1059)), retiring);
        let over = retiring.next(true, at(1060));
        assert_eq!(over.to_string(), "b locked");
        assert_eq!(over.rotate(60).next(true, at(2000)).active, Turn::A);
    }

    #[test]
    fn a_second_rotation_waits_until_the_former_login_is_locked() {
        let opening = Turns::default().rotate(60);
        assert_eq!(opening.rotate(5), opening);
        let retiring = opening.next(true, at(0));
        assert_eq!(retiring.rotate(5), retiring);
    }

    #[test]
    fn turns_are_read_as_they_were_written() {
        for text in ["a locked", "b opening 600", "a retiring 1700000000"] {
            assert_eq!(Turns::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "c locked",
            "a",
            "a opening",
            "a opening -1",
            "a retiring soon",
            "a locked now",
        ] {
            assert_eq!(Turns::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_password_is_needed_for_every_role_that_may_log_in() {
        let turns = BTreeMap::from([("app".to_owned(), Turns::default().rotate(1))]);
        let logins = Logins {
            turns,
            ..Logins::default()
        };
        assert_eq!(logins.needed(["app", "other"]), ["app_a", "app_b", "other_a"]);
        assert_eq!(logins.password("app_a").name, "login-app_a");
    }
}
