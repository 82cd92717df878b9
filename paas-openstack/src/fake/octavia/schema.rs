//! What may be said of each kind, and what it is when nothing was said.

use serde_json::{Value, json};

use super::{Kind, Object, Refusal};

/// Name, default (`None` must be given), and whether it may be changed.
type Field = (&'static str, Option<Value>, bool);

const PROTOCOLS: &[&str] = &[
    "TCP",
    "HTTP",
    "HTTPS",
    "TERMINATED_HTTPS",
    "PROXY",
    "PROXYV2",
    "UDP",
    "SCTP",
    "PROMETHEUS",
];
const ALGORITHMS: &[&str] = &["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT"];
const MONITORS: &[&str] = &["HTTP", "HTTPS", "PING", "SCTP", "TCP", "TLS-HELLO", "UDP-CONNECT"];

/// The fields of a kind that a POST may have.
fn fields(kind: Kind) -> Vec<Field> {
    let null = || Some(Value::Null);
    let mut fields: Vec<Field> = vec![
        ("name", Some(json!("")), true),
        ("admin_state_up", Some(json!(true)), true),
        ("tags", Some(json!([])), true),
    ];
    if !matches!(kind, Kind::Member | Kind::Monitor) {
        fields.push(("description", Some(json!("")), true));
    }
    let own: Vec<Field> = match kind {
        Kind::LoadBalancer => vec![
            ("vip_address", null(), false),
            ("vip_port_id", null(), false),
            ("vip_subnet_id", null(), false),
            ("vip_network_id", null(), false),
            ("vip_qos_policy_id", null(), true),
            ("vip_sg_ids", Some(json!([])), true),
            ("additional_vips", Some(json!([])), false),
            ("provider", null(), false),
            ("flavor_id", null(), false),
            ("availability_zone", null(), false),
            ("listeners", Some(json!([])), false),
            ("pools", Some(json!([])), false),
        ],
        Kind::Listener => vec![
            ("loadbalancer_id", null(), false),
            ("protocol", None, false),
            ("protocol_port", None, false),
            ("connection_limit", Some(json!(-1)), true),
            ("default_pool_id", null(), true),
            ("default_pool", null(), false),
            ("default_tls_container_ref", null(), true),
            ("sni_container_refs", Some(json!([])), true),
            ("insert_headers", Some(json!({})), true),
            ("l7policies", Some(json!([])), false),
            ("timeout_client_data", Some(json!(50000)), true),
            ("timeout_member_connect", Some(json!(5000)), true),
            ("timeout_member_data", Some(json!(50000)), true),
            ("timeout_tcp_inspect", Some(json!(0)), true),
            ("client_ca_tls_container_ref", null(), true),
            ("client_authentication", Some(json!("NONE")), true),
            ("client_crl_container_ref", null(), true),
            ("allowed_cidrs", null(), true),
            ("tls_ciphers", null(), true),
            ("tls_versions", null(), true),
            ("alpn_protocols", null(), true),
            ("hsts_max_age", null(), true),
            ("hsts_include_subdomains", Some(json!(false)), true),
            ("hsts_preload", Some(json!(false)), true),
        ],
        Kind::Pool => vec![
            ("loadbalancer_id", null(), false),
            ("listener_id", null(), false),
            ("protocol", None, false),
            ("lb_algorithm", None, true),
            ("session_persistence", null(), true),
            ("members", Some(json!([])), false),
            ("healthmonitor", null(), false),
            ("tls_container_ref", null(), true),
            ("ca_tls_container_ref", null(), true),
            ("crl_container_ref", null(), true),
            ("tls_enabled", Some(json!(false)), true),
            ("tls_ciphers", null(), true),
            ("tls_versions", null(), true),
            ("alpn_protocols", null(), true),
        ],
        Kind::Member => vec![
            ("address", None, false),
            ("protocol_port", None, false),
            ("weight", Some(json!(1)), true),
            ("backup", Some(json!(false)), true),
            ("subnet_id", null(), false),
            ("monitor_address", null(), true),
            ("monitor_port", null(), true),
        ],
        Kind::Monitor => vec![
            ("pool_id", null(), false),
            ("type", None, false),
            ("delay", None, true),
            ("timeout", None, true),
            ("max_retries", None, true),
            ("max_retries_down", Some(json!(3)), true),
            ("http_method", null(), true),
            ("url_path", null(), true),
            ("expected_codes", null(), true),
            ("http_version", null(), true),
            ("domain_name", null(), true),
        ],
    };
    fields.extend(own);
    fields
}

/// What a POST describes, with what was left out filled in.
pub(super) fn accept_create(kind: Kind, sent: &Object) -> Result<Object, Refusal> {
    known(kind, sent, &["project_id", "tenant_id", "request_sriov"])?;
    let mut object = Object::new();
    for (name, default, _) in fields(kind) {
        let value = match (sent.get(name), default) {
            (Some(value), _) if !value.is_null() => check(kind, name, value)?,
            (_, Some(default)) => default,
            (_, None) => {
                return Err(Refusal::octavia(
                    400,
                    &format!(
                        "Invalid input for field/attribute {name}. Value: 'None'. Mandatory field missing."
                    ),
                ));
            }
        };
        object.insert(name.to_owned(), value);
    }
    if kind == Kind::Monitor {
        check_monitor(&mut object)?;
    }
    Ok(object)
}

/// The changes that a PUT asks for; `null` is what nothing said is.
pub(super) fn accept_update(kind: Kind, sent: &Object) -> Result<Object, Refusal> {
    known(kind, sent, &[])?;
    let mut changes = Object::new();
    for (name, default, changeable) in fields(kind) {
        match sent.get(name) {
            None => {}
            Some(_) if !changeable => {
                return Err(unknown(name, kind));
            }
            Some(Value::Null) => {
                changes.insert(name.to_owned(), default.unwrap_or_default());
            }
            Some(value) => {
                changes.insert(name.to_owned(), check(kind, name, value)?);
            }
        }
    }
    Ok(changes)
}

fn known(kind: Kind, sent: &Object, besides: &[&str]) -> Result<(), Refusal> {
    let fields = fields(kind);
    let strange = sent
        .keys()
        .find(|name| !besides.contains(&name.as_str()) && !fields.iter().any(|(known, ..)| known == name));
    strange.map_or(Ok(()), |name| Err(unknown(name, kind)))
}

fn unknown(name: &str, kind: Kind) -> Refusal {
    Refusal::octavia(
        400,
        &format!(
            "Unknown attribute for argument {}.{}: {name}",
            kind.words().to_lowercase().replace(' ', "_"),
            kind.singular()
        ),
    )
}

/// The value, converted where a string stands for a number or a flag.
fn check(kind: Kind, name: &str, value: &Value) -> Result<Value, Refusal> {
    let wrong = |why: &str| {
        Refusal::octavia(
            400,
            &format!(
                "Invalid input for field/attribute {name}. Value: '{}'. {why}",
                plain(value)
            ),
        )
    };
    let among = |allowed: &[&str]| {
        if allowed.iter().any(|one| value == one) {
            Ok(value.clone())
        } else {
            Err(wrong(&format!("Value should be one of: {}", allowed.join(", "))))
        }
    };
    match (kind, name) {
        (Kind::Listener | Kind::Pool, "protocol") => among(PROTOCOLS),
        (_, "lb_algorithm") => among(ALGORITHMS),
        (Kind::Monitor, "type") => among(MONITORS),
        (_, "address" | "vip_address" | "monitor_address") => value
            .as_str()
            .filter(|text| text.parse::<std::net::IpAddr>().is_ok())
            .map(|_| value.clone())
            .ok_or_else(|| wrong("Value should be IPv4 or IPv6 format")),
        (_, "protocol_port" | "monitor_port") => whole(value)
            .filter(|port| (1..=65535).contains(port))
            .map(|port| json!(port))
            .ok_or_else(|| wrong("Value should be greater or equal to 1 and lower or equal to 65535")),
        (_, "weight") => whole(value)
            .filter(|weight| (0..=256).contains(weight))
            .map(|weight| json!(weight))
            .ok_or_else(|| wrong("Value should be lower or equal to 256")),
        (
            _,
            "delay"
            | "timeout"
            | "max_retries"
            | "max_retries_down"
            | "connection_limit"
            | "hsts_max_age"
            | "timeout_client_data"
            | "timeout_member_connect"
            | "timeout_member_data"
            | "timeout_tcp_inspect",
        ) => whole(value)
            .map(|number| json!(number))
            .ok_or_else(|| wrong("Value is not an integer")),
        (_, "admin_state_up" | "backup" | "tls_enabled") => match plain(value).to_lowercase().as_str() {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err(wrong("Value is not a boolean")),
        },
        (_, "name" | "description") if value.as_str().is_none_or(|text| text.chars().count() > 255) => {
            Err(wrong("Value should have a maximum character requirement of 255"))
        }
        (_, "tags" | "listeners" | "pools" | "members") if !value.is_array() => {
            Err(wrong("Value is not a list"))
        }
        _ => Ok(value.clone()),
    }
}

fn check_monitor(monitor: &mut Object) -> Result<(), Refusal> {
    if monitor["delay"].as_i64() < monitor["timeout"].as_i64() {
        return Err(super::invalid(
            "'delay' must be greater than or equal to 'timeout'",
        ));
    }
    let http = monitor["type"] == "HTTP" || monitor["type"] == "HTTPS";
    for (name, default) in [
        ("http_method", "GET"),
        ("url_path", "/"),
        ("expected_codes", "200"),
    ] {
        let given = !monitor[name].is_null();
        if given && !http {
            return Err(super::invalid(&format!(
                "{name} is not a valid option for health monitors of type {}",
                plain(&monitor["type"])
            )));
        }
        if http && !given {
            monitor.insert(name.to_owned(), json!(default));
        }
    }
    Ok(())
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
