//! The few fields of a certificate that are needed here, found by their place (RFC 5280, 4.1): nothing of it is trusted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Parts of a certificate, each with its own tag and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// Who signed it.
    pub(super) issuer: &'a [u8],
    /// From when to when it is good.
    validity: &'a [u8],
    /// Whose it is.
    pub(super) subject: &'a [u8],
    /// The key, with its kind.
    pub(super) public_key: &'a [u8],
}

/// The certificates of a PEM text, in their order.
pub(in crate::installer) fn certificates(pem: &str) -> Vec<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let blocks = pem.split(BEGIN).skip(1);
    let bodies = blocks.filter_map(|rest| rest.split_once("-----END CERTIFICATE-----"));
    bodies
        .filter_map(|(body, _)| {
            let letters: String = body.split_ascii_whitespace().collect();
            STANDARD.decode(letters).ok()
        })
        .collect()
}

/// The parts of a certificate; `None` if it is none.
pub(super) fn parts(certificate: &[u8]) -> Option<Parts<'_>> {
    let (whole, _) = open(certificate, SEQUENCE)?;
    let (mut rest, _) = open(whole, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = take(rest)?.1;
    }
    // The serial number, the algorithm.
    for _ in 0..2 {
        rest = take(rest)?.1;
    }
    let (issuer, rest) = take(rest)?;
    let (validity, rest) = take(rest)?;
    let (subject, rest) = take(rest)?;
    let (public_key, _) = take(rest)?;
    Some(Parts {
        issuer,
        validity,
        subject,
        public_key,
    })
}

/// When a certificate ends; `None` if it is none.
pub(in crate::installer) fn ends(certificate: &[u8]) -> Option<Timestamp> {
    let (validity, _) = open(parts(certificate)?.validity, SEQUENCE)?;
    let (_, end) = take(validity)?;
    let short = open(end, UTC_TIME);
    let (digits, _) = short.or_else(|| open(end, GENERALIZED_TIME))?;
    let text = std::str::from_utf8(digits).ok()?.strip_suffix('Z')?;
    // Two digits are a year from 1950 to 2049 (RFC 5280, 4.1.2.5.1).
    let century = match short {
        None => "",
        Some(_) if text.get(..2)? < "50" => "20",
        Some(_) => "19",
    };
    let text = format!("{century}{text}");
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// What is in the first element, which must have the tag, and what comes after it.
fn open(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    if bytes.first() != Some(&tag) {
        return None;
    }
    let (header, length) = header(bytes)?;
    let (element, rest) = bytes.split_at_checked(header.checked_add(length)?)?;
    Some((&element[header..], rest))
}

/// The first element whole, and what comes after it.
fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, length) = header(bytes)?;
    bytes.split_at_checked(header.checked_add(length)?)
}

/// The lengths of the header and of what is in it.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let count = first & 0x7f;
    let digits = bytes.get(2..2 + count).filter(|_| (1..=4).contains(&count))?;
    let length = digits
        .iter()
        .fold(0, |sum, digit| (sum << 8) | usize::from(*digit));
    Some((2 + count, length))
}
