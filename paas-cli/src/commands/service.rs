//! `paas service`.

use std::path::PathBuf;

use paas_core::{
    error::{Class, Error},
    local::service::{LABEL, Manager, Service, UNIT},
};

use crate::{
    app::App,
    args::{self, Output},
    codes::CLI_PLACE,
    exit::{Exit, Failure},
    session,
};

pub(crate) async fn run(app: &App, args: &args::Service) -> Result<Exit, Failure> {
    let service = service(app)?;
    match args {
        args::Service::Install { print: true } => print(app, &service),
        args::Service::Install { print: false } => return install(app, &service).await,
        args::Service::Uninstall => {
            let removed = service.uninstall().await?;
            match app.printer.output() {
                Output::Json | Output::Yaml => app.printer.value(&serde_json::json!({ "removed": removed })),
                _ if removed => app
                    .printer
                    .data("Removed. The databases and their data stay; `paas up` starts them."),
                _ => app.printer.data("Nothing to do: there is no service."),
            }
        }
        args::Service::Status => return status(app, &service).await,
    }
    Ok(Exit::Done)
}

/// What the service would be, by this process's own place and user.
pub(super) fn service(app: &App) -> Result<Service, Error> {
    let var = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let root = rustix::process::geteuid().is_root();
    let mac = cfg!(target_os = "macos");
    let manager = match (mac, root) {
        (true, _) => Manager::Launchd,
        (false, true) => Manager::SystemdSystem,
        (false, false) => Manager::SystemdUser,
    };
    let unclear = |why: &str| {
        Error::new(&CLI_PLACE, Class::Invalid)
            .attempted("find out where a service is installed")
            .happened(why.to_owned())
    };
    let user = || var("HOME").ok_or_else(|| unclear("HOME is not set"));
    let units = match manager {
        Manager::Launchd if root => PathBuf::from("/Library/LaunchDaemons"),
        Manager::Launchd => user()?.join("Library/LaunchAgents"),
        Manager::SystemdSystem => PathBuf::from("/etc/systemd/system"),
        Manager::SystemdUser => match var("XDG_CONFIG_HOME") {
            Some(config) => config.join("systemd/user"),
            None => user()?.join(".config/systemd/user"),
        },
    };
    let (control, sign) = match manager {
        Manager::Launchd => ("launchctl", "/System/Library/LaunchDaemons"),
        Manager::SystemdUser | Manager::SystemdSystem => ("systemctl", "/run/systemd/system"),
    };
    Ok(Service {
        manager,
        program: std::env::current_exe().map_err(|e| unclear(&e.to_string()))?,
        home: session::home(app)?,
        units,
        control: control.into(),
        sign: sign.into(),
    })
}

fn print(app: &App, service: &Service) {
    match app.printer.output() {
        Output::Json | Output::Yaml => app.printer.value(&serde_json::json!({
            "path": service.path(), "unit": service.text(),
        })),
        Output::Name => app.printer.data(&service.path().display().to_string()),
        Output::Table | Output::Wide => {
            app.printer.talk(
                &app.printer
                    .talk_paint()
                    .dim(&format!("for {}", service.path().display())),
            );
            app.printer.data(&service.text());
        }
    }
}

async fn install(app: &App, service: &Service) -> Result<Exit, Failure> {
    let path = service.install().await?;
    match app.printer.output() {
        Output::Json | Output::Yaml => app.printer.value(&serde_json::json!({ "path": path })),
        Output::Name => app.printer.data(&path.display().to_string()),
        Output::Table | Output::Wide => {
            app.printer.data(&format!(
                "Installed {} and started it: databases that are accepted and not taken down are kept running.",
                path.display()
            ));
            match service.manager {
                Manager::SystemdUser => {
                    app.printer.data("It begins with your login. To have it from the start of the machine: loginctl enable-linger");
                    app.printer
                        .data(&format!("Its words: journalctl --user -u {UNIT}"));
                }
                Manager::SystemdSystem => app.printer.data(&format!("Its words: journalctl -u {UNIT}")),
                Manager::Launchd => app.printer.data(&format!("Its words: launchctl list {LABEL}")),
            }
        }
    }
    Ok(Exit::Done)
}

async fn status(app: &App, service: &Service) -> Result<Exit, Failure> {
    let standing = service.standing().await?;
    let exit = if standing.installed {
        Exit::Done
    } else {
        Exit::Failed
    };
    match app.printer.output() {
        Output::Json | Output::Yaml => app
            .printer
            .value(&serde_json::to_value(&standing).unwrap_or_default()),
        Output::Name => app.printer.data(&standing.unit.display().to_string()),
        Output::Table | Output::Wide if !standing.installed => {
            app.printer
                .data("Not installed. `paas service install` has the databases back after a reboot.");
        }
        Output::Table | Output::Wide => {
            let paint = app.printer.paint();
            let field = |name: &str, text: &str| {
                app.printer
                    .data(&format!("{}  {text}", paint.dim(&format!("{name:9}"))));
            };
            let path = standing.unit.display();
            field("unit", &path.to_string());
            field(
                "state",
                standing
                    .active
                    .as_deref()
                    .unwrap_or("no service manager runs here"),
            );
            match standing.enabled {
                Some(true) => field("at start", "yes"),
                Some(false) => field("at start", "no; `paas service install` enables it"),
                None => {}
            }
            if !standing.current {
                field(
                    "note",
                    "another version, program or home wrote this unit; `paas service install` renews it",
                );
            }
        }
    }
    Ok(exit)
}
