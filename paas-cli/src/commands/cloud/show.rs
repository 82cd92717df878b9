//! `paas cloud show`.

use paas_core::{error::ErrorView, render::clean};
use paas_openstack::{
    config::Choice,
    overview::{self, Headline, Overview, Service, State},
};

use crate::{
    app::App,
    args::{CloudShow, Output},
    cloud,
    exit::{Exit, Failure},
    ui::table::table,
};

pub(crate) async fn run(app: &App, args: &CloudShow) -> Result<Exit, Failure> {
    let choice = Choice {
        cloud: args.name.clone(),
        region: args.region.clone(),
    };
    let client = cloud::connect(app, &choice, args.reach.timeout, args.reach.trace.as_deref())?;
    // Nothing is changed: Ctrl-C may leave at once.
    let _mode = app.interrupt.nothing_under_way();
    let seen = overview::look(&client).await?;
    print(app, &seen);
    Ok(if seen.is_well() { Exit::Done } else { Exit::Failed })
}

fn print(app: &App, seen: &Overview) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::to_value(seen).unwrap_or_default()),
        Output::Name => {
            let ready = seen.services.iter().filter(|s| s.state == State::Ready);
            ready.for_each(|s| printer.data(s.name));
        }
        Output::Table | Output::Wide => {
            let wide = printer.output() == Output::Wide;
            let mut out = identity(app, seen);
            out.push('\n');
            out += &services(&seen.services, wide);
            if !seen.quota.is_empty() {
                out.push('\n');
                out += &table(
                    &["QUOTA", "OF", "USED", "LIMIT", "LEFT"],
                    seen.quota.iter().map(headline),
                );
            }
            printer.data(&out);
            seen.services.iter().for_each(|service| finding(app, service));
        }
    }
}

/// Who we are, in lines of a name and a text.
fn identity(app: &App, seen: &Overview) -> String {
    let paint = app.printer.paint();
    let who = &seen.identity;
    let of = |name: &str, domain: &Option<String>| match domain {
        Some(domain) => format!("{} (domain {})", clean(name), clean(domain)),
        None => clean(name),
    };
    let mut lines = vec![
        ("cloud", paint.strong(&clean(&seen.cloud))),
        ("keystone", clean(&seen.auth_url)),
        ("region", seen.region.as_deref().map_or("-".to_owned(), clean)),
        ("user", of(&who.user, &who.user_domain)),
    ];
    match (&who.project, &who.domain) {
        (Some(project), _) => lines.push(("project", of(project, &who.project_domain))),
        (None, Some(domain)) => lines.push(("domain", clean(domain))),
        (None, None) => lines.push(("project", "none: the token is for no project".to_owned())),
    }
    lines.push(("roles", joined(&who.roles)));
    let how = match &who.application_credential {
        Some(name) => format!("the application credential {}", clean(name)),
        None => joined(&who.methods),
    };
    let ends = who
        .token_expires
        .map_or(String::new(), |at| format!(", until {at:.0}"));
    lines.push(("token", format!("by {how}{ends}")));
    if let Some(at) = &who.password_expires {
        lines.push(("password", format!("has to be changed before {}", clean(at))));
    }
    if let Some(count) = seen.extensions {
        lines.push(("neutron", format!("{count} extensions")));
    }
    if !seen.others.is_empty() {
        lines.push(("also", joined(&seen.others)));
    }
    lines
        .iter()
        .map(|(name, text)| format!("{}  {text}\n", paint.dim(&format!("{name:8}"))))
        .collect()
}

fn joined(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|w| clean(w)).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(", ")
    }
}

fn services(all: &[Service], wide: bool) -> String {
    let mut head = vec!["SERVICE", "STATE", "VERSION", "MICROVERSIONS", "ENDPOINT"];
    if wide {
        head.extend(["TYPE", "INTERFACE", "REGION"]);
    }
    let text = |text: &Option<String>| text.as_deref().map_or(String::new(), clean);
    table(
        &head,
        all.iter().map(|service| {
            let state = match service.state {
                State::Ready => "ready",
                State::Absent => "absent",
                State::Failed => "failed",
            };
            let range = match (&service.min_microversion, &service.max_microversion) {
                (Some(min), Some(max)) => format!("{min} to {max}"),
                _ => String::new(),
            };
            let mut row = vec![
                service.name.to_owned(),
                state.to_owned(),
                text(&service.version),
                range,
                text(&service.endpoint),
            ];
            if wide {
                row.extend([
                    text(&service.kind),
                    text(&service.interface),
                    text(&service.region),
                ]);
            }
            row
        }),
    )
}

fn headline(of: &Headline) -> Vec<String> {
    let number = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
    let left = of.limit.map(|limit| limit.saturating_sub(of.used.unwrap_or(0)));
    vec![
        of.service.to_owned(),
        of.what.to_owned(),
        number(of.used),
        of.limit.map_or("no limit".to_owned(), |n| n.to_string()),
        number(left),
    ]
}

/// Why a service is not as it should be, and what to do.
fn finding(app: &App, service: &Service) {
    let (
        State::Failed,
        Some(ErrorView {
            code,
            message,
            request_id,
            remedy,
            ..
        }),
    ) = (service.state, &service.error)
    else {
        return;
    };
    let paint = app.printer.talk_paint();
    let request = request_id
        .as_ref()
        .map_or(String::new(), |id| format!(" (request {id})"));
    let line = format!(
        "{}: {}{request} [{code}]\n  → {}",
        service.name,
        clean(message),
        clean(remedy)
    );
    app.printer.talk(&paint.bad(&line));
}
