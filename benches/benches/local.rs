//! From nothing to the first SQL, and a further database: `paas` beside the steps by hand with the same PostgreSQL, beside pgserver,
//! which is a PostgreSQL in a Python package, and beside Debian's `pg_virtualenv`, which makes a server for one command.
//!
//! `cargo build --release -p paas-cli && cargo bench -p paas-benches --bench local`; for pgserver, `PAAS_BENCH_PGSERVER` names the
//! python of a virtual environment that has it. `PAAS_BENCH_RUNS` is how often each is run.
#![cfg(unix)]

use std::{
    env, fs,
    io::{self, Write},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

/// Runs, if `PAAS_BENCH_RUNS` does not say it.
const RUNS: usize = 9;

const PGSERVER: &str = "import sys, pgserver\n\
    s = pgserver.get_server(sys.argv[1], cleanup_mode=None)\n\
    s.psql('create database app')\n\
    s.psql('select 1')\n";

const SUBJECTS: [&str; 6] = [
    "by hand: initdb, pg_ctl -w, createdb, psql",
    "by hand, initdb --no-sync",
    "pgserver: get_server, create, select 1",
    "pg_virtualenv: createdb, psql",
    "paas up in an empty home, first SQL",
    "paas db create, a further one",
];

fn main() {
    let Some(mut bench) = Bench::new() else {
        say("no release build of paas, or no PostgreSQL with pg_ctl in PATH or /usr/lib/postgresql");
        return;
    };
    let runs = env::var("PAAS_BENCH_RUNS").ok().and_then(|n| n.parse().ok());
    let mut times: [Vec<Duration>; 6] = Default::default();
    bench.paas("further", &["up"]);
    // The template of this home is made by its second database.
    bench.paas("further", &["db", "create", "second"]);
    // In turn, so that a machine whose speed drifts is fair to all.
    for run in 0..runs.unwrap_or(RUNS) {
        times[0].extend(bench.by_hand(&format!("hand{run}"), &[]));
        times[1].extend(bench.by_hand(&format!("fast{run}"), &["--no-sync"]));
        times[2].extend(bench.pgserver(&format!("peer{run}")));
        times[3].extend(bench.virtualenv());
        times[4].extend(bench.cold(&format!("cold{run}")));
        times[5].extend(bench.paas("further", &["db", "create", &format!("bench{run}")]));
    }
    bench.clean();
    let median = |times: &[Duration]| times.get(times.len() / 2).map(Duration::as_secs_f64);
    times.iter_mut().for_each(|t| t.sort());
    let peer = median(&times[0]);
    say(&format!(
        "{:44} {:>7} {:>7} {:>7}  runs  of by hand",
        "whole processes", "min", "median", "max"
    ));
    for (name, times) in SUBJECTS.iter().zip(&times) {
        let ms =
            |d: Option<&Duration>| d.map_or("-".to_owned(), |d| format!("{:.0} ms", d.as_secs_f64() * 1e3));
        let ratio = median(times)
            .zip(peer)
            .map_or("-".to_owned(), |(own, peer)| format!("{:.2}", own / peer));
        say(&format!(
            "{name:44} {:>7} {:>7} {:>7}  {:>4}  {ratio:>10}",
            ms(times.first()),
            ms(times.get(times.len() / 2)),
            ms(times.last()),
            times.len()
        ));
    }
    for (name, peer) in [("pgserver", &times[2]), ("pg_virtualenv", &times[3])] {
        if let (Some(own), Some(peer)) = (median(&times[4]), median(peer)) {
            say(&format!("paas up of {name}: {:.2}", own / peer));
        }
    }
}

/// Where everything is, and as whom PostgreSQL runs.
struct Bench {
    paas: PathBuf,
    bin: PathBuf,
    root: PathBuf,
    /// For root, the user that PostgreSQL's programs accept.
    user: Option<(u32, u32)>,
    homes: Vec<PathBuf>,
    servers: Vec<PathBuf>,
    port: u16,
}

impl Bench {
    fn new() -> Option<Self> {
        let beside = env::current_exe().ok()?.parent()?.parent()?.join("paas");
        let paas = env::var_os("PAAS_BIN").map_or(beside, PathBuf::from);
        let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path().join("bin"))
            .collect();
        folders.sort();
        folders.extend(env::split_paths(&env::var_os("PATH")?));
        let bin = folders.into_iter().find(|f| {
            ["initdb", "pg_ctl", "createdb", "psql"]
                .iter()
                .all(|p| f.join(p).is_file())
        })?;
        let root = env::temp_dir().join(format!("paas-bench-{}", std::process::id()));
        fs::create_dir(&root).ok()?;
        fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).ok()?;
        let ours = Self {
            user: account(),
            homes: Vec::new(),
            servers: Vec::new(),
            port: 15_000,
            paas,
            bin,
            root,
        };
        ours.paas.exists().then_some(ours)
    }

    fn by_hand(&mut self, name: &str, how: &[&str]) -> Option<Duration> {
        let data = self.root.join(name);
        self.port += 1;
        let (port, socket) = (self.port.to_string(), self.root.display().to_string());
        let options = format!("-p {port} -k {socket} -c listen_addresses=127.0.0.1");
        let log = self.root.join(format!("{name}.log"));
        self.servers.push(data.clone());
        let to = ["-h", &socket, "-p", &port, "-U", "postgres"];
        let began = Instant::now();
        let init = [
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
        ];
        self.run(self.postgres("initdb").arg("-D").arg(&data).args(init).args(how))?;
        self.run(
            self.postgres("pg_ctl")
                .arg("-D")
                .arg(&data)
                .arg("-l")
                .arg(&log)
                .args(["-w", "-o", &options, "start"]),
        )?;
        self.run(self.postgres("createdb").args(to).arg("app"))?;
        self.run(
            self.postgres("psql")
                .args(to)
                .args(["-d", "app", "-c", "select 1"]),
        )?;
        let took = began.elapsed();
        self.stop(&data);
        Some(took)
    }

    fn pgserver(&mut self, name: &str) -> Option<Duration> {
        let python = env::var_os("PAAS_BENCH_PGSERVER")?;
        let data = self.root.join(name);
        self.servers.push(data.clone());
        let mut command = Command::new(python);
        command
            .args(["-c", PGSERVER])
            .arg(&data)
            .env("HOME", &self.root)
            .env("XDG_RUNTIME_DIR", self.runtime()?);
        self.as_user(&mut command);
        let began = Instant::now();
        self.run(&mut command)?;
        let took = began.elapsed();
        self.stop(&data);
        Some(took)
    }

    /// Until the first SQL is answered, without the end of the server, which the program waits for.
    fn virtualenv(&mut self) -> Option<Duration> {
        let program = Path::new("/usr/bin/pg_virtualenv");
        let done = self.root.join("runtime").join("answered");
        let script = format!(
            "createdb app && psql -d app -c 'select 1' && touch {}",
            done.display()
        );
        let mut command = Command::new(program.exists().then_some(program)?);
        command
            .args(["sh", "-c", &script])
            .env("HOME", &self.root)
            .env("TMPDIR", self.runtime()?);
        self.as_user(&mut command);
        let began = SystemTime::now();
        self.run(&mut command)?;
        fs::metadata(done)
            .ok()?
            .modified()
            .ok()?
            .duration_since(began)
            .ok()
    }

    /// A folder that a user's programs take for theirs.
    fn runtime(&self) -> Option<PathBuf> {
        let folder = self.root.join("runtime");
        if !folder.exists() {
            fs::create_dir(&folder).ok()?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).ok()?;
            let (uid, gid) = self.user.unzip();
            chown(&folder, uid, gid).ok()?;
        }
        Some(folder)
    }

    fn cold(&mut self, name: &str) -> Option<Duration> {
        let began = Instant::now();
        self.paas(name, &["up"])?;
        self.paas(name, &["db", "sql", "demo", "-c", "select 1"])?;
        let took = began.elapsed();
        self.paas(name, &["down", "--yes"]);
        Some(took)
    }

    fn paas(&mut self, home: &str, words: &[&str]) -> Option<Duration> {
        let home = self.root.join(home);
        if !self.homes.contains(&home) {
            self.homes.push(home.clone());
        }
        let mut command = Command::new(&self.paas);
        command.args(words).current_dir(&self.root).env("PAAS_HOME", home);
        self.run(&mut command)
    }

    fn postgres(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        self.as_user(&mut command);
        command
    }

    fn as_user(&self, command: &mut Command) {
        command.current_dir(&self.root);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
    }

    /// The time of one run, if it could be started and succeeded; else its words.
    fn run(&self, command: &mut Command) -> Option<Duration> {
        let said = self.root.join("said");
        let file = fs::File::create(&said).ok()?;
        let began = Instant::now();
        let status = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().ok()?)
            .stderr(file)
            .status();
        let took = began.elapsed();
        if status.is_ok_and(|s| s.success()) {
            return Some(took);
        }
        let words = fs::read_to_string(&said).unwrap_or_default();
        say(&format!("{command:?} failed: {words}"));
        None
    }

    /// Not part of what is measured. What was made stays until the end: ext4 passes by inodes that were deleted within the last minutes
    /// (`recently_deleted` in its `ialloc.c`), and what comes after thousands of deletions would pay for them.
    fn stop(&self, data: &Path) {
        let stop = ["-m", "immediate", "-w", "stop"];
        self.run(self.postgres("pg_ctl").arg("-D").arg(data).args(stop));
    }

    fn clean(&self) {
        for home in self.homes.iter().filter(|h| h.exists()) {
            let mut down = Command::new(&self.paas);
            self.run(
                down.args(["down", "--yes"])
                    .current_dir(&self.root)
                    .env("PAAS_HOME", home),
            );
        }
        for data in self.servers.iter().filter(|d| d.join("postmaster.pid").exists()) {
            self.stop(data);
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// `postgres`, for root.
fn account() -> Option<(u32, u32)> {
    let root = Command::new("id").arg("-u").output().ok()?.stdout == b"0\n";
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users
        .lines()
        .find(|l| l.starts_with("postgres:"))
        .filter(|_| root)?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
