//! `kubectl paas`: a program called `kubectl-paas` is a plugin of kubectl, and that is always about a cluster.

use std::{ffi::OsString, path::Path};

/// Whether kubectl runs us.
pub(crate) fn is(words: &[OsString]) -> bool {
    let program = words.first().map(Path::new);
    program
        .and_then(Path::file_stem)
        .is_some_and(|name| name == "kubectl-paas")
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
    fn kubectls_namespace_is_understood_and_the_words_of_others_stay() {
        assert_eq!(said("p db list -n shop"), "p db list --namespace shop");
        assert_eq!(said("p db list -nshop"), "p db list --namespace=shop");
        assert_eq!(said("p db list -n=shop"), "p db list --namespace=shop");
        assert_eq!(said("p db logs x -n 3"), "p db logs x -n 3");
        assert_eq!(said("p db connect x -- -n 3"), "p db connect x -- -n 3");
        assert_eq!(said("p up --no-input"), "p up --no-input");
    }
}
