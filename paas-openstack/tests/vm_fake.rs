//! Virtual machines on the fake cloud: made, listed, shown, changed, deleted to nothing; what goes wrong is told in words.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use paas_core::{
    error::{Class, Error},
    event::Kept,
    execute::{Alone, Tools},
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    policy::Policy,
    secrets::{FileSecrets, SecretString},
    testing::ManualClock,
    view::PlanView,
};
use paas_openstack::{
    Client,
    client::{Options, service::Kind},
    compute::{ConsoleKind, ServerFilter},
    fake::{Fake, Fault, Setup, What},
    network::{NewNetwork, NewSubnet},
    provider::{choice::Choice, identity},
    vm::{self, Allowed, Console, Place, VmSpec},
};
use tokio_util::sync::CancellationToken;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK me@laptop";

struct There {
    fake: Fake,
    client: Client,
    clock: Arc<ManualClock>,
    secrets: tempfile::TempDir,
    project: Identity,
    ledger: Arc<MemoryLedger>,
}

impl There {
    async fn new(setup: Setup) -> Self {
        let clock = Arc::new(ManualClock::default());
        let setup = setup.with_clock(clock.clone());
        let fake = Fake::start(setup).await.unwrap();
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let client = Client::new(fake.cloud(), options).unwrap();
        let project = identity(&client).await.unwrap();
        Self {
            fake,
            client,
            clock,
            secrets: tempfile::tempdir().unwrap(),
            project,
            ledger: Arc::default(),
        }
    }

    fn owner(&self, name: &str) -> Owner {
        vm::owner(&self.project, name)
    }

    fn secrets(&self) -> Arc<FileSecrets> {
        Arc::new(FileSecrets::new(self.secrets.path()))
    }

    fn context(&self, name: &str) -> Context {
        let tools = Tools {
            ledger: self.ledger.clone(),
            fence: Arc::new(Alone),
            clock: self.clock.clone(),
            events: Arc::new(Kept::default()),
            cancel: CancellationToken::new(),
        };
        Context::new(self.owner(name), Policy::default(), tools)
    }

    async fn plan(&self, spec: &VmSpec) -> PlanView {
        let pipeline = vm::pipeline(self.client.clone(), self.secrets(), spec.clone());
        pipeline
            .plan(&mut self.context(&spec.name), Wanted::Spec)
            .await
            .unwrap()
    }

    async fn run(&self, spec: &VmSpec, wanted: Wanted) -> Result<Outcome, Error> {
        let pipeline = vm::pipeline(self.client.clone(), self.secrets(), spec.clone());
        let limit = Some(Duration::from_secs(300));
        pipeline.run(&mut self.context(&spec.name), wanted, limit).await
    }

    async fn gone(&self, spec: &VmSpec) {
        assert_eq!(self.run(spec, Wanted::Nothing).await.unwrap(), Outcome::Converged);
        assert!(self.fake.leftovers().is_empty(), "{:#?}", self.fake.leftovers());
    }
}

fn web() -> VmSpec {
    VmSpec {
        ssh_key: Some(KEY.to_owned()),
        ..VmSpec::named("web")
    }
}

