//! Parameters as CloudNativePG takes them: which it keeps for itself, which need a restart, and what must fit into the memory.

use serde_json::{Map, Value, json};

use super::codes::CNPG_PARAMETER;
use crate::{
    database::parameters,
    error::{Class, Error, Result},
    spec::DatabaseInstanceSpec,
};

/// Libraries are a list of their own in a Cluster, so that CloudNativePG can add those that its managed extensions need.
const LIBRARIES: &str = "shared_preload_libraries";

/// Parameters that CloudNativePG's webhook refuses whatever their value (`FixedConfigurationParameters` in
/// `pkg/postgres/configuration.go` of 1.30.0), beside those that are the platform's own anyway.
const FIXED: &[&str] = &[
    "allow_system_table_mods",
    "archive_cleanup_command",
    "archive_command",
    "archive_mode",
    "bonjour",
    "bonjour_name",
    "data_sync_retry",
    "event_source",
    "hot_standby",
    "jit_provider",
    "log_destination",
    "log_directory",
    "log_file_mode",
    "log_filename",
    "log_rotation_age",
    "log_rotation_size",
    "log_truncate_on_rotation",
    "logging_collector",
    "pg_failover_slots.primary_dsn",
    "pg_failover_slots.standby_slot_names",
    "primary_conninfo",
    "primary_slot_name",
    "promote_trigger_file",
    "recovery_end_command",
    "recovery_min_apply_delay",
    "recovery_target",
    "recovery_target_action",
    "recovery_target_inclusive",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_timeline",
    "recovery_target_xid",
    "restart_after_crash",
    "restore_command",
    "ssl_ca_file",
    "ssl_crl_file",
    "ssl_dh_params_file",
    "ssl_ecdh_curve",
    "ssl_passphrase_command",
    "ssl_passphrase_command_supports_reload",
    "ssl_prefer_server_ciphers",
    "stats_temp_directory",
    "synchronized_standby_slots",
    "synchronous_standby_names",
    "syslog_facility",
    "syslog_ident",
    "syslog_sequence_numbers",
    "syslog_split_messages",
    "temp_tablespaces",
    "unix_socket_group",
];

/// Parameters that take effect with a restart only (`pg_settings.context = 'postmaster'`, PostgreSQL 13 to 18) and that may be set.
const RESTART: &[&str] = &[
    "autovacuum_freeze_max_age",
    "autovacuum_max_workers",
    "autovacuum_multixact_freeze_max_age",
    "autovacuum_worker_slots",
    "commit_timestamp_buffers",
    "debug_io_direct",
    "dynamic_shared_memory_type",
    "huge_page_size",
    "huge_pages",
    "ignore_invalid_pages",
    "io_max_concurrency",
    "io_method",
    "max_active_replication_origins",
    "max_connections",
    "max_files_per_process",
    "max_locks_per_transaction",
    "max_logical_replication_workers",
    "max_notify_queue_pages",
    "max_pred_locks_per_transaction",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "min_dynamic_shared_memory",
    "multixact_member_buffers",
    "multixact_offset_buffers",
    "notify_buffers",
    "old_snapshot_threshold",
    "pg_stat_statements.max",
    "reserved_connections",
    "serializable_buffers",
    "shared_buffers",
    "shared_memory_type",
    "subtransaction_buffers",
    "superuser_reserved_connections",
    "trace_connection_negotiation",
    "track_activity_query_size",
    "track_commit_timestamp",
    "transaction_buffers",
    "wal_buffers",
    "wal_decode_buffer_size",
    "wal_level",
    "wal_log_hints",
];

/// True if CloudNativePG sets it itself.
pub fn is_fixed(name: &str) -> bool {
    FIXED.contains(&name)
}

/// True if a new value takes effect with a restart only.
pub fn needs_restart(name: &str) -> bool {
    RESTART.contains(&name) || name == LIBRARIES
}

/// The part `spec.postgresql` of a Cluster, without what replication needs.
///
/// # Errors
/// `PAAS-K8S-0019` for a parameter that CloudNativePG keeps for itself, one that more than one server cannot go without, or for
/// `shared_buffers` beyond the memory, all of which its webhook refuses; those of [`parameters::of`].
pub(super) fn section(spec: &DatabaseInstanceSpec) -> Result<Map<String, Value>> {
    let mut all = parameters::of(spec)?;
    let refused = |name: &str, why: String| {
        Err(Error::new(&CNPG_PARAMETER, Class::Invalid)
            .attempted(format!("set {name}"))
            .happened(why))
    };
    if let Some(name) = all.keys().find(|name| is_fixed(name)) {
        return refused(name, "CloudNativePG sets it itself".to_owned());
    }
    let value = |name: &str| all.get(name).map(|v| v.to_ascii_lowercase()).unwrap_or_default();
    // WAL archiving is always on in a Cluster, if only with nothing to do.
    if value("wal_level") == "minimal" {
        return refused("wal_level", "CloudNativePG needs replica or logical".to_owned());
    }
    if spec.replicas > 1 && ["off", "false", "no", "0"].contains(&value("wal_log_hints").as_str()) {
        return refused("wal_log_hints", "a standby that takes over needs on".to_owned());
    }
    let memory = spec.sized().memory.map(|m| m.bytes());
    let buffers = all.get("shared_buffers").and_then(|text| bytes(text));
    if let (Some(memory), Some(buffers)) = (memory, buffers)
        && buffers > memory
    {
        return refused(
            "shared_buffers",
            format!("each server has {memory} bytes of memory and would share {buffers}"),
        );
    }
    let libraries = all.remove(LIBRARIES);
    let mut section = Map::new();
    if !all.is_empty() {
        section.insert("parameters".into(), json!(all));
    }
    if let Some(libraries) = libraries {
        let names: Vec<&str> = libraries
            .split(',')
            .map(|n| n.trim().trim_matches('"'))
            .filter(|n| !n.is_empty())
            .collect();
        section.insert(LIBRARIES.into(), json!(names));
    }
    Ok(section)
}

/// What a setting of memory means: a number of blocks of 8 KiB, or with a unit.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim() {
        "" => 8 << 10,
        "B" => 1,
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}
