//! `paas cluster doctor`.

use paas_core::{
    clock::SystemClock,
    driver::Outputs,
    error::Error,
    installer::{
        certificates,
        examine::{self, Check, State},
        leaks,
        login::Login as _,
    },
    spec::{Document, Meta},
};

use super::{meant, open};
use crate::{
    app::App,
    args::{ClusterAt, Output},
    exit::{Exit, Failure},
    session::{Made, Session},
};

pub(crate) async fn run(app: &App, at: &ClusterAt) -> Result<Exit, Failure> {
    let mut session = open(app)?;
    let meta = meant(&session, at.name.as_deref())?;
    let made = session.made(&meta.namespace, &meta.name).await?;
    let look = async {
        let client = made.login.client(&made.access).await?;
        Ok::<_, Error>(examine::examine(&client).await)
    };
    let mut checks = tokio::select! {
        looked = look => looked?,
        () = tokio::time::sleep(examine::PATIENCE) => vec![Check::of(
            "api",
            State::Bad,
            format!("{} has not answered for {} s", made.access.endpoint, examine::PATIENCE.as_secs()),
            "see whether the machine of the control plane runs: `paas status -o wide`",
        )],
    };
    let answers = !checks.iter().any(|c| c.part == "api" && c.state == State::Bad);
    checks.push(certificates::check(&made.login, &made.access, &SystemClock).await);
    if answers {
        let looked = cloud(app, &mut session, &meta, &made).await;
        checks.push(looked.unwrap_or_else(|e| Check::of("cloud", State::Warning, e.sentence(), e.advice())));
    }
    let worst = checks.iter().map(|c| c.state).max().unwrap_or(State::Good);
    tell(app, &checks);
    Ok(match worst {
        State::Bad | State::Warning => Exit::Failed,
        State::Good => Exit::Done,
    })
}

/// What the cluster left behind in its cloud.
async fn cloud(app: &App, session: &mut Session, meta: &Meta, made: &Made) -> Result<Check, Error> {
    let accepted = session.objects().all()?;
    let is_it = |d: &&Document| matches!(d, Document::Platform(p) if p.metadata.name == meta.name && p.metadata.namespace == meta.namespace);
    let document: Vec<Document> = accepted.iter().filter(is_it).cloned().collect();
    session.connect(app, &document, None).await;
    let mut all = Vec::new();
    for target in session.targets(&document)? {
        let mut cx = session.context(&target, Outputs::default(), false);
        all.extend(target.pipeline.inventory(&mut cx).await?);
    }
    leaks::check(&made.login.client(&made.access).await?, &all).await
}

fn tell(app: &App, checks: &[Check]) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::json!({ "checks": checks })),
        Output::Name => checks
            .iter()
            .filter(|c| c.state != State::Good)
            .for_each(|c| printer.data(&c.part)),
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            for check in checks {
                let sign = match check.state {
                    State::Good => paint.good("ok"),
                    State::Warning => paint.strong("!!"),
                    State::Bad => paint.bad("no"),
                };
                printer.data(&format!("{sign}  {:<13} {}", check.part, check.what));
                if !check.remedy.is_empty() {
                    printer.data(&format!("    {:<13} {}", "", paint.dim(&check.remedy)));
                }
            }
        }
    }
}
