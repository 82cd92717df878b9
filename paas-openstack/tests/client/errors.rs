//! Every error body of the services, and what it means. The bodies have the shapes that the services' sources write; the API
//! references sample none.

use std::collections::BTreeSet;

use paas_core::error::{Class, Effect};
use paas_openstack::client::{ApiError, Call, Client, service::Kind};
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{answer, world};

struct Case {
    service: Kind,
    status: u16,
    body: Body,
    headers: &'static [(&'static str, &'static str)],
    class: Class,
    words: &'static str,
    kind: Option<&'static str>,
}

enum Body {
    Json(Value),
    Text(&'static str),
}

const NO_HEADERS: &[(&str, &str)] = &[];

fn case(
    service: Kind,
    status: u16,
    body: Body,
    class: Class,
    words: &'static str,
    kind: Option<&'static str>,
) -> Case {
    Case {
        service,
        status,
        body,
        headers: NO_HEADERS,
        class,
        words,
        kind,
    }
}

fn fault(service: Kind, member: &'static str, status: u16, words: &'static str, class: Class) -> Case {
    let body = Body::Json(json!({ member: { "code": status, "message": words } }));
    case(service, status, body, class, words, Some(member))
}

fn neutron(status: u16, kind: &'static str, words: &'static str, class: Class) -> Case {
    let body = Body::Json(json!({ "NeutronError": { "type": kind, "message": words, "detail": "" } }));
    case(Kind::Network, status, body, class, words, Some(kind))
}

fn keystone(status: u16, title: &'static str, words: &'static str, class: Class) -> Case {
    let body = Body::Json(json!({ "error": { "code": status, "title": title, "message": words } }));
    case(Kind::Identity, status, body, class, words, Some(title))
}

fn octavia(status: u16, words: &'static str, class: Class) -> Case {
    let body = Body::Json(json!({ "faultcode": "Client", "faultstring": words, "debuginfo": null }));
    case(Kind::LoadBalancer, status, body, class, words, Some("Client"))
}

fn glance(status: u16, title: &'static str, words: &'static str, class: Class) -> Case {
    let body = Body::Json(
        json!({ "message": format!("{words}<br /><br />\n\n\n"), "code": format!("{status} {title}"), "title": title }),
    );
    case(Kind::Image, status, body, class, words, None)
}

fn text(service: Kind, status: u16, body: &'static str, words: &'static str, class: Class) -> Case {
    case(service, status, Body::Text(body), class, words, None)
}

fn table() -> Vec<Case> {
    use Class::{Conflict, Denied, Invalid, NotFound, Quota, Throttled, Transient, Unsupported};
    use Kind::{BlockStorage, Compute, Identity, Image, LoadBalancer, Network, Placement};
    let mut all = vec![
        keystone(
            400,
            "Bad Request",
            "Expecting to find domain in project.",
            Invalid,
        ),
        keystone(
            401,
            "Unauthorized",
            "The request you have made requires authentication.",
            Denied,
        ),
        keystone(
            403,
            "Forbidden",
            "You are not authorized to perform the requested action: identity:list_users.",
            Denied,
        ),
        keystone(
            403,
            "Forbidden",
            "Unable to create additional application credentials, the maximum of 3 has already been exceeded for user.",
            Quota,
        ),
        keystone(404, "Not Found", "Could not find project: p9.", NotFound),
        keystone(
            409,
            "Conflict",
            "Conflict occurred attempting to store application_credential.",
            Conflict,
        ),
        keystone(
            500,
            "Internal Server Error",
            "An unexpected error prevented the server from fulfilling your request.",
            Transient,
        ),
        fault(
            Compute,
            "badRequest",
            400,
            "Can not find requested image",
            Invalid,
        ),
        fault(
            Compute,
            "unauthorized",
            401,
            "The token is not authorized.",
            Denied,
        ),
        fault(
            Compute,
            "forbidden",
            403,
            "Policy doesn't allow os_compute_api:servers:create to be performed.",
            Denied,
        ),
        fault(
            Compute,
            "forbidden",
            403,
            "Quota exceeded for instances, cores: Requested 1, 4, but already used 10, 20 of 10, 20 instances, cores",
            Quota,
        ),
        fault(
            Compute,
            "forbidden",
            403,
            "Quota exceeded, too many servers in group",
            Quota,
        ),
        fault(
            Compute,
            "itemNotFound",
            404,
            "Instance 3f0c could not be found.",
            NotFound,
        ),
        fault(Compute, "badMethod", 405, "Method not allowed", Unsupported),
        fault(
            Compute,
            "computeFault",
            406,
            "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.104.",
            Unsupported,
        ),
        fault(
            Compute,
            "conflictingRequest",
            409,
            "Cannot 'delete' instance 3f0c while it is in task_state deleting",
            Conflict,
        ),
        fault(
            Compute,
            "overLimit",
            413,
            "Quota exceeded for personality files",
            Quota,
        ),
        fault(Compute, "badMediaType", 415, "Unsupported Content-Type", Invalid),
        fault(
            Compute,
            "overLimit",
            429,
            "This request was rate-limited.",
            Throttled,
        ),
        fault(
            Compute,
            "computeFault",
            500,
            "Unexpected API Error. <class 'oslo_db.exception.DBError'>",
            Transient,
        ),
        fault(
            Compute,
            "notImplemented",
            501,
            "Unable to get console log, functionality not implemented",
            Unsupported,
        ),
        fault(
            Compute,
            "serviceUnavailable",
            503,
            "Compute service is unavailable",
            Transient,
        ),
        fault(
            BlockStorage,
            "badRequest",
            400,
            "Invalid input received: Invalid volume size provided for create request",
            Invalid,
        ),
        fault(
            BlockStorage,
            "badRequest",
            400,
            "Invalid volume: Volume status must be available or error or error_restoring",
            Conflict,
        ),
        fault(
            BlockStorage,
            "itemNotFound",
            404,
            "Volume 77aa could not be found.",
            NotFound,
        ),
        fault(
            BlockStorage,
            "overLimit",
            413,
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota.",
            Quota,
        ),
        fault(
            BlockStorage,
            "overLimit",
            413,
            "This request was rate-limited.",
            Throttled,
        ),
        fault(
            BlockStorage,
            "conflictingRequest",
            409,
            "ConflictNovaUsingAttachment: Detach volume from instance 3f0c using the Compute API",
            Conflict,
        ),
        neutron(
            400,
            "InvalidInput",
            "Invalid input for operation: Requested subnet with cidr: 10.0.0.0/24 for network: n1 overlaps with another subnet.",
            Conflict,
        ),
        neutron(
            400,
            "BadRequest",
            "Bad router request: Router already has a port on subnet s1.",
            Conflict,
        ),
        neutron(
            400,
            "HTTPBadRequest",
            "Attribute 'tags' not allowed in POST",
            Invalid,
        ),
        neutron(
            403,
            "PolicyNotAuthorized",
            "(rule:create_network:shared) is disallowed by policy",
            Denied,
        ),
        neutron(404, "NetworkNotFound", "Network n9 could not be found.", NotFound),
        neutron(
            404,
            "ExternalGatewayForFloatingIPNotFound",
            "External network n2 is not reachable from subnet s1.",
            NotFound,
        ),
        neutron(409, "OverQuota", "Quota exceeded for resources: ['port'].", Quota),
        neutron(
            409,
            "SecurityGroupRuleExists",
            "Security group rule already exists. Rule id is r7.",
            Conflict,
        ),
        neutron(
            409,
            "IpAddressInUse",
            "Unable to complete operation for network n1. The IP address 10.0.0.5 is in use.",
            Conflict,
        ),
        neutron(409, "RouterInUse", "Router r1 still has ports", Conflict),
        neutron(
            412,
            "RevisionNumberConstraintFailed",
            "Constrained to 5, but current revision is 6",
            Conflict,
        ),
        neutron(
            503,
            "ServiceUnavailable",
            "The service is unavailable.",
            Transient,
        ),
        octavia(
            400,
            "Validation failure: Missing project ID in request where one is required.",
            Invalid,
        ),
        octavia(403, "Policy does not allow this request to be performed.", Denied),
        octavia(403, "Quota has been met for resources: Load Balancer", Quota),
        octavia(404, "Load Balancer lb9 not found.", NotFound),
        octavia(
            409,
            "Load Balancer lb1 is immutable and cannot be updated.",
            Conflict,
        ),
        octavia(
            501,
            "Provider 'ovn' does not support a requested option: OVN provider does not support L7",
            Unsupported,
        ),
        octavia(
            503,
            "The project is busy with other requests, try again later.",
            Transient,
        ),
        glance(
            400,
            "Bad Request",
            "Provided object does not match schema 'image'",
            Invalid,
        ),
        glance(
            403,
            "Forbidden",
            "Image im1 is protected and cannot be deleted.",
            Denied,
        ),
        glance(404, "Not Found", "No image found with ID im9", NotFound),
        glance(
            409,
            "Conflict",
            "An image with identifier im1 already exists",
            Conflict,
        ),
        glance(
            413,
            "Request Entity Too Large",
            "The size of the data exceeds the limit.",
            Quota,
        ),
        case(
            Placement,
            400,
            Body::Json(
                json!({ "errors": [{ "status": 400, "title": "Bad Request", "detail": "JSON does not validate", "code": "placement.undefined_code", "request_id": "req-p" }] }),
            ),
            Invalid,
            "JSON does not validate",
            Some("placement.undefined_code"),
        ),
        case(
            Placement,
            409,
            Body::Json(
                json!({ "errors": [{ "status": 409, "title": "Conflict", "detail": "resource provider generation conflict", "code": "placement.concurrent_update" }] }),
            ),
            Conflict,
            "resource provider generation conflict",
            Some("placement.concurrent_update"),
        ),
        case(
            Placement,
            406,
            Body::Json(
                json!({ "errors": [{ "status": 406, "title": "Not Acceptable", "detail": "Unacceptable version header: 1.99", "max_version": "1.39", "min_version": "1.0" }] }),
            ),
            Unsupported,
            "Unacceptable version header: 1.99",
            None,
        ),
        // keystonemiddleware, before any service, and without Keystone behind it.
        case(
            Network,
            401,
            Body::Json(
                json!({ "error": { "code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication." } }),
            ),
            Denied,
            "The request you have made requires authentication.",
            Some("Unauthorized"),
        ),
        text(
            Network,
            503,
            "Keystone Unavailable",
            "Keystone Unavailable",
            Transient,
        ),
        // Unrouted paths: what is not there is the function, not the thing.
        text(
            Network,
            404,
            "404 Not Found\n\nThe resource could not be found.\n\n",
            "404 Not Found The resource could not be found.",
            Unsupported,
        ),
        case(
            Placement,
            404,
            Body::Json(
                json!({ "errors": [{ "status": 404, "title": "Not Found", "detail": "The resource could not be found.\n\n   ", "request_id": "req-p" }] }),
            ),
            Unsupported,
            "The resource could not be found.",
            None,
        ),
        case(
            Placement,
            404,
            Body::Json(
                json!({ "errors": [{ "status": 404, "title": "Not Found", "detail": "No resource provider with uuid rp9 found" }] }),
            ),
            NotFound,
            "No resource provider with uuid rp9 found",
            None,
        ),
        case(
            Network,
            404,
            Body::Json(
                json!({ "message": "The resource could not be found.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found" }),
            ),
            Unsupported,
            "The resource could not be found.",
            None,
        ),
        text(
            Compute,
            404,
            "<html><h1>404 Not Found</h1>nginx</html>",
            "404 Not Found nginx",
            Unsupported,
        ),
        case(
            Compute,
            300,
            Body::Json(json!({ "choices": [{ "id": "v2.1" }] })),
            Unsupported,
            "choices",
            None,
        ),
        text(
            Image,
            404,
            "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1>No image found with ID im9<br /></body></html>",
            "No image found with ID im9",
            NotFound,
        ),
        text(
            Network,
            412,
            "<html><body><h1>412 Precondition Failed</h1></body></html>",
            "412 Precondition Failed",
            Conflict,
        ),
        // Proxies.
        text(
            Compute,
            413,
            "<html><h1>413 Request Entity Too Large</h1></html>",
            "413 Request Entity Too Large",
            Invalid,
        ),
        text(
            Network,
            502,
            "<html><head><style>p { color: red }</style></head><body><h1>502 Bad Gateway</h1></body></html>",
            "502 Bad Gateway",
            Transient,
        ),
        text(
            LoadBalancer,
            503,
            "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>",
            "503 Service Unavailable No server is available",
            Transient,
        ),
        text(
            Identity,
            504,
            "upstream request timeout",
            "upstream request timeout",
            Transient,
        ),
        text(Network, 429, "Too Many Requests", "Too Many Requests", Throttled),
        text(Network, 498, "Rate Limited", "Rate Limited", Throttled),
        text(Image, 507, "", "", Quota),
        text(Network, 409, "", "", Conflict),
    ];
    for case in &mut all {
        // Cinder sends this with its quotas; it asks nobody to wait.
        if case.service == BlockStorage && case.class == Quota {
            case.headers = &[("Retry-After", "0")];
        }
    }
    all
}

async fn answered(
    server: &MockServer,
    client: &Client,
    method: Method,
    case: &Case,
) -> paas_core::error::Error {
    server.reset().await;
    crate::support::keystone(server).await;
    let template = ResponseTemplate::new(case.status).insert_header("X-Openstack-Request-Id", "req-1f0c");
    let template = case
        .headers
        .iter()
        .fold(template, |t, (name, value)| t.insert_header(*name, *value));
    let template = match &case.body {
        Body::Json(json) => template.set_body_json(json),
        Body::Text(page) if page.starts_with('<') => template.set_body_raw(*page, "text/html"),
        Body::Text(plain) => template.set_body_raw(*plain, "text/plain"),
    };
    Mock::given(matchers::path_regex("/things$"))
        .respond_with(template)
        .mount(server)
        .await;
    client
        .send(Call::new(method, case.service, "do things", "things"))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn every_service_says_it_in_its_own_way_and_is_understood() {
    let (server, client, _) = world().await;
    let mut codes = BTreeSet::new();
    for case in table() {
        let e = answered(&server, &client, Method::GET, &case).await;
        let label = format!("{} {}: {e}", case.service, case.status);
        assert_eq!(e.class(), case.class, "{label}");
        assert_eq!(e.request(), Some("req-1f0c"), "{label}");
        assert_eq!(e.what(), Some("do things"), "{label}");
        assert!(e.words().contains(case.words), "{label}");
        let api = ApiError::of(&e).expect("the answer is kept beneath");
        assert_eq!(
            (api.service, api.status, api.class),
            (case.service, case.status, case.class),
            "{label}"
        );
        assert_eq!(
            (api.kind.as_deref(), api.operation.as_str()),
            (case.kind, "do things"),
            "{label}"
        );
        assert!(
            api.words.contains(case.words) && !api.words.contains('\n'),
            "{label}"
        );
        codes.insert(e.code().id);
    }
    let expected: BTreeSet<&str> = [13, 14, 15, 16, 17, 18, 19, 20]
        .map(|n| {
            *paas_openstack::codes::ALL
                .iter()
                .map(|c| &c.id)
                .find(|id| id.ends_with(&format!("00{n}")))
                .unwrap()
        })
        .into();
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn after_a_failed_change_the_effect_is_unknown_exactly_where_it_may_be_there() {
    let (server, client, _) = world().await;
    for case in table() {
        let e = answered(&server, &client, Method::POST, &case).await;
        let busy = case.words.contains("busy");
        let unclear = matches!(case.status, 500 | 502 | 504 | 507) || (case.status == 503 && !busy);
        assert_eq!(
            e.effect() == Effect::Unknown,
            unclear,
            "{} {}: {e}",
            case.service,
            case.status
        );
    }
}

#[tokio::test]
async fn long_words_are_shortened_and_odd_ones_survive() {
    let (server, client, _) = world().await;
    let long = format!("{}é", "é".repeat(4000));
    for body in [
        json!({ "NeutronError": long }),
        json!({ "badRequest": { "message": long } }),
        json!([long]),
        json!(long),
    ] {
        server.reset().await;
        crate::support::keystone(&server).await;
        answer(
            &server,
            "GET",
            "/network/v2.0/networks",
            ResponseTemplate::new(400).set_body_json(&body),
        )
        .await;
        let e = client
            .send(Call::get(Kind::Network, "list networks", "networks"))
            .await
            .unwrap_err();
        assert!(
            e.words().len() < 800 && e.words().ends_with('…'),
            "{} bytes",
            e.words().len()
        );
    }
}

#[tokio::test]
async fn what_was_secret_in_a_call_is_not_in_the_words_that_quote_it() {
    let (server, client, _) = world().await;
    let words = "Invalid input for field/attribute user_data. Value: Y2FuYXJ5LXVzZXItZGF0YQ==. 'Y2FuYXJ5LXVzZXItZGF0YQ==' is too long";
    let body = json!({ "badRequest": { "code": 400, "message": words } });
    answer(
        &server,
        "POST",
        "/compute/v2.1/servers",
        ResponseTemplate::new(400).set_body_json(body),
    )
    .await;
    let call = Call::post(Kind::Compute, "create server", "servers")
        .body(json!({ "server": { "name": "n", "user_data": "Y2FuYXJ5LXVzZXItZGF0YQ==" } }));
    let e = client.send(call).await.unwrap_err();
    let all = format!("{e} {e:?} {:?}", ApiError::of(&e));
    assert!(
        all.contains("field/attribute user_data. Value: …") && !all.contains("Y2Fu"),
        "{all}"
    );
}
