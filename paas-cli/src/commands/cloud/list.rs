//! `paas cloud list`.

use paas_core::{error::ErrorView, render::clean};
use paas_openstack::config::{self, Choice, Listed, Listing};
use serde_json::{Value, json};

use crate::{
    app::App,
    args::{CloudList, Output},
    cloud,
    exit::{Exit, Failure},
    ui::table::table,
};

pub(crate) fn run(app: &App, args: &CloudList) -> Result<Exit, Failure> {
    let sources = cloud::sources();
    let mut listing = config::list(&sources)?;
    let known = |name: &String| listing.clouds.iter().any(|cloud| &cloud.name == name);
    if let Some(name) = listing.default.as_ref().filter(|name| !known(name)) {
        app.printer.talk(&format!(
            "warning: OS_CLOUD names {name:?}, and there is no such cloud"
        ));
    }
    if let Some(name) = &args.name {
        listing.clouds.retain(|cloud| &cloud.name == name);
        if listing.clouds.is_empty() {
            // It says which names are near and where was looked.
            config::resolve(&sources, &Choice::cloud(name.as_str()))?;
        }
    }
    print(app, &listing);
    talk(app, &listing);
    Ok(Exit::Done)
}

fn print(app: &App, listing: &Listing) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => {
            let clouds: Vec<_> = listing.clouds.iter().map(value).collect();
            let warnings: Vec<_> = listing.warnings.iter().map(ToString::to_string).collect();
            printer.value(&json!({
                "clouds": clouds, "default": listing.default, "files": listing.read, "warnings": warnings,
            }));
        }
        Output::Name => listing
            .clouds
            .iter()
            .for_each(|cloud| printer.data(&clean(&cloud.name))),
        Output::Table | Output::Wide if listing.clouds.is_empty() => {}
        Output::Table | Output::Wide => {
            let rows = listing
                .clouds
                .iter()
                .map(|cloud| row(cloud, printer.output() == Output::Wide));
            let mut head = vec!["NAME", "DEFAULT", "AUTH URL", "PROJECT", "REGION", "FILE"];
            if printer.output() == Output::Wide {
                head.push("PROBLEM");
            }
            printer.data(&table(&head, rows));
        }
    }
}

fn row(cloud: &Listed, wide: bool) -> Vec<String> {
    let text = |text: &Option<String>| text.as_deref().map_or(String::new(), clean);
    let mut row = vec![
        clean(&cloud.name),
        if cloud.default {
            "*".to_owned()
        } else {
            String::new()
        },
        text(&cloud.auth_url),
        text(&cloud.project),
        text(&cloud.region),
        file(cloud),
    ];
    if wide {
        row.push(
            cloud
                .problem
                .as_ref()
                .map_or(String::new(), |problem| problem.code().id.to_owned()),
        );
    }
    row
}

fn file(cloud: &Listed) -> String {
    match &cloud.file {
        Some(file) => clean(&file.display().to_string()),
        None => "(environment)".to_owned(),
    }
}

fn value(cloud: &Listed) -> Value {
    json!({
        "name": cloud.name, "default": cloud.default, "authUrl": cloud.auth_url, "project": cloud.project,
        "region": cloud.region, "file": cloud.file, "problem": cloud.problem.as_ref().map(ErrorView::from),
        "warnings": cloud.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// What people should know beside the table: programs find it in the data.
fn talk(app: &App, listing: &Listing) {
    let printer = &app.printer;
    if matches!(printer.output(), Output::Json | Output::Yaml) {
        return;
    }
    if listing.clouds.is_empty() {
        let places = listing
            .places
            .iter()
            .filter(|place| place.extension().is_some_and(|e| e == "yaml"));
        let places: Vec<_> = places
            .map(|place| format!("  {}", clean(&place.display().to_string())))
            .collect();
        printer.talk(&format!(
            "There are no clouds. A clouds.yaml is looked for here:\n{}",
            places.join("\n")
        ));
    }
    for cloud in &listing.clouds {
        for warning in &cloud.warnings {
            printer.talk(&format!(
                "warning: {}: {}",
                clean(&cloud.name),
                clean(&warning.to_string())
            ));
        }
        if let Some(problem) = &cloud.problem {
            let words = clean(problem.words());
            printer.talk(&format!(
                "{} cannot be used: {words} [{}]\n  → {}",
                clean(&cloud.name),
                problem.code().id,
                problem.advice()
            ));
        }
    }
    for warning in &listing.warnings {
        printer.talk(&format!("warning: {}", clean(&warning.to_string())));
    }
}
