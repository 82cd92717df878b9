//! Volumes.

use paas_core::resource::{Diff, Need, View};

use super::{Kind, changed, judged, view};
use crate::provider::choice::Choice;

/// A Cinder volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its size, in GiB. It only grows.
    pub size: u32,
    /// Its type; `None` for the cloud's default.
    pub kind: Option<String>,
    /// Its availability zone, which is not one of Nova's; `None` for any.
    pub zone: Option<String>,
    /// What it is filled from, if a server boots from it.
    pub image: Option<Choice>,
}

impl Volume {
    /// True if it holds what cannot be made again: the root of a machine can, from its image.
    pub fn holds_data(&self) -> bool {
        self.image.is_none()
    }
}

impl Kind for Volume {
    const WORD: &'static str = "volume";

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, live: &Self) -> Diff {
        let size = changed("size", Some(&live.size), Some(&self.size), |s| format!("{s} GiB"));
        let (smaller, larger) = if self.size < live.size {
            (size, None)
        } else {
            (None, size)
        };
        judged(
            [
                smaller,
                changed("type", live.kind.as_ref(), self.kind.as_ref(), String::clone),
                changed("zone", live.zone.as_ref(), self.zone.as_ref(), String::clone),
                changed(
                    "image",
                    live.image.as_ref(),
                    self.image.as_ref(),
                    Choice::to_string,
                ),
            ],
            [larger],
        )
    }

    fn view(&self) -> View {
        view([
            ("size", Some(format!("{} GiB", self.size))),
            ("type", self.kind.clone()),
            ("image", self.image.as_ref().map(Choice::to_string)),
        ])
    }
}
