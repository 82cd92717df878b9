//! The command line as a whole process: how long until it has said its version, how long an `up` with nothing to do and a
//! further database take; beside `kubectl version --client`.
//!
//! `cargo build --release -p paas-cli && cargo bench -p paas-benches --bench cli`

use std::{
    env, fs, io,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How often each is run.
const RUNS: usize = 15;

/// One measured command.
struct Subject {
    name: &'static str,
    command: Box<dyn FnMut() -> Option<Duration>>,
    times: Vec<Duration>,
}

fn main() {
    let Some(paas) = program() else {
        say("no release build of paas: run `cargo build --release -p paas-cli`, or set PAAS_BIN");
        return;
    };
    let home = env::temp_dir().join(format!("paas-bench-{}", std::process::id()));
    let run = |args: &'static [&'static str]| {
        let (paas, home) = (paas.clone(), home.clone());
        move || time(Command::new(&paas).args(args).env("PAAS_HOME", &home))
    };
    if time(Command::new(&paas).arg("up").env("PAAS_HOME", &home)).is_none() {
        say("paas up failed");
        return;
    }
    let mut subjects = vec![
        subject("paas --version", run(&["--version"])),
        subject("kubectl version --client", || {
            time(Command::new("kubectl").args(["version", "--client"]))
        }),
        subject("paas up, nothing to do", run(&["up"])),
        subject("paas plan, nothing to do", run(&["plan"])),
    ];
    // In turn, so that a machine whose speed drifts is fair to all.
    for _ in 0..RUNS {
        for subject in &mut subjects {
            subject.times.extend((subject.command)());
        }
    }
    let mut create = subject("paas db create, a further one", {
        let (paas, home, mut n) = (paas.clone(), home.clone(), 0);
        move || {
            n += 1;
            time(
                Command::new(&paas)
                    .args(["db", "create", &format!("bench{n}")])
                    .env("PAAS_HOME", &home),
            )
        }
    });
    for _ in 0..RUNS {
        create.times.extend((create.command)());
    }
    subjects.push(create);
    let names: Vec<String> = (1..=RUNS)
        .map(|n| format!("bench{n}"))
        .chain(["demo".to_owned()])
        .collect();
    time(
        Command::new(&paas)
            .args(["down", "--yes", "--delete-data", "--confirm", &names.join(",")])
            .env("PAAS_HOME", &home),
    );
    let _ = fs::remove_dir_all(&home);
    say(&format!(
        "{:34} {:>9} {:>9} {:>9}  runs",
        "whole process", "min", "median", "max"
    ));
    for mut subject in subjects {
        subject.times.sort();
        let ms = |d: Option<&Duration>| {
            d.map_or("-".to_owned(), |d| format!("{:.1} ms", d.as_secs_f64() * 1000.0))
        };
        let (times, count) = (&subject.times, subject.times.len());
        say(&format!(
            "{:34} {:>9} {:>9} {:>9}  {count}",
            subject.name,
            ms(times.first()),
            ms(times.get(count / 2)),
            ms(times.last())
        ));
    }
}

fn subject(name: &'static str, command: impl FnMut() -> Option<Duration> + 'static) -> Subject {
    Subject {
        name,
        command: Box::new(command),
        times: Vec::new(),
    }
}

/// The time of one run, if it could be started and succeeded.
fn time(command: &mut Command) -> Option<Duration> {
    let began = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    status.success().then(|| began.elapsed())
}

/// The release build: named by `PAAS_BIN`, else beside this bench.
fn program() -> Option<PathBuf> {
    let named = env::var_os("PAAS_BIN").map(PathBuf::from);
    let beside = env::current_exe().ok()?.parent()?.parent()?.join("paas");
    named.or(Some(beside)).filter(|p| p.exists())
}

fn say(line: &str) {
    use io::Write;
    let _ = writeln!(io::stdout(), "{line}");
}
