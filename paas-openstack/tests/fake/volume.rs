//! Cinder: states, sources, quotas, microversions.

use std::collections::BTreeSet;

use paas_openstack::{
    client::service::Kind::{BlockStorage, Image},
    fake::{Quotas, Setup},
};
use serde_json::{Value, json};

use crate::asked::{Answer, Asked};

const DEBIAN: &str = "11111111-0000-4000-8000-000000000001";

impl Asked {
    async fn volume(&self, volume: Value) -> Answer {
        self.post(BlockStorage, "/v3/volumes", json!({ "volume": volume }))
            .await
    }

    async fn volume_at(&self, id: &str) -> Value {
        self.get(BlockStorage, &format!("/v3/volumes/{id}"))
            .await
            .is(200)
            .body["volume"]
            .clone()
    }
}

#[tokio::test]
async fn a_volume_is_created_used_and_deleted_in_its_time() {
    let mut asked = Asked::new().await;
    asked.speak("volume 3.65");
    let made = asked
        .volume(json!({"size": "10", "name": "v", "imageRef": DEBIAN, "metadata": {"k": "v"}}))
        .await
        .is(202);
    for member in "attachments availability_zone bootable consistencygroup_id created_at description encrypted id links metadata multiattach name replication_status size snapshot_id source_volid status updated_at user_id volume_type group_id service_uuid shared_targets cluster_name volume_type_id consumes_quota".split(' ') {
        assert!(made.body["volume"].get(member).is_some(), "{member}");
    }
    let id = made.id();
    let path = format!("/v3/volumes/{id}");
    assert_eq!(
        (&made.body["volume"]["status"], &made.body["volume"]["size"]),
        (&json!("creating"), &json!(10))
    );
    let words = asked.delete(BlockStorage, &path).await.is(400).words();
    assert!(
        words.starts_with("Invalid volume: Volume status must be available or error"),
        "{words}"
    );
    asked.wait(10);
    let volume = asked.volume_at(&id).await;
    assert_eq!(
        (&volume["status"], &volume["bootable"]),
        (&json!("available"), &json!("true"))
    );
    assert_eq!(volume["volume_image_metadata"]["image_id"], json!(DEBIAN));
    assert!(
        volume.get("os-vol-tenant-attr:tenant_id").is_some() && volume.get("os-vol-host-attr:host").is_none()
    );
    asked.delete(BlockStorage, &path).await.is(202);
    assert_eq!(asked.volume_at(&id).await["status"], "deleting");
    asked.wait(10);
    let words = asked.get(BlockStorage, &path).await.is(404).words();
    assert_eq!(words, format!("Volume {id} could not be found."));
    assert_eq!(asked.fake.leftovers(), Vec::new());
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_in_cinders_words() {
    let asked = Asked::new().await;
    let small = asked
        .post(
            Image,
            "/v2/images",
            json!({"name": "q", "disk_format": "raw", "container_format": "bare", "min_disk": 20}),
        )
        .await
        .is(201)
        .body["id"]
        .clone();
    let cases = [
        (
            json!({}),
            400,
            "Invalid input received: Invalid volume size provided for create request: None",
        ),
        (
            json!({"size": 0}),
            400,
            "Invalid input received: Invalid volume size",
        ),
        (
            json!({"size": 1, "imageRef": "gone"}),
            400,
            "Invalid image identifier or unable to access requested image.",
        ),
        (
            json!({"size": 1, "imageRef": small}),
            400,
            "Invalid input received: Image",
        ),
        (
            json!({"size": 1, "snapshot_id": "gone"}),
            404,
            "Snapshot gone could not be found.",
        ),
        (
            json!({"size": 1, "volume_type": "gold"}),
            404,
            "Volume type with name gold could not be found.",
        ),
        (
            json!({"size": 1, "availability_zone": "moon"}),
            400,
            "Invalid input received: Availability zone 'moon' is invalid.",
        ),
        (
            json!({"size": 1, "metadata": {"k": 5}}),
            400,
            "Invalid input for field/attribute metadata",
        ),
    ];
    for (volume, status, words) in cases {
        let said = asked.volume(volume.clone()).await.is(status).words();
        assert!(said.starts_with(words), "{volume}: {said}");
    }
}

#[tokio::test]
async fn over_quota_is_413_and_retry_after_is_0() {
    let quotas = Quotas {
        volumes: 2,
        gigabytes: 10,
        ..Quotas::default()
    };
    let asked = Asked::of(Setup {
        quotas,
        ..Setup::default()
    })
    .await;
    let over = asked.volume(json!({"size": 11})).await.is(413);
    assert_eq!(over.header("retry-after"), "0");
    assert!(over.body.get("overLimit").is_some(), "{}", over.body);
    let words = over.words();
    assert!(words.starts_with("VolumeSizeExceedsAvailableQuota: "), "{words}");
    let project = asked.volume(json!({"size": 1})).await.is(202);
    asked.volume(json!({"size": 1})).await.is(202);
    let words = asked.volume(json!({"size": 1})).await.is(413).words();
    assert_eq!(
        words,
        "VolumeLimitExceeded: Maximum number of volumes allowed (2) exceeded for quota 'volumes'."
    );
    let limits = asked.get(BlockStorage, "/v3/limits").await.is(200).body["limits"]["absolute"].clone();
    assert_eq!(
        (&limits["totalVolumesUsed"], &limits["maxTotalVolumeGigabytes"]),
        (&json!(2), &json!(10))
    );
    let volume = asked.volume_at(&project.id()).await;
    let me = volume["os-vol-tenant-attr:tenant_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v3/{me}/os-quota-sets/{me}?usage=True");
    let set = asked.get(BlockStorage, &path).await.is(200).body["quota_set"].clone();
    assert_eq!(set["volumes"], json!({"limit": 2, "in_use": 2, "reserved": 0}));
    assert_eq!(set["id"], json!(me));
}

#[tokio::test]
async fn a_volume_with_snapshots_goes_only_with_them() {
    let asked = Asked::new().await;
    let id = asked.volume(json!({"size": 2})).await.is(202).id();
    let snapshot = json!({"snapshot": {"volume_id": id, "name": "s"}});
    asked
        .post(BlockStorage, "/v3/snapshots", snapshot.clone())
        .await
        .is(400);
    asked.wait(10);
    let snapshot = asked
        .post(BlockStorage, "/v3/snapshots", snapshot)
        .await
        .is(202)
        .id();
    asked
        .delete(BlockStorage, &format!("/v3/volumes/{id}"))
        .await
        .is(400);
    asked.wait(10);
    let copy = asked.volume(json!({"snapshot_id": snapshot})).await.is(202);
    assert_eq!(copy.body["volume"]["size"], 2);
    asked
        .delete(BlockStorage, &format!("/v3/volumes/{id}?cascade=true"))
        .await
        .is(202);
}

#[tokio::test]
async fn attachments_hold_a_volume() {
    let mut asked = Asked::new().await;
    let id = asked.volume(json!({"size": 2})).await.is(202).id();
    asked.wait(10);
    let body = json!({"attachment": {"volume_uuid": id, "instance_uuid": "i", "connector": null}});
    asked
        .post(BlockStorage, "/v3/attachments", body.clone())
        .await
        .is(404);
    asked.speak("volume 3.44");
    let attachment = asked
        .post(BlockStorage, "/v3/attachments", body.clone())
        .await
        .is(200);
    assert_eq!(attachment.body["attachment"]["status"], "reserved");
    assert_eq!(asked.volume_at(&id).await["status"], "reserved");
    asked.post(BlockStorage, "/v3/attachments", body).await.is(400);
    let path = format!("/v3/attachments/{}", attachment.id());
    asked
        .put(
            BlockStorage,
            &path,
            json!({"attachment": {"connector": {"host": "h"}}}),
        )
        .await
        .is(200);
    asked
        .post(
            BlockStorage,
            &format!("{path}/action"),
            json!({"os-complete": {}}),
        )
        .await
        .is(204);
    let volume = asked.volume_at(&id).await;
    assert_eq!(
        (&volume["status"], &volume["attachments"][0]["server_id"]),
        (&json!("in-use"), &json!("i"))
    );
    asked
        .delete(BlockStorage, &format!("/v3/volumes/{id}"))
        .await
        .is(400);
    asked.delete(BlockStorage, &path).await.is(200);
    assert_eq!(asked.volume_at(&id).await["status"], "available");
}

#[tokio::test]
async fn volumes_are_found_by_metadata_and_name_page_by_page() {
    let mut asked = Asked::of(Setup::default().with_tenant("other")).await;
    for n in 0..7 {
        asked
            .volume(json!({"size": 1, "name": format!("v{n}"), "metadata": {"n": format!("{}", n % 2)}}))
            .await
            .is(202);
    }
    for (query, expected) in [
        ("name=v3", 1),
        ("metadata=%7B%27n%27%3A%20%271%27%7D", 3),
        ("status=creating", 7),
        ("status=available", 0),
        ("bootable=false", 7),
    ] {
        let body = asked
            .get(BlockStorage, &format!("/v3/volumes/detail?{query}"))
            .await
            .is(200)
            .body;
        assert_eq!(body["volumes"].as_array().unwrap().len(), expected, "{query}");
    }
    let (mut seen, mut path) = (Vec::new(), "/v3/volumes?limit=3&sort=name:asc".to_owned());
    loop {
        let body = asked.get(BlockStorage, &path).await.is(200).body;
        seen.extend(
            body["volumes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match body["volumes_links"][0]["href"].as_str() {
            Some(next) => path = next.split_once("/volume").unwrap().1.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["v0", "v1", "v2", "v3", "v4", "v5", "v6"]);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
    asked.get(BlockStorage, "/v3/volumes?marker=gone").await.is(404);
    let id = asked.get(BlockStorage, "/v3/volumes?name=v1").await.body["volumes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    asked.become_user("other").await;
    asked
        .get(BlockStorage, &format!("/v3/volumes/{id}"))
        .await
        .is(404);
    assert_eq!(
        asked.get(BlockStorage, "/v3/volumes").await.body["volumes"],
        json!([])
    );
}

#[tokio::test]
async fn volumes_change_grow_and_are_retyped() {
    let asked = Asked::new().await;
    let id = asked.volume(json!({"size": 2, "name": "a"})).await.is(202).id();
    asked.wait(10);
    let path = format!("/v3/volumes/{id}");
    let named = asked
        .put(
            BlockStorage,
            &path,
            json!({"volume": {"name": "b", "metadata": {"x": "y"}}}),
        )
        .await
        .is(200);
    assert_eq!(
        (&named.body["volume"]["name"], &named.body["volume"]["metadata"]),
        (&json!("b"), &json!({"x": "y"}))
    );
    let action = format!("{path}/action");
    let act = |body: Value| asked.post(BlockStorage, &action, body);
    act(json!({"os-extend": {"new_size": 2}})).await.is(400);
    act(json!({"os-extend": {"new_size": 5}})).await.is(202);
    act(json!({"os-explode": {}})).await.is(400);
    act(json!({"os-reset_status": {"status": "error"}})).await.is(403);
    act(json!({"os-retype": {"new_type": "hdd", "migration_policy": "never"}}))
        .await
        .is(202);
    asked.wait(10);
    let volume = asked.volume_at(&id).await;
    assert_eq!(
        (&volume["size"], &volume["volume_type"], &volume["status"]),
        (&json!(5), &json!("hdd"), &json!("available"))
    );
    asked
        .put(
            BlockStorage,
            &format!("{path}/metadata/z"),
            json!({"meta": {"z": "1"}}),
        )
        .await
        .is(200);
    asked
        .delete(BlockStorage, &format!("{path}/metadata/x"))
        .await
        .is(200);
    asked
        .delete(BlockStorage, &format!("{path}/metadata/x"))
        .await
        .is(404);
    assert_eq!(
        asked.get(BlockStorage, &format!("{path}/metadata")).await.body,
        json!({"metadata": {"z": "1"}})
    );
}

#[tokio::test]
async fn microversions_beyond_the_newest_are_406() {
    let mut asked = Asked::new().await;
    let root = asked.get(BlockStorage, "/").await.is(300).body;
    assert_eq!(
        (
            &root["versions"][0]["min_version"],
            &root["versions"][0]["version"]
        ),
        (&json!("3.0"), &json!("3.71"))
    );
    asked.get(BlockStorage, "/v3/").await.is(200);
    asked.speak("volume 3.999");
    let answer = asked.get(BlockStorage, "/v3/volumes").await.is(406);
    assert!(answer.body.get("computeFault").is_some(), "{}", answer.body);
    asked.speak("volume 3.10");
    let id = asked.volume(json!({"size": 1})).await.is(202).id();
    assert!(
        asked.volume_at(&id).await.get("group_id").is_none(),
        "that came with 3.13"
    );
    let zones = asked
        .get(BlockStorage, "/v3/os-availability-zone")
        .await
        .is(200)
        .body;
    assert_eq!(zones["availabilityZoneInfo"][0]["zoneName"], "nova");
    let types = asked.get(BlockStorage, "/v3/types").await.is(200).body;
    assert_eq!(types["volume_types"][0]["name"], "ssd");
}
