//! Compares the types of two lines of a shape: whether one reads every value of the other, and as the same value.

use crate::lock::verdict::Verdict;

/// Compares two types without the names of newtypes. A known form in place of a mere name is no change; a type that reads
/// every value of the locked one as the same value is recorded, since it writes values that the locked one does not read.
pub(crate) fn types(locked: &str, now: &str) -> Verdict {
    let (locked, now) = (without_name(locked), without_name(now));
    if locked == now {
        return Verdict::Same;
    }
    if locked.starts_with('?') {
        return if now.starts_with('?') { Verdict::Broken } else { Verdict::Wider };
    }
    if is_widened(locked, now) {
        return Verdict::Grown;
    }
    match (locked.strip_prefix("option "), now.strip_prefix("option ")) {
        (None, Some(now)) if is_never_null(locked) => {
            return types(locked, now).max(Verdict::Grown);
        }
        _ => {}
    }
    if let (Some(locked), Some(now)) =
        (locked.strip_prefix("set of "), now.strip_prefix("list of "))
    {
        return types(locked, now).max(Verdict::Grown);
    }
    for outer in ["option ", "list of ", "set of "] {
        if let (Some(locked), Some(now)) = (locked.strip_prefix(outer), now.strip_prefix(outer)) {
            return types(locked, now);
        }
    }
    let map = |text: &'_ str| {
        let (key, value) = text.strip_prefix("map of ")?.split_once(" to ")?;
        Some((key.to_owned(), value.to_owned()))
    };
    match (map(locked), map(now)) {
        (Some((key, value)), Some((key_now, value_now))) => {
            types(&key, &key_now).max(types(&value, &value_now))
        }
        _ => Verdict::Broken,
    }
}

/// Whether every value of a plain type is one of another, written in the same way.
fn is_widened(locked: &str, now: &str) -> bool {
    match (integers(locked), integers(now)) {
        (Some((min, max, zero)), Some((min_now, max_now, zero_now))) => {
            min_now <= min && max <= max_now && (zero_now || !zero)
        }
        _ => (locked, now) == ("char", "string"),
    }
}

/// The least and the greatest integer of a type, by their bits, and whether 0 is one of them.
fn integers(ty: &str) -> Option<(i16, i16, bool)> {
    let plain = ty.strip_prefix("nonzero ");
    let (sign, bits) = plain.unwrap_or(ty).split_at_checked(1)?;
    let bits = if bits == "size" { 64 } else { bits.parse().ok()? };
    let (min, max) = match sign {
        "u" => (0, bits),
        "i" => (1 - bits, bits - 1),
        _ => return None,
    };
    Some((min, max, plain.is_none()))
}

/// Whether no value of a type is written as `null`, which an optional one would read as nothing.
fn is_never_null(ty: &str) -> bool {
    let words = [
        "bool",
        "string",
        "char",
        "datetime",
        "local datetime",
        "date",
        "time",
        "uuid",
        "struct",
        "enum",
    ];
    let starts = ["list of ", "set of ", "map of ", "tuple of ", "enum tagged "];
    words.contains(&ty)
        || starts.iter().any(|start| ty.starts_with(start))
        || integers(ty).is_some()
        || ty == "f32"
        || ty == "f64"
}

fn without_name(ty: &str) -> &str {
    match ty.split_once('(') {
        Some((name, inner))
            if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') =>
        {
            inner.strip_suffix(')').map_or(ty, without_name)
        }
        _ => ty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_widened_where_every_value_fits() {
        for (locked, now, verdict) in [
            ("u8", "u8", Verdict::Same),
            ("u8", "u16", Verdict::Grown),
            ("u8", "i16", Verdict::Grown),
            ("i8", "i16", Verdict::Grown),
            ("u32", "usize", Verdict::Grown),
            ("nonzero u8", "u8", Verdict::Grown),
            ("nonzero u8", "nonzero u16", Verdict::Grown),
            ("u16", "u8", Verdict::Broken),
            ("i16", "i8", Verdict::Broken),
            ("u8", "i8", Verdict::Broken),
            ("i8", "u8", Verdict::Broken),
            ("i8", "u16", Verdict::Broken),
            ("u8", "nonzero u16", Verdict::Broken),
            ("u8", "f64", Verdict::Broken),
        ] {
            assert_eq!(types(locked, now), verdict, "{locked} → {now}");
            let list = |ty| format!("list of {ty}");
            assert_eq!(types(&list(locked), &list(now)), verdict, "a list of {locked} → {now}");
        }
    }

    #[test]
    fn a_character_is_a_text_and_the_name_of_a_newtype_is_nothing() {
        assert_eq!(types("char", "string"), Verdict::Grown);
        assert_eq!(types("string", "char"), Verdict::Broken);
        assert_eq!(types("Count(u8)", "u8"), Verdict::Same);
        assert_eq!(types("Count(u8)", "Number(u16)"), Verdict::Grown);
    }
}
