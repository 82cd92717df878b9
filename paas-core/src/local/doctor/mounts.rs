//! Which kind of file system a path is on, and what that means for a database.

use std::path::Path;

/// The kind: `ext4`, `tmpfs`; nothing where the system does not tell.
pub(super) fn file_system(path: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind(&mounts, &path.canonicalize().ok()?)
}

/// The same by a text in the form of `/proc/PID/mountinfo`, see `proc_pid_mountinfo(5)`: of the mounts above a path the deepest counts,
/// and of several at one place the last.
fn kind(mounts: &str, path: &Path) -> Option<String> {
    let parsed = mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let place = left.split(' ').nth(4)?.replace("\\040", " ");
        path.starts_with(&place).then_some(())?;
        Some((
            Path::new(&place).components().count(),
            right.split(' ').next()?.to_owned(),
        ))
    });
    parsed.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// What is to be known of databases on this kind of file system.
pub(super) fn risk(kind: &str) -> Option<&'static str> {
    let network = [
        "nfs", "nfs4", "cifs", "smb3", "9p", "vboxsf", "virtiofs", "afs", "ceph",
    ];
    match kind {
        "tmpfs" | "ramfs" => Some("it is memory: what is in it is gone with the next restart of the machine"),
        k if network.contains(&k) || k.starts_with("fuse") => {
            Some("it is no local disk: whether locks and syncs hold is up to the other side")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_above_a_path_is_the_one_that_it_is_on() {
        let mounts = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
            30 21 0:26 / /tmp rw - tmpfs tmpfs rw\n\
            31 21 0:27 / /srv/my\\040data rw master:2 - xfs /dev/sdb rw\n\
            32 21 0:28 / /tmp rw - nfs4 there:/x rw\nbroken\n";
        let on = |path: &str| kind(mounts, Path::new(path)).unwrap_or_default();
        assert_eq!(on("/var/lib/paas"), "ext4");
        assert_eq!(on("/tmp/a"), "nfs4");
        assert_eq!(on("/srv/my data/paas"), "xfs");
        assert_eq!(on("/tmpfoo"), "ext4");
        assert!(risk("tmpfs").is_some() && risk("nfs4").is_some() && risk("ext4").is_none());
    }
}
