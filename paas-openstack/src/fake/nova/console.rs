//! Consoles: what a guest would have written, and where a browser would see its screen.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::server::{Machine, Server};
use crate::{
    client::service::Kind,
    fake::{
        microversion::Microversion,
        refusal::{Answer, Refusal},
        request::{Sent, json},
        who::Who,
        world::Shared,
    },
};

/// `POST /servers/{id}/remote-consoles`, from 2.6: this cloud has noVNC and nothing else, as most have.
pub(super) async fn remote(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    if !version.has(2, 6) {
        return Err(Refusal::of(
            Kind::Compute,
            404,
            "The resource could not be found.",
        ));
    }
    let wanted = sent.member("remote_console")?;
    let word = |name: &str| wanted.get(name).and_then(Value::as_str).unwrap_or_default();
    let state = world.state();
    let server = state.nova.server(&who, &id)?;
    if server.machine == Machine::Building {
        return Err(not_ready(server));
    }
    if (word("protocol"), word("type")) != ("vnc", "novnc") {
        let words = format!("Unavailable console type {}.", word("type"));
        return Err(Refusal::nova(400, &words));
    }
    let token = world.id();
    let url = format!(
        "{}/vnc_auto.html?path=%3Ftoken%3D{token}",
        world.url(Kind::Compute, "")
    );
    Ok(json(
        200,
        json!({"remote_console": {"protocol": "vnc", "type": "novnc", "url": url}}),
    ))
}

fn not_ready(server: &Server) -> Refusal {
    Refusal::nova(409, &format!("Instance {} is not ready", server.id))
}

/// The last lines of what a guest has said, or would have.
pub(super) fn output(server: &Server, argument: &Value) -> Answer {
    if server.machine == Machine::Building {
        return Err(not_ready(server));
    }
    let untold = [
        format!("[    0.000000] Linux version 6.1.0-fake ({})", server.hostname),
        "[    1.000000] systemd[1]: Reached target Multi-User System.".to_owned(),
        "[    2.000000] cloud-init[1]: Cloud-init finished.".to_owned(),
        format!("{} login: ", server.hostname),
    ];
    let lines: Vec<&str> = match &server.console {
        Some(text) => text.split('\n').collect(),
        None => untold.iter().map(String::as_str).collect(),
    };
    let length = argument
        .get("length")
        .and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok()));
    let last = length
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(lines.len())
        .min(lines.len());
    Ok(json(
        200,
        json!({"output": lines[lines.len() - last..].join("\n")}),
    ))
}
