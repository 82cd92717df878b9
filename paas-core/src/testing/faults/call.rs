//! What a request asks of an API server.

use std::fmt;

use http::{Method, Request, Uri, header};

/// What a call does: the verbs of RBAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Reads one object, or what is no object.
    Get,
    /// Reads all of a kind.
    List,
    /// Waits for changes.
    Watch,
    /// Makes an object, or asks a question that is sent as one.
    Create,
    /// Replaces an object.
    Update,
    /// Changes an object, or applies it.
    Patch,
    /// Deletes an object.
    Delete,
    /// Deletes all that a selector fits.
    DeleteCollection,
    /// Asks for another protocol: forwarding of ports, commands in pods.
    Connect,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Connect => "connect",
        })
    }
}

/// A call, by what it does to what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// What it does.
    pub verb: Verb,
    /// The group, empty for the core one.
    pub group: String,
    /// The kind in its plural; empty for what is no object, such as `/version`.
    pub resource: String,
    /// `status`, `scale`, …; empty for the object itself.
    pub subresource: String,
    /// Empty for all namespaces, and for a kind without one.
    pub namespace: String,
    /// Empty for all objects, and where the body says it.
    pub name: String,
}

impl Call {
    /// What a request asks.
    pub fn of<B>(request: &Request<B>) -> Self {
        let mut call = Self::at(request.uri().path());
        let upgrade = request.headers().contains_key(header::UPGRADE);
        call.verb = match *request.method() {
            _ if upgrade => Verb::Connect,
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH => Verb::Patch,
            Method::DELETE if call.name.is_empty() => Verb::DeleteCollection,
            Method::DELETE => Verb::Delete,
            _ if watches(request.uri()) => Verb::Watch,
            _ if call.name.is_empty() && !call.resource.is_empty() => Verb::List,
            _ => Verb::Get,
        };
        call
    }

    /// True if it changes something; questions about rights and tokens do not.
    pub fn writes(&self) -> bool {
        let asks = ["authorization.k8s.io", "authentication.k8s.io"].contains(&self.group.as_str());
        !asks
            && matches!(
                self.verb,
                Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection
            )
    }

    fn at(path: &str) -> Self {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let group = match parts.next() {
            Some("api") => parts.next().map(|_| ""),
            Some("apis") => parts.next().filter(|_| parts.next().is_some()),
            _ => None,
        };
        let mut rest: Vec<&str> = match group {
            Some(_) => parts.collect(),
            None => Vec::new(),
        };
        // `namespaces/shop` is an object, `namespaces/shop/pods` is in it, and `namespaces/shop/status` is a part of it.
        let own = |part: &&str| ["status", "finalize"].contains(part);
        let namespace = match rest.as_slice() {
            ["namespaces", namespace, what, ..] if !own(what) => Some(*namespace),
            _ => None,
        };
        if namespace.is_some() {
            rest.drain(..2);
        }
        let part = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        Self {
            verb: Verb::Get,
            group: group.unwrap_or_default().to_owned(),
            resource: part(0),
            name: part(1),
            subresource: part(2),
            namespace: namespace.unwrap_or_default().to_owned(),
        }
    }
}

fn watches(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(k, v)| k == "watch" && (v == "true" || v == "1"))
}

/// As people write it: `patch databaseinstances/status shop/orders`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        match (self.namespace.as_str(), self.name.as_str()) {
            ("", "") => Ok(()),
            (namespace, "") => write!(f, " in {namespace}"),
            ("", name) => write!(f, " {name}"),
            (namespace, name) => write!(f, " {namespace}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_as_the_verb_and_the_object_that_it_asks_for() {
        let table = [
            (
                "GET",
                "/api/v1/namespaces/shop/pods?limit=5",
                "list pods in shop",
                false,
            ),
            ("GET", "/api/v1/pods?watch=true", "watch pods", false),
            ("GET", "/api/v1/namespaces/shop", "get namespaces shop", false),
            ("GET", "/api/v1/namespaces", "list namespaces", false),
            (
                "PUT",
                "/api/v1/namespaces/shop/status",
                "update namespaces/status shop",
                true,
            ),
            (
                "POST",
                "/apis/apps/v1/namespaces/shop/statefulsets",
                "create statefulsets in shop",
                true,
            ),
            (
                "PATCH",
                "/apis/paas.rs/v1alpha1/namespaces/shop/databaseinstances/orders/status?force=true",
                "patch databaseinstances/status shop/orders",
                true,
            ),
            (
                "DELETE",
                "/api/v1/namespaces/shop/pods/a",
                "delete pods shop/a",
                true,
            ),
            (
                "DELETE",
                "/api/v1/namespaces/shop/pods",
                "deletecollection pods in shop",
                true,
            ),
            (
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                "create selfsubjectaccessreviews",
                false,
            ),
            ("GET", "/version", "get ", false),
            ("GET", "/apis", "get ", false),
        ];
        for (method, path, words, writes) in table {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            let call = Call::of(&request);
            assert_eq!(
                (call.to_string().as_str(), call.writes()),
                (words, writes),
                "{method} {path}"
            );
        }
    }
}
