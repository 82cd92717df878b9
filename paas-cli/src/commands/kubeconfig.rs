//! `paas kubeconfig`.

use std::path::{Path, PathBuf};

use kube::config::Kubeconfig as Config;
use paas_core::{
    durable,
    error::{Class, Error},
    installer::login::{ADMIN, ADMINS},
    secrets::{ExposeSecret as _, SecretString},
};

use super::cluster::meant;
use crate::{
    app::App,
    args::Kubeconfig,
    codes::CLI_KUBECONFIG,
    exit::{Exit, Failure},
    session::Session,
};

pub(crate) async fn run(app: &App, args: &Kubeconfig) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let meta = meant(&session, args.name.as_deref())?;
    let made = session.made(&meta.namespace, &meta.name).await?;
    if args.credential {
        let credential = made
            .login
            .exec_credential(ADMIN, &[ADMINS], args.lifetime)
            .await?;
        app.printer.data(credential.expose_secret());
        return Ok(Exit::Done);
    }
    let text = match args.exec {
        false => {
            made.login
                .kubeconfig_for(&made.access, ADMIN, &[ADMINS], args.lifetime)
                .await?
        }
        true => {
            let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("paas"));
            let home = session.machine().home.root().display().to_string();
            let words = [
                "--home",
                &home,
                "kubeconfig",
                &meta.name,
                "--credential",
                "--lifetime",
                "1h",
            ];
            let program = program.display().to_string();
            made.login
                .exec_kubeconfig(&made.access, &program, &words)
                .await?
                .into()
        }
    };
    let text = named(&text, &format!("paas-{}", meta.name))?;
    if !args.merge {
        app.printer.data(text.expose_secret().trim_end());
        return Ok(Exit::Done);
    }
    let file = match &args.into {
        Some(file) => file.clone(),
        None => read_by_kubectl()?,
    };
    merge(&file, &text)?;
    let context = format!("paas-{}", meta.name);
    app.printer.data(&format!(
        "The context {context} is in {}: kubectl --context {context} get nodes",
        file.display()
    ));
    Ok(Exit::Done)
}

/// The same with cluster, user and context called after the platform.
fn named(text: &SecretString, name: &str) -> Result<SecretString, Error> {
    let failed = |e: String| {
        Error::new(&CLI_KUBECONFIG, Class::Internal)
            .attempted("write a kubeconfig")
            .happened(e)
    };
    let mut config = Config::from_yaml(text.expose_secret()).map_err(|_| failed("it is none".to_owned()))?;
    config
        .clusters
        .iter_mut()
        .for_each(|c| name.clone_into(&mut c.name));
    config
        .auth_infos
        .iter_mut()
        .for_each(|u| name.clone_into(&mut u.name));
    for context in &mut config.contexts {
        name.clone_into(&mut context.name);
        if let Some(context) = &mut context.context {
            name.clone_into(&mut context.cluster);
            context.user = Some(name.to_owned());
        }
    }
    config.current_context = Some(name.to_owned());
    let text = serde_json::to_string_pretty(&config).map_err(|e| failed(e.to_string()))?;
    Ok(text.into())
}

/// The file that kubectl writes to: the first of KUBECONFIG, else that of the home.
fn read_by_kubectl() -> Result<PathBuf, Error> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    let first = var("KUBECONFIG").and_then(|all| std::env::split_paths(&all).next());
    first
        .or_else(|| var("HOME").map(|home| PathBuf::from(home).join(".kube/config")))
        .ok_or_else(|| {
            Error::new(&CLI_KUBECONFIG, Class::Invalid)
                .attempted("find the kubeconfig")
                .happened("neither KUBECONFIG nor HOME is set")
        })
}

/// Puts cluster, user and context into a file; those of the same names are replaced, everything else stays.
fn merge(file: &Path, ours: &SecretString) -> Result<(), Error> {
    let failed = |what: String| {
        Error::new(&CLI_KUBECONFIG, Class::Invalid)
            .attempted(format!("merge into {}", file.display()))
            .happened(what)
    };
    // Its text holds keys: a parser's words about it are not repeated.
    let read = |text: &str| Config::from_yaml(text).map_err(|_| failed("it is no kubeconfig".to_owned()));
    let mut there = match std::fs::read_to_string(file) {
        Ok(text) if text.trim().is_empty() => Config::default(),
        Ok(text) => read(&text)?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Config::default(),
        Err(e) => return Err(failed(e.to_string())),
    };
    let ours = read(ours.expose_secret())?;
    there
        .clusters
        .retain(|c| ours.clusters.iter().all(|o| o.name != c.name));
    there
        .auth_infos
        .retain(|u| ours.auth_infos.iter().all(|o| o.name != u.name));
    there
        .contexts
        .retain(|c| ours.contexts.iter().all(|o| o.name != c.name));
    there.clusters.extend(ours.clusters);
    there.auth_infos.extend(ours.auth_infos);
    there.contexts.extend(ours.contexts);
    there.current_context = there.current_context.or(ours.current_context);
    there.api_version = there.api_version.or(ours.api_version);
    there.kind = there.kind.or(ours.kind);
    let text = serde_json::to_vec_pretty(&there).map_err(|e| failed(e.to_string()))?;
    durable::write(file, &text).map_err(|e| failed(e.to_string()))
}
