//! What is asked for.

use std::net::IpAddr;

use paas_core::{
    error::{Class, Error, Result},
    secrets::SecretRef,
};

use crate::{codes::OS_VM, provider::choice::Choice};

/// The range of a machine's own network where none is said.
pub const DEFAULT_CIDR: &str = "10.20.0.0/24";

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmSpec {
    /// Its name, which becomes its host name.
    pub name: String,
    /// What it is installed from.
    pub image: Choice,
    /// What it is as large as.
    pub flavor: Choice,
    /// Where it is plugged in.
    pub place: Place,
    /// The network outside, which its router and its floating IP are on.
    pub external: Choice,
    /// Whether it has an address outside.
    pub floating_ip: bool,
    /// The public key that may log in, in OpenSSH's form.
    pub ssh_key: Option<String>,
    /// What may reach it.
    pub allow: Vec<Allowed>,
    /// What its first boot does, kept in the secret store: see [`super::keep_user_data`].
    pub user_data: Option<SecretRef>,
    /// GiB of a root volume; `None` for the flavor's own disk.
    pub root_volume: Option<u32>,
    /// GiB of a volume for data, which outlives the machine.
    pub data_volume: Option<u32>,
    /// Its availability zone; `None` for any.
    pub zone: Option<String>,
}

/// Where a machine is plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a network of its own, with a router to the outside.
    Own {
        /// Its range.
        cidr: String,
    },
    /// In a network that is there and stays as it is; [`super::place`] finds it.
    Existing {
        /// The network's id.
        network: String,
        /// The id of a subnet of it.
        subnet: String,
    },
}

/// Ports that are open, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowed {
    /// The first and the last TCP port.
    pub ports: (u16, u16),
    /// A range of addresses.
    pub from: String,
}

impl VmSpec {
    /// A machine with the cloud's newest Ubuntu or Debian, the smallest flavor with 1 processor, 1 GiB and 10 GiB, a network of its
    /// own, an address outside, and SSH open to everybody. Nobody's key is in it.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            image: Choice::Newest {
                distros: vec!["ubuntu".to_owned(), "debian".to_owned()],
            },
            flavor: Choice::AtLeast {
                cpus: 1,
                memory: 1024,
                disk: 10,
            },
            place: Place::Own {
                cidr: DEFAULT_CIDR.to_owned(),
            },
            external: Choice::Only,
            floating_ip: true,
            ssh_key: None,
            allow: vec![Allowed {
                ports: (22, 22),
                from: "0.0.0.0/0".to_owned(),
            }],
            user_data: None,
            root_volume: None,
            data_volume: None,
            zone: None,
        }
    }

    /// Looks for what no machine can be, before the cloud is asked.
    ///
    /// # Errors
    /// `PAAS-OS-0044` with the value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let name = self.name.as_str();
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = name.len() <= 63
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.ends_with(ends)
            && name.chars().all(letter);
        if !good {
            return Err(self.bad(format!(
                "'{}' is not a name: at most 63 lower-case letters, digits and '-', a letter first",
                name.escape_debug()
            )));
        }
        if let Place::Own { cidr } = &self.place {
            let (kind, _, prefix) = range(cidr).map_err(|why| self.bad(why))?;
            if kind != "IPv4" || !(10..=28).contains(&prefix) {
                return Err(self.bad(format!(
                    "its network cannot be {cidr}: an IPv4 range from /10 to /28, such as {DEFAULT_CIDR}"
                )));
            }
        }
        for allowed in &self.allow {
            range(&allowed.from).map_err(|why| self.bad(why))?;
            let (first, last) = allowed.ports;
            if first == 0 || first > last {
                return Err(self.bad(format!("{first}-{last} are no ports: 443, or 8000-8100")));
            }
        }
        if let Some(key) = &self.ssh_key {
            let mut words = key.split_whitespace();
            let kind = words.next().unwrap_or_default();
            let known = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"]
                .iter()
                .any(|k| kind.starts_with(k));
            if !known || words.next().is_none_or(|body| !body.starts_with("AAAA")) {
                return Err(self.bad(
                    "its SSH key is not a public key: one line such as ssh-ed25519 AAAA… me@laptop"
                        .to_owned(),
                ));
            }
        }
        match (self.root_volume, self.data_volume) {
            (Some(0), _) | (_, Some(0)) => Err(self.bad("a volume has at least 1 GiB".to_owned())),
            _ => Ok(()),
        }
    }

    pub(super) fn bad(&self, why: String) -> Error {
        Error::new(&OS_VM, Class::Invalid)
            .attempted(format!("create the virtual machine {}", self.name.escape_debug()))
            .happened(why)
    }
}

