//! `paas operator status`.

use jiff::Timestamp;
use paas_core::{
    error::{Class, Error},
    spec,
};
use paas_operator::install::{NAME, VERSIONED, selector};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Place,
    api::{Calls, DEFINITION, Kind, LEASE, POD},
    choose::{self, Installed},
    connect,
    install::absent,
    rollout::holds,
};
use crate::{
    app::App,
    args::Output,
    exit::{Exit, Failure},
    ui::{progress::elapsed, table::table},
};

/// How an installation does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    namespace: String,
    version: String,
    image: String,
    /// Empty for every namespace.
    watch: Vec<String>,
    wanted: u64,
    ready: u64,
    leader: Option<Leader>,
    pods: Vec<Pod>,
    definitions: Vec<Definition>,
    objects: Vec<Objects>,
}

/// Who has the lease.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Leader {
    pod: String,
    node: String,
    renewed: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pod {
    name: String,
    node: String,
    phase: String,
    ready: bool,
    restarts: u64,
    version: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    name: String,
    established: bool,
    version: String,
}

/// The objects of one kind.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Objects {
    pub(super) kind: String,
    pub(super) total: usize,
    pub(super) ready: usize,
}

pub(super) async fn run(app: &App) -> Result<Exit, Failure> {
    let place = &Place::of(app);
    let calls = Calls(connect(place).await?);
    let namespace = &place.namespace;
    let installed = choose::installed(&calls, namespace).await?;
    let installed = installed.ok_or_else(|| absent("look at", place))?;
    let report = look(&calls, namespace, installed).await?;
    print(app, &report);
    Ok(match report.ready >= report.wanted {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

async fn look(calls: &Calls, namespace: &str, installed: Installed) -> Result<Report, Error> {
    let Installed { deployment, options } = installed;
    let watch = options.map(|o| o.watch).unwrap_or_default();
    let pods = calls.list(POD, Some(namespace), &selector(namespace)).await?;
    let pods: Vec<Pod> = pods.iter().map(pod).collect();
    let lease = calls.get(LEASE, namespace, NAME).await?;
    let mut definitions = Vec::new();
    for kind in spec::Kind::ALL {
        let name = format!("{}.{}", kind.plural(), spec::GROUP);
        let there = match calls.get(DEFINITION, "", &name).await {
            // Who looks after some namespaces need not see what is of the cluster.
            Err(e) if e.class() == Class::Denied => continue,
            there => there?.unwrap_or_default(),
        };
        definitions.push(Definition {
            established: holds(&there, "Established"),
            version: text(&there["metadata"]["labels"][VERSIONED]),
            name,
        });
    }
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    Ok(Report {
        namespace: namespace.to_owned(),
        version: text(&deployment["metadata"]["labels"][VERSIONED]),
        image: text(&container["image"]),
        wanted: deployment["spec"]["replicas"].as_u64().unwrap_or(0),
        ready: deployment["status"]["readyReplicas"].as_u64().unwrap_or(0),
        leader: lease.and_then(|lease| leader(&lease, &pods)),
        objects: objects(calls, &watch).await?,
        watch,
        pods,
        definitions,
    })
}

/// The objects of every kind that an operator looks after.
pub(super) async fn objects(calls: &Calls, watch: &[String]) -> Result<Vec<Objects>, Error> {
    let places: Vec<Option<&str>> = match watch {
        [] => vec![None],
        some => some.iter().map(|n| Some(n.as_str())).collect(),
    };
    let mut all = Vec::new();
    for kind in spec::Kind::ALL {
        let (mut total, mut ready) = (0, 0);
        for place in &places {
            let found = calls.list(Kind::ours(kind), *place, "").await?;
            total += found.len();
            ready += found.iter().filter(|o| holds(o, "Ready")).count();
        }
        all.push(Objects {
            kind: kind.to_string(),
            total,
            ready,
        });
    }
    Ok(all)
}

fn pod(pod: &Value) -> Pod {
    let containers = pod["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten();
    let phase = match pod["metadata"]["deletionTimestamp"].is_string() {
        true => "Terminating".to_owned(),
        false => text(&pod["status"]["phase"]),
    };
    Pod {
        name: text(&pod["metadata"]["name"]),
        node: text(&pod["spec"]["nodeName"]),
        phase,
        ready: holds(pod, "Ready"),
        restarts: containers.filter_map(|c| c["restartCount"].as_u64()).sum(),
        version: text(&pod["metadata"]["labels"][VERSIONED]),
    }
}

/// The holder is the name of the pod, and what makes it unlike every other process.
fn leader(lease: &Value, pods: &[Pod]) -> Option<Leader> {
    let holder = text(&lease["spec"]["holderIdentity"]);
    let name = holder.rsplit_once('_').map_or(holder.as_str(), |(pod, _)| pod);
    if name.is_empty() {
        return None;
    }
    let node = pods.iter().find(|p| p.name == name).map(|p| p.node.clone());
    Some(Leader {
        pod: name.to_owned(),
        node: node.unwrap_or_default(),
        renewed: lease["spec"]["renewTime"].as_str().and_then(|t| t.parse().ok()),
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn print(app: &App, report: &Report) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&json!(report)),
        Output::Name => printer.data(&format!("{}/{NAME}", report.namespace)),
        Output::Table | Output::Wide => {
            printer.data(&page(report, Timestamp::now(), printer.output() == Output::Wide))
        }
    }
}

fn page(report: &Report, now: Timestamp, wide: bool) -> String {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let leader = report.leader.as_ref().map_or("nobody".to_owned(), |leader| {
        let since = leader.renewed.map(|at| now.duration_since(at).unsigned_abs());
        let since = since.map_or(String::new(), |t| format!(", renewed {} ago", elapsed(t)));
        format!("{}{since}", leader.pod)
    });
    let watch = match report.watch.as_slice() {
        [] => "every namespace".to_owned(),
        some => some.join(", "),
    };
    let facts = [
        ("namespace", report.namespace.clone()),
        ("version", report.version.clone()),
        ("image", report.image.clone()),
        ("pods", format!("{} of {} ready", report.ready, report.wanted)),
        ("leader", leader),
        ("looks after", watch),
    ];
    let facts: String = facts
        .iter()
        .map(|(name, fact)| format!("{name:<13}{fact}\n"))
        .collect();
    let leads = |p: &Pod| report.leader.as_ref().is_some_and(|l| l.pod == p.name);
    let pods = report.pods.iter().map(|p| {
        let mut row = vec![
            p.name.clone(),
            p.node.clone(),
            p.phase.clone(),
            yes(p.ready),
            yes(leads(p)),
            p.restarts.to_string(),
        ];
        row.extend(wide.then(|| p.version.clone()));
        row
    });
    let mut head = vec!["POD", "NODE", "PHASE", "READY", "LEADS", "RESTARTS"];
    head.extend(wide.then_some("VERSION"));
    let pods = table(&head, pods);
    let definitions = report.definitions.iter();
    let definitions = table(
        &["DEFINITION", "ESTABLISHED", "VERSION"],
        definitions.map(|d| vec![d.name.clone(), yes(d.established), d.version.clone()]),
    );
    let objects = report.objects.iter();
    let objects = table(
        &["KIND", "OBJECTS", "READY"],
        objects.map(|o| vec![o.kind.clone(), o.total.to_string(), o.ready.to_string()]),
    );
    format!("{facts}\n{pods}\n{definitions}\n{objects}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn report() -> Report {
        let pods = [("op-a", "node1", true), ("op-b", "node2", false)].map(|(name, node, ready)| {
            let ready = if ready { "True" } else { "False" };
            pod(&json!({
                "metadata": {"name": name, "labels": {VERSIONED: "0.1.0"}}, "spec": {"nodeName": node},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
                    "containerStatuses": [{"restartCount": 2}]},
            }))
        });
        let pods = Vec::from(pods);
        let lease =
            json!({"spec": {"holderIdentity": "op-a_5f4b", "renewTime": "1970-01-01T00:00:58.000000Z"}});
        Report {
            namespace: "ops".to_owned(),
            version: "0.1.0".to_owned(),
            image: "x:1".to_owned(),
            watch: Vec::new(),
            wanted: 2,
            ready: 1,
            leader: leader(&lease, &pods),
            pods,
            definitions: vec![Definition {
                name: "platforms.paas.rs".to_owned(),
                established: true,
                version: String::new(),
            }],
            objects: vec![Objects {
                kind: "Platform".to_owned(),
                total: 3,
                ready: 2,
            }],
        }
    }

    #[test]
    fn a_page_says_who_leads_and_where_and_how_the_objects_are() {
        let page = page(&report(), at(60), false);
        let expected = "\
namespace    ops
version      0.1.0
image        x:1
pods         1 of 2 ready
leader       op-a, renewed 2.0s ago
looks after  every namespace

POD    NODE    PHASE     READY   LEADS   RESTARTS
op-a   node1   Running   yes     yes     2
op-b   node2   Running   no      no      2

DEFINITION          ESTABLISHED   VERSION
platforms.paas.rs   yes           -

KIND       OBJECTS   READY
Platform   3         2
";
        assert_eq!(page, expected);
    }

    #[test]
    fn a_lease_that_was_let_go_has_no_leader() {
        let free = json!({"spec": {"holderIdentity": ""}});
        assert!(leader(&free, &[]).is_none());
        let mut none = report();
        none.leader = None;
        assert!(page(&none, at(60), true).contains("leader       nobody\n"));
    }
}
