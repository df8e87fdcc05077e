//! The server's binary form of `numeric`: groups of four digits.

/// A number without a sign, in groups of four digits.
const GROUP: usize = 4;
const NEGATIVE: u16 = 0x4000;

/// The binary form of a decimal number that is written as `-12.5`; `None` for one of too many digits.
pub(super) fn encode(decimal: &str) -> Option<Vec<u8>> {
    let (sign, digits) = match decimal.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (0, decimal),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let width = whole.len().div_ceil(GROUP) * GROUP;
    let part_width = part.len().div_ceil(GROUP) * GROUP;
    let text = format!("{whole:0>width$}{part:0<part_width$}");
    let mut weight = i16::try_from(width / GROUP).ok()? - 1;
    let mut groups = Vec::new();
    for group in text.as_bytes().chunks(GROUP) {
        let number: i16 = std::str::from_utf8(group).ok()?.parse().ok()?;
        if groups.is_empty() && number == 0 {
            weight -= 1;
        } else {
            groups.push(number);
        }
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    let mut bytes = Vec::with_capacity(8 + 2 * groups.len());
    bytes.extend(i16::try_from(groups.len()).ok()?.to_be_bytes());
    bytes.extend(weight.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
    bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    Some(bytes)
}

/// The text of a number in binary form; `None` for one that is not finite.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let mut numbers =
        bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
    let (_count, weight) = (numbers.next()?, numbers.next()?.cast_signed());
    let (sign, _scale) = (numbers.next()?, numbers.next()?);
    let sign = match sign {
        0 => "",
        NEGATIVE => "-",
        _ => return None,
    };
    let groups: Vec<u16> = numbers.collect();
    let group = |index: i32| {
        let index = usize::try_from(index).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or_default()
    };
    let first_part = i32::from(weight) + 1;
    let digits = |index: i32| format!("{:04}", group(index));
    let whole = (0..first_part).map(digits).collect::<Vec<_>>().concat();
    let part = (first_part..i32::try_from(groups.len()).ok()?).map(digits);
    let part = part.collect::<Vec<_>>().concat();
    Some(format!("{sign}{whole}.{part}"))
}

#[cfg(test)]
mod tests {
    use event_core::projection::Decimal;

    use super::*;

    #[test]
    fn every_number_comes_back() {
        for text in [
            "0",
            "1",
            "-1",
            "12.5",
            "-0.0001",
            "0.00001",
            "10000",
            "99999999",
            "123456789.987654321",
            "100000000000000000000000",
            "0.1",
            "-100.0001",
            "0.00000000000001",
        ] {
            let decimal: Decimal = text.parse().unwrap();
            let back: Decimal =
                decode(&encode(decimal.as_str()).unwrap()).unwrap().parse().unwrap();
            assert_eq!(back, decimal, "{text}");
        }
        assert_eq!(encode("12.5").unwrap(), [0, 2, 0, 0, 0, 0, 0, 1, 0, 12, 0x13, 0x88]);
        assert_eq!(decode(&[0, 0, 0, 0, 0xC0, 0, 0, 0]), None, "NaN");
        assert_eq!(decode(&[0, 0, 0]), None);
    }
}
