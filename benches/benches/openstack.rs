//! A platform on OpenStack, made, planned again and deleted: `paas` beside Terraform with the OpenStack provider and beside a script
//! with openstacksdk, each on a fresh fake cloud whose calls take 50 ms and whose servers boot in 2 s. Calls are counted by the cloud.
//!
//! `cargo build --release -p paas-cli && cargo bench -p paas-benches --bench openstack`. The provider and the libraries are those of
//! `.ci/openstack-judges`, which builds them once. `PAAS_BENCH_SERVERS` says other numbers of servers than `2,30`.

mod openstack_subjects;

use std::{
    collections::BTreeMap,
    env, io,
    process::ExitCode,
    time::{Duration, Instant},
};

use openstack_subjects::{Subject, subjects};
use paas_openstack::{
    client::service::Kind,
    fake::{Fake, Recorded, Setup},
};

/// How long a call takes.
const CALL: Duration = Duration::from_millis(50);

/// How long a server boots.
const BOOT: Duration = Duration::from_secs(2);

/// Exchanges one after the other that no writer of ours can do without: log in, ask for versions, look, make the network, see that it
/// is the only one, subnet, port, server; and after the boot see it, and look once more at everything.
const SERIAL: u32 = 10;

/// What one program did.
#[derive(Debug, Default)]
struct Figures {
    name: &'static str,
    create: Duration,
    created: Calls,
    planned: Calls,
    idle: Option<Calls>,
    destroy: Duration,
    destroyed: Calls,
    left: usize,
}

/// Calls by verb; those for tokens and for versions apart, since a program that keeps them does not make them again.
#[derive(Debug, Default, Clone)]
struct Calls {
    verbs: BTreeMap<String, usize>,
    entry: usize,
    writes: usize,
}

impl Calls {
    fn of(calls: &[Recorded]) -> Self {
        let mut counted = Self::default();
        for call in calls {
            if is_entry(call) {
                counted.entry += 1;
                continue;
            }
            *counted.verbs.entry(call.method.clone()).or_default() += 1;
            counted.writes += usize::from(call.mutates());
        }
        counted
    }

    fn asked(&self) -> usize {
        self.verbs.values().sum()
    }

    fn all(&self) -> usize {
        self.asked() + self.entry
    }

    fn told(&self) -> String {
        let verbs: Vec<String> = self.verbs.iter().map(|(verb, n)| format!("{n} {verb}")).collect();
        format!("{} + {} entry ({})", self.asked(), self.entry, verbs.join(", "))
    }
}

/// A token, or a document of versions.
fn is_entry(call: &Recorded) -> bool {
    let path = call.path.trim_matches('/');
    (call.service == Kind::Identity && path == "v3/auth/tokens")
        || path.is_empty()
        || (call.method == "GET" && !path.contains('/') && path.starts_with('v'))
}

fn main() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Runtime::new() else {
        return ExitCode::FAILURE;
    };
    let numbers = env::var("PAAS_BENCH_SERVERS").unwrap_or_else(|_| "2,30".to_owned());
    let mut missed = false;
    for servers in numbers.split(',').filter_map(|n| n.trim().parse::<usize>().ok()) {
        let mut all = Vec::new();
        for subject in subjects() {
            match subject {
                Ok(subject) => match measure(&runtime, subject.as_ref(), servers) {
                    Ok(figures) => all.push(figures),
                    Err(why) => {
                        say(&format!("{}: {why}", subject.name()));
                        missed = true;
                    }
                },
                Err(why) => say(&why),
            }
        }
        tell(servers, &all);
        missed |= judge(servers, &all);
    }
    if missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn cloud() -> Setup {
    let mut setup = Setup::default();
    setup.latency.fixed = CALL;
    setup.times.boot = BOOT;
    setup.quotas.instances = -1;
    setup.quotas.cores = -1;
    setup.quotas.ram = -1;
    setup.quotas.server_group_members = -1;
    setup
}

