//! What happens by itself: backups and maintenance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Backups by schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupPlan {
    /// When, as five cron fields in UTC.
    #[serde(default = "default_schedule")]
    #[schemars(
        length(max = 100),
        regex(pattern = r"^[0-9*/,-]+( [0-9*/,-]+){2} [0-9A-Za-z*/,-]+ [0-9A-Za-z*/,-]+$")
    )]
    #[schemars(extend("x-paas-help" = "five cron fields, such as \"0 2 * * *\" for every day at 02:00 UTC"))]
    pub schedule: String,
    /// How long backups are kept: days, weeks or months, such as 14d.
    #[serde(default = "default_retention")]
    #[schemars(length(max = 5), regex(pattern = r"^[1-9][0-9]{0,3}[dwm]$"))]
    #[schemars(extend("x-paas-help" = "a number of days, weeks or months, such as 14d, 4w or 3m"))]
    pub retention: String,
}

impl Default for BackupPlan {
    fn default() -> Self {
        Self {
            schedule: default_schedule(),
            retention: default_retention(),
        }
    }
}

fn default_schedule() -> String {
    "0 2 * * *".to_owned()
}

fn default_retention() -> String {
    "14d".to_owned()
}

/// When restarts and upgrades that nobody asked for may happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// The days of the week; left out, every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7), extend("x-kubernetes-list-type" = "set"))]
    pub days: Vec<Weekday>,
    /// When it begins, hours and minutes in UTC.
    #[schemars(length(max = 5), regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    #[schemars(extend("x-paas-help" = "hours and minutes in UTC, in quotes, such as \"03:00\""))]
    pub start: String,
    /// How many hours it lasts.
    #[serde(default = "default_hours")]
    #[schemars(range(min = 1, max = 24))]
    pub hours: u16,
}

fn default_hours() -> u16 {
    2
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}
