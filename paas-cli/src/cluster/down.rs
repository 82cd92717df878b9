//! `paas down` in a cluster: objects are deleted, data is kept.

use paas_core::{
    error::Error,
    kube::{
        Declared,
        declare::{APPLIED_BY, FIELD_MANAGER},
    },
    spec::Kind,
};
use serde_json::json;

use super::{
    Cluster, delete, meant,
    tell::{self, Done},
};
use crate::{
    app::App,
    args::{Act, Down, Output},
    exit::{Exit, Failure},
    input,
    ui::progress::{Line, Progress},
};

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &Down) -> Result<Exit, Failure> {
    let all = match meant::if_named(app, cluster, &args.files)? {
        Some(meant) => {
            let mut all = Vec::new();
            for one in &meant {
                let d = &one.document;
                all.extend(Declared::get(&cluster.client, d.kind(), d.namespace(), d.name()).await?);
            }
            all
        }
        None => {
            ours(
                cluster,
                std::slice::from_ref(&cluster.namespace),
                !args.names.is_empty(),
            )
            .await?
        }
    };
    for name in &args.names {
        if !all.iter().any(|d| d.name() == name) {
            let there: Vec<&str> = all.iter().map(Declared::name).collect();
            return Err(input::among(name, &there).into());
        }
    }
    let mut all = all;
    all.retain(|d| args.names.is_empty() || args.names.iter().any(|n| n == d.name()));
    if all.is_empty() {
        let place = format!("in the namespace {} of {}", cluster.namespace, cluster.name());
        app.printer.talk(&format!(
            "Nothing to take down: nothing of these commands is {place}."
        ));
        return Ok(Exit::Done);
    }
    take_down(app, cluster, all, &args.act, args.delete_data).await
}

/// The objects of some namespaces that the command line applied; `any` takes those of others too.
pub(super) async fn ours(
    cluster: &Cluster,
    namespaces: &[String],
    any: bool,
) -> Result<Vec<Declared>, Error> {
    let mut all = Vec::new();
    for namespace in namespaces {
        for kind in Kind::ALL {
            all.extend(Declared::list(&cluster.client, kind, Some(namespace)).await?);
        }
    }
    all.retain(|d| any || is_ours(d));
    Ok(all)
}

/// True for what the command line applied: its label, and its name at the fields. A label that was copied says nothing.
fn is_ours(declared: &Declared) -> bool {
    declared.label(APPLIED_BY) == Some(FIELD_MANAGER) && declared.is_applied_by(FIELD_MANAGER)
}

/// Deletes objects, backups first and platforms last, and says what is left.
pub(super) async fn take_down(
    app: &App,
    cluster: &Cluster,
    mut all: Vec<Declared>,
    act: &Act,
    delete_data: bool,
) -> Result<Exit, Failure> {
    let names: Vec<&str> = all.iter().map(Declared::name).collect();
    if let Some(stray) = act.confirm.iter().find(|c| !names.contains(&c.as_str())) {
        return Err(input::among(stray, &names).into());
    }
    delete::agreed(app, cluster, &all, act, delete_data)?;
    all.sort_by_key(|d| match d.kind {
        Kind::DatabaseBackup => 0,
        Kind::DatabaseInstance => 1,
        Kind::Platform => 2,
    });
    let progress = Progress::new(app.printer.clone());
    let (mut done, mut words): (Vec<Done>, Vec<Option<String>>) = (Vec::new(), Vec::new());
    for declared in all {
        let mut last_word = None;
        let result = match delete::begin(cluster, &declared, delete_data).await {
            Ok(()) if act.wait => {
                let gone = delete::gone(app, cluster, &progress, &declared, act, act.timeout).await;
                Some(gone.map(|word| last_word = word))
            }
            Ok(()) => None,
            Err(error) => Some(Err(error)),
        };
        let stop = matches!(&result, Some(Err(e)) if e.class() == paas_core::error::Class::Cancelled);
        done.push(Done {
            declared,
            changed: true,
            result,
        });
        words.push(last_word);
        if stop {
            break;
        }
    }
    let exit = tell::failures(app, &done);
    print(app, cluster, &done, &words);
    Ok(exit)
}

fn print(app: &App, cluster: &Cluster, done: &[Done], words: &[Option<String>]) {
    let printer = &app.printer;
    let both = || done.iter().zip(words);
    match printer.output() {
        Output::Json | Output::Yaml => {
            let mut value = tell::result(done);
            let left = both().map(|(d, word)| json!({"owner": d.declared.title(), "lastWord": word}));
            value["left"] = left.collect();
            match printer.output() {
                Output::Json => printer.line(&Line::Result(value)),
                _ => printer.value(&value),
            }
        }
        Output::Name => both()
            .filter(|(d, _)| matches!(d.result, Some(Ok(()))))
            .for_each(|(d, _)| printer.data(&d.declared.title())),
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            for (one, word) in both() {
                let head = paint.strong(&one.declared.title());
                match (&one.result, word) {
                    (Some(Ok(())), Some(word)) => printer.data(&format!("{head}: deleted; {word}.")),
                    (Some(Ok(())), None) => printer.data(&format!("{head}: deleted.")),
                    (None, _) => {
                        printer.data(&format!("{head}: its deletion has begun; the operator goes on."))
                    }
                    (Some(Err(_)), _) => {}
                }
            }
            let kept = both().find(|(_, word)| word.as_ref().is_some_and(|w| w.contains(" stays: ")));
            if let Some((one, _)) = kept {
                let again = cluster.command(app, &format!("db create {}", one.declared.name()));
                printer.data(&format!("{} takes the data up again.", paint.name(&again)));
            }
        }
    }
}
