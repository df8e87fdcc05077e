//! JSON for migration steps, without loss: what a [`Value`] cannot hold as it is written is refused.
//!
//! A `Value` holds integers of 64 bits and `f64`s, and one value for each key. Larger integers, decimals with more digits
//! and keys that stand twice would change silently on the way through a step.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses JSON; refuses what a `Value` cannot hold.
pub(crate) fn parse_exact(json: &str) -> Result<Value, serde_json::Error> {
    let mut floats = false;
    let mut parser = serde_json::Deserializer::from_str(json);
    let value = Exact { floats: &mut floats }.deserialize(&mut parser)?;
    parser.end()?;
    // Integers of 64 bits are exact; only a text with other numbers is looked at.
    if floats && let Some(number) = inexact_number(json) {
        return Err(serde_json::Error::custom(format!(
            "{LOST}: the number {number} would lose digits as JSON; migrate it with a typed step (`from`)"
        )));
    }
    Ok(value)
}

/// Whether an error says that a `Value` could not hold the text.
pub(crate) fn is_lossy(error: &serde_json::Error) -> bool {
    error.is_data() && error.to_string().starts_with(LOST)
}

const LOST: &str = "a JSON step cannot keep the data";

struct Exact<'a> {
    /// Set when the text has a number that is no integer of 64 bits.
    floats: &'a mut bool,
}

impl Exact<'_> {
    fn again(&mut self) -> Exact<'_> {
        Exact { floats: self.floats }
    }
}

impl<'de> DeserializeSeed<'de> for Exact<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Exact<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        *self.floats = true;
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.again())? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("{LOST}: the key `{key}` stands twice")));
            }
            let value = entries.next_value_seed(self.again())?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// The first number of a valid JSON text that a `Value` would write with another value.
fn inexact_number(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let len =
                    bytes[at..].iter().take_while(|it| b"+-.eE0123456789".contains(it)).count();
                let number = &json[at..at + len];
                if !is_exact(number) {
                    return Some(number);
                }
                at += len;
            }
            _ => at += 1,
        }
    }
    None
}

fn is_exact(number: &str) -> bool {
    let integer = number.bytes().all(|it| it.is_ascii_digit() || it == b'-');
    if integer {
        return number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
    }
    let held = number.parse::<f64>().ok().filter(|it| it.is_finite());
    held.is_some_and(|held| Decimal::of(&held.to_string()) == Decimal::of(number))
}

/// A decimal number: the digits without zeros around them, and the power of ten of the last one.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent.trim_start_matches('+').parse::<i64>().ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative, digits: String::new(), exponent: 0 });
        }
        let cut = all.len() - all.trim_end_matches('0').len();
        let exponent = exponent.checked_add(i64::try_from(cut).ok()?)?;
        Some(Self { negative, digits: digits.to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_digit_for_digit_or_refused() {
        for kept in [
            "0",
            "-1",
            "18446744073709551615",
            "-9223372036854775808",
            "0.1",
            "1.50",
            "1e3",
            "-0.0",
            "1e300",
            "5e-324",
        ] {
            assert!(parse_exact(&format!("[{kept}]")).is_ok(), "{kept}");
        }
        for lost in [
            "18446744073709551616",
            "100000000000000000000",
            "-9223372036854775809",
            "340282366920938463463374607431768211455",
            "0.12345678901234567890123",
            "19.999999999999999999",
            "123456789012345678.5",
        ] {
            let error = parse_exact(&format!("{{\"a\":[\"\\\"1\",{lost}]}}")).unwrap_err();
            assert!(is_lossy(&error) && error.to_string().contains(lost), "{lost}: {error}");
        }
    }

    #[test]
    fn digits_within_strings_are_no_numbers() {
        for text in [
            r#"["19.999999999999999999"]"#,
            r#"{"18446744073709551616":"\"19.999999999999999999"}"#,
        ] {
            assert!(parse_exact(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let error = parse_exact(r#"{"a":{"b":1,"b":2}}"#).unwrap_err();
        assert!(is_lossy(&error) && error.to_string().contains("`b` stands twice"), "{error}");
    }
}