#[tokio::test]
async fn a_machine_is_made_listed_shown_and_taken_down_to_nothing() {
    let there = There::new(Setup::default()).await;
    let chosen = vm::choose(&there.client, &web()).await.unwrap();
    assert_eq!(
        (
            chosen.image.name.as_str(),
            chosen.flavor.name.as_str(),
            chosen.user.as_deref()
        ),
        ("debian-12", "m1.small", Some("debian"))
    );
    assert_eq!(there.run(&web(), Wanted::Spec).await.unwrap(), Outcome::Converged);

    let all = vm::list(&there.client, &there.project).await.unwrap();
    let [one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(
        (one.name.as_str(), one.status.as_deref()),
        ("web", Some("ACTIVE"))
    );
    assert_eq!(
        (one.flavor.as_deref(), one.image.as_deref()),
        (Some("m1.small"), Some("debian-12"))
    );
    assert_eq!((one.inside.len(), one.outside.len()), (1, 1));

    let seen = vm::show(&there.client, &there.owner("web"), 2)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (seen.power, seen.user.as_deref()),
        (Some("running"), Some("debian"))
    );
    assert!(seen.key.is_some() && seen.fault.is_none() && seen.zone.is_some());
    let open: Vec<String> = seen
        .open
        .iter()
        .map(|o| format!("{} {:?} {}", o.protocol, o.ports, o.from))
        .collect();
    assert_eq!(open, ["tcp Some(\"22\") 0.0.0.0/0"]);
    assert!(matches!(seen.console, Some(Console::Text(text)) if text.ends_with("web login: ")));

    there.fake.forget_calls();
    assert!(there.plan(&web()).await.is_empty());
    assert_eq!(there.fake.mutations(), 0);
    there.gone(&web()).await;
    assert!(vm::list(&there.client, &there.project).await.unwrap().is_empty());
    assert!(
        vm::show(&there.client, &there.owner("web"), 0)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_machine_on_a_network_that_is_there_leaves_it_as_it_was() {
    let there = There::new(Setup::default()).await;
    let net = there.client.network();
    let network = net.networks().create(&NewNetwork::new("team")).await.unwrap();
    for (cidr, name) in [("10.9.0.0/24", "team-a"), ("10.8.0.0/24", "team-b")] {
        net.subnets()
            .create(&NewSubnet::new(&*network.id, 4, cidr).name(name))
            .await
            .unwrap();
    }
    let unclear = vm::place(&there.client, "team", None).await.unwrap_err();
    assert!(
        unclear.code().id == "PAAS-OS-0041" && unclear.advice().contains("--subnet"),
        "{unclear}"
    );
    let wrong = vm::place(&there.client, "team", Some("team-c"))
        .await
        .unwrap_err();
    assert!(wrong.words().contains("team-b"), "{wrong}");
    let unknown = vm::place(&there.client, "tean", None).await.unwrap_err();
    assert!(unknown.words().contains("team"), "{unknown}");
    let place = vm::place(&there.client, "team", Some("team-b")).await.unwrap();
    let spec = VmSpec {
        place,
        floating_ip: false,
        ..web()
    };
    let before = there.fake.leftovers();
    assert_eq!(there.run(&spec, Wanted::Spec).await.unwrap(), Outcome::Converged);
    let seen = vm::show(&there.client, &there.owner("web"), 0)
        .await
        .unwrap()
        .unwrap();
    assert!(seen.inside[0].starts_with("10.8.0.") && seen.outside.is_empty());
    assert!(there.plan(&spec).await.is_empty());
    assert_eq!(
        there.run(&spec, Wanted::Nothing).await.unwrap(),
        Outcome::Converged
    );
    assert_eq!(format!("{:?}", there.fake.leftovers()), format!("{before:?}"));
}

#[tokio::test]
async fn a_data_volume_outlives_its_machine_and_is_listed_and_taken_up_again() {
    let there = There::new(Setup::default()).await;
    let spec = VmSpec {
        root_volume: Some(5),
        data_volume: Some(7),
        ..web()
    };
    assert_eq!(there.run(&spec, Wanted::Spec).await.unwrap(), Outcome::Converged);
    let seen = vm::show(&there.client, &there.owner("web"), 0)
        .await
        .unwrap()
        .unwrap();
    // It has no image of its own: what its root volume was filled from is known to Cinder.
    assert_eq!(
        (seen.image.as_deref(), seen.user.as_deref()),
        (Some("debian-12"), Some("debian"))
    );
    let mut volumes: Vec<_> = seen
        .volumes
        .iter()
        .map(|v| (v.size, v.data, v.status.as_str()))
        .collect();
    volumes.sort_unstable();
    assert_eq!(volumes, [(5, false, "in-use"), (7, true, "in-use")]);
    assert_eq!(
        there.run(&spec, Wanted::Nothing).await.unwrap(),
        Outcome::Converged
    );
    assert_eq!(there.fake.leftovers().len(), 1, "{:?}", there.fake.leftovers());
    let all = vm::list(&there.client, &there.project).await.unwrap();
    assert_eq!(
        all.iter()
            .map(|v| (v.name.as_str(), v.status.as_deref()))
            .collect::<Vec<_>>(),
        [("web", None)]
    );
    assert_eq!(there.run(&spec, Wanted::Spec).await.unwrap(), Outcome::Converged);
    let again = vm::show(&there.client, &there.owner("web"), 0)
        .await
        .unwrap()
        .unwrap();
    let data = |vm: &vm::Vm| vm.volumes.iter().find(|v| v.data).map(|v| v.id.clone());
    assert_eq!(data(&again), data(&seen));
}

#[tokio::test]
async fn user_data_reach_the_first_boot_and_are_in_no_plan() {
    let there = There::new(Setup::default()).await;
    let text = SecretString::from("#!/bin/sh\necho canary-7f3a\n");
    let word = vm::keep_user_data(&*there.secrets(), &there.owner("web"), &text)
        .await
        .unwrap();
    let spec = VmSpec {
        user_data: Some(word),
        ..web()
    };
    let plan = there.plan(&spec).await;
    assert!(!format!("{plan:?} {spec:?}").contains("canary"));
    assert_eq!(there.run(&spec, Wanted::Spec).await.unwrap(), Outcome::Converged);
    // Said again without them, nothing differs: they are written once.
    assert!(there.plan(&web()).await.is_empty());
    let large = SecretString::from(
        (0..200_000_u32)
            .map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761)))
            .collect::<String>(),
    );
    let refused = vm::keep_user_data(&*there.secrets(), &there.owner("web"), &large)
        .await
        .unwrap_err();
    assert_eq!(refused.code().id, "PAAS-OS-0030");
}