fn measure(
    runtime: &tokio::runtime::Runtime,
    subject: &dyn Subject,
    servers: usize,
) -> Result<Figures, String> {
    let fake = runtime
        .block_on(Fake::start(cloud()))
        .map_err(|e| format!("the fake does not start: {e}"))?;
    let place = subject.prepare(&fake.clouds_yaml(), servers)?;
    let timed = |run: &dyn Fn() -> Result<(), String>| -> Result<(Duration, Calls), String> {
        fake.forget_calls();
        let began = Instant::now();
        run()?;
        Ok((began.elapsed(), Calls::of(&fake.calls())))
    };
    let (create, created) = timed(&|| subject.create(&place))?;
    let planned = match subject.plans() {
        true => timed(&|| subject.plan(&place))?.1,
        false => Calls::default(),
    };
    let idle = match subject.plans() {
        true => Some(timed(&|| subject.create(&place))?.1),
        false => None,
    };
    let (destroy, destroyed) = timed(&|| subject.destroy(&place))?;
    Ok(Figures {
        name: subject.name(),
        create,
        created,
        planned,
        idle,
        destroy,
        destroyed,
        left: fake.leftovers().len(),
    })
}

fn tell(servers: usize, all: &[Figures]) {
    say(&format!(
        "\n{servers} servers, {} ms a call, {} s boot",
        CALL.as_millis(),
        BOOT.as_secs()
    ));
    for it in all {
        say(it.name);
        say(&format!(
            "  create   {:6.1} s  {}",
            it.create.as_secs_f64(),
            it.created.told()
        ));
        if let Some(idle) = &it.idle {
            say(&format!("  plan               {}", it.planned.told()));
            say(&format!(
                "  again              {}, {} writes",
                idle.told(),
                idle.writes
            ));
        }
        say(&format!(
            "  destroy  {:6.1} s  {}",
            it.destroy.as_secs_f64(),
            it.destroyed.told()
        ));
        if it.left > 0 {
            say(&format!("  left behind: {}", it.left));
        }
    }
    let Some((ours, peers)) = all.split_first() else {
        return;
    };
    let path = BOOT + CALL * SERIAL;
    say(&format!(
        "critical path {:.2} s: {} of it {:.2}",
        path.as_secs_f64(),
        ours.name,
        ours.create.as_secs_f64() / path.as_secs_f64()
    ));
    for peer in peers {
        let times = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
        let calls = |a: &Calls, b: &Calls| a.all() as f64 / b.all() as f64;
        say(&format!(
            "of {}: create {:.2} of the time, {:.2} of the calls; destroy {:.2} and {:.2}",
            peer.name,
            times(ours.create, peer.create),
            calls(&ours.created, &peer.created),
            times(ours.destroy, peer.destroy),
            calls(&ours.destroyed, &peer.destroyed),
        ));
    }
}

/// True if a count is not what it has to be. Times depend on the machine and are only told.
fn judge(servers: usize, all: &[Figures]) -> bool {
    let Some((ours, peers)) = all.split_first() else {
        return true;
    };
    let mut missed = Vec::new();
    if ours.planned.asked() > 12 {
        missed.push(format!(
            "a plan with nothing to do makes {} calls, not 12",
            ours.planned.asked()
        ));
    }
    if ours.idle.as_ref().is_some_and(|c| c.writes > 0) {
        missed.push("up with nothing to do writes".to_owned());
    }
    if ours.left > 0 {
        missed.push(format!("{} things are left behind", ours.left));
    }
    // Two looks at everything cost the same for two servers as for thirty: what can be saved is in what grows.
    let most = if servers < 10 { 1 } else { 3 };
    for peer in peers.iter().filter(|p| p.idle.is_some()) {
        if ours.created.all() * most > peer.created.all() {
            let (own, other) = (ours.created.all(), peer.created.all());
            missed.push(format!(
                "creating takes {own} calls, more than 1/{most} of {other} of {}",
                peer.name
            ));
        }
    }
    for why in &missed {
        say(&format!("✗ {why}"));
    }
    !missed.is_empty()
}

fn say(line: &str) {
    use io::Write;
    let _ = writeln!(io::stdout(), "{line}");
}
