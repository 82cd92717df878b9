//! Glance: ids that clients choose, states, patches, pages, and errors in HTML.

use std::collections::BTreeSet;

use paas_openstack::{client::service::Kind::Image, fake::Setup};
use reqwest::Method;
use serde_json::{Value, json};

use crate::asked::{Answer, Asked};

const DEBIAN: &str = "11111111-0000-4000-8000-000000000001";

impl Asked {
    async fn image(&self, mut image: Value) -> Answer {
        for (name, value) in [("disk_format", "raw"), ("container_format", "bare")] {
            if image.get(name).is_none() {
                image[name] = json!(value);
            }
        }
        self.post(Image, "/v2/images", image).await
    }

    async fn upload(&self, id: &str, bytes: &'static str) -> Answer {
        let request = self
            .request(Method::PUT, Image, &format!("/v2/images/{id}/file"))
            .header("content-type", "application/octet-stream");
        self.send(request.body(bytes)).await.expect("an answer")
    }

    async fn patch(&self, id: &str, changes: Value) -> Answer {
        let request = self
            .request(Method::PATCH, Image, &format!("/v2/images/{id}"))
            .header("content-type", "application/openstack-images-v2.1-json-patch")
            .header("accept", "application/json");
        self.send(request.body(changes.to_string()))
            .await
            .expect("an answer")
    }
}

#[tokio::test]
async fn an_id_that_the_client_chose_is_had_once() {
    let asked = Asked::new().await;
    let id = "b2173dd3-7ad6-4362-baa6-a68bce3565cb";
    let made = asked
        .image(json!({"id": id, "name": "Ubuntu", "hw_disk_bus": "scsi"}))
        .await
        .is(201)
        .body;
    for member in "status name tags container_format created_at size disk_format updated_at visibility self min_disk protected id file checksum os_hash_algo os_hash_value os_hidden owner virtual_size min_ram schema".split(' ') {
        assert!(made.get(member).is_some(), "{member}");
    }
    assert_eq!(
        (&made["status"], &made["id"], &made["hw_disk_bus"]),
        (&json!("queued"), &json!(id), &json!("scsi"))
    );
    asked.image(json!({"id": id})).await.is(409);
    asked.image(json!({"id": "mine"})).await.is(400);
    asked.image(json!({"status": "active"})).await.is(403);
    asked.image(json!({"visibility": "public"})).await.is(403);
    asked.image(json!({"min_disk": "much"})).await.is(400);
}

#[tokio::test]
async fn an_image_is_active_when_its_bytes_are_there() {
    let asked = Asked::new().await;
    let id = asked.image(json!({"name": "a"})).await.is(201).body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    asked.upload(&id, "bytes").await.is(204);
    let image = asked.get(Image, &format!("/v2/images/{id}")).await.is(200).body;
    assert_eq!(
        (&image["status"], &image["size"], &image["checksum"]),
        (&json!("active"), &json!(5), &Value::Null)
    );
    assert_eq!(image["os_hash_value"].as_str().unwrap().len(), 128);
    asked.upload(&id, "more").await.is(409);
    assert_eq!(
        asked
            .get(Image, &format!("/v2/images/{id}/file"))
            .await
            .is(200)
            .body,
        json!("bytes")
    );
}

#[tokio::test]
async fn an_import_takes_its_time() {
    let asked = Asked::new().await;
    let id = asked.image(json!({"name": "a"})).await.is(201).body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v2/images/{id}");
    let begin = format!("{path}/import");
    let import = |method: Value| asked.post(Image, &begin, json!({ "method": method }));
    import(json!({"name": "glance-direct"})).await.is(409);
    import(json!({"name": "web-download", "uri": "http://example.org/x"}))
        .await
        .is(202);
    assert_eq!(asked.get(Image, &path).await.body["status"], "importing");
    asked.wait(10);
    assert_eq!(asked.get(Image, &path).await.body["status"], "active");
}

