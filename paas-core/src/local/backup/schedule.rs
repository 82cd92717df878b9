//! When a backup is due, and which ones may go: pure, with the time as an argument. All times are UTC.

use croner::parser::{CronParser, Seconds, Year};
use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};

use super::cannot;
use crate::{error::Result, spec::BackupPlan};

/// A backup as far as its age counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// When it began.
    pub at: Timestamp,
    /// Whether it can be restored.
    pub good: bool,
}

/// True if a time of the schedule has come since the last good backup began; without one it is due at once.
///
/// ```
/// use paas_core::{local::backup::due, spec::BackupPlan};
/// let plan = BackupPlan::default(); // 02:00 every day
/// let time = |t: &str| t.parse().unwrap();
/// assert!(due(&plan, None, time("2026-11-22T01:00:00Z")).unwrap());
/// assert!(!due(&plan, Some(time("2026-11-21T02:00:07Z")), time("2026-11-22T01:59:59Z")).unwrap());
/// assert!(due(&plan, Some(time("2026-11-21T02:00:07Z")), time("2026-11-22T02:00:00Z")).unwrap());
/// ```
///
/// # Errors
/// `PAAS-LOC-0016` if the schedule is none.
pub fn due(plan: &BackupPlan, last_good: Option<Timestamp>, now: Timestamp) -> Result<bool> {
    let cron = cron(plan)?;
    let Some(last) = last_good else { return Ok(true) };
    match cron.find_previous_occurrence(&civil(now), true) {
        Ok(came) => Ok(came > civil(last)),
        // It never comes, as on the 30th of February.
        Err(_) => Ok(false),
    }
}

/// The schedule's next time; nothing if it never comes.
///
/// # Errors
/// As [`due`].
pub fn next(plan: &BackupPlan, now: Timestamp) -> Result<Option<Timestamp>> {
    let found = cron(plan)?.find_next_occurrence(&civil(now), false).ok();
    Ok(found
        .and_then(|t| t.to_zoned(TimeZone::UTC).ok())
        .map(|z| z.timestamp()))
}

/// The backups that are older than the retention, in their order; never the newest good one.
///
/// ```
/// use paas_core::local::backup::{Kept, expired};
/// let kept = |id: &str, at: &str| Kept { id: id.into(), at: at.parse().unwrap(), good: true };
/// let all = [kept("a", "2026-10-01T02:00:00Z"), kept("b", "2026-11-01T02:00:00Z")];
/// let now = "2026-12-24T02:00:00Z".parse().unwrap();
/// assert_eq!(expired(&all, "4w", now).unwrap(), ["a"]); // b is older too, and the newest
/// ```
///
/// # Errors
/// `PAAS-LOC-0016` if the retention is none.
pub fn expired<'a>(backups: &'a [Kept], retention: &str, now: Timestamp) -> Result<Vec<&'a str>> {
    let oldest = civil(now).checked_sub(span(retention)?).unwrap_or(DateTime::MIN);
    let newest = backups.iter().filter(|b| b.good).max_by_key(|b| (b.at, &b.id));
    let goes = |b: &&Kept| civil(b.at) < oldest && newest.is_none_or(|n| n.id != b.id);
    Ok(backups.iter().filter(goes).map(|b| b.id.as_str()).collect())
}

fn cron(plan: &BackupPlan) -> Result<croner::Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(&plan.schedule).map_err(|e| {
        cannot(format!("the schedule {:?}: {e}", plan.schedule))
            .remedy("write five cron fields, such as \"0 2 * * *\"")
    })
}

fn span(retention: &str) -> Result<Span> {
    let wrong = || {
        cannot(format!(
            "the retention {retention:?} is not a number of days, weeks or months"
        ))
        .remedy("write 14d, 4w or 3m")
    };
    let number = retention.trim_end_matches(['d', 'w', 'm']);
    let count: i32 = number.parse().map_err(|_| wrong())?;
    match &retention[number.len()..] {
        "d" => Ok(Span::new().days(count)),
        "w" => Ok(Span::new().weeks(count)),
        "m" => Ok(Span::new().months(count)),
        _ => Err(wrong()),
    }
}

