//! What an amount of memory means for a server: settings of memory and connections that fit together.

use std::collections::BTreeMap;

use crate::spec::{DatabaseInstanceSpec, Quantity};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Memory for each connection that is allowed for: a backend holds 5 to 10 MiB of its own, and sorts.
const A_CONNECTION: u64 = 20 * MIB;

/// Fewer connections than this leave no room for tools beside a program's pool.
const FEWEST: u64 = 20;

/// More than this make every snapshot slower, and a pool in the program serves better.
const MOST: u64 = 200;

/// Sorts and hashes that one statement may have under way at once.
const AT_ONCE: u64 = 3;

/// More does not make index builds faster; before version 17 VACUUM uses no more than 1 GiB.
const MAINTENANCE: u64 = 2048 * MIB;

const TIB: u64 = 1024 * 1024 * MIB;

/// With more, three quarters of it would be beyond what `effective_cache_size` takes, 16 TiB.
const HIGHEST: u64 = 16 * TIB;

/// The settings that the declared size stands for: those of its plan, or of its `resources.memory`. With neither, none:
/// PostgreSQL's own defaults stay.
///
/// | setting | of the memory | why |
/// | --- | --- | --- |
/// | `shared_buffers` | a quarter | PostgreSQL's manual, "Resource Consumption": a reasonable start; more than 40 % rarely helps |
/// | `effective_cache_size` | three quarters | what the planner may expect of all caches together; PostgreSQL's wiki, "Tuning Your PostgreSQL Server" |
/// | `maintenance_work_mem` | a sixteenth, at most 2 GiB | one VACUUM or index build at a time for each of a few workers |
/// | `max_connections` | one for each 20 MiB, in fives, 20 to 200 | a process each; memory is what they run out of first |
/// | `work_mem` | what `shared_buffers` leaves, over all connections with 3 sorts each | all at once still fit into the memory |
///
/// ```
/// use paas_core::{database::sizing, spec::{DatabaseInstanceSpec, Plan}};
/// let small = DatabaseInstanceSpec { plan: Some(Plan::Small), ..DatabaseInstanceSpec::default() };
/// let settings = sizing::parameters(&small);
/// assert_eq!((&*settings["shared_buffers"], &*settings["max_connections"]), ("512MB", "100"));
/// assert!(sizing::parameters(&DatabaseInstanceSpec::default()).is_empty());
/// ```
pub fn parameters(spec: &DatabaseInstanceSpec) -> BTreeMap<String, String> {
    let declared = spec.plan.is_some() || spec.resources.is_some();
    match spec.sized().memory.filter(|_| declared) {
        Some(memory) => settings(&memory),
        None => BTreeMap::new(),
    }
}

fn settings(memory: &Quantity) -> BTreeMap<String, String> {
    let memory = memory.bytes().min(HIGHEST);
    // PostgreSQL's smallest values are the lower bounds.
    let shared = (memory / 4).max(MIB);
    let connections = (memory / A_CONNECTION / 5 * 5).clamp(FEWEST, MOST);
    let sort = ((memory - memory.min(shared)) / (connections * AT_ONCE)).max(64 * KIB);
    [
        ("shared_buffers", size(shared)),
        ("effective_cache_size", size((memory / 4 * 3).max(MIB))),
        (
            "maintenance_work_mem",
            size((memory / 16).clamp(MIB, MAINTENANCE)),
        ),
        ("max_connections", connections.to_string()),
        ("work_mem", size(sort)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// As PostgreSQL shows it: in whole megabytes where it is that, else in kilobytes.
fn size(bytes: u64) -> String {
    if bytes.is_multiple_of(MIB) {
        format!("{}MB", bytes / MIB)
    } else {
        format!("{}kB", bytes / KIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Plan, Resources};

    fn told(spec: &DatabaseInstanceSpec) -> String {
        let all = parameters(spec);
        all.iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn of(memory: &str) -> DatabaseInstanceSpec {
        DatabaseInstanceSpec {
            resources: Some(Resources {
                cpu: None,
                memory: memory.parse().ok(),
            }),
            ..DatabaseInstanceSpec::default()
        }
    }

    fn bytes(setting: &str) -> u64 {
        let (number, unit) = setting.split_at(setting.len() - 2);
        let number: u64 = number.parse().unwrap();
        number * if unit == "MB" { MIB } else { KIB }
    }

    #[test]
    fn every_plan_has_its_settings_and_the_same_memory_has_the_same() {
        let mut spec = DatabaseInstanceSpec::default();
        assert_eq!(told(&spec), "");
        for (plan, memory, settings) in [
            (
                Plan::Dev,
                "512Mi",
                "effective_cache_size=384MB maintenance_work_mem=32MB max_connections=25 shared_buffers=128MB work_mem=5242kB",
            ),
            (
                Plan::Small,
                "2Gi",
                "effective_cache_size=1536MB maintenance_work_mem=128MB max_connections=100 shared_buffers=512MB work_mem=5242kB",
            ),
            (
                Plan::Medium,
                "8Gi",
                "effective_cache_size=6144MB maintenance_work_mem=512MB max_connections=200 shared_buffers=2048MB work_mem=10485kB",
            ),
        ] {
            spec.plan = Some(plan);
            assert_eq!(told(&spec), settings);
            assert_eq!(told(&of(memory)), settings);
        }
    }

    #[test]
    fn all_sorts_of_all_connections_fit_beside_the_shared_memory_and_no_value_is_below_postgresqls_own_bound()
    {
        for memory in ["1Mi", "64Mi", "100M", "1Gi", "64Gi", "8Ti"] {
            let all = parameters(&of(memory));
            let bytes = |name: &str| bytes(&all[name]);
            let connections: u64 = all["max_connections"].parse().unwrap();
            let used = bytes("shared_buffers") + connections * AT_ONCE * bytes("work_mem");
            let memory: Quantity = memory.parse().unwrap();
            assert!(used <= memory.bytes().max(5 * MIB), "{memory:?}: {used}");
            assert!(bytes("maintenance_work_mem") <= MAINTENANCE);
        }
    }

    #[test]
    fn resources_without_memory_size_nothing() {
        let spec = DatabaseInstanceSpec {
            resources: Some(Resources {
                cpu: None,
                memory: None,
            }),
            ..DatabaseInstanceSpec::default()
        };
        assert_eq!(told(&spec), "");
    }
}
