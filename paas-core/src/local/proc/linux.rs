//! Facts about processes from `/proc`.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// Whether it has ended and was not waited for, and when it began.
pub(super) fn state(pid: u32) -> Option<(bool, u64)> {
    // proc_pid_stat(5): the name in parentheses may hold anything; then state is the 1st field, the start the 20th.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some((
        matches!(*fields.first()?, "Z" | "X"),
        fields.get(19)?.parse().ok()?,
    ))
}

/// The user it runs as.
pub(super) fn owner(pid: u32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}")).ok().map(|m| m.uid())
}

/// True for `…/postgres -D <data>`.
pub(super) fn is_postmaster_of(pid: u32, data: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|b| *b == 0);
    let program = words.next().unwrap_or_default();
    program.ends_with(b"/postgres")
        && words.next() == Some(b"-D")
        && words.next() == Some(data.as_os_str().as_bytes())
}

/// The working directory of a process that calls itself a PostgreSQL; nothing for other programs.
pub(super) fn postgres_folder(pid: u32) -> Option<io::Result<PathBuf>> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let postgres = name.starts_with("postgres") || name.starts_with("postmaster");
    postgres.then(|| fs::read_link(format!("/proc/{pid}/cwd")))
}

/// All processes that are servers on this data directory, by their command lines.
pub(super) fn postmasters(data: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_postmaster_of(*pid, data)).collect()
}

/// Who listens on this TCP port, by its command line, as far as we may see it.
pub(super) fn listener(port: u16) -> Option<(u32, String)> {
    // proc_net_tcp: `sl local_address rem_address st … inode`, numbers in hexadecimal; 0A is LISTEN.
    let sockets: Vec<PathBuf> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(fs::read_to_string)
        .flat_map(|table| {
            let rows = table.lines().skip(1).filter_map(|row| {
                let fields: Vec<&str> = row.split_whitespace().collect();
                let here = fields.get(1)?.ends_with(&format!(":{port:04X}")) && *fields.get(3)? == "0A";
                let inode = fields.get(9)?;
                here.then(|| PathBuf::from(format!("socket:[{inode}]")))
            });
            rows.collect::<Vec<_>>()
        })
        .collect();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        open.filter_map(|e| fs::read_link(e.path()).ok())
            .any(|file| sockets.contains(&file))
    };
    let pid = pids.into_iter().find(holds)?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = line.split(|b| *b == 0).map(String::from_utf8_lossy).collect();
    Some((pid, words.join(" ").trim().chars().take(200).collect()))
}
