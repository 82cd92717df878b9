//! Metrics of this process, named as Prometheus' own clients name theirs: they tell whether it leaks.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
};

/// Reads what the system knows of this process when it is asked; what the system does not tell is left out.
#[derive(Debug)]
pub(crate) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let all = [
            (
                "process_resident_memory_bytes",
                "Memory that is in use",
                resident(),
            ),
            ("process_open_fds", "Files and connections that are open", open()),
            ("tokio_alive_tasks", "Tasks that have not ended", tasks()),
        ];
        for (name, help, value) in all {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        Ok(())
    }
}

/// `VmRSS` of `/proc/self/status`, which is in units of 1,024 bytes (proc_pid_status(5)).
fn resident() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn open() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

fn tasks() -> Option<i64> {
    let handle = tokio::runtime::Handle::try_current().ok()?;
    i64::try_from(handle.metrics().num_alive_tasks()).ok()
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn a_scrape_tells_memory_files_and_tasks_of_this_process() {
        let text = Metrics::default().text();
        for name in [
            "process_resident_memory_bytes",
            "process_open_fds",
            "tokio_alive_tasks",
        ] {
            let line = text.lines().find(|l| l.starts_with(&format!("{name} ")));
            let value = line.and_then(|l| l.split(' ').nth(1)?.parse::<f64>().ok());
            assert!(value.is_some_and(|v| v >= 0.0), "{name}: {line:?}");
        }
    }
}
