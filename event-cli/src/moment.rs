//! [`moment`]: a point in time as an argument.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

/// Reads a time: RFC 3339, a day or a time of a day in UTC, or how long ago: `90s`, `15m`, `2h`, `7d`.
pub(crate) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    for format in
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
    {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(time.and_utc());
        }
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return day.and_hms_opt(0, 0, 0).map(|time| time.and_utc()).ok_or_else(unreadable);
    }
    let ago = text.char_indices().last().and_then(|(at, unit)| {
        let number: i64 = text[..at].parse().ok().filter(|number| *number >= 0)?;
        match unit {
            's' => TimeDelta::try_seconds(number),
            'm' => TimeDelta::try_minutes(number),
            'h' => TimeDelta::try_hours(number),
            'd' => TimeDelta::try_days(number),
            _ => None,
        }
    });
    ago.and_then(|ago| Utc::now().checked_sub_signed(ago)).ok_or_else(unreadable)
}

fn unreadable() -> String {
    "write `2026-11-29`, `2026-11-29T08:00`, `2026-11-29T08:00:00+01:00`, or how long ago: `90s`, `15m`, `2h`, `7d`".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        let day = moment("2026-11-29").unwrap();
        assert_eq!(day.to_rfc3339(), "2026-11-29T00:00:00+00:00");
        assert_eq!(moment("2026-11-29T01:00:00+01:00").unwrap(), day);
        assert_eq!(moment("2026-11-29 00:00").unwrap(), day);
        assert!(moment("2h").unwrap() < Utc::now());
        for wrong in ["", "yesterday", "h", "-2h", "99999999999999d", "2026-13-01", "9日"] {
            moment(wrong).unwrap_err();
        }
    }
}
