//! How PostgreSQL's programs are run here.

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::account::Account;

/// No input, no environment of ours (it may hold secrets), the account's rights, a folder that it can read.
pub(crate) fn quiet(command: &mut Command, account: &Account, folder: &Path) {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    // A terminal's Ctrl-C is for us: the call under way is finished.
    command.current_dir(folder).process_group(0);
    account.apply(command);
}

/// Runs a program to its end and takes what it says; it ends with the future that waits for it.
pub(super) async fn run(command: Command) -> io::Result<Output> {
    tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
}
