//! Watches that go wrong while they run.

use std::{
    collections::VecDeque,
    io::{Error, ErrorKind},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::BoxError;

use super::{AnswerBody, Fault, lines::Lines};
use crate::clock::{Clock, SystemClock};

/// How late the first event comes.
const LATE: Duration = Duration::from_secs(2);

/// How long an event waits for one of another object that may overtake it.
const HELD: Duration = Duration::from_millis(300);

/// The same events, as the fault has them.
pub(super) fn broken(body: AnswerBody, fault: Fault) -> AnswerBody {
    let watch = Watch {
        lines: Lines::new(body),
        fault,
        out: VecDeque::new(),
        held: None,
        ended: false,
        waited: false,
    };
    let frames = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((line.map(Frame::data), watch))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// The same events, until it is cut.
pub(super) fn until(body: AnswerBody, ends: CancellationToken) -> AnswerBody {
    let frames = body.into_data_stream().map_ok(Frame::data);
    StreamBody::new(frames.take_until(ends.cancelled_owned())).boxed_unsync()
}

struct Watch {
    lines: Lines,
    fault: Fault,
    out: VecDeque<Result<Bytes, BoxError>>,
    held: Option<(String, Bytes)>,
    ended: bool,
    waited: bool,
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if let Some(line) = self.out.pop_front() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            let line = tokio::select! {
                biased;
                line = self.lines.next() => line,
                () = SystemClock.sleep(HELD), if self.held.is_some() => {
                    self.release();
                    continue;
                }
            };
            match line {
                Some(Ok(line)) => self.take(line).await,
                last => {
                    self.release();
                    self.out.extend(last);
                    self.ended = true;
                }
            }
        }
    }

    async fn take(&mut self, line: Bytes) {
        match self.fault {
            Fault::WatchEnded => self.ended = true,
            Fault::WatchTruncated => {
                self.out.push_back(Ok(line.slice(..line.len() / 2)));
                let words = "the connection ended within an event";
                self.out
                    .push_back(Err(Error::new(ErrorKind::UnexpectedEof, words).into()));
                self.ended = true;
            }
            Fault::WatchDuplicated => self.out.extend([Ok(line.clone()), Ok(line)]),
            Fault::WatchReordered => self.reorder(line),
            Fault::WatchLate => {
                if !std::mem::replace(&mut self.waited, true) {
                    SystemClock.sleep(LATE).await;
                }
                self.out.push_back(Ok(line));
            }
            _ => self.out.push_back(Ok(line)),
        }
    }

    /// Lets an event overtake the one of another object that is held; a bookmark overtakes nothing.
    fn reorder(&mut self, line: Bytes) {
        let Some(object) = object(&line) else {
            self.release();
            self.out.push_back(Ok(line));
            return;
        };
        match self.held.take() {
            Some((other, held)) if other != object => self.out.extend([Ok(line), Ok(held)]),
            Some((_, held)) => {
                self.out.push_back(Ok(held));
                self.held = Some((object, line));
            }
            None => self.held = Some((object, line)),
        }
    }

    fn release(&mut self) {
        self.out.extend(self.held.take().map(|(_, line)| Ok(line)));
    }
}

/// The object of an event, and `None` for bookmarks and errors.
fn object(line: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(line).ok()?;
    let of_object = ["ADDED", "MODIFIED", "DELETED"].contains(&event["type"].as_str()?);
    let metadata = &event["object"]["metadata"];
    of_object.then(|| format!("{}/{}", metadata["namespace"], metadata["name"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::answer::whole, *};

    fn event(type_: &str, name: &str, version: u32) -> String {
        let object = json!({"metadata": {"name": name, "resourceVersion": version.to_string()}});
        format!("{}\n", json!({"type": type_, "object": object}))
    }

    /// `type name version` of what comes out, and what ends it.
    async fn told(events: &[String], fault: Fault) -> (Vec<String>, bool) {
        let mut lines = Lines::new(broken(whole(events.concat()), fault));
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            let Ok(line) = line else { return (all, true) };
            let event: Value = serde_json::from_slice(&line).unwrap();
            let metadata = &event["object"]["metadata"];
            let word = |v: &Value| v.as_str().unwrap().to_owned();
            all.push(
                [&event["type"], &metadata["name"], &metadata["resourceVersion"]]
                    .map(word)
                    .join(" "),
            );
        }
        (all, false)
    }

    #[tokio::test]
    async fn each_way_a_watch_goes_wrong_is_as_it_is_said_to_be() {
        let events = [
            event("ADDED", "a", 1),
            event("MODIFIED", "a", 2),
            event("ADDED", "b", 3),
            event("BOOKMARK", "", 4),
            event("DELETED", "b", 5),
        ];
        let of = async |fault| told(&events, fault).await.0;
        assert_eq!(told(&events, Fault::WatchEnded).await, (vec![], false));
        assert_eq!(told(&events, Fault::WatchTruncated).await, (vec![], true));
        assert_eq!(of(Fault::WatchDuplicated).await.len(), 10);
        assert_eq!(
            of(Fault::WatchReordered).await,
            [
                "ADDED a 1",
                "ADDED b 3",
                "MODIFIED a 2",
                "BOOKMARK  4",
                "DELETED b 5"
            ],
            "events of one object keep their order, and none comes after a bookmark that was before it"
        );
        assert_eq!(of(Fault::WatchStale).await.len(), 5);
    }
}
