//! A database of a cluster as programs find it: by the binding that its operator publishes.

use std::{fmt, path::Path};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use super::{Forward, codes::K8S_BINDING, fault};
use crate::{
    database::{
        binding::Entries,
        codes::{PG_AUTHORITY, PG_TLS},
        connection::{Connection, SslMode},
    },
    durable,
    error::{Class, Error, Result},
    secrets::ExposeSecret,
};

/// The published binding of a user.
#[derive(Clone)]
pub struct Bound {
    namespace: String,
    secret: String,
    entries: Entries,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bound({}/{})", self.namespace, self.secret)
    }
}

/// Where a service is in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAt {
    /// The namespace.
    pub namespace: String,
    /// The service's name.
    pub name: String,
    /// The port of the service.
    pub port: u16,
}

impl ServiceAt {
    /// Ways to whatever it leads to.
    pub fn forward(&self, client: Client) -> Forward {
        Forward::to_service(client, &self.namespace, &self.name, self.port)
    }
}

impl Bound {
    /// Reads the Secret of a binding. The role needs `get` on `secrets`.
    ///
    /// # Errors
    /// `PAAS-K8S-0028` if it is not there, and those of the API server.
    pub async fn read(client: &Client, namespace: &str, secret: &str) -> Result<Self> {
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let what = format!("read the binding {namespace}/{secret}");
        let there = api
            .get_opt(secret)
            .await
            .map_err(|e| fault::of(&what, false, e))?;
        let absent = || {
            Error::new(&K8S_BINDING, Class::NotFound)
                .attempted(what.as_str())
                .happened("there is no such Secret")
        };
        let mut entries = Entries::new();
        for (key, value) in there.ok_or_else(absent)?.data.unwrap_or_default() {
            if let Ok(text) = String::from_utf8(value.0) {
                entries.insert(key, text.into());
            }
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            secret: secret.to_owned(),
            entries,
        })
    }

    /// The Secret's name.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The way in as a program in the cluster has it, to this database, or to the one of the binding.
    ///
    /// # Errors
    /// `PAAS-K8S-0028` if an entry is missing or makes no sense.
    pub fn connection(&self, database: Option<&str>) -> Result<Connection> {
        let sslmode = match self.text("sslmode")? {
            "disable" => SslMode::Disable,
            "require" => SslMode::Require,
            other => {
                return Err(self.wrong(&format!("the entry sslmode is '{}'", other.escape_debug())));
            }
        };
        Ok(Connection {
            host: self.text("host")?.to_owned(),
            address: None,
            port: self.port("port")?,
            database: match database {
                Some(database) => database.to_owned(),
                None => self.text("database")?.to_owned(),
            },
            user: self.text("username")?.to_owned(),
            password: self.text("password")?.to_owned().into(),
            sslmode,
            ca: None,
        })
    }

    /// The certificate (PEM) of the authority that signed the server's; `None` where the server has no TLS.
    pub fn authority(&self) -> Option<&str> {
        self.entries.get("ca.crt").map(ExposeSecret::expose_secret)
    }

    /// The same way, encrypted, with chain and name of the server verified: its authority's certificate is written into `file`, which
    /// clients read.
    ///
    /// # Errors
    /// `PAAS-PG-0014` if the server has no TLS, `PAAS-PG-0009` if the file cannot be written.
    pub fn verified(&self, to: Connection, file: &Path) -> Result<Connection> {
        let authority = self.authority().ok_or_else(|| {
            Error::new(&PG_TLS, Class::Unsupported)
                .attempted(format!("verify the server of {to}"))
                .happened(format!(
                    "the binding {}/{} has no ca.crt",
                    self.namespace, self.secret
                ))
                .remedy("leave --tls out; a server of the runtime StatefulSet has no TLS")
        })?;
        let same = std::fs::read(file).is_ok_and(|there| there == authority.as_bytes());
        if !same {
            durable::write(file, authority.as_bytes()).map_err(|e| {
                Error::new(&PG_AUTHORITY, Class::Blocked)
                    .attempted(format!(
                        "write the authority's certificate into {}",
                        file.display()
                    ))
                    .happened(e.to_string())
                    .remedy("make room, or make the folder writable")
            })?;
        }
        Ok(Connection {
            sslmode: SslMode::VerifyFull,
            ca: Some(file.to_owned()),
            ..to
        })
    }

    /// The service in front of the server.
    ///
    /// # Errors
    /// `PAAS-K8S-0028` if the binding names none.
    pub fn server(&self) -> Result<ServiceAt> {
        self.service(self.text("host")?, self.port("port")?)
    }

    /// The host and the service of the pool of connections; `None` without one.
    ///
    /// # Errors
    /// `PAAS-K8S-0028` if it is none of a service.
    pub fn pooler(&self) -> Result<Option<(String, ServiceAt)>> {
        if !self.entries.contains_key("pooler-host") {
            return Ok(None);
        }
        let host = self.text("pooler-host")?;
        Ok(Some((
            host.to_owned(),
            self.service(host, self.port("pooler-port")?)?,
        )))
    }

    /// A service's name in the cluster's DNS: `demo-rw.shop.svc`.
    fn service(&self, host: &str, port: u16) -> Result<ServiceAt> {
        let mut labels = host.split('.');
        match (labels.next(), labels.next(), labels.next()) {
            (Some(name), Some(namespace), Some("svc")) => Ok(ServiceAt {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                port,
            }),
            _ => Err(self.wrong(&format!("'{}' is no name of a service", host.escape_debug()))),
        }
    }

    fn text(&self, key: &str) -> Result<&str> {
        let value = self.entries.get(key).map(ExposeSecret::expose_secret);
        value.ok_or_else(|| self.wrong(&format!("it has no entry {key}")))
    }

    fn port(&self, key: &str) -> Result<u16> {
        let text = self.text(key)?;
        text.parse()
            .map_err(|_| self.wrong(&format!("the entry {key} is no port")))
    }

    fn wrong(&self, why: &str) -> Error {
        Error::new(&K8S_BINDING, Class::Invalid)
            .attempted(format!("use the binding {}/{}", self.namespace, self.secret))
            .happened(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(entries: &[(&str, &str)]) -> Bound {
        let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned().into());
        Bound {
            namespace: "shop".to_owned(),
            secret: "demo.binding".to_owned(),
            entries: entries.iter().map(entry).collect(),
        }
    }

    const ENTRIES: [(&str, &str); 6] = [
        ("host", "demo-rw.shop.svc"),
        ("port", "5432"),
        ("database", "app"),
        ("username", "app_a"),
        ("password", "s3cret"),
        ("sslmode", "require"),
    ];

    #[test]
    fn a_binding_says_where_the_service_is_and_how_one_gets_in() {
        let to = bound(&ENTRIES).connection(None).unwrap();
        let url = "postgresql://app_a:***@demo-rw.shop.svc:5432/app?sslmode=require";
        assert_eq!(to.to_string(), url);
        assert_eq!(bound(&ENTRIES).connection(Some("more")).unwrap().database, "more");
        let at = ServiceAt {
            namespace: "shop".to_owned(),
            name: "demo-rw".to_owned(),
            port: 5432,
        };
        assert_eq!(bound(&ENTRIES).server().unwrap(), at);
        assert_eq!(bound(&ENTRIES).pooler().unwrap(), None);
        let mut more = ENTRIES.to_vec();
        more.extend([("pooler-host", "demo-pooler.shop.svc"), ("pooler-port", "6432")]);
        let (host, pooler) = bound(&more).pooler().unwrap().unwrap();
        assert_eq!(
            (host.as_str(), pooler.name.as_str(), pooler.port),
            ("demo-pooler.shop.svc", "demo-pooler", 6432)
        );
    }

    #[test]
    fn an_entry_that_is_missing_or_wrong_is_named_without_a_password() {
        for at in 0..ENTRIES.len() {
            let mut less = ENTRIES.to_vec();
            let (key, _) = less.remove(at);
            let error = bound(&less).connection(None).unwrap_err();
            assert_eq!(error.code().id, K8S_BINDING.id);
            assert_eq!(error.words(), format!("it has no entry {key}"));
        }
        let with = |key: &str, value: &str| {
            let mut all = ENTRIES.to_vec();
            all.retain(|(k, _)| *k != key);
            let entry = [(key, value)];
            all.extend(entry);
            bound(&all)
        };
        assert!(with("port", "many").connection(None).is_err());
        assert!(with("sslmode", "prefer").connection(None).is_err());
        assert!(with("host", "db.example.org").server().is_err());
        assert!(!format!("{:?}", bound(&ENTRIES)).contains("s3cret"));
    }
}
