//! Where a server listens: a TCP port of the loopback, and a folder for its Unix socket.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{codes::LOC_PORT, proc};
use crate::error::{Class, Error, Result};

/// Ports that are chosen from: registered ones, below the ranges that systems give to outgoing connections.
pub const RANGE: RangeInclusive<u16> = 20_000..=29_999;

/// The longest path of a socket: 104 bytes with the closing NUL on BSD and macOS, 108 on Linux; see `unix(7)`.
const SOCKET_PATH: usize = 103;

/// A port for this owner: nearly always the same one, not taken by another instance, and free at this moment.
///
/// Between this look and the server's start another program may take it. The server's own bind is the judge; after its refusal
/// another choice is made with that port in `taken`.
///
/// # Errors
/// `PAAS-LOC-0011` if no port is free.
pub fn choose(owner: Uuid, taken: &BTreeSet<u16>) -> Result<u16> {
    let count = u128::from(RANGE.end() - RANGE.start()) + 1;
    let first = owner.as_u128() % count;
    (0..count)
        .filter_map(|n| u16::try_from((first + n) % count).ok())
        .map(|n| RANGE.start() + n)
        .find(|port| !taken.contains(port) && is_free(*port))
        .ok_or_else(|| {
            Error::new(&LOC_PORT, Class::Quota)
                .attempted("choose a port")
                .happened(format!("none of {}-{} is free", RANGE.start(), RANGE.end()))
        })
}

/// True if nobody listens there now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that an instance has to have, and that somebody else holds, in the holder's words where the system shows it.
pub(super) fn held(port: u16, refused: &Error) -> Error {
    let why = match proc::listener(port) {
        Some((pid, command)) => format!("process {pid} listens there: {command}"),
        None => refused.words().to_owned(),
    };
    Error::new(&LOC_PORT, Class::Blocked)
        .attempted(format!("listen on port {port}"))
        .happened(why)
        .remedy("stop the other program, or declare a free port as spec.exposure.port and run `paas up`")
}

/// The folder for the socket: in the instance, or where its path would be too long, a short one below `short` named after the owner.
pub fn socket_folder(instance: &Path, short: &Path, owner: Uuid) -> PathBuf {
    let inside = instance.join("run");
    let longest = inside.join(".s.PGSQL.65535.lock");
    if longest.as_os_str().len() <= SOCKET_PATH {
        return inside;
    }
    let hash = owner.simple().to_string();
    short.join(format!("paas-{}", &hash[..12]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_gets_its_port_again_unless_it_is_taken() {
        let owner = Uuid::from_u128(7);
        let first = choose(owner, &BTreeSet::new()).unwrap();
        assert!(RANGE.contains(&first));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let second = choose(owner, &BTreeSet::new()).unwrap();
        assert_ne!(first, second);
        drop(listener);
        let third = choose(owner, &BTreeSet::from([first, second])).unwrap();
        assert!(third != first && third != second);
        let all = RANGE.collect();
        assert_eq!(choose(owner, &all).unwrap_err().code().id, LOC_PORT.id);
    }

    #[test]
    fn a_long_path_gets_a_short_socket_folder_of_its_own() {
        let (short, owner) = (Path::new("/tmp"), Uuid::from_u128(7));
        assert_eq!(
            socket_folder(Path::new("/var/lib/paas/i"), short, owner),
            Path::new("/var/lib/paas/i/run")
        );
        let deep = PathBuf::from(format!("/{}", "deep/".repeat(20)));
        let folder = socket_folder(&deep, short, owner);
        assert!(
            folder.starts_with(short) && folder.as_os_str().len() < 40,
            "{folder:?}"
        );
        assert_ne!(folder, socket_folder(&deep, short, Uuid::from_u128(7 << 80)));
    }
}
