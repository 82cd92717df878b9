//! `paas vm show`.

use std::fmt::Write as _;

use paas_core::{
    clock::{Clock as _, SystemClock},
    owner::Owner,
    render::clean,
};
use paas_openstack::vm::{self, Console, Vm};

use super::list::age;
use crate::{
    app::App,
    args::{Output, VmShow},
    exit::{Exit, Failure},
};

pub(crate) async fn run(app: &App, args: &VmShow) -> Result<Exit, Failure> {
    // Nothing is changed: Ctrl-C may leave at once.
    let _mode = app.interrupt.nothing_under_way();
    let project = super::enter(app, &args.at).await?;
    let owner = super::owner(&project, &args.name)?;
    let Some(seen) = vm::show(&project.client, &owner, args.lines).await? else {
        return Err(super::unknown(&project, &args.name).await.into());
    };
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::to_value(&seen).unwrap_or_default()),
        Output::Name => printer.data(&owner.to_string()),
        Output::Table | Output::Wide => printer.data(&text(app, &owner, &seen)),
    }
    Ok(Exit::Done)
}

fn text(app: &App, owner: &Owner, vm: &Vm) -> String {
    let paint = app.printer.paint();
    let wide = app.printer.output() == Output::Wide;
    let mut out = String::new();
    let mut field = |name: &str, text: &str| {
        let _ = writeln!(out, "{}  {text}", paint.dim(&format!("{name:8}")));
    };
    field("name", &paint.strong(&clean(&vm.name)));
    let mut status = clean(&vm.status);
    if let Some(task) = &vm.task {
        let _ = write!(status, " ({})", clean(task));
    }
    let status = match vm.status.as_str() {
        "ACTIVE" => paint.good(&status),
        "ERROR" => paint.bad(&status),
        _ => paint.change(&status),
    };
    let power = vm.power.map_or(String::new(), |power| format!(", power {power}"));
    field("status", &format!("{status}{power}"));
    if let Some(fault) = &vm.fault {
        field("fault", &paint.bad(&clean(fault)));
    }
    field("outside", &addresses(&vm.outside));
    field("inside", &addresses(&vm.inside));
    if let Some(login) = super::ssh(vm, super::made_here(app, owner).as_ref()) {
        field("log in", &paint.name(&login));
    }
    if let Some(image) = &vm.image {
        field("image", &clean(image));
    }
    if let Some(flavor) = &vm.flavor {
        field("flavor", &format!("{}{}", clean(flavor), size(vm)));
    }
    for volume in &vm.volumes {
        let what = if volume.data {
            "data, outlives the machine"
        } else {
            "root"
        };
        let device = volume
            .device
            .as_ref()
            .map_or(String::new(), |d| format!(" as {}", clean(d)));
        let status = clean(&volume.status);
        field(
            "volume",
            &format!(
                "{} GiB {what}: {status}{device}  {}",
                volume.size,
                clean(&volume.id)
            ),
        );
    }
    for open in &vm.open {
        let ports = open
            .ports
            .as_ref()
            .map_or(String::new(), |p| format!(" {}", clean(p)));
        field(
            "open",
            &format!("{}{ports} from {}", clean(&open.protocol), clean(&open.from)),
        );
    }
    field(
        "key",
        &vm.key
            .as_deref()
            .map_or("none: nobody logs in by SSH".to_owned(), clean),
    );
    if let Some(zone) = &vm.zone {
        field("zone", &clean(zone));
    }
    if let Some(at) = vm.created {
        field("created", &format!("{at:.0}, {} ago", age(at, SystemClock.now())));
    }
    if wide && let Some(at) = vm.launched {
        field("launched", &format!("{at:.0}"));
    }
    field("server", &clean(&vm.id));
    if wide {
        if let Some(host) = &vm.host_id {
            field("host", &clean(host));
        }
        field("owner", &vm.uid.to_string());
    }
    match &vm.console {
        None => {}
        Some(Console::None(error)) => {
            field("console", &format!("none: {}", clean(&error.message)));
        }
        Some(Console::Text(text)) if text.trim().is_empty() => field("console", "nothing was written yet"),
        Some(Console::Text(text)) => {
            let lines = super::harmless(text);
            let _ = writeln!(out, "{}", paint.dim("console"));
            for line in lines.trim_end_matches('\n').lines() {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
    out
}

fn addresses(all: &[String]) -> String {
    if all.is_empty() {
        "-".to_owned()
    } else {
        clean(&all.join(", "))
    }
}

/// `: 2 CPUs, 4 GiB, disk 20 GiB`
fn size(vm: &Vm) -> String {
    let (Some(cpus), Some(memory)) = (vm.cpus, vm.memory) else {
        return String::new();
    };
    let cpus = if cpus == 1 {
        "1 CPU".to_owned()
    } else {
        format!("{cpus} CPUs")
    };
    let memory = if memory.is_multiple_of(1024) {
        format!("{} GiB", memory / 1024)
    } else {
        format!("{memory} MiB")
    };
    let disk = match vm.disk {
        Some(disk) if disk > 0 => format!(", disk {disk} GiB"),
        _ => String::new(),
    };
    format!(": {cpus}, {memory}{disk}")
}
