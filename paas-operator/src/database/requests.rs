//! What is asked for by annotation and done once: restarts and switchovers.
//!
//! A request is done first and noted in the status then, so one that was interrupted is done again: the same word restarts nothing a
//! second time, and who is the primary already stays it.

use std::collections::BTreeMap;

use paas_core::{
    database::acts::Acts,
    error::{Class, Error, Result},
    spec::{DatabaseInstanceStatus, Requests},
};

use crate::{RESTART, SWITCHOVER, status::Note};

/// Does one request that is not answered, and gives what the status says of requests from now on. One at a time: a switchover after a
/// restart waits until it is seen what that leads to.
///
/// # Errors
/// It may succeed later: nothing is answered then.
pub(super) async fn answer(
    acts: Option<&dyn Acts>,
    annotations: &BTreeMap<String, String>,
    status: &DatabaseInstanceStatus,
) -> Result<Option<(Requests, Note)>> {
    let old = status.requests.clone().unwrap_or_default();
    let due = |name: &str, answered: &Option<String>| {
        let word = annotations.get(name).filter(|word| !word.is_empty());
        word.filter(|word| answered.as_ref() != Some(word)).cloned()
    };
    // What was asked for before there was anything is no request any more.
    let new = status.observed_generation.is_none();
    if let Some(word) = due(RESTART, &old.restart) {
        let done = match acts {
            _ if new => Ok(()),
            Some(acts) => acts.restart(&word).await,
            None => Err(cannot("restart the servers")),
        };
        let (refused, note) = came_to(done, "Restart", "the servers restart, one after another")?;
        let requests = Requests {
            restart: Some(word),
            refused,
            ..old
        };
        return Ok(Some((requests, note)));
    }
    if let Some(text) = due(SWITCHOVER, &old.switchover) {
        let server = text.split_whitespace().next().unwrap_or_default();
        let done = match acts {
            _ if new => Ok(()),
            Some(acts) => acts.switchover(server).await,
            None => Err(cannot("make another server the primary")),
        };
        let (refused, note) = came_to(done, "Switchover", &format!("{server} becomes the primary"))?;
        let requests = Requests {
            switchover: Some(text),
            refused,
            ..old
        };
        return Ok(Some((requests, note)));
    }
    Ok(None)
}

/// Why it was refused, and what is told of it.
fn came_to(done: Result<()>, action: &str, words: &str) -> Result<(Option<String>, Note)> {
    let refused = match done {
        Ok(()) => None,
        // What is not there needs no restart.
        Err(error) if error.class() == Class::NotFound => None,
        Err(error) if error.may_pass() || error.class() == Class::Cancelled => return Err(error),
        Err(error) => Some(error.to_string()),
    };
    let note = Note {
        warning: refused.is_some(),
        reason: match refused {
            Some(_) => format!("{action}Refused"),
            None => format!("{action}Asked"),
        },
        action: action.to_owned(),
        note: refused.clone().unwrap_or_else(|| words.to_owned()),
    };
    Ok((refused, note))
}

fn cannot(what: &str) -> Error {
    Error::new(&crate::codes::OP_NO_ENGINE, Class::Unsupported)
        .attempted(what)
        .happened("what runs the database cannot do that")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use paas_core::codes::CORE_PROVIDER;

    use super::*;

    #[derive(Default)]
    struct Scribe {
        said: Mutex<Vec<String>>,
        class: Option<Class>,
    }

    impl Scribe {
        fn say(&self, what: String) -> Result<()> {
            self.said.lock().unwrap().push(what);
            match self.class {
                None => Ok(()),
                Some(class) => Err(Error::new(&CORE_PROVIDER, class).happened("no")),
            }
        }
    }

    #[async_trait]
    impl Acts for Scribe {
        async fn restart(&self, word: &str) -> Result<()> {
            self.say(format!("restart {word}"))
        }

        async fn switchover(&self, server: &str) -> Result<()> {
            self.say(format!("switchover {server}"))
        }
    }

    fn asking(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(pair).collect()
    }

    fn living(requests: Option<Requests>) -> DatabaseInstanceStatus {
        DatabaseInstanceStatus {
            observed_generation: Some(1),
            requests,
            ..DatabaseInstanceStatus::default()
        }
    }

    #[tokio::test]
    async fn a_request_is_done_once_for_each_word_and_one_at_a_time() {
        let scribe = Scribe::default();
        let both = asking(&[(RESTART, "monday"), (SWITCHOVER, "shop-2 monday")]);
        let mut status = living(None);
        for _ in 0..3 {
            if let Some((requests, note)) = answer(Some(&scribe), &both, &status).await.unwrap() {
                assert!(!note.warning && requests.refused.is_none());
                status.requests = Some(requests);
            }
        }
        assert_eq!(
            *scribe.said.lock().unwrap(),
            ["restart monday", "switchover shop-2"]
        );
        let again = asking(&[(RESTART, "tuesday"), (SWITCHOVER, "shop-2 monday")]);
        answer(Some(&scribe), &again, &status).await.unwrap().unwrap();
        assert_eq!(scribe.said.lock().unwrap().last().unwrap(), "restart tuesday");
    }

    #[tokio::test]
    async fn what_cannot_be_done_is_answered_with_words_and_what_may_pass_is_not_answered() {
        let asked = asking(&[(SWITCHOVER, "shop-9")]);
        let refusing = Scribe {
            class: Some(Class::Blocked),
            ..Scribe::default()
        };
        let (requests, note) = answer(Some(&refusing), &asked, &living(None))
            .await
            .unwrap()
            .unwrap();
        assert!(note.warning && requests.refused.unwrap().contains("no"));
        assert_eq!(requests.switchover.as_deref(), Some("shop-9"));
        let busy = Scribe {
            class: Some(Class::Transient),
            ..Scribe::default()
        };
        assert!(answer(Some(&busy), &asked, &living(None)).await.is_err());
        let (requests, _) = answer(None, &asked, &living(None)).await.unwrap().unwrap();
        assert!(requests.refused.is_some());
    }

    #[tokio::test]
    async fn what_a_new_object_says_is_no_request() {
        let scribe = Scribe::default();
        let asked = asking(&[(RESTART, "old")]);
        let (requests, _) = answer(Some(&scribe), &asked, &DatabaseInstanceStatus::default())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(requests.restart.as_deref(), Some("old"));
        assert!(scribe.said.lock().unwrap().is_empty());
    }
}
