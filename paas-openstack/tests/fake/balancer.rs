//! Octavia: the lock while something changes, full creates, cascades, the refusals.

use paas_openstack::{
    client::service::Kind::{LoadBalancer, Network},
    fake::{Quotas, Setup},
};
use serde_json::{Value, json};

use crate::asked::{Answer, Asked};

impl Answer {
    /// Octavia's words.
    #[track_caller]
    fn fault(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(
            (&self.body["faultcode"], &self.body["debuginfo"]),
            (&json!("Client"), &Value::Null),
            "{}",
            self.body
        );
        self.body["faultstring"].as_str().expect("words").to_owned()
    }
}

impl Asked {
    async fn lbaas(&self, path: &str, body: Value) -> Answer {
        self.post(LoadBalancer, &format!("/v2/lbaas/{path}"), body).await
    }

    async fn seen(&self, path: &str) -> Value {
        let body = self
            .get(LoadBalancer, &format!("/v2/lbaas/{path}"))
            .await
            .is(200)
            .body;
        body.as_object().unwrap().values().next().unwrap().clone()
    }

    async fn balanced(&self) -> (String, String) {
        let network = self.network("n").await;
        let subnet = self.subnet(&network, "10.0.0.0/24").await;
        (network, subnet)
    }
}

fn full(subnet: &str) -> Value {
    json!({"loadbalancer": {
        "name": "best", "vip_subnet_id": subnet, "tags": ["test_tag"],
        "listeners": [
            {"name": "http", "protocol": "HTTP", "protocol_port": 80, "default_pool": {
                "name": "rr", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "healthmonitor": {"type": "HTTP", "delay": "3", "max_retries": 2, "timeout": 1},
                "members": [{"address": "192.0.2.16", "protocol_port": 80}, {"address": "192.0.2.19", "protocol_port": 80}],
            }},
            {"name": "https", "protocol": "HTTPS", "protocol_port": 443, "default_pool": {"name": "https_pool"}},
        ],
        "pools": [{"name": "https_pool", "protocol": "HTTPS", "lb_algorithm": "ROUND_ROBIN"}],
    }})
}

