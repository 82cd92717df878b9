//! Facts about processes where there is no `/proc`: from `ps`, whose columns POSIX and the BSDs agree on.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    process::Command,
};

fn ask(arguments: &[&str]) -> Option<String> {
    let out = Command::new("ps")
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}

/// Whether it has ended and was not waited for, and a number that stands for the time when it began.
pub(super) fn state(pid: u32) -> Option<(bool, u64)> {
    let pid = pid.to_string();
    let state = ask(&["-p", &pid, "-o", "stat="])?;
    let mut began = DefaultHasher::new();
    ask(&["-p", &pid, "-o", "lstart="])?.hash(&mut began);
    Some((state.starts_with('Z'), began.finish()))
}

/// The user it runs as.
pub(super) fn owner(pid: u32) -> Option<u32> {
    ask(&["-p", &pid.to_string(), "-o", "uid="])?.parse().ok()
}

/// True for `…/postgres -D <data>`.
pub(super) fn is_postmaster_of(pid: u32, data: &Path) -> bool {
    ask(&["-ww", "-p", &pid.to_string(), "-o", "args="]).is_some_and(|line| serves(&line, data))
}

/// Nothing: `ps` does not know sockets.
#[cfg(not(target_os = "linux"))]
pub(super) fn listener(_port: u16) -> Option<(u32, String)> {
    None
}

/// Nothing: `ps` does not know working directories, so the command line alone must tell.
pub(super) fn postgres_folder(_pid: u32) -> Option<io::Result<PathBuf>> {
    None
}

/// All processes that are servers on this data directory, by their command lines.
pub(super) fn postmasters(data: &Path) -> Vec<u32> {
    let list = ask(&["-A", "-ww", "-o", "pid=,args="]).unwrap_or_default();
    let rows = list.lines().filter_map(|line| line.trim().split_once(' '));
    rows.filter(|(_, line)| serves(line, data))
        .filter_map(|(pid, _)| pid.parse().ok())
        .collect()
}

fn serves(line: &str, data: &Path) -> bool {
    let (program, rest) = line.trim().split_once(" -D ").unwrap_or_default();
    program.ends_with("/postgres") && Path::new(rest) == data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ps_says_of_ourselves_is_true() {
        let me = std::process::id();
        let (dead, began) = state(me).unwrap();
        assert!(!dead);
        assert_eq!(state(me).unwrap().1, began);
        assert_eq!(owner(me).unwrap(), rustix::process::geteuid().as_raw());
        assert!(!is_postmaster_of(me, Path::new("/")));
        assert!(postmasters(Path::new("/nowhere")).is_empty());
        assert!(serves(
            "/usr/lib/postgresql/15/bin/postgres -D /a b/data",
            Path::new("/a b/data")
        ));
        assert!(postgres_folder(me).is_none());
        assert_eq!(state(u32::MAX), None);
    }
}
