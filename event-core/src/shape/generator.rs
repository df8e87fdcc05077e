//! [`Generator`]: the single values of a generated payload.

use fastrand::Rng;
use serde_json::{Number, Value};

/// Chooses the values of a generated payload.
#[derive(Debug, Clone)]
pub enum Generator {
    /// Always the same payload: every key, the first variant, one item per list.
    Fixed,
    /// As fixed, without the keys that may be missing.
    Least,
    /// Random values of the form; extreme values are more frequent than in a uniform distribution.
    Random(Rng),
}

impl Generator {
    pub(super) fn bool(&mut self) -> bool {
        match self {
            Self::Fixed | Self::Least => true,
            Self::Random(rng) => rng.bool(),
        }
    }

    /// Returns true with probability 1 / `chances`; never for a fixed payload.
    pub(super) fn one_in(&mut self, chances: u8) -> bool {
        match self {
            Self::Fixed | Self::Least => false,
            Self::Random(rng) => rng.u8(..chances) == 0,
        }
    }

    /// Whether to leave out a key that may be missing.
    pub(super) fn leaves_out(&mut self) -> bool {
        matches!(self, Self::Least) || self.one_in(6)
    }

    /// Whether to expand a recursive type once more.
    pub(super) fn recurse(&mut self) -> bool {
        match self {
            Self::Fixed | Self::Least => false,
            Self::Random(rng) => rng.bool(),
        }
    }

    /// The number of items of a list or a map.
    pub(super) fn count(&mut self) -> usize {
        match self {
            Self::Fixed | Self::Least => 1,
            Self::Random(rng) => rng.usize(..4),
        }
    }

    /// An index below `count`.
    pub(super) fn index(&mut self, count: usize) -> usize {
        match self {
            Self::Random(rng) if count > 0 => rng.usize(..count),
            _ => 0,
        }
    }

    pub(super) fn integer(&mut self, ty: &str) -> Value {
        let (min, max) = range(ty);
        let Self::Random(rng) = self else { return 1.into() };
        match rng.u8(..8) {
            0 => number(min),
            1 => number(max),
            2..=5 => number(i128::from(rng.u8(..100))),
            _ => number(rng.i128(min..=max)),
        }
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
                _ => "text".to_owned(),
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
            _ => {
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
