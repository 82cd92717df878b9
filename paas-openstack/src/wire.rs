//! How the services' words are read and written: open enums, records that tolerate what is missing, requests that leave out what was
//! not said, filters that are applied again here.

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize};

/// An enum that survives what it does not know: every string becomes a value, and the value becomes the same string again.
macro_rules! open_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`.")] $(#[$vmeta])* $variant,)*
            /// What this version does not know, as the cloud said it; empty where the cloud said nothing.
            Other(String),
        }

        impl $name {
            /// The cloud's own word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from).map(|word| Self::from(&*word))
            }
        }
    };
}

/// What a service tells. The `key` must be there; every other field may be missing or null and is then its default, because older
/// clouds, other roles and cells that are down leave out much. Fields that are not listed are ignored.
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $(#[$kmeta:meta])* key $key:ident: $kty:ty,
        $($(#[$fmeta:meta])* $field:ident: $fty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        $vis struct $name {
            $(#[$kmeta])* pub $key: $kty,
            $($(#[$fmeta])* #[serde(default, deserialize_with = "crate::wire::lenient")] pub $field: $fty,)*
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$fmeta:meta])* $field:ident: $fty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        $vis struct $name {
            $($(#[$fmeta])* #[serde(default, deserialize_with = "crate::wire::lenient")] pub $field: $fty,)*
        }
    };
}

/// What a service is told: what `must` be said, and what `may` be said and is left out otherwise. `may` fields have a setter of their
/// name. A `may` field of type `Option` can be set to `None`, which is sent as null.
macro_rules! request {
    ($(#[$meta:meta])* pub struct $name:ident {
        must { $($(#[$rmeta:meta])* $req:ident: $rty:ty),* $(,)? }
        may { $($(#[$fmeta:meta])* $field:ident: $fty:ty),* $(,)? }
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $($(#[$rmeta])* pub $req: $rty,)*
            $($(#[$fmeta])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$fty>,)*
        }

        impl $name {
            /// One with nothing said but what must be.
            #[allow(clippy::new_without_default, reason = "generated: what must be said is none for some")]
            pub fn new($($req: impl Into<$rty>),*) -> Self {
                Self { $($req: $req.into(),)* $($field: None,)* }
            }

            $(
                #[doc = concat!("Says `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, value: impl Into<$fty>) -> Self {
                    self.$field = Some(value.into());
                    self
                }
            )*
        }
    };
}

