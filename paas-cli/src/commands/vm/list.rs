//! `paas vm list`.

use jiff::Timestamp;
use paas_core::{
    clock::{Clock as _, SystemClock},
    render::clean,
};
use paas_openstack::vm::{self, Summary};
use serde_json::json;

use crate::{
    app::App,
    args::{Output, VmList},
    exit::{Exit, Failure},
    ui::table::table,
};

pub(crate) async fn run(app: &App, args: &VmList) -> Result<Exit, Failure> {
    // Nothing is changed: Ctrl-C may leave at once.
    let _mode = app.interrupt.nothing_under_way();
    let project = super::enter(app, &args.at).await?;
    let all = vm::list(&project.client, &project.identity).await?;
    print(app, &all);
    Ok(Exit::Done)
}

fn print(app: &App, all: &[Summary]) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&json!({ "virtualMachines": all })),
        Output::Name => all.iter().for_each(|vm| printer.data(&clean(&vm.name))),
        Output::Table | Output::Wide if all.is_empty() => {
            printer.talk("There are no virtual machines in this project. `paas vm create NAME` makes one.");
        }
        Output::Table | Output::Wide => {
            let wide = printer.output() == Output::Wide;
            let mut head = vec!["NAME", "STATUS", "OUTSIDE", "INSIDE", "FLAVOR", "IMAGE", "AGE"];
            if wide {
                head.extend(["ZONE", "SERVER ID", "OWNER"]);
            }
            let now = SystemClock.now();
            printer.data(&table(&head, all.iter().map(|vm| row(vm, now, wide))));
        }
    }
}

fn row(vm: &Summary, now: Timestamp, wide: bool) -> Vec<String> {
    let text = |text: &Option<String>| text.as_deref().map_or(String::new(), clean);
    let addresses = |all: &[String]| clean(&all.join(", "));
    let status = match (&vm.status, &vm.task) {
        (Some(status), Some(task)) => format!("{} ({})", clean(status), clean(task)),
        (Some(status), None) => clean(status),
        (None, _) => "no server".to_owned(),
    };
    let mut row = vec![
        clean(&vm.name),
        status,
        addresses(&vm.outside),
        addresses(&vm.inside),
        text(&vm.flavor),
        text(&vm.image),
        vm.created.map_or(String::new(), |at| age(at, now)),
    ];
    if wide {
        row.extend([text(&vm.zone), text(&vm.id), vm.uid.to_string()]);
    }
    row
}

/// How long ago, in the largest unit: `42s`, `7m`, `3h`, `12d`. Clocks may differ: what is not over yet is now.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_and_never_negative() {
        let at = Timestamp::from_second(1_000_000).unwrap();
        let after = |seconds: i64| age(at, Timestamp::from_second(1_000_000 + seconds).unwrap());
        assert_eq!(
            [-5, 42, 420, 10_800, 1_036_800].map(after),
            ["0s", "42s", "7m", "3h", "12d"]
        );
    }
}
