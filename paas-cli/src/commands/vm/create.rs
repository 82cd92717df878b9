//! `paas vm create`.

use std::{fs, io::Read as _};

use paas_core::{
    codes::CORE_PROVIDER,
    driver::Outputs,
    error::{Class, Error},
    owner::Owner,
    pipeline::{Outcome, Wanted},
    secrets::SecretString,
    spec::Quantity,
};
use paas_openstack::{
    provider::choice::Choice,
    vm::{self, Allowed, Place, Vm, VmSpec},
};

use crate::{
    app::App,
    args::{Output, VmCreate},
    codes::CLI_USAGE,
    exit::{Exit, Failure},
    reconcile::{self, Done, Request},
    session::{Project, Session},
    ssh_key::SshKey,
    ui::progress::Line,
};

pub(crate) async fn run(app: &App, args: &VmCreate) -> Result<Exit, Failure> {
    let mut spec = spec(args);
    spec.check()?;
    let text = args.user_data.as_deref().map(user_data).transpose()?;
    let project = super::enter(app, &args.at).await?;
    let owner = vm::owner(&project.identity, &args.name);
    if let Some(network) = &args.network {
        spec.place = vm::place(&project.client, network, args.subnet.as_deref()).await?;
    }
    let session = Session::open(app)?;
    let key = pick(&session, &project, &owner, args).await?;
    spec.ssh_key = Some(key.public.clone());
    if let Some(text) = &text {
        let secrets = &*session.machine().secrets;
        spec.user_data = Some(vm::keep_user_data(secrets, &owner, text).await?);
    }
    let mut targets = vec![session.vm(&project, spec.clone())];
    session.lock(&mut targets, "paas vm create", &args.act).await?;
    for target in &targets {
        let mut cx = session.context(target, Outputs::default(), false);
        let plan = target.pipeline.plan(&mut cx, Wanted::Spec).await?;
        vm::fixed(&spec, &plan)?;
        let server = format!("server/{}", spec.name);
        if plan
            .stages
            .iter()
            .flat_map(|s| &s.steps)
            .any(|s| s.key.as_str() == server)
        {
            vm::choose(&project.client, &spec).await?;
        } else if text.is_some() {
            app.printer
                .talk("--user-data counts at the first boot only; the machine is there already.");
        }
    }
    if key.new
        && let Some(file) = &key.identity
    {
        app.printer.talk(&format!(
            "There is no SSH key: a new one is in {}.",
            file.display()
        ));
    }
    let request = Request {
        wanted: Wanted::Spec,
        delete_data: false,
        act: &args.act,
        what: "create it",
    };
    let done = reconcile::run(app, &session, targets, &request, || Ok(())).await?;
    let exit = reconcile::tell(&app.printer, &done);
    finish(app, &project, &owner, &done, &key).await?;
    Ok(exit)
}

fn spec(args: &VmCreate) -> VmSpec {
    let default = VmSpec::named(&args.name);
    let image = match (&args.image, &args.image_distro) {
        (Some(named), _) => Choice::Named(named.clone()),
        (None, Some(distro)) => Choice::Newest {
            distros: vec![distro.to_ascii_lowercase()],
        },
        (None, None) => default.image.clone(),
    };
    let flavor = match (&args.flavor, &default.flavor) {
        (Some(named), _) => Choice::Named(named.clone()),
        (None, Choice::AtLeast { cpus, memory, disk }) => Choice::AtLeast {
            cpus: args.cpus.unwrap_or(*cpus),
            memory: args.memory.as_ref().map_or(*memory, |m| in_units(m, 20)),
            // With a root volume the flavor's disk is not used.
            disk: if args.volume.is_some() { 0 } else { *disk },
        },
        (None, other) => other.clone(),
    };
    let everybody = ["0.0.0.0/0".to_owned()];
    let from = if args.from.is_empty() {
        &everybody[..]
    } else {
        &args.from
    };
    let ports = std::iter::once(&(22, 22)).chain(&args.allow);
    let allow = ports.flat_map(|ports| {
        from.iter().map(|from| Allowed {
            ports: *ports,
            from: from.clone(),
        })
    });
    VmSpec {
        image,
        flavor,
        place: Place::Own {
            cidr: args.cidr.clone(),
        },
        external: args.external_network.clone().map_or(Choice::Only, Choice::Named),
        floating_ip: !args.no_floating_ip,
        allow: allow.collect(),
        root_volume: args.volume.as_ref().map(|size| in_units(size, 30)),
        data_volume: args.data_volume.as_ref().map(|size| in_units(size, 30)),
        zone: args.zone.clone(),
        ..default
    }
}