#[tokio::test]
async fn what_a_first_boot_wrote_is_not_changed_on_a_machine_that_stays() {
    let there = There::new(Setup::default()).await;
    assert_eq!(there.run(&web(), Wanted::Spec).await.unwrap(), Outcome::Converged);
    let other_key = VmSpec {
        ssh_key: Some(KEY.replace("J0Yq", "J0Yr")),
        ..web()
    };
    let data = VmSpec {
        data_volume: Some(3),
        ..web()
    };
    for spec in [other_key, data] {
        let refused = vm::fixed(&spec, &there.plan(&spec).await).unwrap_err();
        assert_eq!(
            (refused.code().id, refused.class()),
            ("PAAS-OS-0044", Class::Blocked)
        );
    }
    let port = VmSpec {
        allow: vec![Allowed {
            ports: (80, 80),
            from: "0.0.0.0/0".to_owned(),
        }],
        ..web()
    };
    vm::fixed(&port, &there.plan(&port).await).unwrap();
    let flavor = VmSpec {
        flavor: Choice::Named("m1.medium".to_owned()),
        ..web()
    };
    vm::fixed(&flavor, &there.plan(&flavor).await).unwrap();
}

#[tokio::test]
async fn what_the_cloud_does_not_have_is_told_before_anything_is_made() {
    let mut setup = Setup::default();
    setup.images[0].min_disk = 15;
    setup.images[0].min_ram = 1024;
    let there = There::new(setup).await;
    let with = |change: fn(&mut VmSpec)| {
        let mut spec = web();
        change(&mut spec);
        spec
    };
    for (code, word, spec) in [
        (
            "PAAS-OS-0041",
            "none of that name",
            with(|s| s.image = Choice::Named("nothing".into())),
        ),
        (
            "PAAS-OS-0041",
            "debian-12",
            with(|s| {
                s.image = Choice::Newest {
                    distros: vec!["plan9".into()],
                }
            }),
        ),
        (
            "PAAS-OS-0041",
            "m1.medium",
            with(|s| s.flavor = Choice::Named("huge".into())),
        ),
        (
            "PAAS-OS-0041",
            "public",
            with(|s| s.external = Choice::Named("elsewhere".into())),
        ),
        (
            "PAAS-OS-0044",
            "needs 15 GiB of disk, and the flavor has 1; 1024 MiB",
            with(|s| s.flavor = Choice::Named("m1.tiny".into())),
        ),
        (
            "PAAS-OS-0044",
            "its root volume has 5",
            with(|s| s.root_volume = Some(5)),
        ),
    ] {
        let refused = vm::choose(&there.client, &spec).await.unwrap_err();
        assert_eq!(refused.code().id, code, "{refused}");
        assert!(refused.to_string().contains(word), "{word}: {refused}");
    }
    assert_eq!(there.fake.mutations(), 0);
    let bare = There::new(Setup {
        networks: Vec::new(),
        ..Setup::default()
    })
    .await;
    let refused = vm::choose(&bare.client, &web()).await.unwrap_err();
    assert!(
        refused.code().id == "PAAS-OS-0041" && refused.words().contains("none at all"),
        "{refused}"
    );
}

#[tokio::test]
async fn novas_own_words_are_told_within_a_poll_and_nothing_is_left() {
    let spec = too_big();
    let mut setup = Setup::default();
    setup.quotas.cores = -1;
    let there = There::new(setup).await;
    let outcome = there.run(&spec, Wanted::Spec).await.unwrap();
    let Outcome::Blocked { because, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        because.iter().any(|b| b.why.contains("No valid host")),
        "{because:?}"
    );
    // What is half made is listed too.
    let all = vm::list(&there.client, &there.project).await.unwrap();
    assert_eq!(all.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["web"]);
    there.gone(&spec).await;
}

