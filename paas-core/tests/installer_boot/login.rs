//! Access by the stored authorities.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paas_core::{
    clock::Clock,
    driver::ClusterAccess,
    installer::{
        login::{ADMIN, LIFETIME, Login, PkiLogin, SERVER_NAME},
        pki::Pki,
    },
    secrets::ExposeSecret,
    spec::Installer,
    testing::ManualClock,
};
use serde_json::Value;

use super::shapes::{Counted, Kept, owner};

fn access() -> ClusterAccess {
    ClusterAccess {
        endpoint: "https://203.0.113.20:6443".to_owned(),
        server_name: Some(SERVER_NAME.to_owned()),
    }
}

async fn cluster(installer: Installer) -> (Arc<Kept>, Arc<ManualClock>, PkiLogin) {
    let store = Arc::new(Kept::default());
    let clock = Arc::new(ManualClock::default());
    Pki::ensure(&*store, &owner(), installer, true, &Counted::default(), &*clock)
        .await
        .unwrap();
    let login = PkiLogin::new(owner(), store.clone(), clock.clone());
    (store, clock, login)
}

#[tokio::test]
async fn a_kubeconfig_is_whole_and_names_the_certificate_that_every_api_server_has() {
    for installer in [Installer::Kubeadm, Installer::K3s] {
        let (store, _, login) = cluster(installer).await;
        let text = login.kubeconfig(&access()).await.unwrap();
        let config: Value = serde_saphyr::from_str(text.expose_secret()).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        assert_eq!(cluster["server"], "https://203.0.113.20:6443");
        assert_eq!(cluster["tls-server-name"], "kubernetes");
        let decoded =
            |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
        let trusted = decoded(&cluster["certificate-authority-data"]);
        let name = if installer == Installer::K3s {
            "pki-k3s-server"
        } else {
            "pki-kubernetes"
        };
        assert!(store.values.lock().unwrap()[name].ends_with(&trusted));
        let user = &config["users"][0]["user"];
        assert!(decoded(&user["client-certificate-data"]).starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert!(decoded(&user["client-key-data"]).contains("PRIVATE KEY"));
        assert!(config["current-context"].as_str().unwrap().starts_with("paas-"));
    }
}

#[tokio::test]
async fn a_client_is_kept_until_its_certificate_is_about_to_end() {
    let (store, clock, login) = cluster(Installer::Kubeadm).await;
    login.client(&access()).await.unwrap();
    let asked = || store.asked.load(Ordering::SeqCst);
    let first = asked();
    clock.advance(Duration::from_secs(40 * 60));
    login.client(&access()).await.unwrap();
    assert_eq!(asked(), first, "the client is kept");
    clock.advance(Duration::from_secs(6 * 60));
    login.client(&access()).await.unwrap();
    assert!(asked() > first, "another certificate is made in time");
    let mut elsewhere = access();
    elsewhere.endpoint = "https://10.20.0.10:6443".to_owned();
    let before = asked();
    login.client(&elsewhere).await.unwrap();
    assert!(asked() > before, "another address is another client");
    assert!(!format!("{login:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn kubectl_gets_a_credential_with_its_end_and_a_kubeconfig_without_a_secret() {
    let (_, clock, login) = cluster(Installer::Kubeadm).await;
    let text = login
        .exec_credential(ADMIN, &["system:masters"], LIFETIME)
        .await
        .unwrap();
    let credential: Value = serde_json::from_str(text.expose_secret()).unwrap();
    assert_eq!(credential["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(credential["kind"], "ExecCredential");
    let status = &credential["status"];
    assert_eq!(status["expirationTimestamp"], "2001-09-09T02:46:40Z");
    assert_eq!(clock.now().to_string(), "2001-09-09T01:46:40Z");
    assert!(
        status["clientCertificateData"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    assert!(status["clientKeyData"].as_str().unwrap().contains("PRIVATE KEY"));
    let config = login
        .exec_kubeconfig(&access(), "paas", &["kubeconfig", "--credential"])
        .await
        .unwrap();
    assert!(
        config.contains("client.authentication.k8s.io/v1") && !config.contains("client-key"),
        "{config}"
    );
}

#[tokio::test]
async fn without_the_authority_there_is_no_access() {
    let login = PkiLogin::new(
        owner(),
        Arc::new(Kept::default()),
        Arc::new(ManualClock::default()),
    );
    let error = login.kubeconfig(&access()).await.unwrap_err();
    assert_eq!(error.code().id, "PAAS-CORE-0007");
}