#[tokio::test]
async fn a_full_create_makes_everything_at_once() {
    let asked = Asked::new().await;
    let (_, subnet) = asked.balanced().await;
    let made = asked.lbaas("loadbalancers", full(&subnet)).await.is(201);
    let balancer = &made.body["loadbalancer"];
    for member in "description admin_state_up project_id provisioning_status flavor_id vip_subnet_id listeners vip_address vip_network_id vip_port_id additional_vips provider pools created_at updated_at id operating_status name vip_qos_policy_id availability_zone tags vip_vnic_type".split(' ') {
        assert!(balancer.get(member).is_some(), "{member}");
    }
    assert_eq!(balancer["provisioning_status"], "PENDING_CREATE");
    let pool = balancer["pools"]
        .as_array()
        .unwrap()
        .iter()
        .find(|pool| pool["name"] == "rr")
        .unwrap();
    assert_eq!(balancer["listeners"][0]["default_pool"]["id"], pool["id"]);
    assert_eq!(
        (&pool["members"][1]["address"], &pool["healthmonitor"]["delay"]),
        (&json!("192.0.2.19"), &json!(3))
    );
    let port = asked
        .get(
            Network,
            &format!("/v2.0/ports/{}", balancer["vip_port_id"].as_str().unwrap()),
        )
        .await
        .is(200)
        .body;
    assert_eq!(port["port"]["device_owner"], "Octavia");
    assert_eq!(
        port["port"]["fixed_ips"][0]["ip_address"],
        balancer["vip_address"]
    );
    asked.wait(10);
    let path = format!("loadbalancers/{}", made.id());
    let now = asked.seen(&path).await;
    assert_eq!(
        (&now["provisioning_status"], &now["operating_status"]),
        (&json!("ACTIVE"), &json!("ONLINE"))
    );
    let tree = asked.seen(&format!("{path}/status")).await;
    let tree = &tree["loadbalancer"];
    assert_eq!(
        tree["listeners"][0]["pools"][0]["members"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        tree["listeners"][0]["pools"][0]["healthmonitor"]["provisioning_status"],
        "ACTIVE"
    );
    let words = asked
        .delete(LoadBalancer, &format!("/v2/lbaas/{path}"))
        .await
        .fault(400);
    assert_eq!(
        words,
        format!(
            "Validation failure: Cannot delete Load Balancer {} - it has children",
            made.id()
        )
    );
    asked
        .delete(LoadBalancer, &format!("/v2.0/lbaas/{path}?cascade=true"))
        .await
        .is(204);
    asked.wait(10);
    let words = asked
        .get(LoadBalancer, &format!("/v2/lbaas/{path}"))
        .await
        .fault(404);
    assert_eq!(words, format!("Load Balancer {} not found.", made.id()));
    for plural in ["listeners", "pools", "healthmonitors"] {
        assert_eq!(asked.seen(plural).await, json!([]), "{plural}");
    }
    asked
        .get(
            Network,
            &format!("/v2.0/ports/{}", balancer["vip_port_id"].as_str().unwrap()),
        )
        .await
        .is(404);
}

#[tokio::test]
async fn a_full_create_that_is_refused_leaves_nothing() {
    let asked = Asked::new().await;
    let (_, subnet) = asked.balanced().await;
    let mut nameless = full(&subnet);
    nameless["loadbalancer"]["pools"][0]["name"] = json!("");
    let words = asked.lbaas("loadbalancers", nameless).await.fault(400);
    assert!(words.contains("Pools must be named"), "{words}");
    let mut undefined = full(&subnet);
    undefined["loadbalancer"]["pools"] = json!([]);
    let words = asked.lbaas("loadbalancers", undefined).await.fault(400);
    assert!(
        words.contains("'https_pool' was referenced but no full definition"),
        "{words}"
    );
    let mut twice = full(&subnet);
    twice["loadbalancer"]["listeners"][1]["protocol_port"] = json!(80);
    asked.lbaas("loadbalancers", twice).await.fault(409);
    assert_eq!(asked.seen("loadbalancers").await, json!([]));
    assert_eq!(asked.get(Network, "/v2.0/ports").await.body["ports"], json!([]));
}

#[tokio::test]
async fn nothing_is_changed_while_something_changes() {
    let asked = Asked::new().await;
    let (_, subnet) = asked.balanced().await;
    let id = asked
        .lbaas(
            "loadbalancers",
            json!({"loadbalancer": {"vip_subnet_id": subnet}}),
        )
        .await
        .is(201)
        .id();
    let listener =
        |port: u16| json!({"listener": {"loadbalancer_id": id, "protocol": "TCP", "protocol_port": port}});
    let immutable = format!("Load Balancer {id} is immutable and cannot be updated.");
    let pending = format!("Invalid state PENDING_CREATE of loadbalancer resource {id}");
    let broken = format!("Invalid state ERROR of loadbalancer resource {id}");
    assert_eq!(asked.lbaas("listeners", listener(80)).await.fault(409), immutable);
    let name = json!({"loadbalancer": {"name": "x"}});
    assert_eq!(
        asked
            .put(
                LoadBalancer,
                &format!("/v2/lbaas/loadbalancers/{id}"),
                name.clone()
            )
            .await
            .fault(409),
        pending
    );
    assert_eq!(
        asked
            .delete(LoadBalancer, &format!("/v2/lbaas/loadbalancers/{id}"))
            .await
            .fault(409),
        pending
    );
    asked.wait(10);
    let first = asked.lbaas("listeners", listener(80)).await.is(201);
    assert_eq!(first.body["listener"]["loadbalancers"], json!([{"id": id}]));
    assert_eq!(
        asked.seen(&format!("loadbalancers/{id}")).await["provisioning_status"],
        "PENDING_UPDATE"
    );
    assert_eq!(asked.lbaas("listeners", listener(81)).await.fault(409), immutable);
    asked.wait(10);
    let words = asked.lbaas("listeners", listener(80)).await.fault(409);
    assert_eq!(
        words,
        "Another Listener on this Load Balancer is already using protocol TCP and protocol_port 80"
    );
    assert_eq!(
        asked.seen(&format!("loadbalancers/{id}")).await["provisioning_status"],
        "ACTIVE",
        "the refusal changed nothing"
    );
    asked.fake.break_load_balancer(&id);
    assert_eq!(
        asked
            .put(LoadBalancer, &format!("/v2/lbaas/loadbalancers/{id}"), name)
            .await
            .fault(409),
        broken
    );
    asked
        .delete(
            LoadBalancer,
            &format!("/v2/lbaas/loadbalancers/{id}?cascade=true"),
        )
        .await
        .is(204);
    asked.wait(10);
    asked
        .get(LoadBalancer, &format!("/v2/lbaas/loadbalancers/{id}"))
        .await
        .fault(404);
}

#[tokio::test]
async fn members_are_replaced_as_a_whole() {
    let asked = Asked::new().await;
    let (_, subnet) = asked.balanced().await;
    let made = asked.lbaas("loadbalancers", full(&subnet)).await.is(201);
    asked.wait(10);
    let pool = made.body["loadbalancer"]["pools"]
        .as_array()
        .unwrap()
        .iter()
        .find(|pool| pool["name"] == "rr")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("pools/{pool}/members");
    let member = |address: &str| json!({"address": address, "protocol_port": 80});
    let one = |address: &str| json!({"member": member(address)});
    let words = asked.lbaas(&path, one("192.0.2.16")).await.fault(409);
    assert_eq!(
        words,
        "Another member on this pool is already using ip 192.0.2.16 on protocol_port 80"
    );
    asked.lbaas(&path, one("elsewhere")).await.fault(400);
    let mut nowhere = one("192.0.2.77");
    nowhere["member"]["subnet_id"] = json!("gone");
    assert_eq!(
        asked.lbaas(&path, nowhere).await.fault(400),
        "Subnet gone not found."
    );
    let before = asked.seen(&path).await;
    let kept = before
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["address"] == "192.0.2.16")
        .unwrap()["id"]
        .clone();
    let put = |members: Value, query: &str| {
        let path = format!("/v2/lbaas/{path}{query}");
        let asked = &asked;
        async move {
            asked
                .put(LoadBalancer, &path, json!({ "members": members }))
                .await
        }
    };
    put(json!([member("192.0.2.16"), member("192.0.2.20")]), "")
        .await
        .is(202);
    asked.wait(10);
    let now = asked.seen(&path).await;
    let mut addresses: Vec<&str> = now
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["address"].as_str().unwrap())
        .collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["192.0.2.16", "192.0.2.20"]);
    assert!(
        now.as_array().unwrap().iter().any(|one| one["id"] == kept),
        "what stays is the same member"
    );
    put(json!([member("192.0.2.30")]), "?additive_only=true")
        .await
        .is(202);
    asked.wait(10);
    assert_eq!(asked.seen(&path).await.as_array().unwrap().len(), 3);
    let id = kept.as_str().unwrap();
    asked
        .delete(LoadBalancer, &format!("/v2/lbaas/{path}/{id}"))
        .await
        .is(204);
    asked.wait(10);
    asked
        .get(LoadBalancer, &format!("/v2/lbaas/{path}/{id}"))
        .await
        .fault(404);
    let monitor = json!({"healthmonitor": {"pool_id": pool, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2}});
    assert_eq!(
        asked.lbaas("healthmonitors", monitor).await.fault(409),
        "This pool already has a health monitor"
    );
    // A pool goes with what is in it, and listeners forget it.
    asked
        .delete(LoadBalancer, &format!("/v2/lbaas/pools/{pool}"))
        .await
        .is(204);
    asked.wait(10);
    assert_eq!(asked.seen("healthmonitors").await, json!([]));
    let listeners = asked.seen("listeners").await;
    assert!(
        listeners
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["default_pool_id"].is_null())
    );
}

