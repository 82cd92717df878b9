//! `kubectl paas`: a program called `kubectl-paas` is a plugin of kubectl, and that is always about a cluster.

use std::{ffi::OsString, path::Path};

use clap::Command;

/// Whether kubectl runs us.
pub(crate) fn is(words: &[OsString]) -> bool {
    is_called(words, "kubectl-paas")
}

/// Whether kubectl asks how a command line of ours goes on: it runs `kubectl_complete-paas` with the words so far.
pub(crate) fn completes(words: &[OsString]) -> bool {
    is_called(words, "kubectl_complete-paas")
}

fn is_called(words: &[OsString], program: &str) -> bool {
    let called = words.first().map(Path::new);
    called
        .and_then(Path::file_stem)
        .is_some_and(|name| name == program)
}

/// How the last of the words may go on, as kubectl reads it: a line each with its description, and at the end that files are no answer.
pub(crate) fn completions(mut command: Command, words: &[OsString]) -> String {
    command.build();
    let words: Vec<&str> = words.iter().skip(1).filter_map(|w| w.to_str()).collect();
    let (begun, before) = words.split_last().unwrap_or((&"", &[]));
    let mut at = &command;
    for word in before {
        at = at.find_subcommand(word).unwrap_or(at);
    }
    let told = |about: Option<&clap::builder::StyledStr>| about.map(ToString::to_string).unwrap_or_default();
    let verbs = at
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && !begun.starts_with('-'))
        .map(|c| (c.get_name().to_owned(), told(c.get_about())));
    let flags = at
        .get_arguments()
        .filter(|_| begun.starts_with('-'))
        .filter_map(|a| Some((format!("--{}", a.get_long()?), told(a.get_help()))));
    let fits = verbs.chain(flags).filter(|(name, _)| name.starts_with(begun));
    let lines = fits.map(|(name, about)| format!("{name}\t{}\n", about.lines().next().unwrap_or_default()));
    let mut text: String = lines.collect();
    // Cobra's directive: no files.
    text.push_str(":4\n");
    text
}

/// The words with kubectl's short flag for the namespace in our words. It is the one of kubectl's global flags that we have no such flag
/// for; `db logs -n` counts messages, as `kubectl logs --tail` does, and stays. What follows `--` is somebody else's.
pub(crate) fn words(words: Vec<OsString>) -> Vec<OsString> {
    let logs = words.iter().any(|w| w == "logs");
    let end = words.iter().position(|w| w == "--").unwrap_or(words.len());
    let ours = |(at, word): (usize, OsString)| match word.to_str() {
        Some("-n") if at < end && !logs => "--namespace".into(),
        Some(text) if at < end && !logs && text.starts_with("-n") && !text.starts_with("--") => {
            let name = text[2..].trim_start_matches('=');
            format!("--namespace={name}").into()
        }
        _ => word,
    };
    words.into_iter().enumerate().map(ours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let all = text.split(' ').map(OsString::from).collect();
        let all: Vec<_> = words(all)
            .into_iter()
            .map(|w| w.into_string().unwrap_or_default())
            .collect();
        all.join(" ")
    }

    #[test]
    fn the_name_of_the_program_says_that_kubectl_runs_it() {
        let is = |name: &str| super::is(&[name.into()]);
        assert!(is("/usr/local/bin/kubectl-paas") && is("kubectl-paas"));
        assert!(!is("paas") && !is("kubectl-paas-else"));
    }

    #[test]
    fn kubectl_is_told_how_a_command_line_goes_on() {
        use clap::CommandFactory;
        let of = |text: &str| {
            let all: Vec<OsString> = text.split(' ').map(OsString::from).collect();
            completions(crate::args::Cli::command(), &all)
        };
        assert!(of("kubectl_complete-paas db sw").starts_with("switchover\tLet a standby"));
        assert!(of("kubectl_complete-paas db create x --rep").starts_with("--replicas\t"));
        assert_eq!(of("kubectl_complete-paas nothing"), ":4\n");
    }

    #[test]
    fn kubectls_namespace_is_understood_and_the_words_of_others_stay() {
        assert_eq!(said("p db list -n shop"), "p db list --namespace shop");
        assert_eq!(said("p db list -nshop"), "p db list --namespace=shop");
        assert_eq!(said("p db list -n=shop"), "p db list --namespace=shop");
        assert_eq!(said("p db logs x -n 3"), "p db logs x -n 3");
        assert_eq!(said("p db connect x -- -n 3"), "p db connect x -- -n 3");
        assert_eq!(said("p up --no-input"), "p up --no-input");
    }
}
