//! New passwords, asked for by annotation.

use std::{collections::BTreeMap, time::Duration};

use paas_core::{
    database::rotate::Rotation,
    error::{Class, Error, Result},
};

use super::{ROTATE, ROTATE_OVERLAP};
use crate::codes;

/// What an object's annotations ask for: a word, and how the passwords are changed.
///
/// # Errors
/// [`codes::OP_ROTATION`].
pub(super) fn asked(annotations: &BTreeMap<String, String>) -> Result<Option<(String, Rotation)>> {
    let Some(word) = annotations.get(ROTATE).filter(|word| !word.is_empty()) else {
        return Ok(None);
    };
    let mut how = Rotation::default();
    if let Some(text) = annotations.get(ROTATE_OVERLAP) {
        let seconds: u32 = text.parse().map_err(|_| {
            Error::new(&codes::OP_ROTATION, Class::Invalid)
                .attempted("change the passwords")
                .happened(format!("{ROTATE_OVERLAP} is '{}'", text.escape_debug()))
        })?;
        how.overlap = Duration::from_secs(u64::from(seconds));
    }
    Ok(Some((word.clone(), how)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Option<(String, Rotation)>> {
        let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        asked(&pairs.iter().map(pair).collect())
    }

    #[test]
    fn a_word_asks_for_new_passwords_and_its_overlap_is_in_seconds() {
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[(ROTATE, "")]).unwrap(), None);
        let (word, how) = of(&[(ROTATE, "may")]).unwrap().unwrap();
        assert_eq!((word.as_str(), how), ("may", Rotation::default()));
        let (_, how) = of(&[(ROTATE, "may"), (ROTATE_OVERLAP, "30")]).unwrap().unwrap();
        assert_eq!(how.overlap, Duration::from_secs(30));
        let error = of(&[(ROTATE, "may"), (ROTATE_OVERLAP, "soon")]).unwrap_err();
        assert_eq!(error.code().id, codes::OP_ROTATION.id);
    }
}
