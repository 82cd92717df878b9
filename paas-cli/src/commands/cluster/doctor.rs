//! `paas cluster doctor`.

use paas_core::{
    error::Error,
    installer::{
        examine::{self, Check, State},
        login::Login as _,
    },
};

use super::{meant, open};
use crate::{
    app::App,
    args::{ClusterAt, Output},
    exit::{Exit, Failure},
};

pub(crate) async fn run(app: &App, at: &ClusterAt) -> Result<Exit, Failure> {
    let session = open(app)?;
    let meta = meant(&session, at.name.as_deref())?;
    let made = session.made(&meta.namespace, &meta.name).await?;
    let look = async {
        let client = made.login.client(&made.access).await?;
        Ok::<_, Error>(examine::examine(&client).await)
    };
    let checks = tokio::select! {
        looked = look => looked?,
        () = tokio::time::sleep(examine::PATIENCE) => vec![Check::of(
            "api",
            State::Bad,
            format!("{} has not answered for {} s", made.access.endpoint, examine::PATIENCE.as_secs()),
            "see whether the machine of the control plane runs: `paas status -o wide`",
        )],
    };
    let worst = checks.iter().map(|c| c.state).max().unwrap_or(State::Good);
    tell(app, &checks);
    Ok(match worst {
        State::Bad | State::Warning => Exit::Failed,
        State::Good => Exit::Done,
    })
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
