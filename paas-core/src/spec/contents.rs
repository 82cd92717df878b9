//! What is in a server: databases, users, parameters.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One database in the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!(self.name in ['postgres', 'template0', 'template1']) && !self.name.startsWith('pg_')", "fieldPath": ".name",
     "message": "postgres, template0, template1 and names that begin with pg_ are PostgreSQL's own: choose another name"},
]))]
pub struct Database {
    /// The database's name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z_][a-z0-9_]*$"))]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '_', not beginning with a digit, such as app"))]
    pub name: String,
    /// The user that owns it, one of spec.users; left out, the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 56))]
    pub owner: Option<String>,
    /// The extensions that are created in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[schemars(extend("items" = {"type": "string", "minLength": 1, "maxLength": 63, "pattern": r"^[a-z0-9_][-a-z0-9_]*$",
        "x-paas-help": "lower-case letters, digits, '_' and '-', such as uuid-ossp"}))]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub extensions: Vec<String>,
}

/// One user. It is an owner role without login and two login roles that take turns, so that passwords can be changed
/// with no failed login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!(self.name in ['postgres', 'public', 'none']) && !self.name.startsWith('pg_')", "fieldPath": ".name",
     "message": "postgres, public, none and names that begin with pg_ are PostgreSQL's own: choose another name"},
]))]
pub struct User {
    /// The user's name; at most 56 characters, so that the names of its login roles fit into 63.
    #[schemars(length(min = 1, max = 56), regex(pattern = r"^[a-z_][a-z0-9_]*$"))]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '_', not beginning with a digit, such as app"))]
    pub name: String,
    /// How many connections it may have at once; left out, as many as the server takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub connection_limit: Option<u32>,
}

/// The value of a parameter: a text, or a whole number.
///
/// Booleans and decimal numbers are written in quotes: a structural schema has no type for them beside these two, and
/// the same file must mean the same here and in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text or a whole number")]
pub enum ParameterValue {
    /// A whole number.
    Integer(i64),
    /// Anything else.
    Text(String),
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::Text(s) => f.write_str(s),
        }
    }
}

impl JsonSchema for ParameterValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ParameterValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The value: a text, or a whole number. Write on, off and decimal numbers in quotes.",
            "x-kubernetes-int-or-string": true, "maxLength": 4096,
            "x-paas-help": "a text or a whole number; write on, off and decimal numbers in quotes, such as \"off\" or \"1.1\"",
        })
    }
}
