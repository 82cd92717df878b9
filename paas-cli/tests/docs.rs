//! Every command in README.md and docs/ works: they are run with the built `paas` in a home of their own.
//!
//! In blocks fenced as `console`, `sh` or `bash`, each line that begins with `$ ` is a command; it must exit with 0, or with
//! what a comment at its end says: `# exits 3`. A block is left out only under `<!-- not run: REASON -->`, a line with `psql` also where
//! that does not run, unless `PAAS_TEST_REQUIRE` is `all`. A document that says `<!-- needs: a cloud -->` gets a fake one, `OS_CLOUD=demo`;
//! one that says `<!-- run by .ci/lab-cluster …` is run there, on machines that boot.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use paas_openstack::fake::{Fake, Setup};

/// How the documents start our program from a clone.
const FROM_A_CLONE: &str = "cargo run --release -- ";

/// Runs this test too; `.ci/run` runs it, and `.ci/rules` checks that the README names it.
const TEST_COMMAND: &str = "cargo test --workspace";

/// What a document says whose commands need a cloud.
const NEEDS_A_CLOUD: &str = "<!-- needs: a cloud -->";

/// What a document says whose commands need machines that boot.
const RUN_BY_THE_LAB: &str = "<!-- run by .ci/lab-cluster";

/// Programs that a document may call.
const KNOWN: [&str; 5] = ["paas", "psql", "cat", "echo", "ls"];

