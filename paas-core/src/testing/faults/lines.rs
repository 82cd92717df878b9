//! The lines of a body: each event of a watch is one.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tower::BoxError;

use super::AnswerBody;

/// Reads a body line by line.
pub(super) struct Lines {
    body: AnswerBody,
    rest: BytesMut,
}

impl Lines {
    pub(super) fn new(body: AnswerBody) -> Self {
        Self {
            body,
            rest: BytesMut::new(),
        }
    }

    /// The next line with its end; what was left without one at the end of the body, too. Nothing is lost if this is not awaited to
    /// its end.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                return Some(Ok(self.rest.split_to(end + 1).freeze()));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                None if self.rest.is_empty() => return None,
                None => return Some(Ok(self.rest.split().freeze())),
            }
        }
    }
}
