//! Microversions: what a call needs, what a service offers, and what is sent.

use std::{fmt, str::FromStr};

/// A version of a service's API as its header says it: `2.67`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Microversion {
    /// The part before the dot.
    pub major: u16,
    /// The part after it; `2.10` is newer than `2.9`.
    pub minor: u16,
}

impl Microversion {
    /// `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Microversion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let bad = || NotAVersion(text.chars().take(32).collect());
        let plain = text.trim();
        let plain = plain.strip_prefix(['v', 'V']).unwrap_or(plain);
        let (major, minor) = plain.split_once('.').unwrap_or((plain, "0"));
        let number = |part: &str| match part.bytes().all(|b| b.is_ascii_digit()) {
            true => part.parse().map_err(|_| bad()),
            false => Err(bad()),
        };
        Ok(Self::new(number(major)?, number(minor)?))
    }
}

/// Something that was to be a version, and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a version like 2.67")]
pub struct NotAVersion(String);

/// What a service offers: the oldest and the newest, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The oldest.
    pub min: Microversion,
    /// The newest.
    pub max: Microversion,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// What a call needs of its service. What is sent follows from it and from what the service offers, never `latest`: a service
/// that grows must not change what an answer looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// No header is sent: the service behaves as its oldest version.
    #[default]
    None,
    /// The newest of the service that is not newer than `ceiling`; refused if that is older than `floor`.
    Between {
        /// Without it any version will do.
        floor: Option<Microversion>,
        /// The newest that the caller understands.
        ceiling: Microversion,
    },
    /// What was given is no version; sending the call says so.
    Malformed(String),
}

impl Need {
    /// Exactly the version from which on the service can do it; refused by older services.
    pub fn at_least(version: &str) -> Self {
        Self::between(version, version)
    }

    /// The newest up to `version` that the service offers.
    pub fn up_to(version: &str) -> Self {
        match version.parse() {
            Ok(ceiling) => Self::Between { floor: None, ceiling },
            Err(e) => Self::Malformed(e.to_string()),
        }
    }

    /// The newest up to `ceiling`, which must not be older than `floor`.
    pub fn between(floor: &str, ceiling: &str) -> Self {
        match (floor.parse(), ceiling.parse()) {
            (Ok(floor), Ok(ceiling)) => Self::Between {
                floor: Some(floor),
                ceiling,
            },
            (Err(e), _) | (_, Err(e)) => Self::Malformed(e.to_string()),
        }
    }
}

/// Why no version satisfies a need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unmet {
    /// The service is too old, or does not have microversions at all.
    #[error("it needs version {floor}, and the service offers {}", offered.map_or("no microversions".to_owned(), |o| o.to_string()))]
    TooOld {
        /// What the call needs.
        floor: Microversion,
        /// What the service offers.
        offered: Option<Range>,
    },
    /// The service no longer has what the call understands.
    #[error("it understands versions up to {ceiling}, and the service offers {offered}")]
    TooNew {
        /// The newest that the call understands.
        ceiling: Microversion,
        /// What the service offers.
        offered: Range,
    },
    /// What was said in clouds.yaml forbids it.
    #[error("it needs version {floor}, and the cloud's configuration allows at most {cap}")]
    Capped {
        /// What the call needs.
        floor: Microversion,
        /// What may be used.
        cap: Microversion,
    },
    /// The need itself is no version.
    #[error("{0}")]
    Malformed(String),
}

/// The version to send, if any. `cap` is the newest that may be used at all.
pub fn negotiate(
    need: &Need,
    offered: Option<Range>,
    cap: Option<Microversion>,
) -> Result<Option<Microversion>, Unmet> {
    let (floor, ceiling) = match need {
        Need::None => return Ok(None),
        Need::Malformed(text) => return Err(Unmet::Malformed(text.clone())),
        Need::Between { floor, ceiling } => (*floor, *ceiling),
    };
    let ceiling = cap.map_or(ceiling, |cap| cap.min(ceiling));
    if let (Some(floor), Some(cap)) = (floor, cap)
        && cap < floor
    {
        return Err(Unmet::Capped { floor, cap });
    }
    let Some(offered) = offered else {
        return match floor {
            Some(floor) => Err(Unmet::TooOld { floor, offered: None }),
            None => Ok(None),
        };
    };
    if let Some(floor) = floor
        && offered.max < floor
    {
        return Err(Unmet::TooOld {
            floor,
            offered: Some(offered),
        });
    }
    if ceiling < offered.min {
        return Err(Unmet::TooNew { ceiling, offered });
    }
    Ok(Some(ceiling.min(offered.max)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version() -> impl Strategy<Value = Microversion> {
        (1..4u16, 0..120u16).prop_map(|(major, minor)| Microversion::new(major, minor))
    }

    #[test]
    fn ten_is_newer_than_nine() {
        let version = |text: &str| text.parse::<Microversion>().unwrap();
        assert!(version("2.10") > version("2.9"));
        assert_eq!("v3".parse(), Ok(Microversion::new(3, 0)));
        for bad in [
            "",
            "latest",
            "2.",
            ".2",
            "2.x",
            "-1.0",
            "+2.1",
            "2.1.3",
            "99999999.1",
        ] {
            assert!(bad.parse::<Microversion>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_is_offered_needed_and_allowed(
            floor in proptest::option::of(version()),
            ceiling in version(),
            bounds in proptest::option::of((version(), version())),
            cap in proptest::option::of(version()),
        ) {
            let offered = bounds.map(|(a, b)| Range { min: a.min(b), max: a.max(b) });
            let need = Need::Between { floor, ceiling: floor.map_or(ceiling, |f| f.max(ceiling)) };
            if let Ok(Some(sent)) = negotiate(&need, offered, cap) {
                let offered = offered.expect("nothing is sent to a service without microversions");
                prop_assert!(offered.min <= sent && sent <= offered.max);
                prop_assert!(floor.is_none_or(|f| f <= sent));
                prop_assert!(cap.is_none_or(|c| sent <= c));
            }
        }

        #[test]
        fn no_text_is_too_odd_for_a_version(text in ".*") {
            let _ = text.parse::<Microversion>();
        }
    }
}
