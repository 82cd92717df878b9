//! What is done to a server: renaming, deleting, starting, stopping and the rest.

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::Value;

use super::{
    Due, console, forbidden, list,
    server::{Action, Machine, Server},
};
use crate::fake::{
    collection::{object, text},
    microversion::Microversion,
    refusal::{Answer, Refusal},
    request::{RequestId, Sent, empty},
    who::Who,
    world::{Shared, World},
};

/// `PUT /servers/{id}`: name, description, host name.
pub(super) async fn rename(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let wanted = sent.member("server")?;
    let mut state = world.state();
    let now = world.now();
    let server = state.nova.own(&who, &id)?;
    if let Some(name) = wanted.get("name").and_then(Value::as_str) {
        if name.is_empty() || name.chars().count() > 255 {
            return Err(Refusal::nova(
                400,
                "Invalid input for field/attribute name. It must be 1 to 255 characters long.",
            ));
        }
        server.name = name.to_owned();
    }
    if let Some(description) = wanted.get("description").filter(|_| version.has(2, 19)) {
        server.description = description.as_str().map(str::to_owned);
    }
    if let Some(hostname) = wanted
        .get("hostname")
        .and_then(Value::as_str)
        .filter(|_| version.has(2, 90))
    {
        server.hostname = hostname.to_owned();
    }
    server.updated = now;
    let server = state.nova.server(&who, &id)?;
    Ok(list::shown(&world, &state, &who, server, version))
}

/// `DELETE /servers/{id}`: it is shown with the task `deleting` until it is gone.
pub(super) async fn delete(
    State(world): State<Shared>,
    who: Who,
    Path(id): Path<String>,
    RequestId(request): RequestId,
) -> Answer {
    begin_delete(&world, &who, id, request)
}

fn begin_delete(world: &World, who: &Who, id: String, request: String) -> Answer {
    let mut state = world.state();
    let server = state.nova.own(who, &id)?;
    unlocked(server, who)?;
    if server.is_deleting() {
        return Ok(empty(204));
    }
    server.task = Some("deleting");
    note(world, who, server, "delete", request);
    state
        .nova
        .schedule
        .at(world.after(world.setup.times.server_delete), Due::Gone(id));
    Ok(empty(204))
}

/// `POST /servers/{id}/action`: the member of the body says which.
pub(super) async fn action(
    State(world): State<Shared>,
    who: Who,
    Path(id): Path<String>,
    RequestId(request): RequestId,
    sent: Sent,
) -> Answer {
    let (name, argument) = sent
        .body
        .as_object()
        .and_then(|body| body.iter().next())
        .ok_or_else(|| Refusal::nova(400, "There is no such action: the body has no member."))?;
    if name == "forceDelete" {
        return begin_delete(&world, &who, id, request);
    }
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    match name.as_str() {
        "os-getConsoleOutput" => return console::output(server, argument),
        "unlock" => {
            server.locked = false;
            return Ok(empty(202));
        }
        "os-resetState" => return reset(&world, &who, server, argument),
        "addSecurityGroup" | "removeSecurityGroup" => return Ok(empty(202)),
        _ => {}
    }
    unlocked(server, &who)?;
    if name == "lock" {
        server.locked = true;
        return Ok(empty(202));
    }
    if name == "reboot" {
        let kind = argument.get("type").and_then(Value::as_str).unwrap_or_default();
        if !["hard", "soft"]
            .iter()
            .any(|known| kind.eq_ignore_ascii_case(known))
        {
            let words = format!(
                "Invalid input for field/attribute type. Value: {kind}. '{kind}' is not one of ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']"
            );
            return Err(Refusal::nova(400, &words));
        }
    }
    let Some(step) = step(name, argument) else {
        return Err(Refusal::nova(400, &format!("There is no such action: {name}")));
    };
    if server.task.is_some() || !step.from.contains(&server.machine) {
        return Err(wrong_state(server, step.name));
    }
    server.task = Some(step.task);
    note(&world, &who, server, step.name, request);
    state
        .nova
        .schedule
        .at(world.after(world.setup.times.power), Due::Settled(id, step.to));
    Ok(empty(202))
}

/// An action that takes a while: from where, by which task, to where.
struct Step {
    name: &'static str,
    from: &'static [Machine],
    task: &'static str,
    to: Machine,
}

fn step(name: &str, argument: &Value) -> Option<Step> {
    use Machine::{Active, Error, Paused, Stopped, Suspended};
    let step = |name, from, task, to| Some(Step { name, from, task, to });
    match name {
        "os-start" => step("start", &[Stopped], "powering-on", Active),
        "os-stop" => step("stop", &[Active, Error], "powering-off", Stopped),
        "reboot" if text(&object(argument.clone()), "type").eq_ignore_ascii_case("hard") => step(
            "reboot",
            &[Active, Stopped, Paused, Suspended, Error],
            "rebooting_hard",
            Active,
        ),
        "reboot" => step("reboot", &[Active], "rebooting", Active),
        "pause" => step("pause", &[Active], "pausing", Paused),
        "unpause" => step("unpause", &[Paused], "unpausing", Active),
        "suspend" => step("suspend", &[Active], "suspending", Suspended),
        "resume" => step("resume", &[Suspended], "resuming", Active),
        _ => None,
    }
}

fn wrong_state(server: &Server, action: &str) -> Refusal {
    let what = match server.task {
        Some(task) => format!("task_state {task}"),
        None => format!("vm_state {}", server.machine.vm_state()),
    };
    Refusal::nova(
        409,
        &format!("Cannot '{action}' instance {} while it is in {what}", server.id),
    )
}

fn unlocked(server: &Server, who: &Who) -> Result<(), Refusal> {
    if server.locked && !who.is_admin() {
        return Err(Refusal::nova(409, &format!("Instance {} is locked", server.id)));
    }
    Ok(())
}

fn note(world: &World, who: &Who, server: &mut Server, name: &'static str, request: String) {
    let at = world.now();
    server.updated = at;
    server.actions.push(Action {
        name,
        request,
        user: who.user.clone(),
        at,
    });
}

/// `os-resetState`, for administrators: what a test breaks a server with.
fn reset(world: &World, who: &Who, server: &mut Server, argument: &Value) -> Result<Response, Refusal> {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-admin-actions:reset_state"));
    }
    match argument.get("state").and_then(Value::as_str) {
        Some("active") => {
            server.fault = None;
            server.settles(Machine::Active, world.now());
        }
        _ => server.has_failed("The state was reset by an administrator.", world.now()),
    }
    Ok(empty(202))
}