#[tokio::test]
async fn a_patch_happens_wholly_or_not() {
    let asked = Asked::new().await;
    let id = asked
        .image(json!({"name": "a", "colour": "red"}))
        .await
        .is(201)
        .body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let good = json!([
        {"op": "replace", "path": "/name", "value": "b"},
        {"op": "add", "path": "/shape", "value": "round"},
        {"op": "remove", "path": "/colour"},
        {"op": "replace", "path": "/tags", "value": ["x"]},
        {"op": "replace", "path": "/protected", "value": true},
    ]);
    let image = asked.patch(&id, good).await.is(200).body;
    assert_eq!(
        (&image["name"], &image["shape"], image.get("colour")),
        (&json!("b"), &json!("round"), None)
    );
    asked
        .patch(
            &id,
            json!([{"op": "replace", "path": "/name", "value": "c"}, {"op": "remove", "path": "/nothing"}]),
        )
        .await
        .is(409);
    asked
        .patch(
            &id,
            json!([{"op": "replace", "path": "/status", "value": "active"}]),
        )
        .await
        .is(403);
    asked
        .patch(&id, json!([{"op": "remove", "path": "/name"}]))
        .await
        .is(403);
    asked
        .patch(&id, json!([{"op": "test", "path": "/name"}]))
        .await
        .is(400);
    let path = format!("/v2/images/{id}");
    assert_eq!(asked.get(Image, &path).await.body["name"], "b");
    let plain = asked
        .send(asked.request(Method::PATCH, Image, &path).json(&json!([])))
        .await
        .unwrap();
    plain.is(415);
    asked.delete(Image, &path).await.is(403);
    asked
        .patch(
            &id,
            json!([{"op": "replace", "path": "/protected", "value": false}]),
        )
        .await
        .is(200);
    asked.delete(Image, &path).await.is(204);
    asked.delete(Image, &path).await.is(404);
}

#[tokio::test]
async fn an_error_is_html_unless_json_is_asked_for() {
    let asked = Asked::new().await;
    let html = asked.get(Image, "/v2/images/gone").await.is(404);
    assert!(
        html.body
            .as_str()
            .unwrap()
            .contains("<title>404 Not Found</title>"),
        "{}",
        html.body
    );
    let request = asked
        .request(Method::GET, Image, "/v2/images/gone")
        .header("accept", "application/json");
    let json = asked.send(request).await.unwrap().is(404).body;
    assert_eq!(
        (&json["code"], &json["title"]),
        (&json!("404 Not Found"), &json!("Not Found"))
    );
    assert!(json["message"].as_str().unwrap().contains("gone"));
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let mut asked = Asked::of(Setup::default().with_tenant("other")).await;
    for n in 0..6 {
        asked
            .image(json!({"name": format!("i{n}"), "tags": [format!("t{}", n % 2)], "os_distro": "x"}))
            .await
            .is(201);
    }
    for (query, expected) in [
        ("status=active", 1),
        ("status=queued", 6),
        ("name=i3", 1),
        ("name=in:\"i1\",\"i2\"", 2),
        ("tag=t0", 3),
        ("tag=t0&tag=t1", 0),
        ("os_distro=x", 6),
        ("visibility=public", 1),
        ("os_hidden=true", 0),
    ] {
        let body = asked
            .get(Image, &format!("/v2/images?{query}"))
            .await
            .is(200)
            .body;
        assert_eq!(body["images"].as_array().unwrap().len(), expected, "{query}");
    }
    let sorted = asked
        .get(Image, "/v2/images?sort=name:desc&status=queued")
        .await
        .is(200)
        .body;
    assert_eq!(sorted["images"][0]["name"], "i5");
    let (mut seen, mut path) = (Vec::new(), "/v2/images?limit=2".to_owned());
    loop {
        let body = asked.get(Image, &path).await.is(200).body;
        seen.extend(
            body["images"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].to_string()),
        );
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (7, 7));
    asked.get(Image, "/v2/images?marker=gone").await.is(400);
    asked.become_user("other").await;
    let body = asked.get(Image, "/v2/images").await.is(200).body;
    assert_eq!(
        body["images"].as_array().unwrap().len(),
        1,
        "others' images are not there"
    );
    asked.delete(Image, &format!("/v2/images/{DEBIAN}")).await.is(403);
}

#[tokio::test]
async fn the_root_is_300_and_lists_versions() {
    let asked = Asked::new().await;
    let root = asked.get(Image, "/").await.is(300).body;
    assert_eq!(
        (&root["versions"][0]["id"], &root["versions"][0]["status"]),
        (&json!("v2.17"), &json!("CURRENT"))
    );
    asked.get(Image, "/versions").await.is(200);
    asked.get(Image, "/v2/schemas/image").await.is(200);
}
