//! A user's two login roles: which one is handed out, which one runs out, and the mark that says so.

use std::fmt;

use jiff::Timestamp;

use crate::{driver::Binding, resource::Change};

/// A user's way to log in: two roles that take turns. Sessions of both act as the owner role, so objects belong to that one,
/// whichever login made them.
///
/// Wanted are only `user` and `limit`; the rest is seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// The owner role.
    pub user: String,
    /// How many sessions each role may have; `None` for as many as the server takes.
    pub limit: Option<u32>,
    /// The roles that there are, the first turn first.
    pub roles: Vec<LoginRole>,
    /// The active role's password and where it gets in.
    pub binding: Option<Binding>,
}

/// One of the two roles, as it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRole {
    /// Which of the two.
    pub turn: Turn,
    /// What its mark says.
    pub state: LoginState,
    /// The fingerprint of the password that it has, or had.
    pub fingerprint: String,
    /// Whether PostgreSQL lets it in.
    pub open: bool,
    /// How many sessions it may have.
    pub limit: Option<u32>,
    /// What is still to be done with it.
    pub due: Option<Due>,
}

/// Which of a user's two login roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The first one.
    A,
    /// The other one.
    B,
}

/// Where a login role is in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginState {
    /// The one that is handed out.
    Active,
    /// Its password still works, for programs that hold it.
    Retiring {
        /// Until when; whole seconds.
        until: Timestamp,
        /// Whether its sessions are ended then.
        disconnect: bool,
    },
    /// It has no password and cannot log in.
    Locked,
}

/// What is left to do with a login role that is not the active one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its time is over.
    Lock,
    /// It is locked, and its old password is still in the secret store.
    Forget,
}

impl Turn {
    /// The login role's name.
    pub fn login(self, user: &str) -> String {
        match self {
            Self::A => format!("{user}_a"),
            Self::B => format!("{user}_b"),
        }
    }

    /// The one that comes next.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Which of `user`'s login roles has this name.
    pub fn of(user: &str, name: &str) -> Option<Self> {
        [Self::A, Self::B].into_iter().find(|t| t.login(user) == name)
    }
}

impl fmt::Display for LoginState {
    /// The last words of a role's mark: `active`, `retiring 1700000000`, `retiring 1700000000 disconnect`, `locked`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("active"),
            Self::Retiring { until, disconnect } => {
                write!(f, "retiring {}", until.as_second())?;
                f.write_str(if *disconnect { " disconnect" } else { "" })
            }
            Self::Locked => f.write_str("locked"),
        }
    }
}

impl LoginState {
    /// Reads what `Display` writes; no words at all mean active, as marks were before roles took turns.
    pub fn parse(words: &[&str]) -> Option<Self> {
        let retiring = |seconds: &str, disconnect| {
            let until = Timestamp::from_second(seconds.parse().ok()?).ok()?;
            Some(Self::Retiring { until, disconnect })
        };
        match words {
            [] | ["active"] => Some(Self::Active),
            ["locked"] => Some(Self::Locked),
            ["retiring", seconds] => retiring(seconds, false),
            ["retiring", seconds, "disconnect"] => retiring(seconds, true),
            _ => None,
        }
    }
}

impl Login {
    /// A wanted login.
    pub fn wanted(user: impl Into<String>, limit: Option<u32>) -> Self {
        Self {
            user: user.into(),
            limit,
            roles: Vec::new(),
            binding: None,
        }
    }

    /// The active role, if exactly one is.
    pub fn active(&self) -> Option<&LoginRole> {
        let mut active = self.roles.iter().filter(|r| r.state == LoginState::Active);
        active.next().filter(|_| active.next().is_none())
    }

    /// The role whose password still works until a time.
    pub fn retiring(&self) -> Option<(&LoginRole, Timestamp)> {
        self.roles.iter().find_map(|r| match r.state {
            LoginState::Retiring { until, .. } => Some((r, until)),
            LoginState::Active | LoginState::Locked => None,
        })
    }

    /// What would have to change so that `live` becomes this.
    pub(super) fn changes(&self, live: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if live.active().is_none() {
            // Which role is meant cannot be told, so none is changed.
            return changes;
        }
        if self.limit != live.limit {
            let shown = |l: Option<u32>| l.map_or_else(|| "none".to_owned(), |n| n.to_string());
            changes.push(Change::new(
                "connectionLimit",
                shown(live.limit),
                shown(self.limit),
            ));
        }
        for role in live.roles.iter().filter(|r| !self.roles.contains(r)) {
            let name = role.turn.login(&live.user);
            match (role.due, role.state) {
                (Some(Due::Lock), LoginState::Locked) => {
                    changes.push(Change::new(format!("old login {name}"), "open", "locked"));
                }
                (Some(Due::Lock), _) => {
                    changes.push(Change::new(format!("old login {name}"), "retiring", "locked"));
                }
                (Some(Due::Forget), _) => {
                    changes.push(Change::new(format!("old password of {name}"), "kept", "deleted"));
                }
                (None, _) => {}
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_an_old_one_without_a_state_is_active() {
        let until = Timestamp::from_second(1_700_000_000).unwrap();
        for state in [
            LoginState::Active,
            LoginState::Locked,
            LoginState::Retiring {
                until,
                disconnect: false,
            },
            LoginState::Retiring {
                until,
                disconnect: true,
            },
        ] {
            let text = state.to_string();
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(LoginState::parse(&words), Some(state));
        }
        assert_eq!(LoginState::parse(&[]), Some(LoginState::Active));
        for bad in [
            ["retiring", "soon"],
            ["retiring", "99999999999999999"],
            ["active", "now"],
        ] {
            assert_eq!(LoginState::parse(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_roles_take_turns() {
        assert_eq!(Turn::of("app", "app_b"), Some(Turn::B));
        assert_eq!(Turn::of("app", "app_c"), None);
        assert_eq!(Turn::A.other().other(), Turn::A);
    }
}