/// A size in units of 2^n bytes, rounded up.
fn in_units(size: &Quantity, shift: u32) -> u32 {
    u32::try_from(size.bytes().div_ceil(1 << shift)).unwrap_or(u32::MAX)
}

fn user_data(path: &std::path::Path) -> Result<SecretString, Error> {
    let read = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let read = read.map(SecretString::from);
    read.map_err(|e| {
        Error::new(&CLI_USAGE, Class::Invalid)
            .attempted("read the user-data")
            .happened(format!("{}: {e}", path.display()))
            .remedy("give a text file: a script that begins with #!, or a cloud-config")
    })
}

/// The key that logs in: what the machine has counts more than what this user has today.
async fn pick(session: &Session, project: &Project, owner: &Owner, args: &VmCreate) -> Result<SshKey, Error> {
    let name = vm::key_pair_name(owner)?;
    let live = match project.client.compute().keypairs().show(&name).await {
        Ok(pair) => Some(pair.public_key),
        Err(e) if e.class() == Class::NotFound => None,
        Err(e) => return Err(e),
    };
    let folder = session.owner_folder(owner);
    let comment = format!("paas {}", args.name);
    super::keys(&folder).pick(args.ssh_key.as_deref(), live.as_deref(), &comment)
}

/// Says where the machine is, how it is entered, and what to do next.
async fn finish(
    app: &App,
    project: &Project,
    owner: &Owner,
    done: &[Done],
    key: &SshKey,
) -> Result<(), Error> {
    let printer = &app.printer;
    let ready = done.iter().all(|d| matches!(d.result, Ok(Outcome::Converged)));
    let seen = if ready || printer.for_programs() {
        vm::show(&project.client, owner, 0).await?
    } else {
        None
    };
    match (printer.output(), &seen) {
        (Output::Json | Output::Yaml, seen) => {
            let mut value = reconcile::result(done);
            value["objects"][0]["machine"] = serde_json::to_value(seen).unwrap_or_default();
            if printer.output() == Output::Json {
                printer.line(&Line::Result(value));
            } else {
                printer.value(&value);
            }
        }
        (Output::Name, _) => printer.data(&owner.to_string()),
        (Output::Table | Output::Wide, Some(vm)) => summary(app, owner, vm, key, done),
        (Output::Table | Output::Wide, None) if !ready => {
            let paint = printer.talk_paint();
            let name = owner.name();
            printer.talk(&format!(
                "{} shows what there is; {} takes it away.",
                paint.name(&format!("paas vm show {name}")),
                paint.name(&format!("paas vm delete {name}"))
            ));
        }
        (Output::Table | Output::Wide, None) => {
            return Err(Error::new(&CORE_PROVIDER, Class::Internal)
                .attempted(format!("show {owner}"))
                .happened("it was made, and is gone again"));
        }
    }
    Ok(())
}

fn summary(app: &App, owner: &Owner, vm: &Vm, key: &SshKey, done: &[Done]) {
    let printer = &app.printer;
    let (paint, name) = (printer.paint(), owner.name());
    let login = super::ssh(vm, key.identity.as_ref());
    if done.iter().all(Done::was_idle) {
        printer.data(&format!("Nothing to do: {owner} is as it should be."));
        if let Some(login) = login {
            printer.data(&format!("  {}", paint.name(&login)));
        }
        return;
    }
    let of = match (&vm.image, &vm.flavor) {
        (Some(image), Some(flavor)) => format!(" ({image} on {flavor})"),
        _ => String::new(),
    };
    printer.data(&format!("{}{of}", paint.good(&format!("{owner} is ready"))));
    for (label, addresses) in [("inside", &vm.inside), ("outside", &vm.outside)] {
        if !addresses.is_empty() {
            printer.data(&format!(
                "  {}  {}",
                paint.dim(&format!("{label:7}")),
                addresses.join(", ")
            ));
        }
    }
    if let Some(login) = login {
        let who = if vm.user.is_some() {
            ""
        } else {
            "  (who USER is, its image says)"
        };
        let label = paint.dim("log in ");
        printer.data(&format!("  {label}  {}{}", paint.name(&login), paint.dim(who)));
    }
    printer.data("\nNext:");
    let next = [
        (format!("paas vm console {name} -f"), "watch it boot"),
        (format!("paas vm show {name}"), "how it is doing"),
        (format!("paas vm delete {name}"), "take it down"),
    ];
    let longest = next.iter().map(|(command, _)| command.chars().count()).max();
    for (command, what) in &next {
        let pad = longest.unwrap_or(0).saturating_sub(command.chars().count());
        printer.data(&format!(
            "  {}{:pad$}  {}",
            paint.name(command),
            "",
            paint.dim(what)
        ));
    }
}
