//! [`Decimal`]: a decimal number as text, exact however many digits it has.

use std::fmt;
use std::str::FromStr;

/// The longest text of one, in bytes.
const LONGEST: usize = 1_000;
/// So many significant digits of a floating-point number are those of the decimal number that was stored.
const DIGITS_OF_REAL: usize = 15;

/// A decimal number: of a column `numeric`, or the sum of such a column.
///
/// It has no arithmetic. Any library of decimal numbers converts from and to its text.
///
/// ```
/// use event_core::projection::Decimal;
///
/// # fn main() -> Result<(), event_core::projection::InvalidDecimal> {
/// let price: Decimal = "012.50".parse()?;
/// assert_eq!(price.to_string(), "12.5"); // without zeros that say nothing
/// assert_eq!(price, Decimal::new(1_250, 2));
/// assert!("1e3".parse::<Decimal>().is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

/// The text of no decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a decimal number is 1 to {LONGEST} of `0`-`9`, with `-` in front and `.` in between at most"
)]
pub struct InvalidDecimal(());

impl Decimal {
    /// A number of units of which `10^places` are one: `new(1_250, 2)` is 12.5.
    pub fn new(units: i64, places: u8) -> Self {
        let digits = units.unsigned_abs().to_string();
        let sign = if units < 0 { "-" } else { "" };
        let width = usize::from(places) + 1;
        let digits = format!("{digits:0>width$}");
        let (whole, part) = digits.split_at(digits.len() - usize::from(places));
        Self::canonical(!sign.is_empty(), whole, part)
    }

    /// A floating-point number, rounded to 15 significant digits; `None` for one that is not finite.
    pub fn from_real(real: f64) -> Option<Self> {
        if !real.is_finite() {
            return None;
        }
        let text = format!("{:.*e}", DIGITS_OF_REAL - 1, real.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let digits = mantissa.replace('.', "");
        let is_negative = real.is_sign_negative();
        Some(if let Ok(places) = usize::try_from(exponent) {
            let digits = format!("{digits:0<width$}", width = places + 1);
            let (whole, part) = digits.split_at(places + 1);
            Self::canonical(is_negative, whole, part)
        } else {
            let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
            Self::canonical(is_negative, "0", &(zeros + &digits))
        })
    }

    fn canonical(is_negative: bool, whole: &str, part: &str) -> Self {
        let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
        let is_zero = whole.is_empty() && part.is_empty();
        let sign = if is_negative && !is_zero { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if part.is_empty() { "" } else { "." };
        Self(format!("{sign}{whole}{point}{part}"))
    }

    /// As text: without leading zeros, and without zeros at the end of the fraction.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of significant digits.
    pub fn digits(&self) -> usize {
        let digits: String = self.0.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.trim_start_matches('0');
        if self.0.contains('.') { digits.len() } else { digits.trim_end_matches('0').len() }
    }

    /// The nearest floating-point number; `None` where that is none of the same 15 digits.
    pub fn to_real(&self) -> Option<f64> {
        let real: f64 = self.0.parse().ok()?;
        (self.digits() <= DIGITS_OF_REAL && real.is_finite()).then_some(real)
    }

    /// The whole number; `None` if it is none, or too large.
    pub fn to_integer(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_long = text.len() > LONGEST || whole.len() + part.len() == 0;
        if is_long || !is_plain(whole) || !is_plain(part) {
            return Err(InvalidDecimal(()));
        }
        Ok(Self::canonical(is_negative, whole, part))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<i64> for Decimal {
    fn from(integer: i64) -> Self {
        Self(integer.to_string())
    }
}

impl From<u64> for Decimal {
    fn from(integer: u64) -> Self {
        Self(integer.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_text() {
        for (text, wanted) in
            [("0", "0"), ("-0.00", "0"), ("007.10", "7.1"), (".5", "0.5"), ("-12.", "-12")]
        {
            assert_eq!(text.parse::<Decimal>().unwrap().as_str(), wanted, "{text}");
        }
        for text in ["", "-", ".", "1e3", "+1", "1,5", "NaN", " 1", "１"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        assert_eq!(Decimal::new(-5, 3).as_str(), "-0.005");
        assert_eq!(Decimal::new(i64::MIN, 0).to_integer(), Some(i64::MIN));
    }

    #[test]
    fn fifteen_digits_survive_a_floating_point_number() {
        for text in ["0.1", "-12.5", "123456789012.345", "0.000001", "100000000000000000000", "0"] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(Decimal::from_real(decimal.to_real().unwrap()), Some(decimal), "{text}");
        }
        assert_eq!(Decimal::from_real(0.1 + 0.2), Some(Decimal::new(3, 1)));
        assert_eq!("1234567890123.456".parse::<Decimal>().unwrap().to_real(), None);
        assert_eq!(Decimal::from_real(f64::NAN), None);
    }
}
