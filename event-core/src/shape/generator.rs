//! [`Generator`]: the single values of a generated payload.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::{Number, Value};

/// Chooses the values of a generated payload.
#[derive(Debug, Clone)]
pub enum Generator {
    /// Always the same payload: every key, the first variant, one item per list.
    Fixed,
    /// As fixed, without the keys that may be missing.
    Least,
    /// As fixed or least, with the variant of each enum that was taken least often: the payloads of one generator show
    /// every variant.
    Turns(Turns),
    /// Random values of the form; extreme values are more frequent than in a uniform distribution.
    Random(Rng),
}

/// Which variants a [`Generator::Turns`] has taken.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    /// Whether keys that may be missing are left out.
    pub least: bool,
    /// Whether a variant was taken for the first time since this was reset.
    pub is_new: bool,
    /// How often an enum was met, by its path.
    met: HashMap<String, usize>,
}

impl Turns {
    /// Returns turns of which none is taken.
    pub fn new(least: bool) -> Self {
        Self { least, ..Self::default() }
    }

    fn next(&mut self, path: &[String], count: usize) -> usize {
        let met = self.met.entry(path.join(".")).or_default();
        self.is_new |= *met < count;
        *met += 1;
        (*met - 1) % count.max(1)
    }
}

impl Generator {
    pub(super) fn bool(&mut self) -> bool {
        match self {
            Self::Random(rng) => rng.bool(),
            _ => true,
        }
    }

    /// Returns true with probability 1 / `chances`; never for a fixed payload.
    pub(super) fn one_in(&mut self, chances: u8) -> bool {
        match self {
            Self::Random(rng) => rng.u8(..chances) == 0,
            _ => false,
        }
    }

    /// Whether to leave out a key that may be missing.
    pub(super) fn leaves_out(&mut self) -> bool {
        match self {
            Self::Least => true,
            Self::Turns(turns) => turns.least,
            _ => self.one_in(6),
        }
    }

    /// Whether to expand a recursive type once more.
    pub(super) fn recurse(&mut self) -> bool {
        match self {
            Self::Random(rng) => rng.bool(),
            _ => false,
        }
    }

    /// The number of items of a list or a map.
    pub(super) fn count(&mut self) -> usize {
        match self {
            Self::Random(rng) => rng.usize(..4),
            _ => 1,
        }
    }

    /// An index below `count`.
    pub(super) fn index(&mut self, count: usize) -> usize {
        match self {
            Self::Random(rng) if count > 0 => rng.usize(..count),
            _ => 0,
        }
    }

    /// The variant of an enum at a path.
    pub(super) fn variant(&mut self, path: &[String], count: usize) -> usize {
        match self {
            Self::Turns(turns) => turns.next(path, count),
            _ => self.index(count),
        }
    }

    pub(super) fn integer(&mut self, ty: &str) -> Value {
        let (min, max) = range(ty.trim_start_matches("nonzero "));
        let Self::Random(rng) = self else { return 1.into() };
        let chosen = match rng.u8(..8) {
            0 => min,
            1 => max,
            2..=5 => i128::from(rng.u8(..100)),
            _ => rng.i128(min..=max),
        };
        number(if chosen == 0 && ty.starts_with("nonzero ") { 1 } else { chosen })
    }

    pub(super) fn float(&mut self, ty: &str) -> Value {
        let Self::Random(rng) = self else { return 1.5.into() };
        let number = match rng.u8(..6) {
            0 => 0.0,
            1 => -1.0,
            2 => 1e300,
            _ => (rng.f64() - 0.5) * 1e6,
        };
        // A number that `f32` cannot represent would not survive a round trip.
        let number = if ty == "f32" { number.clamp(-1e6, 1e6).round() } else { number };
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }

    pub(super) fn text(&mut self, format: &str) -> String {
        let Self::Random(rng) = self else {
            return match format {
                "datetime" => "2026-01-02T03:04:05Z".to_owned(),
                "date" => "2026-01-02".to_owned(),
                "uuid" => "018f4b2e-7c3a-7d21-9b5e-1f2a3b4c5d6e".to_owned(),
                "char" => "a".to_owned(),
                _ => fixed_text(format).unwrap_or("text").to_owned(),
            };
        };
        match format {
            "datetime" => {
                let time = chrono::DateTime::from_timestamp(rng.i64(0..4_000_000_000), 0);
                time.unwrap_or_default().to_rfc3339()
            }
            "date" => {
                let day = chrono::DateTime::from_timestamp(rng.i64(0..4_000_000_000), 0);
                day.unwrap_or_default().date_naive().to_string()
            }
            "uuid" => uuid::Uuid::from_u128(rng.u128(..)).to_string(),
            "char" => rng.char(..).to_string(),
            "decimal" => format!("{}.{:02}", rng.i64(-1_000_000..1_000_000), rng.u8(..100)),
            "ip" | "ipv4" => std::net::Ipv4Addr::from(rng.u32(..)).to_string(),
            "ipv6" => std::net::Ipv6Addr::from(rng.u128(..)).to_string(),
            _ => {
                if let Some(text) = fixed_text(format) {
                    return text.to_owned();
                }
                let special =
                    ["", "a", "Zoë", "0", "null", "2026-01-02T03:04:05Z", "\"\\\u{0}", "🃏"];
                match rng.usize(..special.len() * 2) {
                    index if index < special.len() => special[index].to_owned(),
                    _ => (0..rng.usize(..9)).map(|_| rng.char(..)).collect(),
                }
            }
        }
    }

    pub(super) fn any(&mut self) -> Value {
        match self.index(4) {
            0 => "text".into(),
            1 => Value::Null,
            2 => serde_json::json!({ "a": [1, 2.5, "x"] }),
            _ => 7.into(),
        }
    }
}

/// A text of a format with rules of its own.
fn fixed_text(format: &str) -> Option<&'static str> {
    Some(match format {
        "local datetime" => "2026-01-02T03:04:05",
        "time" => "03:04:05",
        "weekday" => "Fri",
        "month" => "January",
        "decimal" => "1.50",
        "url" => "https://example.com/",
        "ip" | "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "socket address" => "192.0.2.1:443",
        _ => return None,
    })
}

fn range(ty: &str) -> (i128, i128) {
    match ty {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" | "i128" => (i64::MIN.into(), i64::MAX.into()),
        // `u64`, `usize` and `u128`: 64-bit numbers fit all of them.
        _ => (0, u64::MAX.into()),
    }
}

fn number(number: i128) -> Value {
    i64::try_from(number)
        .map_or_else(|_| u64::try_from(number).map_or(Value::Null, Value::from), Value::from)
}