#[test]
fn every_command_in_the_documents_works() {
    let mut failures = Vec::new();
    let all = std::env::var("PAAS_TEST_REQUIRE").is_ok_and(|what| what == "all");
    let psql = all || runs("psql");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime for the cloud");
    for document in documents() {
        let name = document.display();
        let text = fs::read_to_string(&document).expect("a document is text");
        if text.contains(RUN_BY_THE_LAB) {
            continue;
        }
        let steps = match commands(&text) {
            Ok(steps) if steps.is_empty() => continue,
            Ok(steps) => steps,
            Err(why) => {
                failures.push(format!("{name}: {why}"));
                continue;
            }
        };
        let mut home = Home::new();
        let cloud = text
            .contains(NEEDS_A_CLOUD)
            .then(|| runtime.block_on(Fake::start(Setup::default())).expect("a cloud"));
        if let Some(cloud) = &cloud {
            home.give(cloud);
        }
        for Step { line, command, code } in steps {
            if command.contains("psql ") && !psql {
                let _ = writeln!(
                    io::stderr(),
                    "{name}:{line}: left out, psql does not run here: {command}"
                );
                continue;
            }
            let output = home.run(&command);
            if output.status.code() != Some(code) {
                let said = [output.stdout, output.stderr].concat();
                let said = String::from_utf8_lossy(&said);
                failures.push(format!(
                    "{name}:{line}: `{command}`: {}, not {code}\n{said}",
                    output.status
                ));
                break;
            }
        }
        for left in cloud.iter().flat_map(Fake::leftovers) {
            failures.push(format!("{name}: it left {left:?} in the cloud"));
        }
        failures.extend(home.leave().map(|left| format!("{name}: {left}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn commands_are_found_with_their_place_and_exit_code() {
    let text =
        "```console\n$ paas up\nmade it\n$ cargo run --release -- plan  # exits 3\n```\n```yaml\n$ no\n```\n";
    let found = commands(text).expect("well-formed");
    let seen: Vec<_> = found
        .iter()
        .map(|step| (step.line, step.command.as_str(), step.code))
        .collect();
    assert_eq!(seen, [(2, "paas up", 0), (4, "paas plan", 3)]);
}

#[test]
fn a_block_is_left_out_only_with_a_reason() {
    let marked = "<!-- not run: it needs a cloud -->\n```sh\n$ nova up\n```\n```sh\n$ paas up\n```\n";
    let found = commands(marked).expect("well-formed");
    let left: Vec<_> = found.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(left, ["paas up"]);
    assert!(commands("<!-- not run: -->\n```sh\n$ paas up\n```\n").is_err());
}

#[test]
fn a_command_that_cannot_be_run_is_refused() {
    let refused = |text| commands(text).err().unwrap_or_default();
    assert!(refused("```console\n$ curl example.org\n```\n").contains("curl"));
    assert!(refused("```console\n$ paas up\n").contains("no end"));
    assert!(refused("```console\n$ paas up # exits never\n```\n").contains("never"));
}

/// Whether a program is here and runs: Debian's `psql` is there without a PostgreSQL behind it.
fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// One command of a document.
struct Step {
    line: usize,
    command: String,
    code: i32,
}

/// The commands of a document in their order.
fn commands(text: &str) -> Result<Vec<Step>, String> {
    let (mut found, mut runs, mut inside, mut skip) = (Vec::new(), false, false, false);
    for (index, content) in text.lines().map(str::trim).enumerate() {
        let line = index + 1;
        if let Some(reason) = content.strip_prefix("<!-- not run:") {
            if reason.trim_end_matches("-->").trim().is_empty() {
                return Err(format!("line {line}: say why it is not run"));
            }
            skip = true;
        } else if let Some(language) = content.strip_prefix("```") {
            inside = !inside;
            runs = inside && !skip && ["console", "sh", "bash"].contains(&language);
            skip = skip && inside;
        } else if runs
            && let Some(command) = content.strip_prefix("$ ")
            && command.trim() != TEST_COMMAND
        {
            found.push(step(line, command)?);
        }
    }
    if inside {
        Err("a code block has no end".to_owned())
    } else {
        Ok(found)
    }
}

fn step(line: usize, text: &str) -> Result<Step, String> {
    let (command, code) = match text.rsplit_once("# exits ") {
        Some((command, code)) => {
            let code = code.trim();
            (
                command,
                code.parse()
                    .map_err(|_| format!("line {line}: {code} is no exit code"))?,
            )
        }
        None => (text, 0),
    };
    let command = command.trim().replace(FROM_A_CLONE, "paas ");
    let program = command.split_whitespace().next().unwrap_or_default();
    if KNOWN.contains(&program) {
        Ok(Step { line, command, code })
    } else {
        let remedy = "mark its block with <!-- not run: REASON -->";
        Err(format!(
            "line {line}: `{program}` is not run by this test; {remedy}"
        ))
    }
}

/// README.md and everything in docs/.
fn documents() -> Vec<PathBuf> {
    let root = workspace();
    let mut found = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.retain(|document| document.exists());
    found.sort();
    found
}

fn workspace() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    beside.canonicalize().expect("the workspace is there")
}

/// A home, and in it a working folder that looks like a clone to the commands.
struct Home {
    folder: tempfile::TempDir,
    cloud: Option<&'static str>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The user that root's PostgreSQL runs as must be able to pass.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("our own folder");
        let clone = folder.path().join("clone");
        fs::create_dir(&clone).expect("an empty folder");
        paas_core::testing::postgres::home_with_cache(&folder.path().join("paas")).expect("a home");
        symlink(workspace().join("examples"), clone.join("examples")).expect("an empty folder");
        Self { folder, cloud: None }
    }

    /// Writes the cloud into the user's clouds.yaml, where all clients look.
    fn give(&mut self, cloud: &Fake) {
        let folder = self.folder.path().join(".config/openstack");
        fs::create_dir_all(&folder).expect("our own folder");
        let file = folder.join("clouds.yaml");
        fs::write(&file, cloud.clouds_yaml()).expect("our own folder");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("our own file");
        self.cloud = Some("demo");
    }

    /// Runs one command to its end.
    fn run(&self, command: &str) -> Output {
        let bin = Path::new(env!("CARGO_BIN_EXE_paas"))
            .parent()
            .expect("a program is in a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("sh")
            .args(["-c", command])
            .current_dir(self.folder.path().join("clone"))
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.folder.path())
            .env("PAAS_HOME", self.folder.path().join("paas"))
            .envs(self.cloud.map(|name| ("OS_CLOUD", name)))
            .stdin(Stdio::null())
            .output()
            .expect("sh runs")
    }

    /// Deletes what the document made. Says what would not go.
    fn leave(self) -> Option<String> {
        let listed = self.run("paas db list -o name").stdout;
        let listed = String::from_utf8_lossy(&listed);
        let names = listed
            .split_whitespace()
            .map(|name| name.rsplit('/').next().unwrap_or(name));
        let names = names.collect::<Vec<_>>().join(",");
        if !names.is_empty() {
            self.run(&format!("paas down --delete-data --confirm {names} --yes"));
        }
        let left = self.processes().join(" ");
        if left.is_empty() {
            return None;
        }
        self.run(&format!("kill -9 {left}"));
        Some(format!("it left the processes {left}"))
    }

    /// Processes that work below the home, where the system shows them.
    fn processes(&self) -> Vec<String> {
        let here = |cwd: PathBuf| cwd.starts_with(self.folder.path());
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(here))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}