fn civil(at: Timestamp) -> DateTime {
    at.to_zoned(TimeZone::UTC).datetime()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::local::codes::LOC_BACKUP;

    fn plan(schedule: &str) -> BackupPlan {
        BackupPlan {
            schedule: schedule.to_owned(),
            ..BackupPlan::default()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// 2026-01-01 and four years on.
    fn some_time() -> impl Strategy<Value = i64> {
        1_767_225_600_i64..1_893_456_000
    }

    fn some_schedule() -> impl Strategy<Value = String> {
        (
            0..60_u8,
            0..24_u8,
            prop::sample::select(vec![
                "* * *",
                "*/2 * *",
                "* * 1-5",
                "1 * *",
                "* 6 SUN",
                "1,15 JAN-JUN *",
            ]),
        )
            .prop_map(|(m, h, rest)| format!("{m} {h} {rest}"))
    }

    proptest! {
        #[test]
        fn after_a_backup_nothing_is_due_before_the_next_time_and_then_it_is(schedule in some_schedule(), now in some_time()) {
            let plan = plan(&schedule);
            prop_assert!(!due(&plan, Some(at(now)), at(now)).unwrap());
            let next = next(&plan, at(now)).unwrap().unwrap();
            prop_assert!(next > at(now));
            prop_assert!(!due(&plan, Some(at(now)), at(next.as_second() - 1)).unwrap());
            prop_assert!(due(&plan, Some(at(now)), next).unwrap());
        }

        #[test]
        fn the_newest_good_backup_never_goes_and_nothing_younger_than_the_retention(
            ages in prop::collection::vec((0..400_i64, any::<bool>()), 0..20), days in 1..60_i64, now in some_time()
        ) {
            let all: Vec<Kept> = ages.iter().enumerate()
                .map(|(n, (age, good))| Kept { id: n.to_string(), at: at(now - age * 86_400), good: *good }).collect();
            let retention = format!("{days}d");
            let gone = expired(&all, &retention, at(now)).unwrap();
            for kept in &all {
                let young = now - kept.at.as_second() <= days * 86_400;
                prop_assert!(!(young && gone.contains(&kept.id.as_str())));
                let last = all.iter().filter(|k| k.good).map(|k| k.at).max() == Some(kept.at) && kept.good;
                prop_assert!(young || last || gone.contains(&kept.id.as_str()));
            }
            let any = all.iter().any(|k| k.good);
            prop_assert!(!any || all.iter().any(|k| k.good && !gone.contains(&k.id.as_str())));
        }
    }

    #[test]
    fn months_are_those_of_the_calendar_and_nonsense_is_refused() {
        let kept = |id: &str, time: &str| Kept {
            id: id.into(),
            at: time.parse().unwrap(),
            good: true,
        };
        let all = [
            kept("old", "2026-01-30T00:00:00Z"),
            kept("edge", "2026-02-28T00:00:00Z"),
            kept("new", "2026-03-02T00:00:00Z"),
        ];
        assert_eq!(
            expired(&all, "1m", "2026-03-31T00:00:00Z".parse().unwrap()).unwrap(),
            ["old"]
        );
        for odd in ["", "d", "14", "3y", "1dd4"] {
            let e = expired(&all, odd, Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!(e.code().id, LOC_BACKUP.id, "{odd}");
        }
        assert_eq!(
            due(&plan("61 2 * * *"), None, Timestamp::UNIX_EPOCH)
                .unwrap_err()
                .code()
                .id,
            LOC_BACKUP.id
        );
        let never = plan("0 0 30 2 *");
        assert_eq!(next(&never, Timestamp::UNIX_EPOCH).unwrap(), None);
        assert!(!due(&never, Some(Timestamp::UNIX_EPOCH), at(1_800_000_000)).unwrap());
    }
}
