//! Where Keystone is, and who asks there with what.

use paas_core::error::{Class, Error};
use secrecy::SecretString;
use url::Url;

use super::{
    fields::Fields,
    place::{Place, nearest, shown},
    scope::{self, Targets},
    warning::Warning,
};
use crate::{
    cloud::{Credential, Identity, Named, Scope},
    codes,
};

/// What can be said in `auth`.
const KNOWN: [&str; 28] = [
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "auth_token",
    "auth_url",
    "default_domain",
    "default_domain_id",
    "default_domain_name",
    "domain_id",
    "domain_name",
    "passcode",
    "password",
    "project_domain_id",
    "project_domain_name",
    "project_id",
    "project_name",
    "system_scope",
    "tenant_id",
    "tenant_name",
    "token",
    "trust_id",
    "user_domain_id",
    "user_domain_name",
    "user_id",
    "user_name",
    "username",
    "endpoint",
    "auth_methods",
];

/// Ways to log in that keystoneauth has and we do not, as people write them.
const UNSUPPORTED: [&str; 25] = [
    "admin_token",
    "http_basic",
    "noauth",
    "none",
    "token_endpoint",
    "v1password",
    "v2password",
    "v2token",
    "v3adfspassword",
    "v3fedkerb",
    "v3kerberos",
    "v3multifactor",
    "v3oauth1",
    "v3oauth2clientcredential",
    "v3oauth2mtlsclientcredential",
    "v3oidcaccesstoken",
    "v3oidcauthcode",
    "v3oidcclientcredentials",
    "v3oidcdeviceauthz",
    "v3oidcpassword",
    "v3samlpassword",
    "v3tokenlessauth",
    "v3totp",
    "v3websso",
    "gnocchi-basic",
];

/// The URL of Keystone, who asks, and for what.
pub(super) fn read(
    fields: &Fields,
    entry: &Place,
    warnings: &mut Vec<Warning>,
) -> Result<(Url, Identity, Scope), Error> {
    for (field, node) in &fields.auth {
        if !KNOWN.contains(&field.as_str()) {
            let (place, nearest) = (node.place.to_string(), nearest(field, KNOWN));
            let field = shown(field).to_owned();
            warnings.push(Warning::UnknownField {
                place,
                field,
                nearest,
            });
        }
    }
    let way = way(fields)?;
    let (text, found) = fields.auth_first(&["auth_url"])?.ok_or_else(|| {
        missing(
            entry,
            "auth_url",
            "add auth_url to its auth: where Keystone is, such as https://cloud.example.org:5000/v3",
        )
    })?;
    let text = fields.expand(&text, &found.node.place, &found.field)?;
    let auth_url = url(&text, &found.node.place, &found.field)?;
    let targets = scope::targets(fields)?;
    let identity = match way {
        Way::Password => Identity::Password {
            user: user(fields, &targets, entry)?,
            password: secret(fields, &["password"], entry)?,
        },
        Way::Credential => Identity::ApplicationCredential {
            credential: credential(fields, &targets, entry)?,
            secret: secret(fields, &["application_credential_secret"], entry)?,
        },
        Way::Token => {
            let (token, _) = fields
                .outside_first(&["auth_token", "token"])?
                .ok_or_else(|| missing(entry, "token", "add token to its auth, better in secure.yaml"))?;
            Identity::Token(SecretString::from(token))
        }
    };
    let scope = match way {
        Way::Credential => {
            if targets.any() {
                warnings.push(Warning::ScopeOfCredential);
            }
            Scope::Unspecified
        }
        Way::Password | Way::Token => targets.scope(entry)?,
    };
    Ok((auth_url, identity, scope))
}

/// A URL of a service. It may be shown, so it cannot have a password in it.
pub(super) fn url(text: &str, place: &Place, field: &str) -> Result<Url, Error> {
    let url = Url::parse(text)
        .map_err(|_| place.wrong(field, "is not a URL such as https://cloud.example.org:5000/v3"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(place.wrong(field, "must begin with https:// or http:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(place.wrong(
            field,
            "has a user or password in it; they have fields of their own",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(place.wrong(field, "has a ? or # in it; where a service is needs neither"));
    }
    Ok(url)
}

#[derive(Clone, Copy)]
enum Way {
    Password,
    Credential,
    Token,
}

fn way(fields: &Fields) -> Result<Way, Error> {
    let named = fields.top("auth_type").or_else(|| fields.top("auth_plugin"));
    let said = named.map_or(Ok(None), |node| node.text("auth_type"))?;
    let (Some(node), Some(text)) = (named, said) else {
        let credential = ["application_credential_id", "application_credential_name"];
        return Ok(if fields.says(&credential) && !fields.says(&["password"]) {
            Way::Credential
        } else if fields.says(&["token", "auth_token"]) && !fields.says(&["password"]) {
            Way::Token
        } else {
            Way::Password
        });
    };
    match text.as_str() {
        "password" | "v3password" => Ok(Way::Password),
        "v3applicationcredential" => Ok(Way::Credential),
        "token" | "v3token" => Ok(Way::Token),
        other => {
            // What is no word of keystoneauth may be a secret that slipped into the wrong line.
            let known = UNSUPPORTED.contains(&other) || other.starts_with("v3oidc") && other.len() <= 30;
            let what = if known {
                format!("auth_type {other:?} is not supported")
            } else {
                "auth_type is none that is known".to_owned()
            };
            let what = format!("{what}; supported are password, v3applicationcredential and token");
            Err(unsupported(&node.place, &what))
        }
    }
}

/// A way to log in that is not supported.
pub(super) fn unsupported(place: &Place, what: &str) -> Error {
    Error::new(&codes::OS_AUTH_TYPE, Class::Unsupported).happened(format!("{place}: {what}"))
}

fn credential(fields: &Fields, targets: &Targets, entry: &Place) -> Result<Credential, Error> {
    if let Some((id, _)) = fields.auth_first(&["application_credential_id"])? {
        return Ok(Credential::Id(id));
    }
    let (name, _) = fields
        .auth_first(&["application_credential_name"])?
        .ok_or_else(|| {
            missing(
                entry,
                "application_credential_id",
                "add application_credential_id to its auth, or application_credential_name and the user",
            )
        })?;
    let user = user(fields, targets, entry)?;
    Ok(Credential::Name { name, user })
}

fn user(fields: &Fields, targets: &Targets, entry: &Place) -> Result<Named, Error> {
    if let Some((id, _)) = fields.auth_first(&["user_id"])? {
        return Ok(Named::Id(id));
    }
    let (name, _) = fields.auth_first(&["username", "user_name"])?.ok_or_else(|| {
        missing(entry, "username", "add username (or user_id) to its auth; for an application credential set auth_type: v3applicationcredential")
    })?;
    let domain = targets.user_domain.clone().ok_or_else(|| {
        missing(entry, "user_domain_name", "a user's name is unique in its domain only: add user_domain_name to its auth; many clouds have one domain, Default")
    })?;
    Ok(Named::Name { name, domain })
}

fn secret(fields: &Fields, names: &[&str], entry: &Place) -> Result<SecretString, Error> {
    let name = names.first().copied().unwrap_or_default();
    let (secret, _) = fields.auth_first(names)?.ok_or_else(|| {
        missing(
            entry,
            name,
            &format!("add {name} to its auth, better in secure.yaml beside clouds.yaml"),
        )
    })?;
    Ok(SecretString::from(secret))
}

/// A field that the entry needs.
pub(super) fn missing(entry: &Place, field: &str, help: &str) -> Error {
    entry
        .error(&codes::OS_INCOMPLETE, format!("{field} is missing"))
        .remedy(help)
}
