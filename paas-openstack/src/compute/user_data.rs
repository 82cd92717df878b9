//! What a server reads when it boots, as Nova takes it.

use std::{fmt, io::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use paas_core::error::{Class, Error};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

use crate::codes;

/// The most bytes of base64 that Nova takes (`maxLength` of its schema): about 49,151 raw ones.
pub const LIMIT: usize = 65_535;

/// The raw bytes that a server reads when it boots, encoded. They may hold secrets, so they are never shown.
///
/// What fits goes as it is, because everything reads that. What does not fit is compressed with gzip, which cloud-init and Ignition
/// recognise.
#[derive(Clone)]
pub struct UserData(SecretString);

impl UserData {
    /// Encodes raw bytes: a script, a `#cloud-config`, a MIME archive.
    ///
    /// # Errors
    ///
    /// `PAAS-OS-0030` if they are too large even when compressed.
    pub fn new(raw: &[u8]) -> Result<Self, Error> {
        let mut text = STANDARD.encode(raw);
        if text.len() > LIMIT {
            text = STANDARD.encode(gzip(raw));
        }
        if text.len() > LIMIT {
            return Err(Error::new(&codes::OS_USER_DATA, Class::Invalid)
                .attempted("create server")
                .happened(format!(
                    "the user data are {} bytes, and {} when compressed and encoded; Nova takes at most {LIMIT}",
                    raw.len(),
                    text.len()
                )));
        }
        Ok(Self(text.into()))
    }

    /// How many bytes are sent.
    pub fn encoded_len(&self) -> usize {
        self.0.expose_secret().len()
    }
}

fn gzip(raw: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, what is too short to be a gzip stream would be told by its size.
    if encoder.write_all(raw).is_err() {
        return raw.to_vec();
    }
    encoder.finish().unwrap_or_else(|_| raw.to_vec())
}

impl PartialEq for UserData {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData([{} bytes])", self.encoded_len())
    }
}

impl Serialize for UserData {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn raw(text: &UserData) -> Vec<u8> {
        STANDARD.decode(text.0.expose_secret()).expect("base64")
    }

    /// Bytes that no compression makes smaller.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        (0..bytes).map(next).collect()
    }

    #[test]
    fn what_fits_goes_as_it_is_up_to_the_last_byte() {
        let most = noise(LIMIT / 4 * 3);
        let data = UserData::new(&most).expect("fits");
        assert_eq!(raw(&data), most);
        assert!(data.encoded_len() <= LIMIT);
    }

    #[test]
    fn what_does_not_fit_is_compressed() {
        let large = b"runcmd: [echo, hello]\n".repeat(20_000);
        let sent = raw(&UserData::new(&large).expect("compresses well"));
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&*sent)
            .read_to_end(&mut back)
            .expect("gzip");
        assert_eq!(back, large);
    }

    #[test]
    fn what_is_too_large_even_so_is_refused_before_anything_is_sent() {
        let error = UserData::new(&noise(LIMIT)).expect_err("too large");
        assert_eq!(error.code().id, "PAAS-OS-0030");
        assert!(error.to_string().contains("65535"), "{error}");
    }

    #[test]
    fn the_same_bytes_are_encoded_the_same_way_and_never_shown() {
        let large = b"canary-7f31 ".repeat(10_000);
        assert_eq!(
            UserData::new(&large).expect("fits"),
            UserData::new(&large).expect("fits")
        );
        let shown = format!("{:?}", UserData::new(b"canary-7f31").expect("fits"));
        assert_eq!(shown, "UserData([16 bytes])");
    }
}
