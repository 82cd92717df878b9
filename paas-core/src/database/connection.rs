//! How a program reaches a database, in every form that programs read.

use std::{
    fmt::{self, Write},
    net::IpAddr,
    path::PathBuf,
};

use secrecy::{ExposeSecret, SecretString};

/// A way into one database. Its `Display` and `Debug` hide the password; the forms with it are [`SecretString`]s.
#[derive(Debug, Clone)]
pub struct Connection {
    /// A host name or address, or the folder of a Unix socket.
    pub host: String,
    /// Where that host is, if its name is known elsewhere only, as a service's is behind a forwarded port: libpq's `hostaddr`. The
    /// certificate still has to name the host.
    pub address: Option<IpAddr>,
    /// The TCP port, which also names the socket file.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The login role.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// What TLS is asked for.
    pub sslmode: SslMode,
    /// The file with the certificate of the authority that signed the server's; `None` without TLS, or for the system's authorities.
    pub ca: Option<PathBuf>,
}

/// libpq's `sslmode`, of which only the meaningful ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// No TLS: loopback and Unix sockets.
    #[default]
    Disable,
    /// TLS without looking at the certificate.
    Require,
    /// TLS, the certificate's chain and name are checked.
    VerifyFull,
}

impl SslMode {
    /// libpq's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl Connection {
    /// `postgresql://user:password@host:port/database?sslmode=…`.
    ///
    /// ```
    /// # use paas_core::database::connection::{Connection, SslMode};
    /// use secrecy::ExposeSecret;
    /// let c = Connection {
    ///     host: "127.0.0.1".into(), address: None, port: 5433, database: "demo".into(), user: "app_a".into(),
    ///     password: "p@ss/w:rd".to_owned().into(), sslmode: SslMode::Disable, ca: None,
    /// };
    /// assert_eq!(c.url().expose_secret(), "postgresql://app_a:p%40ss%2Fw%3Ard@127.0.0.1:5433/demo?sslmode=disable");
    /// assert_eq!(c.to_string(), "postgresql://app_a:***@127.0.0.1:5433/demo?sslmode=disable");
    /// ```
    pub fn url(&self) -> SecretString {
        self.write_url(&encode(self.password.expose_secret())).into()
    }

    /// libpq's keyword/value form: `host='…' port='…' …`.
    pub fn keywords(&self) -> SecretString {
        let pairs = self.pairs().map(|(_, key, value)| {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            format!("{key}='{value}'")
        });
        pairs.collect::<Vec<_>>().join(" ").into()
    }

    /// The variables that libpq and most drivers read, by name.
    pub fn env(&self) -> Vec<(&'static str, SecretString)> {
        self.pairs()
            .map(|(name, _, value)| (name, value.into()))
            .collect()
    }

    /// JDBC's URL. It has no form for a Unix socket without an extra library, so the host must be a TCP one; nor has it one for a host
    /// with another address, whose certificate it then cannot verify.
    pub fn jdbc(&self) -> SecretString {
        let host = self.address.map_or_else(|| self.host.clone(), |a| a.to_string());
        let at = format!("{}:{}/{}", bracketed(&host), self.port, encode(&self.database));
        let (user, password) = (encode(&self.user), encode(self.password.expose_secret()));
        let mode = self.sslmode.as_str();
        let ca = self.ca_parameter();
        format!("jdbc:postgresql://{at}?user={user}&password={password}&sslmode={mode}{ca}").into()
    }

    /// A line of a `.pgpass` file. For a socket in libpq's default folder the file wants `localhost`; ours are elsewhere.
    pub fn pgpass(&self) -> SecretString {
        let escape = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
        let password = escape(self.password.expose_secret());
        format!(
            "{}:{}:{}:{}:{password}",
            escape(&self.host),
            self.port,
            escape(&self.database),
            escape(&self.user)
        )
        .into()
    }

    fn pairs(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let ca = self
            .ca
            .as_ref()
            .map(|path| ("PGSSLROOTCERT", "sslrootcert", path.display().to_string()));
        let address = self
            .address
            .map(|address| ("PGHOSTADDR", "hostaddr", address.to_string()));
        [
            ("PGHOST", "host", self.host.clone()),
            ("PGPORT", "port", self.port.to_string()),
            ("PGDATABASE", "dbname", self.database.clone()),
            ("PGUSER", "user", self.user.clone()),
            ("PGPASSWORD", "password", self.password.expose_secret().to_owned()),
            ("PGSSLMODE", "sslmode", self.sslmode.as_str().to_owned()),
        ]
        .into_iter()
        .chain(ca)
        .chain(address)
    }

    fn ca_parameter(&self) -> String {
        self.ca.as_ref().map_or(String::new(), |path| {
            format!("&sslrootcert={}", encode(&path.display().to_string()))
        })
    }

