//! Talking to a PostgreSQL, wherever it runs: connections, sessions, and what is declared inside a server.
//!
//! A declared user `app` is an owner role `app` that cannot log in, and login roles `app_a` and `app_b` that take turns. A login role
//! is a member of the owner role and its sessions begin with `SET ROLE app`. So every object belongs to `app`, whichever login made
//! it: no default privileges are needed, `"$user"` in the search path means `app`, and a password is changed by opening the other login
//! role, handing it out, and locking the first one later, with no failed login in between. See [`rotate`].

pub mod activity;
pub mod acts;
pub mod actuator;
pub mod binding;
pub mod check;
#[cfg(feature = "kube")]
pub mod cnpg;
pub mod codes;
pub mod connection;
pub mod copy;
pub mod dial;
pub mod driver;
pub mod dump;
pub mod env;
pub mod load;
pub mod log;
pub mod login;
pub mod parameters;
pub mod resource;
pub mod rotate;
pub mod session;
pub mod sizing;
#[cfg(feature = "kube")]
pub mod statefulset;
pub mod tls;
