//! Amounts of storage, memory and processors, as Kubernetes writes them.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// An amount of bytes with its unit: `10Gi`, `512Mi`, `20G`.
///
/// The text is kept as it was written; two quantities are equal if their text is. Compare amounts by [`Quantity::bytes`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Quantity(String);

/// An amount of processors: `2`, `0.5` or `500m`.
///
/// ```
/// assert_eq!("1500m".parse::<paas_core::spec::Cpu>().unwrap().millis(), 1500);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Cpu(String);

/// Why a text is no quantity, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuantityError(String);

/// Whole and decimal amounts with a unit; the unit is required because a bare `10` would be ten bytes.
pub(crate) const BYTES_PATTERN: &str = r"^[1-9][0-9]{0,8}(\.[0-9]{1,3})?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)$";
/// Whole processors, thousandths of one, or a decimal number of at most three places.
pub(crate) const CPU_PATTERN: &str = r"^([1-9][0-9]{0,5}m?|[0-9]{1,4}\.[0-9]{1,3})$";

const UNITS: &[(&str, u128)] = &[
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
];

impl Quantity {
    /// A number of gibibytes.
    pub(super) fn gibibytes(n: u32) -> Self {
        Self(format!("{n}Gi"))
    }

    /// The amount in bytes, rounded up as Kubernetes does.
    pub fn bytes(&self) -> u64 {
        parse_bytes(&self.0).unwrap_or(0).try_into().unwrap_or(u64::MAX)
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is wrong with this text and what to write instead.
    pub(crate) fn explain(text: &str) -> String {
        let text = text.trim();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let (number, unit) = (digits.trim(), text[digits.len()..].trim());
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return "write a number and a unit, such as 10Gi (10 × 2^30 bytes) or 10G (10 × 10^9 bytes)"
                .to_owned();
        }
        if unit.is_empty() {
            return format!("the unit is missing: write {number}Gi, or {number}Mi");
        }
        let letter = match unit.to_ascii_uppercase().trim_end_matches(['I', 'B']) {
            "K" => "K",
            "M" => "M",
            "G" => "G",
            "T" => "T",
            "P" => "P",
            _ => {
                return format!(
                    "{unit} is no unit: use one of Ki Mi Gi Ti Pi (powers of 1024) or k M G T P (powers of 1000)"
                );
            }
        };
        let power = 1 + "KMGTP".find(letter).unwrap_or(0);
        let decimal = if letter == "K" { "k" } else { letter };
        if number.starts_with('0') {
            return "write a number that begins with 1 to 9 and a unit, such as 512Mi instead of 0.5Gi"
                .to_owned();
        }
        if parse_bytes(&format!("{number}{letter}i")).is_none() {
            return "write at most nine digits, and at most three after the point".to_owned();
        }
        format!(
            "{unit} is no unit: write {number}{letter}i ({number} × 1024^{power} bytes) or {number}{decimal} ({number} × 1000^{power} bytes)"
        )
    }
}

impl Cpu {
    /// The amount in thousandths of a processor.
    pub fn millis(&self) -> u64 {
        parse_millis(&self.0).unwrap_or(0)
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn parse_bytes(text: &str) -> Option<u128> {
    let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let well_formed = matches!(whole.len(), 1..=9)
        && !whole.starts_with('0')
        && fraction.len() <= 3
        && (fraction.is_empty() != number.contains('.'))
        && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !well_formed {
        return None;
    }
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some((digits * factor).div_ceil(scale))
}

fn parse_millis(text: &str) -> Option<u64> {
    let digits = |s: &str, max: usize| (1..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if let Some((whole, fraction)) = text.split_once('.') {
        if !digits(whole, 4) || !digits(fraction, 3) {
            return None;
        }
        return format!("{whole}{fraction:0<3}").parse().ok();
    }
    let (number, factor) = text.strip_suffix('m').map_or((text, 1000), |n| (n, 1));
    (digits(number, 6) && !number.starts_with('0')).then(|| number.parse::<u64>().ok().map(|n| n * factor))?
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse_bytes(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(QuantityError(format!(
                "\"{text}\" is not a size: {}",
                Self::explain(text)
            ))),
        }
    }
}

impl FromStr for Cpu {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse_millis(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(QuantityError(format!(
                "\"{text}\" is not an amount of processors: write 2, \"0.5\" or 500m"
            ))),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Cpu {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        super::document::text_or_integer(d)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 20, "pattern": BYTES_PATTERN, "x-paas-type": "quantity" })
    }
}

impl JsonSchema for Cpu {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cpu".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true, "maxLength": 20, "pattern": CPU_PATTERN, "minimum": 1, "maximum": 999_999,
            "x-paas-help": "an amount of processors such as 2, \"0.5\" or 500m",
        })
    }
}
