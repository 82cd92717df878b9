//! A canary in every credential: no log, trace, error or Debug output shows it.

use std::{
    cell::RefCell,
    fmt::Write as _,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use paas_core::secrets::SecretString;
use paas_openstack::{
    client::{ApiError, Call, Client, Options, service::Kind, trace::JsonLines},
    cloud::{Credential, Identity, Named, Scope},
};
use serde_json::{Value, json};
use tracing::{Event, Metadata, Subscriber, field, span};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{AUTH, PASSWORD, TOKEN, answer, cloud, keystone, world};

const SECRET: &str = "canary-app-credential-51c3";
const GIVEN: &str = "canary-given-token-8e2b";
const USER_DATA: &str = "Y2FuYXJ5LXVzZXItZGF0YS0wMDE=";

/// Everything that anybody could read.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Out {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    static HERE: RefCell<Option<Out>> = const { RefCell::new(None) };
}

/// Writes every event and span of `tracing`, of every crate and level, to where the test of this thread wants them. It is one for
/// all tests: `tracing` decides once for a whole process whether anybody listens.
struct Logs;

impl Subscriber for Logs {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut Fields);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Fields);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields;

impl field::Visit for Fields {
    fn record_debug(&mut self, field: &field::Field, value: &dyn std::fmt::Debug) {
        HERE.with_borrow_mut(|out| out.as_mut().map(|out| writeln!(out, "{field}={value:?}")));
    }
}

fn traced(server: &MockServer, identity: Option<Identity>, out: &Out) -> Client {
    let mut cloud = cloud(&server.uri());
    if let Some(identity) = identity {
        cloud.identity = identity;
        cloud.scope = Scope::Unspecified;
    }
    let options = Options {
        clock: Arc::new(paas_core::testing::ManualClock::default()),
        trace: Some(Arc::new(JsonLines::new(out.clone()))),
        ..Options::default()
    };
    Client::new(cloud, options).unwrap()
}

#[tokio::test]
async fn no_output_shows_a_credential() {
    let out = Out::default();
    tracing::subscriber::set_global_default(Logs).unwrap();
    HERE.set(Some(out.clone()));
    let mut shown = String::new();
    let server = MockServer::start().await;
    keystone(&server).await;
    // A service that quotes all it was given, as badly as it can.
    let quoting = json!({ "badRequest": { "code": 400, "message": format!("Invalid: {USER_DATA} {PASSWORD} 'pass\\\\word'") } });
    answer(
        &server,
        "POST",
        "/compute/v2.1/servers",
        ResponseTemplate::new(400).set_body_json(quoting),
    )
    .await;
    let created = json!({ "application_credential": { "secret": SECRET, "id": "ac" } });
    answer(
        &server,
        "POST",
        "/compute/v2.1/made",
        ResponseTemplate::new(201).set_body_json(created),
    )
    .await;

    let identities = [
        None,
        Some(Identity::ApplicationCredential {
            credential: Credential::Id("ac".to_owned()),
            secret: SecretString::from(SECRET),
        }),
        Some(Identity::Token(SecretString::from(GIVEN))),
    ];
    for identity in identities {
        let client = traced(&server, identity, &out);
        let token = client.token().await.unwrap();
        let call = Call::post(Kind::Compute, "create server", "servers")
            .query("auth_token", GIVEN)
            .query("name", "plain")
            .body(json!({ "server": { "user_data": USER_DATA, "adminPass": PASSWORD, "personality": [{ "contents": SECRET }] } }));
        let made = client
            .send(Call::post(Kind::Compute, "make", "made"))
            .await
            .unwrap();
        let e = client.send(call.clone()).await.unwrap_err();
        let missing = client
            .fetch::<Value>(Call::post(Kind::Compute, "make", "made"), "absent")
            .await
            .unwrap_err();
        let rescoped = client.rescoped(Scope::System);
        rescoped.token().await.unwrap();
        writeln!(
            shown,
            "{client:?} {rescoped:?} {:?} {token:?} {call:?} {made:?}",
            client.cloud()
        )
        .unwrap();
        writeln!(shown, "{e} {e:?} {:?} {missing} {missing:?}", ApiError::of(&e)).unwrap();
    }

    // Refused logins, by a Keystone that quotes what it was sent.
    for identity in [
        None,
        Some(Identity::ApplicationCredential {
            credential: Credential::Name {
                name: "paas".to_owned(),
                user: Named::Id("u1".to_owned()),
            },
            secret: SecretString::from(SECRET),
        }),
        Some(Identity::Token(SecretString::from(GIVEN))),
    ] {
        for status in [400, 401, 403, 500] {
            let server = MockServer::start().await;
            let words = format!("Cannot accept {PASSWORD} {SECRET} {GIVEN}");
            let secret = match &identity {
                None => PASSWORD,
                Some(Identity::ApplicationCredential { .. }) => SECRET,
                Some(_) => GIVEN,
            };
            let quoted = words
                .split(' ')
                .filter(|w| !w.starts_with("canary") || *w == secret)
                .collect::<Vec<_>>()
                .join(" ");
            let body = json!({ "error": { "code": status, "title": "No", "message": quoted } });
            answer(
                &server,
                "POST",
                AUTH,
                ResponseTemplate::new(status).set_body_json(body),
            )
            .await;
            let e = traced(&server, identity.clone(), &out).token().await.unwrap_err();
            writeln!(shown, "{e} {e:?} {:?}", std::error::Error::source(&e)).unwrap();
            assert!(e.to_string().contains("Cannot accept …"), "{e}");
        }
    }

    let all = format!("{shown}{}", out.text());
    for canary in [PASSWORD, TOKEN, SECRET, GIVEN, USER_DATA] {
        if let Some(at) = all.find(canary) {
            let from = (0..=at.saturating_sub(200))
                .rev()
                .find(|i| all.is_char_boundary(*i))
                .unwrap_or(0);
            panic!("{canary} is shown: {}", &all[from..at + canary.len()]);
        }
    }
    // The canaries would be seen: what is no secret is there, in the trace and in the logs.
    assert!(
        out.text().contains("\"operation\":\"create server\"")
            && out.text().contains("operation=\"create server\"")
    );
    assert!(
        out.text().contains("name=plain") && shown.contains("Invalid: …"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_trace_is_a_line_of_json_for_each_exchange() {
    let (server, _, _) = world().await;
    let out = Out::default();
    let client = traced(&server, None, &out);
    let throttled = ResponseTemplate::new(503)
        .insert_header("Retry-After", "1")
        .insert_header("X-Compute-Request-Id", "req-old-nova");
    answer(&server, "GET", "/compute/v2.1/servers", throttled).await;
    let call = Call::get(Kind::Compute, "list servers", "servers")
        .query("name", "^x$")
        .timeout(Duration::from_secs(9));
    client.send(call).await.unwrap_err();
    let lines: Vec<Value> = out
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6, "a login and five attempts");
    let last = &lines[5];
    assert_eq!(
        last["url"],
        format!("{}/compute/v2.1/servers?name=%5Ex%24", server.uri())
    );
    assert_eq!(
        json!([
            last["method"],
            last["service"],
            last["operation"],
            last["status"],
            last["requestId"],
            last["attempt"]
        ]),
        json!(["GET", "Nova", "list servers", 503, "req-old-nova", 5])
    );
    assert!(last["at"].is_string() && last["ms"].is_u64());
}