/// A range of addresses as Neutron keeps it, with its kind (`IPv4`, `IPv6`) and its prefix. A single address is a range of one.
///
/// # Errors
/// Why it is none, as words.
pub fn range(text: &str) -> Result<(&'static str, String, u8), String> {
    let wrong = |why: &str| format!("'{}' is not a range of addresses: {why}", text.escape_debug());
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| wrong("write 198.51.100.0/24 or 2001:db8::/32"))?;
    let (kind, longest, bits) = match address {
        IpAddr::V4(v4) => ("IPv4", 32_u8, u128::from(v4.to_bits()) << 96),
        IpAddr::V6(v6) => ("IPv6", 128, v6.to_bits()),
    };
    let prefix = match prefix {
        None => longest,
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|p| *p <= longest)
            .ok_or_else(|| wrong("what follows the slash is no length of a prefix"))?,
    };
    let host = bits.checked_shl(u32::from(prefix)).unwrap_or(0);
    if host != 0 {
        return Err(wrong("it has bits beyond its prefix"));
    }
    Ok((kind, format!("{address}/{prefix}"), prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_brought_to_one_form() {
        let form = |text: &str| range(text).map(|(kind, text, _)| format!("{kind} {text}"));
        assert_eq!(form("0.0.0.0/0").unwrap(), "IPv4 0.0.0.0/0");
        assert_eq!(form("198.51.100.7").unwrap(), "IPv4 198.51.100.7/32");
        assert_eq!(form("2001:DB8:0::/32").unwrap(), "IPv6 2001:db8::/32");
        assert_eq!(form("::/0").unwrap(), "IPv6 ::/0");
        for wrong in [
            "",
            "everybody",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "::1/64",
        ] {
            assert!(form(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_no_machine_can_be_is_told_before_the_cloud_is_asked() {
        VmSpec::named("web-1").check().unwrap();
        let with = |change: fn(&mut VmSpec)| {
            let mut spec = VmSpec::named("web");
            change(&mut spec);
            spec.check().unwrap_err().to_string()
        };
        for (why, said) in [
            ("is not a name", with(|s| s.name = "Web".into())),
            ("is not a name", with(|s| s.name = "web-".into())),
            ("is not a name", with(|s| s.name = "w".repeat(64))),
            (
                "an IPv4 range",
                with(|s| {
                    s.place = Place::Own {
                        cidr: "10.0.0.0/8".into(),
                    }
                }),
            ),
            (
                "not a range",
                with(|s| s.place = Place::Own { cidr: "here".into() }),
            ),
            ("are no ports", with(|s| s.allow[0].ports = (90, 80))),
            ("not a range", with(|s| s.allow[0].from = "me".into())),
            (
                "not a public key",
                with(|s| s.ssh_key = Some("-----BEGIN OPENSSH PRIVATE KEY-----".into())),
            ),
            ("at least 1 GiB", with(|s| s.data_volume = Some(0))),
        ] {
            assert!(
                said.contains(why) && said.contains("PAAS-OS-0044"),
                "{why}: {said}"
            );
        }
        assert!(
            !with(|s| s.ssh_key = Some("canary".into())).contains("canary"),
            "a private key is not told"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_range_is_read_again_as_itself(text in "\\PC{0,40}") {
            if let Ok((kind, form, prefix)) = range(&text) {
                prop_assert_eq!(range(&form), Ok((kind, form.clone(), prefix)));
            }
        }
    }
}
