//! The pods, where they run, and what stands around them.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            Affinity, Capabilities, Container, ContainerPort, HTTPGetAction, Namespace, PodAffinityTerm,
            PodAntiAffinity, PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
            SeccompProfile, SecurityContext, Service, ServiceAccount, ServicePort, ServiceSpec,
            TopologySpreadConstraint, WeightedPodAffinityTerm,
        },
        policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};

use super::{NAME, OPTIONS, Options, PORT, chosen, labels, metadata};

/// The user of the image.
const USER: i64 = 65532;

/// The label of nodes that tells one from another.
const NODE: &str = "kubernetes.io/hostname";

/// So long a pod may take to end, in seconds: a call under way (30 s at most), the last events (3 s), and letting go of the lease (2 s).
const GRACE: i64 = 45;

pub(super) fn namespace(options: &Options) -> Namespace {
    let mut labels = labels(options);
    for mode in ["enforce", "audit", "warn"] {
        labels.insert(
            format!("pod-security.kubernetes.io/{mode}"),
            "restricted".to_owned(),
        );
    }
    Namespace {
        metadata: ObjectMeta {
            name: Some(options.namespace.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

pub(super) fn account(options: &Options) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(options, &options.namespace),
        ..ServiceAccount::default()
    }
}

pub(super) fn budget(options: &Options) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(options, &options.namespace),
        spec: Some(PodDisruptionBudgetSpec {
            // Not a number that must stay: with one pod a node could never be emptied.
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(options)),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}

pub(super) fn metrics(options: &Options) -> Service {
    let mut metadata = metadata(options, &options.namespace);
    metadata.name = Some(format!("{NAME}-metrics"));
    Service {
        metadata,
        spec: Some(ServiceSpec {
            selector: Some(chosen(options)),
            ports: Some(vec![ServicePort {
                name: Some("metrics".to_owned()),
                port: PORT,
                target_port: Some(IntOrString::String("metrics".to_owned())),
                protocol: Some("TCP".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

pub(super) fn deployment(options: &Options) -> Deployment {
    let mut metadata = metadata(options, &options.namespace);
    // Text, numbers and lists: there is nothing in them that could not be written.
    let kept = serde_json::to_string(options).unwrap_or_default();
    metadata.annotations = Some(BTreeMap::from([(OPTIONS.to_owned(), kept)]));
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(i32::from(options.replicas)),
            revision_history_limit: Some(3),
            selector: selector(options),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(options)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(options)),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn selector(options: &Options) -> LabelSelector {
    LabelSelector {
        match_labels: Some(chosen(options)),
        ..LabelSelector::default()
    }
}

fn pod(options: &Options) -> PodSpec {
    PodSpec {
        service_account_name: Some(NAME.to_owned()),
        termination_grace_period_seconds: Some(GRACE),
        affinity: Some(apart(options)),
        topology_spread_constraints: Some(vec![spread(options)]),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(options)],
        ..PodSpec::default()
    }
}

/// Not all on one node, so that no single node takes the operator away. Nodes that take no pods and pods of another version do not count; where
/// only one node takes pods, as while the others start, the second pod waits for another.
fn spread(options: &Options) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        topology_key: NODE.to_owned(),
        max_skew: 1,
        min_domains: (options.replicas > 1).then_some(2),
        when_unsatisfiable: "DoNotSchedule".to_owned(),
        label_selector: Some(selector(options)),
        match_label_keys: Some(vec!["pod-template-hash".to_owned()]),
        node_affinity_policy: Some("Honor".to_owned()),
        node_taints_policy: Some("Honor".to_owned()),
    }
}

/// Where there are zones, better not in one.
fn apart(options: &Options) -> Affinity {
    let term = WeightedPodAffinityTerm {
        weight: 100,
        pod_affinity_term: PodAffinityTerm {
            topology_key: "topology.kubernetes.io/zone".to_owned(),
            label_selector: Some(selector(options)),
            ..PodAffinityTerm::default()
        },
    };
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![term]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn container(options: &Options) -> Container {
    let quantities = |all: &[(&str, &String)]| {
        let all = all.iter().map(|(k, v)| ((*k).to_owned(), Quantity((*v).clone())));
        Some(all.collect::<BTreeMap<_, _>>())
    };
    let resources = &options.resources;
    Container {
        name: "operator".to_owned(),
        image: Some(options.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        args: Some(arguments(options)),
        ports: Some(vec![ContainerPort {
            name: Some("metrics".to_owned()),
            container_port: PORT,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        liveness_probe: Some(probe("/healthz", 10, 6)),
        readiness_probe: Some(probe("/readyz", 5, 3)),
        resources: Some(ResourceRequirements {
            requests: quantities(&[("cpu", &resources.cpu), ("memory", &resources.memory)]),
            limits: quantities(&[("memory", &resources.memory_limit)]),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("metrics".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// What the program is told.
fn arguments(options: &Options) -> Vec<String> {
    let mut all = vec![
        "run".to_owned(),
        format!("--metrics=0.0.0.0:{PORT}"),
        "--log=json".to_owned(),
        format!("--log-filter={}", options.log),
        format!("--lease-namespace={}", options.namespace),
    ];
    all.extend(options.watch.iter().map(|n| format!("--namespace={n}")));
    // An operator of all namespaces may ask.
    let id = options.cluster_id.iter().filter(|_| !options.watch.is_empty());
    all.extend(id.map(|uid| format!("--cluster-id={uid}")));
    all.extend(options.server_image.iter().map(|r| format!("--server-image={r}")));
    all.extend(options.server_user.iter().map(|u| format!("--server-user={u}")));
    all
}