    fn write_url(&self, password: &str) -> String {
        let host = if self.host.starts_with('/') {
            encode(&self.host)
        } else {
            bracketed(&self.host)
        };
        let address = self
            .address
            .map_or(String::new(), |a| format!("&hostaddr={}", encode(&a.to_string())));
        format!(
            "postgresql://{}:{password}@{host}:{}/{}?sslmode={}{}{address}",
            encode(&self.user),
            self.port,
            encode(&self.database),
            self.sslmode.as_str(),
            self.ca_parameter()
        )
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write_url("***"))
    }
}

/// IPv6 addresses stand in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// Percent-encoding of everything but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, b| {
            match b {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(b))
                }
                _ => {
                    let _ = write!(out, "%{b:02X}");
                }
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connection(host: &str, password: &str) -> Connection {
        Connection {
            host: host.into(),
            port: 5433,
            database: "de mo".into(),
            user: "o'neil".into(),
            password: password.to_owned().into(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        }
    }

    #[test]
    fn the_authority_is_named_in_every_form_that_has_a_word_for_it() {
        let c = Connection {
            sslmode: SslMode::VerifyFull,
            ca: Some("/srv/my ca.crt".into()),
            ..connection("localhost", "x")
        };
        let end = "sslmode=verify-full&sslrootcert=%2Fsrv%2Fmy%20ca.crt";
        assert!(c.url().expose_secret().ends_with(end));
        assert!(c.jdbc().expose_secret().ends_with(end));
        assert!(
            c.keywords()
                .expose_secret()
                .ends_with("sslmode='verify-full' sslrootcert='/srv/my ca.crt'")
        );
        assert_eq!(c.env()[6].0, "PGSSLROOTCERT");
    }

    #[test]
    fn a_host_that_is_elsewhere_keeps_its_name_for_the_certificate_in_every_form_of_libpqs() {
        let c = Connection {
            address: Some([127, 0, 0, 1].into()),
            sslmode: SslMode::VerifyFull,
            ..connection("demo-rw.shop.svc", "x")
        };
        let url = c.url();
        assert!(url.expose_secret().contains("@demo-rw.shop.svc:5433/"));
        assert!(
            url.expose_secret()
                .ends_with("sslmode=verify-full&hostaddr=127.0.0.1")
        );
        assert!(c.keywords().expose_secret().ends_with("hostaddr='127.0.0.1'"));
        let (name, value) = c.env().pop().unwrap();
        assert_eq!((name, value.expose_secret()), ("PGHOSTADDR", "127.0.0.1"));
        assert!(
            c.jdbc()
                .expose_secret()
                .starts_with("jdbc:postgresql://127.0.0.1:5433/")
        );
    }

    #[test]
    fn every_form_is_the_one_its_readers_know() {
        let c = connection("127.0.0.1", r"a:b\c'd");
        let url = "postgresql://o%27neil:a%3Ab%5Cc%27d@127.0.0.1:5433/de%20mo?sslmode=disable";
        assert_eq!(c.url().expose_secret(), url);
        let keywords = r"host='127.0.0.1' port='5433' dbname='de mo' user='o\'neil' password='a:b\\c\'d' sslmode='disable'";
        assert_eq!(c.keywords().expose_secret(), keywords);
        let jdbc =
            "jdbc:postgresql://127.0.0.1:5433/de%20mo?user=o%27neil&password=a%3Ab%5Cc%27d&sslmode=disable";
        assert_eq!(c.jdbc().expose_secret(), jdbc);
        assert_eq!(
            c.pgpass().expose_secret(),
            r"127.0.0.1:5433:de mo:o'neil:a\:b\\c'd"
        );
        assert_eq!(c.env()[4].0, "PGPASSWORD");
        assert_eq!(c.env()[4].1.expose_secret(), r"a:b\c'd");
        assert!(
            connection("::1", "x")
                .url()
                .expose_secret()
                .contains("@[::1]:5433/")
        );
        assert!(
            connection("/run/pg", "x")
                .url()
                .expose_secret()
                .contains("@%2Frun%2Fpg:5433/")
        );
    }

    proptest! {
        #[test]
        fn the_url_and_the_keywords_are_read_back_by_a_client(password in "[^\0]{1,40}", user in "[^\0]{1,20}") {
            let c = Connection { user: user.clone(), ..connection("localhost", &password) };
            for form in [c.url(), c.keywords()] {
                let read: tokio_postgres::Config = form.expose_secret().parse().unwrap();
                prop_assert_eq!(read.get_password(), Some(password.as_bytes()));
                prop_assert_eq!(read.get_user(), Some(user.as_str()));
                prop_assert_eq!(read.get_dbname(), Some("de mo"));
                prop_assert_eq!(read.get_ports(), [5433]);
            }
        }

        #[test]
        fn nothing_that_people_see_holds_the_password(password in "[a-z0-9]{12,40}") {
            let c = connection("localhost", &password);
            prop_assert!(!c.to_string().contains(&password));
            let debug = format!("{c:?}");
            prop_assert!(!debug.contains(&password));
        }
    }
}