/// Which of them are listed. Each field is sent under its query name, and applied again to what comes back, because services ignore
/// filters that they do not know and would answer with everything.
macro_rules! filter {
    ($(#[$meta:meta])* pub struct $name:ident of $of:ty {
        $($(#[$fmeta:meta])* $field:ident: $fty:ty = $query:literal $(as $how:path)?, |$item:ident, $want:ident| $admits:expr;)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $($(#[$fmeta])* pub $field: Option<$fty>,)*
        }

        impl $name {
            /// All of them.
            pub fn all() -> Self {
                Self::default()
            }

            $(
                #[doc = concat!("Only with this `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, value: impl Into<$fty>) -> Self {
                    self.$field = Some(value.into());
                    self
                }
            )*
        }

        impl crate::collection::Filter<$of> for $name {
            fn query(&self) -> Vec<(&'static str, String)> {
                let mut query = Vec::new();
                $(if let Some(want) = &self.$field {
                    query.push(($query, filter!(@text want $(, $how)?)));
                })*
                query
            }

            fn admits(&self, found: &$of) -> bool {
                $(if let Some($want) = &self.$field {
                    let $item = found;
                    if !$admits {
                        return false;
                    }
                })*
                true
            }
        }
    };
    (@text $want:ident) => { $want.to_string() };
    (@text $want:ident, $how:path) => { $how($want) };
}

pub(crate) use {filter, open_enum, record, request};

/// Null and missing are the default.
pub(crate) fn lenient<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// A point in time as a service says it. Some say a zone, some do not: it is UTC then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Stamp(pub String);

impl Stamp {
    /// The time, unless the text is none.
    pub fn at(&self) -> Option<Timestamp> {
        self.0.parse().ok().or_else(|| {
            let civil: DateTime = self.0.parse().ok()?;
            civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A truth that some services say as a string: `true`, `"true"`, `"True"`; everything else is false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match serde_json::Value::deserialize(from)? {
            serde_json::Value::Bool(said) => said,
            serde_json::Value::String(said) => said.eq_ignore_ascii_case("true"),
            _ => false,
        }))
    }
}

record! {
    /// An availability zone. Nova's and Cinder's are different name spaces, even where the names are the same.
    pub struct Zone {
        /// Its name.
        #[serde(rename = "zoneName")]
        key name: String,
        /// Whether it takes anything.
        #[serde(rename = "zoneState")]
        state: ZoneState,
    }
}

record! {
    /// How an availability zone is.
    pub struct ZoneState {
        /// True if it takes new things.
        available: bool,
    }
}

/// Tags of which all must be there, written `a,b`. A tag with a comma cannot be asked for: no service takes one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllTags(pub Vec<String>);

impl AllTags {
    /// True if `found` has them all.
    pub fn within(&self, found: &[String]) -> bool {
        self.0.iter().all(|tag| found.contains(tag))
    }
}

impl From<&str> for AllTags {
    fn from(tag: &str) -> Self {
        Self(vec![tag.to_owned()])
    }
}

impl From<Vec<String>> for AllTags {
    fn from(tags: Vec<String>) -> Self {
        Self(tags)
    }
}

impl fmt::Display for AllTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// One limit of a project and how much of it is in use. Counts, or MiB and GiB where the name of the limit says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "SaidQuota")]
pub struct Quota {
    /// The most there may be; -1 is no limit.
    pub limit: i64,
    /// How much there is. Neutron says `used`.
    pub in_use: i64,
    /// How much is promised to what is being made.
    pub reserved: i64,
}

/// Nova's and Cinder's name for what is in use, and Neutron's.
#[derive(Deserialize)]
struct SaidQuota {
    limit: Option<i64>,
    in_use: Option<i64>,
    used: Option<i64>,
    reserved: Option<i64>,
}

impl From<SaidQuota> for Quota {
    fn from(said: SaidQuota) -> Self {
        Self {
            limit: said.limit.unwrap_or(-1),
            in_use: said.in_use.or(said.used).unwrap_or(0),
            reserved: said.reserved.unwrap_or(0),
        }
    }
}

impl Default for Quota {
    /// Nothing was said: no limit is known.
    fn default() -> Self {
        Self {
            limit: -1,
            in_use: 0,
            reserved: 0,
        }
    }
}

impl Quota {
    /// What is left; `None` where there is no limit.
    pub fn free(&self) -> Option<u64> {
        (self.limit >= 0).then(|| {
            let taken = self.in_use.saturating_add(self.reserved);
            u64::try_from(self.limit.saturating_sub(taken)).unwrap_or(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc() {
        let at = |text: &str| Stamp(text.to_owned()).at().map(|t| t.to_string());
        assert_eq!(at("2016-03-08T20:19:41").as_deref(), Some("2016-03-08T20:19:41Z"));
        assert_eq!(
            at("2018-02-27T18:30:59.000000").as_deref(),
            Some("2018-02-27T18:30:59Z")
        );
        assert_eq!(
            at("2013-09-03T04:01:32Z").as_deref(),
            Some("2013-09-03T04:01:32Z")
        );
        assert_eq!(at("yesterday"), None);
    }

    #[test]
    fn a_quota_without_limit_has_no_end_and_an_overdrawn_one_nothing_left() {
        let quota = |limit, in_use, reserved| Quota {
            limit,
            in_use,
            reserved,
        };
        assert_eq!(quota(-1, 7, 0).free(), None);
        assert_eq!(quota(10, 7, 1).free(), Some(2));
        assert_eq!(quota(5, 7, 0).free(), Some(0));
    }
}