fn too_big() -> VmSpec {
    VmSpec {
        flavor: Choice::Named("m1.toobig".to_owned()),
        ..web()
    }
}

#[tokio::test]
async fn a_quota_that_does_not_suffice_is_told_before_anything_is_made() {
    let there = There::new(Setup::default()).await;
    let outcome = there.run(&too_big(), Wanted::Spec).await.unwrap();
    let Outcome::Blocked { because, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(because.iter().any(|b| b.code == "PAAS-OS-0034"), "{because:?}");
    assert_eq!(there.fake.mutations(), 0);
}

#[tokio::test]
async fn a_server_in_error_shows_its_fault_and_a_cloud_without_consoles_says_so() {
    let mut setup = Setup::default();
    setup.quotas.cores = -1;
    let there = There::new(setup).await;
    let spec = VmSpec {
        flavor: Choice::Named("m1.toobig".to_owned()),
        ..web()
    };
    let pipeline = vm::pipeline(there.client.clone(), there.secrets(), spec.clone());
    let mut cx = there.context("web");
    for _ in 0..8 {
        pipeline.advance(&mut cx).await.unwrap();
        let made = there
            .client
            .compute()
            .servers()
            .all(&ServerFilter::all())
            .await
            .unwrap();
        if !made.is_empty() {
            break;
        }
    }
    there.fake.advance(Duration::from_secs(60));
    there.fake.inject(
        Fault::new(What::Refuse(501))
            .on(Kind::Compute)
            .call("POST", "/v2.1/servers/*/action"),
    );
    let seen = vm::show(&there.client, &there.owner("web"), 5)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen.status, "ERROR");
    assert!(seen.fault.is_some_and(|f| f.contains("No valid host")));
    assert!(matches!(seen.console, Some(Console::None(e)) if e.code == "PAAS-OS-0020"));
}

#[tokio::test]
async fn a_browser_console_is_a_url_that_nobody_prints_by_accident() {
    let there = There::new(Setup::default()).await;
    assert_eq!(there.run(&web(), Wanted::Spec).await.unwrap(), Outcome::Converged);
    let id = vm::show(&there.client, &there.owner("web"), 0)
        .await
        .unwrap()
        .unwrap()
        .id;
    let servers = there.client.compute().servers();
    let url = servers.remote_console(&id, ConsoleKind::NoVnc).await.unwrap();
    assert!(!format!("{url:?}").contains("token"));
    for kind in [ConsoleKind::Serial, ConsoleKind::Spice] {
        let refused = servers.remote_console(&id, kind).await.unwrap_err();
        assert!(refused.class() == Class::Invalid && refused.words().contains("Unavailable console type"));
    }
}

#[tokio::test]
async fn marks_that_others_wrote_by_hand_make_no_machine() {
    let there = There::new(Setup::default()).await;
    assert_eq!(there.run(&web(), Wanted::Spec).await.unwrap(), Outcome::Converged);
    let net = there.client.network();
    let strange = NewNetwork::new("default-other-network-12345678").description(there.owner("web").mark());
    net.networks().create(&strange).await.unwrap();
    let elsewhere = vm::owner(&Identity::of(&["openstack", "elsewhere"]), "shop");
    let strange = NewNetwork::new("default-shop-network-12345678").description(elsewhere.mark());
    net.networks().create(&strange).await.unwrap();
    let all = vm::list(&there.client, &there.project).await.unwrap();
    assert_eq!(all.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert!(matches!(web().place, Place::Own { .. }));
}

/// Every call that makes something loses its answer once, one run each: no part is there twice, and all of it goes.
#[tokio::test]
async fn a_lost_answer_never_makes_a_second_part() {
    let whole = There::new(Setup::default()).await;
    assert_eq!(whole.run(&web(), Wanted::Spec).await.unwrap(), Outcome::Converged);
    let parts = whole.fake.leftovers().len();
    for lost in 0..whole.fake.mutations() {
        let there = There::new(Setup::default()).await;
        let fault = Fault::new(What::LoseAnswer).after(lost);
        for service in [Kind::Compute, Kind::Network] {
            there.fake.inject(fault.clone().on(service).method("POST"));
        }
        assert_eq!(there.run(&web(), Wanted::Spec).await.unwrap(), Outcome::Converged);
        assert_eq!(
            there.fake.leftovers().len(),
            parts,
            "{lost}: {:#?}",
            there.fake.leftovers()
        );
        there.gone(&web()).await;
    }
}
