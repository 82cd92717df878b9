//! The nearest right word.

/// The candidate that was probably meant, if one is near enough.
pub(in crate::spec) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let plain = |s: &str| s.to_lowercase().replace(['_', '-'], "");
    let word = plain(word);
    let distance = |candidate: &str| {
        let candidate = plain(candidate);
        let begins = word.len() >= 4 && (candidate.starts_with(&word) || word.starts_with(&candidate));
        let distance = strsim::damerau_levenshtein(&word, &candidate);
        let allowed = (word.len().max(candidate.len()) / 3).max(1);
        (begins || distance <= allowed).then_some(distance)
    };
    candidates
        .into_iter()
        .filter_map(|c| Some((distance(c)?, c)))
        .min()
        .map(|(_, c)| c)
}