#[tokio::test]
async fn a_port_that_was_there_before_is_taken_once_and_stays() {
    let asked = Asked::new().await;
    let (network, _) = asked.balanced().await;
    let port = asked.port(json!({"name": "vip"}), &network).await.is(201).id();
    let body = json!({"loadbalancer": {"name": "a", "vip_port_id": port}});
    let id = asked.lbaas("loadbalancers", body.clone()).await.is(201).id();
    asked.lbaas("loadbalancers", body).await.fault(409);
    asked.wait(10);
    asked
        .delete(LoadBalancer, &format!("/v2/lbaas/loadbalancers/{id}"))
        .await
        .is(204);
    asked.wait(10);
    let left = asked
        .get(Network, &format!("/v2.0/ports/{port}"))
        .await
        .is(200)
        .body;
    assert_eq!(left["port"]["device_id"], "");
}

#[tokio::test]
async fn refusals_are_octavias() {
    let quotas = Quotas {
        load_balancers: 1,
        ..Quotas::default()
    };
    let setup = Setup {
        quotas,
        ..Setup::default()
    };
    let mut asked = Asked::of(setup.with_tenant("other")).await;
    let (_, subnet) = asked.balanced().await;
    let words = asked
        .lbaas("loadbalancers", json!({"loadbalancer": {}}))
        .await
        .fault(400);
    assert_eq!(
        words,
        "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id."
    );
    let words = asked
        .lbaas(
            "loadbalancers",
            json!({"loadbalancer": {"vip_subnet_id": "gone"}}),
        )
        .await
        .fault(400);
    assert_eq!(words, "Subnet gone not found.");
    let body = json!({"loadbalancer": {"vip_subnet_id": subnet, "name": "a", "tags": ["x", "y"]}});
    asked
        .lbaas(
            "loadbalancers",
            json!({"loadbalancer": {"vip_subnet_id": subnet, "provider": "f5"}}),
        )
        .await
        .fault(400);
    let id = asked.lbaas("loadbalancers", body.clone()).await.is(201).id();
    assert_eq!(
        asked.lbaas("loadbalancers", body).await.fault(403),
        "Quota has been met for resources: Load Balancer"
    );
    asked.wait(10);
    for (query, expected) in [
        ("tags=x,y", 1),
        ("tags=x,z", 0),
        ("name=a", 1),
        ("name=b", 0),
        ("provisioning_status=ACTIVE", 1),
    ] {
        assert_eq!(
            asked
                .seen(&format!("loadbalancers?{query}"))
                .await
                .as_array()
                .unwrap()
                .len(),
            expected,
            "{query}"
        );
    }
    let monitor = json!({"healthmonitor": {"pool_id": "gone", "type": "TCP", "delay": 1, "timeout": 3, "max_retries": 2}});
    assert!(
        asked
            .lbaas("healthmonitors", monitor)
            .await
            .fault(400)
            .contains("'delay' must be greater")
    );
    let listener = json!({"listener": {"loadbalancer_id": id, "protocol": "GOPHER", "protocol_port": 70}});
    assert!(
        asked
            .lbaas("listeners", listener)
            .await
            .fault(400)
            .contains("Value should be one of")
    );
    let pool = json!({"pool": {"protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}});
    assert!(
        asked
            .lbaas("pools", pool)
            .await
            .fault(400)
            .contains("Must provide at least one of")
    );
    let versions = asked.get(LoadBalancer, "/").await.is(200).body;
    assert!(
        versions["versions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["status"] == "CURRENT")
    );
    assert_eq!(asked.seen("providers").await[0]["name"], "amphora");
    asked.become_user("other").await;
    let words = asked
        .get(LoadBalancer, &format!("/v2/lbaas/loadbalancers/{id}"))
        .await
        .fault(403);
    assert_eq!(words, "Policy does not allow this request to be performed.");
    assert_eq!(asked.seen("loadbalancers").await, json!([]));
}
